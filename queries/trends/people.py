"""The people behind a point of a trend: exactly those the number counted (semantics D62)."""

from __future__ import annotations

from datetime import datetime

from queries.actors.actor_set import NOBODY, ActorSet
from queries.actors.coordinates import bucket_at, period_index
from queries.actors.node import InsightActorsQuery
from queries.dates import ResolvedRange
from queries.errors import InvalidQuery
from queries.nodes import SeriesNode
from queries.sql.actors import actor_of
from queries.sql.breakdowns import NONE, OTHER
from queries.sql.buckets import key_of
from queries.sql.events import Span, scan
from queries.sql.fragment import TRUE, Sql, all_of, instant, number, sql, strings
from queries.sql.series import matcher
from queries.trends.first_time import FIRST_TIME_MATHS, first_time_people
from queries.trends.question import Question
from queries.trends.request import CellRequest, cell_request
from queries.trends.rolling import PLAIN_UNIQUES, WINDOW_DAYS, last_window_start, window_start
from queries.vocabulary import Math


def trend_people(source: InsightActorsQuery, question: Question) -> ActorSet:
    """The actors of one series in one bucket, or over the whole range of an aggregated display.

    Groups where the series counts groups, else the question's own actors.
    """
    period = question.periods[period_index(source.compare, len(question.periods))]
    series = _series(source, question)
    if series is None or period.is_empty:
        return NOBODY
    index = series.math_group_type_index if series.effective_math is Math.UNIQUE_GROUP else None
    if index is None:
        index = question.node.aggregation_group_type_index
    actor = actor_of(question.ctx, index, by_distinct_id=True)
    request = cell_request(question, period)
    bucket = _bucket(source, question, period)
    value = _value_condition(source, question, request)
    if series.effective_math in FIRST_TIME_MATHS:
        rows = first_time_people(series, request, _bucket_key(bucket, period, question), value)
        return ActorSet(rows, actor.kind, index)
    in_bucket, span = _when(series, request, bucket)
    rows = scan(
        question.ctx,
        [sql("{actor} AS actor", actor=actor.expression)],
        span=span,
        where=all_of(
            [
                matcher(series, question.ctx).condition,
                request.common_condition(),
                actor.present,
                in_bucket,
                value,
                sql("session_id != ''") if series.effective_math is Math.UNIQUE_SESSION else TRUE,
            ]
        ),
        joins=request.joins,
        tail=sql("GROUP BY actor"),
    )
    return ActorSet(rows, actor.kind, index)


def _series(source: InsightActorsQuery, question: Question) -> SeriesNode | None:
    index = source.series or 0
    if index >= len(question.node.series) or index < 0:
        raise InvalidQuery(f"There is no series {index}.", attr="series")
    return dict(question.series).get(index)


def _bucket(source: InsightActorsQuery, question: Question, period: ResolvedRange) -> datetime | None:
    """None: the whole range, as for an aggregated display or without a `day`."""
    if question.is_aggregated or source.day is None:
        return None
    buckets = question.buckets(period)
    return bucket_at(str(source.day), buckets, period.interval, period.zone, period.week_start)


def _bucket_key(bucket: datetime | None, period: ResolvedRange, question: Question) -> Sql | None:
    if bucket is None:
        return None
    key = number(key_of(period.interval, bucket))
    symbol = "<=" if question.is_cumulative else "="
    return sql(f"{{bucket}} {symbol} {{key}}", bucket=sql("bucket"), key=key)


def _when(series: SeriesNode, request: CellRequest, bucket: datetime | None) -> tuple[Sql, Span]:
    """Which events make somebody count in the bucket: its own, those before it too when numbers are
    running sums, or those of the whole window that ends with it (semantics D62)."""
    math, period, question = series.effective_math, request.period, request.question
    window = WINDOW_DAYS.get(math)
    if window is not None and question.is_aggregated:
        return TRUE, Span(last_window_start(period, window), request.span.end)
    if bucket is None:
        return TRUE, request.span
    key = number(key_of(period.interval, bucket))
    if window is not None and period.interval not in PLAIN_UNIQUES[math]:
        start, end = window_start(period, bucket, window)
        condition = sql("ts >= {start} AND ts < {end}", start=instant(start), end=instant(end))
        return condition, Span(start, request.span.end)
    symbol = "<=" if question.is_cumulative else "="
    return sql(f"{{bucket}} {symbol} {{key}}", bucket=request.bucket, key=key), request.span


def _value_condition(source: InsightActorsQuery, question: Question, request: CellRequest) -> Sql:
    """The asked breakdown value. "Other" cannot be told from the rest and means everybody (D62)."""
    breakdown = request.breakdown
    if breakdown is None or source.breakdown is None:
        return TRUE
    wanted = source.breakdown if isinstance(source.breakdown, tuple) else (source.breakdown,)
    texts = tuple("" if value in (NONE, "") else str(value) for value in wanted)
    if OTHER in texts:
        return TRUE
    if breakdown.several:
        return sql("has({values}, {wanted}[1])", values=breakdown.value, wanted=strings(texts))
    return sql("{value} = {wanted}", value=breakdown.value, wanted=strings(texts))
