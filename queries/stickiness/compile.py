"""StickinessQuery -> plan: how many actors were active in exactly k buckets (semantics I1-I9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from queries.context import ProjectContext
from queries.dates import ResolvedRange, previous_period, resolve_range
from queries.earliest import with_earliest
from queries.legacy import filter_echo
from queries.nodes import SeriesNode
from queries.plan import Plan, Result, Rows, statement
from queries.sql.activity import Activity
from queries.sql.actors import Actor, actor_of
from queries.sql.buckets import bucket_index
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, bind, join, number, sql
from queries.sql.series import matcher
from queries.stickiness.node import ComputedAs, StickinessQuery
from queries.trends.question import known_series
from queries.trends.shape import COMPARE_LABELS, entity, series_name
from queries.vocabulary import Math

_COMPARISONS = {"gte": ">=", "lte": "<=", "exact": "="}  # semantics I6


@dataclass(frozen=True, slots=True)
class Question:
    """A stickiness question with its dates resolved; `periods` is current, then previous if compared."""

    node: StickinessQuery
    ctx: ProjectContext
    periods: tuple[ResolvedRange, ...]
    series: tuple[tuple[int, SeriesNode], ...]

    def columns(self, period: ResolvedRange) -> int:
        """How many columns the answer has: the buckets, `interval_count` of them making one (I2, I7)."""
        return -(-len(period.buckets()) // self.node.interval_count)


def compile_stickiness(node: StickinessQuery, ctx: ProjectContext) -> Plan:
    return with_earliest(node, ctx, lambda earliest: _plan(understand(node, ctx, earliest)))


def understand(node: StickinessQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    current = resolve_range(node.date_range, node.interval, ctx, earliest=earliest)
    periods: tuple[ResolvedRange, ...] = (current,)
    if node.is_compared and node.compare_filter is not None:
        periods = (current, previous_period(current, ctx, node.compare_filter.compare_to))
    return Question(node, ctx, periods, tuple(known_series(node.series, ctx)))


def _plan(question: Question) -> Plan:
    asked = [(i, p) for i, p in enumerate(question.periods) if not p.is_empty and question.series]
    statements = tuple(statement(_period(question, period)) for _, period in asked)

    def shape(found: Sequence[Rows]) -> Result:
        numbers = {
            (period, series, active): actors
            for (period, _), rows in zip(asked, found, strict=True)
            for series, active, actors in rows.rows
        }
        return _shape(question, numbers)

    return Plan(statements, shape)


def _period(question: Question, period: ResolvedRange) -> Sql:
    return join(" UNION ALL ", (_column_counts(question, period, i, s) for i, s in question.series))


def _column_counts(question: Question, period: ResolvedRange, index: int, series: SeriesNode) -> Sql:
    """Rows (series, k, actors)."""
    return sql(
        "SELECT toUInt8({series}) AS series, active, count() AS actors FROM ({actors}) GROUP BY active",
        series=bind(index, "UInt8"),
        actors=active_buckets(question, period, series),
    )


def active_buckets(question: Question, period: ResolvedRange, series: SeriesNode) -> Sql:
    """One row per actor: `actor`, and `active`, the number of buckets that count for him (I1, I6)."""
    actor = stickiness_actor(question, series)
    wanted = matcher(series, question.ctx)
    node = question.node
    filters = event_condition(question.ctx, node.properties, test_accounts=node.filter_test_accounts)
    place = _place(question, period)
    span = Span(period.events_from, period.events_before)
    where = all_of([wanted.condition, actor.present, filters])
    size = question.columns(period)
    if node.stickiness_filter.stickiness_criteria is not None:
        return _meeting_criteria(question, actor, place, size, span, where)
    activity = Activity(place, size)
    per_actor = scan(
        question.ctx,
        [sql("{actor} AS actor", actor=actor.expression), sql("{a} AS buckets", a=activity.aggregate())],
        tail=sql("GROUP BY actor"),
        span=span,
        where=where,
    )
    return sql(
        "SELECT actor, toUInt32({count}) AS active FROM ({per_actor}) WHERE active > 0",
        count=activity.count("buckets"),
        per_actor=per_actor,
    )


def _meeting_criteria(question: Question, actor: Actor, place: Sql, size: int, span: Span, where: Sql) -> Sql:
    criteria = question.node.stickiness_filter.stickiness_criteria
    assert criteria is not None
    per_bucket = scan(
        question.ctx,
        [
            sql("{actor} AS actor", actor=actor.expression),
            sql("{place} AS place", place=place),
            sql("count() AS events"),
        ],
        tail=sql("GROUP BY actor, place"),
        span=span,
        where=where,
    )
    return sql(
        "SELECT actor, toUInt32(count()) AS active FROM ({per_bucket})"
        f" WHERE place < {{size}} AND events {_COMPARISONS[criteria.operator]} {{value}} GROUP BY actor",
        per_bucket=per_bucket,
        size=number(size),
        value=number(criteria.value),
    )


def stickiness_actor(question: Question, series: SeriesNode) -> Actor:
    """Persons, or groups with the math unique_group (semantics I1)."""
    index = series.math_group_type_index if series.math is Math.UNIQUE_GROUP else None
    return actor_of(question.ctx, index, by_distinct_id=True)


def _place(question: Question, period: ResolvedRange) -> Sql:
    """The column of an event; several buckets to a column are counted back from the end (I7)."""
    buckets = period.buckets()
    index = bucket_index(period.interval, question.ctx, buckets)
    width = question.node.interval_count
    if width == 1:
        return index
    lead = question.columns(period) * width - len(buckets)
    outside = sql("{index} >= {size}", index=index, size=number(len(buckets)))
    grouped = sql("intDiv({index} + {lead}, {width})", index=index, lead=number(lead), width=number(width))
    return sql(
        "toUInt16(if({outside}, {columns}, {grouped}))",
        outside=outside,
        columns=number(question.columns(period)),
        grouped=grouped,
    )


# --- shape ---------------------------------------------------------------------------------------------


def _shape(question: Question, numbers: dict[tuple[int, int, int], int]) -> Result:
    """One series per series of the request; compared: current, then previous, each (api V6, I8)."""
    results = []
    for index, series in question.series:
        for period, resolved in enumerate(question.periods):
            columns = question.columns(resolved)
            exactly = [numbers.get((period, index, k), 0) for k in range(1, columns + 1)]
            results.append(_series(question, index, series, period, exactly))
    first = question.periods[0]
    dates = {"date_from": first.date_from.isoformat(), "date_to": first.date_to.isoformat()}
    return Result(results=results, resolved_date_range=dates)


def _series(
    question: Question, index: int, series: SeriesNode, period: int, exactly: list[int]
) -> dict[str, Any]:
    node = question.node
    cumulative = node.stickiness_filter.computed_as is ComputedAs.CUMULATIVE
    data = [sum(exactly[place:]) for place in range(len(exactly))] if cumulative else exactly
    shaped: dict[str, Any] = {
        "action": entity(question.ctx, series, index),
        "label": series_name(question.ctx, series),
        "count": sum(exactly),
        "data": data,
        "labels": [_label(node, k, cumulative) for k in range(1, len(exactly) + 1)],
        "days": list(range(1, len(exactly) + 1)),
        "filter": filter_echo(node),
    }
    if node.is_compared:
        shaped |= {"compare": True, "compare_label": COMPARE_LABELS[period]}
    return shaped


def _label(node: StickinessQuery, k: int, cumulative: bool) -> str:
    """`1 day`, `2 days`; cumulative `1 day or more` (semantics I3, I5)."""
    unit = f"{k} {node.interval}{'' if k == 1 else 's'}"
    return f"{unit} or more" if cumulative else unit
