"""Cells of first-time maths: a person counts once, in the bucket of the first event (semantics D25-D27)."""

from __future__ import annotations

from queries.nodes import SeriesNode
from queries.sql.buckets import TS
from queries.sql.events import Span, scan
from queries.sql.fragment import TRUE, Sql, all_of, instant, sql
from queries.sql.math import Aggregate
from queries.sql.series import matcher
from queries.trends.request import CellRequest
from queries.trends.scan import scaled
from queries.vocabulary import Math

FIRST_TIME_MATHS = frozenset(
    {
        Math.FIRST_TIME_FOR_USER,
        Math.FIRST_TIME_FOR_USER_WITH_FILTERS,
        Math.FIRST_MATCHING_EVENT_FOR_USER,
    }
)
_UNFILTERED = {"properties": None, "fixed_properties": None}


def first_time_cells(index: int, series: SeriesNode, request: CellRequest) -> Sql:
    """All of history up to the end of the range is read; only a first event inside the range counts."""
    return sql(
        "SELECT {index} AS series, {breakdown} AS breakdown, {bucket} AS bucket, {value} AS value"
        " FROM ({firsts}) GROUP BY breakdown, bucket",
        index=request.numbered(index),
        breakdown=_spread(request),
        bucket=request.bucket_of(sql("first_passing")),
        value=scaled(sql("toFloat64(count())"), series, request),
        firsts=_firsts(series, request),
    )


def first_time_people(series: SeriesNode, request: CellRequest, in_bucket: Sql | None, value: Sql) -> Sql:
    """The actors whose first event lies in the bucket (`in_bucket` tests the column `bucket`)."""
    return sql(
        "SELECT actor FROM (SELECT actor, {bucket} AS bucket FROM ({firsts})) WHERE {in_bucket}",
        bucket=request.bucket_of(sql("first_passing")),
        firsts=_firsts(series, request, value),
        in_bucket=in_bucket or TRUE,
    )


def _firsts(series: SeriesNode, request: CellRequest, value: Sql = TRUE) -> Sql:
    """One row per actor who counts: `actor`, `first_passing` and the breakdown value of that event."""
    passing = all_of([matcher(series, request.ctx).condition, request.common_condition()])
    pool = _pool(series, request, passing)
    # A condition that stands in WHERE and again in an aggregate trips the engine over a constant column.
    only = TRUE if pool == passing else passing
    firsts = scan(
        request.ctx,
        [
            sql("{actor} AS actor", actor=request.question.actor.expression),
            sql("{first} AS first_passing", first=Aggregate("min", (TS,)).where(only)),
            sql("{count} AS passing_events", count=Aggregate("count").where(only)),
            sql("min(ts) AS first_of_kind"),
            sql(
                "{of_first} AS value_of_first",
                of_first=Aggregate("argMin", (_value(request), TS)).where(only),
            ),
            sql("{of_first} AS is_wanted", of_first=Aggregate("argMin", (value, TS)).where(only)),
        ],
        span=Span(None, request.span.end),
        where=all_of([pool, request.question.actor.present]),
        joins=request.joins,
        tail=sql("GROUP BY actor"),
    )
    return sql(
        "SELECT actor, first_passing, value_of_first FROM ({firsts})"
        " WHERE passing_events > 0 AND is_wanted AND first_passing = first_of_kind {in_range}",
        firsts=firsts,
        in_range=_in_range(request),
    )


def _pool(series: SeriesNode, request: CellRequest, passing: Sql) -> Sql:
    """Among which events the first one is looked for: of the name whatever its properties (D25), or only
    those passing all filters (D26)."""
    if series.effective_math is Math.FIRST_TIME_FOR_USER:
        return matcher(series.model_copy(update=_UNFILTERED), request.ctx).condition
    return passing


def _in_range(request: CellRequest) -> Sql:
    start = request.span.start
    return sql("AND first_passing >= {start}", start=instant(start)) if start else sql("")


def _value(request: CellRequest) -> Sql:
    return request.breakdown.value if request.breakdown else sql("emptyArrayString()")


def _spread(request: CellRequest) -> Sql:
    """Alternatives of one actor (the cohorts he is in) are a cell each."""
    if request.breakdown is not None and request.breakdown.several:
        return sql("[arrayJoin(value_of_first)]")
    return sql("value_of_first")
