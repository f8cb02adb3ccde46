"""Cells of weekly and monthly active actors: a window that ends with each bucket (semantics D20-D24).

The actors of every day (or hour, minute, second) become one state, a bitmap; a window is the union of its
days' states. The store merges them in powers of two, so a window costs a few unions however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from queries.date_text import shift_instant, start_of_day
from queries.dates import ResolvedRange, bucket_starts
from queries.nodes import SeriesNode
from queries.sql.buckets import CLOCK_UNITS, HOUR_OF_TS, bucket_index, key_of
from queries.sql.events import Span, scan
from queries.sql.fragment import Sql, all_of, bind, number, sql
from queries.sql.series import matcher
from queries.trends.request import CellRequest
from queries.trends.rollup import asks_for_a_name, hourly_actors, is_in_whole_hours
from queries.trends.scan import scaled
from queries.vocabulary import Interval, Math

WINDOW_DAYS = {Math.WEEKLY_ACTIVE: 7, Math.MONTHLY_ACTIVE: 30}
CLOCK_SECONDS = {Interval.SECOND: 1, Interval.MINUTE: 60, Interval.HOUR: 3600}
# D22: where the bucket is as long as the window, or longer, the bucket's own actors are counted.
PLAIN_UNIQUES = {
    Math.WEEKLY_ACTIVE: frozenset({Interval.WEEK, Interval.MONTH, Interval.QUARTER, Interval.YEAR}),
    Math.MONTHLY_ACTIVE: frozenset({Interval.MONTH, Interval.QUARTER, Interval.YEAR}),
}


def is_rolling(series: SeriesNode, request: CellRequest) -> bool:
    return series.effective_math in WINDOW_DAYS


def rolling_cells(index: int, series: SeriesNode, request: CellRequest) -> Sql:
    days = WINDOW_DAYS[series.effective_math]
    if request.question.is_aggregated:
        return _last_window(index, series, request, days)
    if request.period.interval in PLAIN_UNIQUES[series.effective_math]:
        return _window_uniques(index, series, request, request.span)
    return _windows(index, series, request, _ticks(request, days))


def _window_uniques(index: int, series: SeriesNode, request: CellRequest, span: Span) -> Sql:
    if _is_rolled_up(series, request, span, ()):
        bucket = sql("toUInt32(0)") if request.question.is_aggregated else request.bucket_of(HOUR_OF_TS)
        return sql(
            "SELECT {index} AS series, emptyArrayString() AS breakdown, place AS bucket, {value} AS value"
            " FROM ({actors})",
            index=request.numbered(index),
            value=scaled(sql("toFloat64(bitmapCardinality(actors))"), series, request),
            actors=hourly_actors(series, request.question, span, bucket),
        )
    actor, keys = request.question.actor, request.keys
    uniques = scan(
        request.ctx,
        [
            *keys.columns,
            sql("{bucket} AS bucket", bucket=request.bucket),
            sql(
                "{value} AS value",
                value=scaled(sql("toFloat64(uniqExact({actor}))", actor=actor.expression), series, request),
            ),
        ],
        span=span,
        where=all_of([matcher(series, request.ctx).condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=keys.group_by("bucket"),
    )
    return sql(
        "SELECT {index} AS series, {breakdown} AS breakdown, bucket, value FROM ({uniques})",
        index=request.numbered(index),
        breakdown=keys.breakdown,
        uniques=uniques,
    )


def _last_window(index: int, series: SeriesNode, request: CellRequest, days: int) -> Sql:
    """An aggregated display counts the window that ends with the range (semantics D23)."""
    start = last_window_start(request.period, days)
    return _window_uniques(index, series, request, Span(start, request.span.end))


def last_window_start(period: ResolvedRange, days: int) -> datetime:
    """Where the window that ends with the range begins."""
    return start_of_day(period.date_to.date() - timedelta(days=days - 1), period.zone)


def window_start(period: ResolvedRange, bucket: datetime, days: int) -> tuple[datetime, datetime]:
    """First instant and exclusive end of the window that ends with a bucket (semantics D20-D22)."""
    if period.interval in CLOCK_SECONDS:
        unit = timedelta(seconds=CLOCK_SECONDS[period.interval])
        end = shift_instant(bucket, unit)
        return shift_instant(end, -timedelta(days=days)), end
    day = bucket.date()
    first = start_of_day(day - timedelta(days=days - 1), period.zone)
    return first, start_of_day(day + timedelta(days=1), period.zone)


@dataclass(frozen=True, slots=True)
class Ticks:
    """`starts` are the finest buckets a window is made of, from the first window's first one on; `width` of
    them make a window; `shown` maps the position of a window's last tick to the bucket it is the value of."""

    interval: Interval
    starts: tuple[datetime, ...]
    width: int
    shown: tuple[tuple[int, int], ...]


def _ticks(request: CellRequest, days: int) -> Ticks:
    period = request.period
    buckets = request.question.buckets(period)
    interval = period.interval if period.interval in CLOCK_UNITS else Interval.DAY
    if not buckets:
        return Ticks(interval, (), days, ())
    if interval in CLOCK_UNITS:
        seconds = CLOCK_SECONDS[interval]
        width = days * 86_400 // seconds
        first = shift_instant(buckets[0], -timedelta(seconds=(width - 1) * seconds))
        starts = tuple(shift_instant(first, timedelta(seconds=i * seconds)) for i in range(width - 1))
        starts = (*starts, *buckets)
    else:
        width = days
        first = start_of_day(buckets[0].date() - timedelta(days=days - 1), period.zone)
        starts = tuple(bucket_starts(first, buckets[-1], Interval.DAY))
    places = {key_of(interval, start): place for place, start in enumerate(starts)}
    shown = tuple((places[key_of(interval, b)], key_of(period.interval, b)) for b in buckets)
    return Ticks(interval, starts, width, shown)


def _windows(index: int, series: SeriesNode, request: CellRequest, ticks: Ticks) -> Sql:
    """The actors of every tick as one state, and how many the states of each window hold together.

    Ticks without anybody have no row, so a window is a range of the rows that are there;
    `before[place + 1]` says how many come before a place.
    """
    return sql(
        "SELECT {index} AS series, breakdown, cell.1 AS bucket, {value} AS value FROM"
        " (SELECT breakdown, arraySort(tick -> tick.1, groupArray((place, actors))) AS found,"
        " arrayPushFront(arrayCumSum(groupArrayInsertAt(0, {size})(1, toUInt32(place))), 0) AS before,"
        " arrayMap(last -> (toUInt64(1 + before[last - {width} + 2]),"
        " toUInt64(before[last + 2] - before[last - {width} + 2])), {lasts}) AS ranges,"
        f" arrayReduceInRanges('{_counting(request).merge}', ranges, found.2) AS numbers"
        " FROM ({states}) WHERE place < {size} GROUP BY breakdown)"
        " ARRAY JOIN arrayZip({keys}, numbers) AS cell WHERE cell.2 > 0",
        index=request.numbered(index),
        value=scaled(sql("toFloat64(cell.2)"), series, request),
        size=sql(str(len(ticks.starts))),
        width=number(ticks.width),
        lasts=bind([place for place, _ in ticks.shown], "Array(UInt32)"),
        keys=bind([key for _, key in ticks.shown], "Array(UInt32)"),
        states=_tick_states(series, request, ticks),
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """Aggregates that keep who was there: bitmaps for numbers, hash tables for the texts of groups."""

    state: str
    merge: str


_NUMBERS = Counting("groupBitmapState", "groupBitmapMerge")
_TEXTS = Counting("uniqExactState", "uniqExactMerge")


def _counting(request: CellRequest) -> Counting:
    return _TEXTS if request.question.actor.kind == "group" else _NUMBERS


def _is_rolled_up(series: SeriesNode, request: CellRequest, span: Span, edges: Sequence[datetime]) -> bool:
    buckets = () if request.question.is_aggregated else request.question.buckets(request.period)
    is_named = asks_for_a_name(series, request.question, request.period)
    return is_named and is_in_whole_hours(span, (*edges, *buckets))


def _tick_states(series: SeriesNode, request: CellRequest, ticks: Ticks) -> Sql:
    """Rows (breakdown, place, actors)."""
    span = Span(ticks.starts[0] if ticks.starts else request.span.start, request.span.end)
    if _is_rolled_up(series, request, span, ticks.starts):
        place = bucket_index(ticks.interval, request.ctx, ticks.starts, HOUR_OF_TS)
        actors = hourly_actors(series, request.question, span, place)
        return sql("SELECT emptyArrayString() AS breakdown, place, actors FROM ({actors})", actors=actors)
    actor, keys = request.question.actor, request.keys
    states = scan(
        request.ctx,
        [
            *keys.columns,
            sql("{place} AS place", place=bucket_index(ticks.interval, request.ctx, ticks.starts)),
            sql(f"{_counting(request).state}({{actor}}) AS actors", actor=actor.expression),
        ],
        span=span,
        where=all_of([matcher(series, request.ctx).condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=keys.group_by("place"),
    )
    return sql(
        "SELECT {breakdown} AS breakdown, place, actors FROM ({states})",
        breakdown=keys.breakdown,
        states=states,
    )
