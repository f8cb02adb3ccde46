"""Cells that first put together the events of one actor, or of one session (semantics D11, D18, D19)."""

from __future__ import annotations

from queries.nodes import SeriesNode
from queries.sql.events import scan
from queries.sql.fragment import Sql, all_of, join, sql
from queries.sql.math import as_number
from queries.sql.operators import number_of
from queries.sql.series import matcher
from queries.sql.sessions import session_values
from queries.trends.request import CellRequest
from queries.trends.scan import multiplied
from queries.vocabulary import Math, MathPropertyType

# math -> statistic over the events per actor, actors without any left out
COUNT_PER_ACTOR: dict[Math, str] = {
    Math.AVG_COUNT_PER_ACTOR: "avg({numbers})",
    Math.MIN_COUNT_PER_ACTOR: "min({numbers})",
    Math.MAX_COUNT_PER_ACTOR: "max({numbers})",
    Math.MEDIAN_COUNT_PER_ACTOR: "quantileExactInclusive(0.5)({numbers})",
    Math.P75_COUNT_PER_ACTOR: "quantileExactInclusive(0.75)({numbers})",
    Math.P90_COUNT_PER_ACTOR: "quantileExactInclusive(0.9)({numbers})",
    Math.P95_COUNT_PER_ACTOR: "quantileExactInclusive(0.95)({numbers})",
    Math.P99_COUNT_PER_ACTOR: "quantileExactInclusive(0.99)({numbers})",
}
SESSION_STATISTICS: dict[Math, str] = {
    Math.SUM: "sum({numbers})",
    Math.AVG: "avg({numbers})",
    Math.MIN: "min({numbers})",
    Math.MAX: "max({numbers})",
    Math.MEDIAN: "quantileExactInclusive(0.5)({numbers})",
    Math.P75: "quantileExactInclusive(0.75)({numbers})",
    Math.P90: "quantileExactInclusive(0.9)({numbers})",
    Math.P95: "quantileExactInclusive(0.95)({numbers})",
    Math.P99: "quantileExactInclusive(0.99)({numbers})",
}
SESSION_DURATION = "$session_duration"


def per_actor_cells(index: int, series: SeriesNode, request: CellRequest) -> Sql:
    actor = request.question.actor
    counts = scan(
        request.ctx,
        [
            *request.keys.columns,
            sql("{bucket} AS bucket", bucket=request.bucket),
            sql("{actor} AS actor", actor=actor.expression),
            sql("count() AS events"),
        ],
        span=request.span,
        where=all_of([matcher(series, request.ctx).condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=request.keys.group_by("bucket", "actor"),
    )
    statistic = sql(COUNT_PER_ACTOR[series.effective_math], numbers=sql("events"))
    return _summed_up(index, series, request, statistic, counts)


def is_session_math(series: SeriesNode, _: CellRequest) -> bool:
    is_session = (
        series.math_property_type is MathPropertyType.SESSION or series.math_property == SESSION_DURATION
    )
    return is_session and series.effective_math in SESSION_STATISTICS


def per_session_cells(index: int, series: SeriesNode, request: CellRequest) -> Sql:
    """A session counts once in every bucket in which it has a matching event (semantics D18)."""
    sessions = scan(
        request.ctx,
        [
            *request.keys.columns,
            sql("{bucket} AS bucket", bucket=request.bucket),
            sql("session_id AS session"),
        ],
        span=request.span,
        where=all_of(
            [matcher(series, request.ctx).condition, request.common_condition(), sql("session_id != ''")]
        ),
        joins=request.joins,
        tail=request.keys.group_by("bucket", "session"),
    )
    valued = sql(
        "SELECT {keys}bucket, {number} AS number FROM ({sessions}) AS met ANY LEFT JOIN"
        " (SELECT session_id AS owner, value AS stored FROM ({values})) AS known"
        " ON known.owner = met.session",
        number=number_of(sql("known.stored")),
        keys=join("", (sql("{name}, ", name=name) for name in request.keys.names)),
        sessions=sessions,
        values=session_values(series.math_property or SESSION_DURATION, request.ctx, request.span),
    )
    statistic = sql(SESSION_STATISTICS[series.effective_math], numbers=sql("number"))
    return _summed_up(index, series, request, statistic, valued)


def _summed_up(index: int, series: SeriesNode, request: CellRequest, statistic: Sql, rows: Sql) -> Sql:
    return sql(
        "SELECT {index} AS series, {breakdown} AS breakdown, bucket, {value} AS value FROM ({rows}) {tail}",
        index=request.numbered(index),
        breakdown=request.keys.breakdown,
        tail=request.keys.group_by("bucket"),
        value=multiplied(as_number(statistic), series),
        rows=rows,
    )
