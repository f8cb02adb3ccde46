"""A funnel understood: its range, the events of its steps and exclusions, its window and its actors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from queries.context import ProjectContext
from queries.dates import ResolvedRange, resolve_range
from queries.errors import QueryError, join_path
from queries.funnels.first_time import first_time_condition
from queries.funnels.node import Attribution, FunnelOrder, FunnelsFilter, FunnelsQuery
from queries.nodes import BreakdownFilter, SeriesNode
from queries.parts import EVERYBODY, Part
from queries.sql.actors import Actor, actor_of
from queries.sql.events import Span
from queries.sql.fragment import EPOCH, Sql, all_of, any_of, sql
from queries.sql.hogql import value_expression
from queries.sql.series import Matcher, matcher, names_of


@dataclass(frozen=True, slots=True)
class ExcludedRange:
    """Events that may not come strictly between the steps `first` and `last`, 0-based (semantics E21)."""

    first: int
    last: int
    events: Matcher


@dataclass(frozen=True, slots=True)
class Question:
    """What the compilers and shapers of funnels share.

    `steps` match the events of each step, in order. `exclusions` are those that have an effect: none in a
    strict funnel (semantics E17), one per range of steps. `part` is which of how many equal parts of the
    actors is looked at.
    """

    node: FunnelsQuery
    ctx: ProjectContext
    period: ResolvedRange
    steps: tuple[Matcher, ...]
    exclusions: tuple[ExcludedRange, ...]
    part: Part = EVERYBODY

    @property
    def options(self) -> FunnelsFilter:
        return self.node.funnels_filter

    @property
    def is_strict(self) -> bool:
        return self.options.funnel_order_type is FunnelOrder.STRICT

    @property
    def is_unordered(self) -> bool:
        return self.options.funnel_order_type is FunnelOrder.UNORDERED

    @property
    def span(self) -> Span:
        """Only these events exist for the funnel, whatever its step (semantics E1)."""
        return Span.closed(self.period.date_from, self.period.date_to)

    @property
    def actor(self) -> Actor:
        return funnel_actor(self.node, self.ctx)

    @property
    def window(self) -> int:
        """The conversion window in microseconds, never longer than the range itself (semantics E4)."""
        return min(self.options.window_seconds * 1_000_000, self.length)

    @property
    def start(self) -> int:
        """The first instant of the range, in microseconds since 1970."""
        return microseconds(self.period.date_from)

    @property
    def length(self) -> int:
        """Of the range, in microseconds."""
        span = self.span
        assert span.start is not None and span.end is not None
        return microseconds(span.end) - microseconds(span.start)

    @property
    def required(self) -> tuple[int, ...]:
        """The steps that nobody can skip, 0-based (semantics E51)."""
        return tuple(k for k, step in enumerate(self.node.series) if not step.optional_in_funnel)

    @property
    def optional(self) -> tuple[int, ...]:
        return tuple(k for k, step in enumerate(self.node.series) if step.optional_in_funnel)

    @property
    def breakdown(self) -> BreakdownFilter | None:
        chosen = self.node.breakdown_filter
        return None if chosen is None or chosen.is_empty else chosen

    @property
    def attribution(self) -> Attribution:
        return self.options.breakdown_attribution_type

    def scanned_names(self) -> tuple[str, ...] | None:
        """The names of all events that matter; a strict funnel is broken by any event (semantics E15)."""
        if self.is_strict:
            return None
        return names_of([*self.steps, *(excluded.events for excluded in self.exclusions)])

    def any_step(self) -> Sql:
        return any_of(step.condition for step in self.steps)


def microseconds(moment: datetime) -> int:
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def funnel_actor(node: FunnelsQuery, ctx: ProjectContext) -> Actor:
    """Who goes through the funnel (semantics E2): a person, a group, or the value of an expression, which is
    like a group without a type."""
    expression = node.funnels_filter.funnel_aggregate_by_hogql
    if expression:
        value = value_expression(expression, ctx)
        return Actor(value, sql("{value} != ''", value=value), "group")
    return actor_of(ctx, node.aggregation_group_type_index, by_distinct_id=True)


def understand(node: FunnelsQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    """The question with its dates resolved. `earliest` is where an all-time range begins (A9).

    UnknownReference names the step or the exclusion whose action the project does not have (B16).
    """
    period = resolve_range(node.date_range, node.interval, ctx, earliest=earliest)
    actor = funnel_actor(node, ctx)
    end = Span.closed(None, period.date_to).end
    steps = []
    for position, step in enumerate(node.series):
        found = _matcher(step, ctx, ("series", position))
        first_only = first_time_condition(step, node, actor, end, ctx)
        steps.append(found if first_only is None else both(found, first_only))
    return Question(node, ctx, period, tuple(steps), _exclusions(node, ctx))


def _matcher(node: SeriesNode, ctx: ProjectContext, path: tuple[str | int, ...]) -> Matcher:
    try:
        return matcher(node, ctx)
    except QueryError as error:
        raise error.spelled(lambda found: join_path((*path, *found))) from error


def _exclusions(node: FunnelsQuery, ctx: ProjectContext) -> tuple[ExcludedRange, ...]:
    """Exclusions of the same range are one: any of their events is enough (semantics E25)."""
    if node.funnels_filter.funnel_order_type is FunnelOrder.STRICT:
        return ()
    by_range: dict[tuple[int, int], list[Matcher]] = {}
    for position, exclusion in enumerate(node.funnels_filter.exclusions):
        found = _matcher(exclusion, ctx, ("funnelsFilter", "exclusions", position))
        steps = (exclusion.funnel_from_step, exclusion.funnel_to_step)
        by_range.setdefault(steps, []).append(found)
    return tuple(ExcludedRange(first, last, either(found)) for (first, last), found in by_range.items())


def either(matchers: Sequence[Matcher]) -> Matcher:
    """The events of any of them."""
    return Matcher(any_of(found.condition for found in matchers), names_of(matchers))


def both(found: Matcher, condition: Sql) -> Matcher:
    return Matcher(all_of([found.condition, condition]), found.names)
