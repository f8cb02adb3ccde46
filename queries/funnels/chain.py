"""How far each actor got: one ordered pass over his events, exact for any number of steps (semantics E4-E16).

An actor's events are one sorted array. For every step k a parallel array says, at each event that takes
step k, when the attempt began that it continues (0 where no attempt does). The attempt continued is the
latest one that had taken step k - 1 before this very event (E6), so an event serves one step of an attempt
(E8), and the window is measured from the attempt's beginning (E4). Each array follows from the one before
by one pass, so the work is events times steps and nothing is joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.errors import NotSupported
from queries.funnels.node import Attribution, FunnelOrder, FunnelsQuery
from queries.sql.actors import Actor, actor_of
from queries.sql.breakdowns import BreakdownValue, breakdown_value
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, any_of, join, number, sql
from queries.sql.hogql import value_expression
from queries.sql.series import Matcher, matcher, names_of
from queries.vocabulary import Math

MASK_STEPS = 63  # a wider mask beyond


@dataclass(frozen=True, slots=True)
class FunnelScan:
    """A funnel over one range of events."""

    node: FunnelsQuery
    ctx: ProjectContext
    span: Span

    @property
    def is_strict(self) -> bool:
        return self.node.funnels_filter.funnel_order_type is FunnelOrder.STRICT

    @property
    def actor(self) -> Actor:
        expression = self.node.funnels_filter.funnel_aggregate_by_hogql
        if expression:  # E2: an empty target is dropped
            target = value_expression(expression, self.ctx)
            return Actor(target, sql("{target} != ''", target=target), "group")
        return actor_of(self.ctx, self.node.aggregation_group_type_index)

    @property
    def window_micros(self) -> int:
        return self.node.funnels_filter.window_seconds * 1_000_000


def check_supported(node: FunnelsQuery) -> None:
    """NotSupported for what this engine does not answer yet; never a wrong number."""
    options = node.funnels_filter
    if options.funnel_order_type is FunnelOrder.UNORDERED:
        raise NotSupported(
            "Unordered funnels are not supported by this server yet.", attr="funnelsFilter__funnelOrderType"
        )
    if options.exclusions and options.funnel_order_type is FunnelOrder.ORDERED:
        raise NotSupported(
            "Exclusions are not supported by this server yet.", attr="funnelsFilter__exclusions"
        )
    broken_down = node.breakdown_filter is not None and not node.breakdown_filter.is_empty
    if broken_down and options.breakdown_attribution_type not in (
        Attribution.FIRST_TOUCH,
        Attribution.LAST_TOUCH,
    ):
        raise NotSupported(
            "Breakdowns of funnels take first_touch or last_touch attribution for now.",
            attr="funnelsFilter__breakdownAttributionType",
        )
    for position, step in enumerate(node.series):
        if step.optional_in_funnel:
            raise NotSupported("Optional steps are not supported by this server.", attr=f"series__{position}")
        if step.math not in (None, Math.TOTAL, Math.DAU):
            raise NotSupported(f"Steps cannot count {step.math} yet.", attr=f"series__{position}__math")


def actor_chains(funnel: FunnelScan) -> Sql:
    """Rows (actor, breakdown, chain): one per actor who took step 1; `chain[k]` is the array of step k."""
    return sql(
        "SELECT actor, breakdown, {chain} AS chain, times FROM"
        " (SELECT actor, breakdown, arrayMap(x -> x.1, ordered) AS times,"
        " arrayMap(x -> x.3, ordered) AS masks, arrayEnumerateDense(times) AS instants,"
        " arrayMap((m, t) -> if(bitAnd(m, 1) = 1, t, 0), masks, times) AS first"
        " FROM ({events}))",
        chain=_chain(funnel),
        events=_actor_events(funnel),
    )


def _chain(funnel: FunnelScan) -> Sql:
    if len(funnel.node.series) == 1:
        return sql("[first]")
    # Before an event: the latest attempt that had taken the step before, and the instant it did.
    reached = sql(
        "arrayShiftRight(arrayFill(x -> x.1 != 0, arrayZip(acc.1, instants)), 1, (toInt64(0), toUInt32(0)))"
    )
    adjacent = sql("AND i - p.2 <= 1") if funnel.is_strict else sql("")
    taken = sql(
        "arrayMap((m, t, i, p) -> if(bitAnd(bitShiftRight(m, k), 1) = 1 AND p.1 != 0 AND t <= p.1 + {window}"
        " {adjacent}, p.1, 0), masks, times, instants, {reached})",
        window=number(funnel.window_micros),
        adjacent=adjacent,
        reached=reached,
    )
    return sql(
        "arrayFold((acc, k) -> ({taken} AS step_array, arrayPushBack(acc.2, step_array)),"
        " range(1, {steps}), (first, [first])).2",
        taken=taken,
        steps=number(len(funnel.node.series)),
    )


def _actor_events(funnel: FunnelScan) -> Sql:
    """Rows (actor, breakdown, ordered): all events that matter as (micros, lowest step, steps as bits).

    Events of one instant are in the order of their steps (E9). A strict funnel needs every event (E15).
    """
    ctx, node = funnel.ctx, funnel.node
    matchers = [matcher(step, ctx) for step in node.series]
    value = _breakdown(funnel)
    mask = _mask(matchers)
    matched = any_of(m.condition for m in matchers)
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    return scan(
        ctx,
        [
            sql("{actor} AS actor", actor=funnel.actor.expression),
            sql("{value} AS breakdown", value=_attributed(funnel, value, matched)),
            sql(
                "arraySort(groupArray((toUnixTimestamp64Micro(ts), bitAnd({mask} AS step_bits,"
                " bitNot(step_bits) + 1), step_bits))) AS ordered",
                mask=mask,
            ),
        ],
        span=funnel.span,
        events=None if funnel.is_strict else names_of(matchers),
        where=all_of([TRUE if funnel.is_strict else matched, funnel.actor.present, filters]),
        joins=value.joins if value else (),
        tail=sql("GROUP BY actor HAVING countIf({first}) > 0", first=matchers[0].condition),
    )


def _mask(matchers: Sequence[Matcher]) -> Sql:
    kind = "toUInt64" if len(matchers) <= MASK_STEPS else "toUInt128"
    bits = [
        sql(f"bitShiftLeft({kind}({{condition}}), {{step}})", condition=m.condition, step=number(step))
        for step, m in enumerate(matchers)
    ]
    return sql("({bits})", bits=join(" + ", bits))


def _breakdown(funnel: FunnelScan) -> BreakdownValue | None:
    chosen = funnel.node.breakdown_filter
    return breakdown_value(chosen, funnel.ctx, funnel.span) if chosen and not chosen.is_empty else None


def _attributed(funnel: FunnelScan, value: BreakdownValue | None, matched: Sql) -> Sql:
    """The actor's value: of the earliest or the latest step event that has one (E28)."""
    if value is None:
        return sql("emptyArrayString()")
    if value.several:
        return sql("[arrayJoin(any({value}))]", value=value.value)
    last = funnel.node.funnels_filter.breakdown_attribution_type is Attribution.LAST_TOUCH
    pick = "argMaxIf" if last else "argMinIf"
    size = len(funnel.node.breakdown_filter.parts) if funnel.node.breakdown_filter else 1
    return sql(
        f"if(countIf({{set}}) > 0, {pick}({{value}}, ts, {{set}}), {{none}})",
        value=value.value,
        set=all_of([matched, sql("arrayExists(part -> part != '', {value})", value=value.value)]),
        none=sql("[{empty}]", empty=join(", ", [sql("''")] * size)),
    )


def best_attempts(funnel: FunnelScan) -> Sql:
    """Rows (actor, breakdown, level, moments): the furthest attempt, the first of equals (E7).

    `level` is the last step taken, from 1; `moments` are the microseconds of its steps.
    """
    return sql(
        "SELECT actor, breakdown, level, {moments} AS moments FROM"
        " (SELECT actor, breakdown, chain, times,"
        " toUInt32(arrayCount(c -> arrayExists(x -> x != 0, c), chain)) AS level,"
        " arrayFirst(x -> x != 0, chain[level]) AS entry FROM ({chains}))",
        moments=_MOMENTS,
        chains=actor_chains(funnel),
    )


# From the last step back: the step before was taken at the latest earlier event of the same attempt.
_MOMENTS = sql(
    "arrayFold((acc, k) -> (toUInt32(arrayLastIndex((x, place) -> x = entry AND place < acc.1, chain[k],"
    " arrayEnumerate(chain[k]))) AS found, arrayPushFront(acc.2, times[found])),"
    " arrayReverse(range(1, level)), (toUInt32(arrayFirstIndex(x -> x = entry, chain[level])),"
    " [times[arrayFirstIndex(x -> x = entry, chain[level])]])).2"
)


def all_attempts(funnel: FunnelScan) -> Sql:
    """Rows (actor, breakdown, entry, level): every beginning of an actor and how far it led."""
    return sql(
        "SELECT actor, breakdown, entry, arrayCount(c -> has(c, entry), chain) AS level FROM ({chains})"
        " ARRAY JOIN arrayDistinct(arrayFilter(x -> x != 0, chain[1])) AS entry",
        chains=actor_chains(funnel),
    )
