"""Cells of weekly and monthly active actors: a window that ends with each bucket (semantics D20-D24).

An actor active on a day is in the windows of that day and of the six (or 29) after it. Each actor's days
become the two edges of every stretch he is counted in, so the running sum of the edges is the number of
actors, and the cost is one pass whatever the window is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from queries.date_text import shift_instant, start_of_day
from queries.dates import ResolvedRange, bucket_starts
from queries.nodes import SeriesNode
from queries.sql.buckets import CLOCK_UNITS, bucket_index, key_of
from queries.sql.events import Span, scan
from queries.sql.fragment import Sql, all_of, bind, number, sql
from queries.sql.series import matcher
from queries.trends.request import CellRequest
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
    return _edges_summed(index, series, request, _ticks(request, days))


def _window_uniques(index: int, series: SeriesNode, request: CellRequest, span: Span) -> Sql:
    actor = request.question.actor
    return scan(
        request.ctx,
        [
            sql("{index} AS series", index=request.numbered(index)),
            sql("{breakdown} AS breakdown", breakdown=request.breakdown_column),
            sql("{bucket} AS bucket", bucket=request.bucket),
            sql(
                "{value} AS value",
                value=scaled(sql("toFloat64(uniqExact({actor}))", actor=actor.expression), series, request),
            ),
        ],
        span=span,
        where=all_of([matcher(series, request.ctx).condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=sql("GROUP BY breakdown, bucket"),
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


def _edges_summed(index: int, series: SeriesNode, request: CellRequest, ticks: Ticks) -> Sql:
    """The running sum of the edges at the last tick of each shown bucket."""
    size = len(ticks.starts)
    return sql(
        "SELECT {index} AS series, breakdown, cell.1 AS bucket, {value} AS value FROM"
        # one row: one breakdown value, the number of actors at every tick
        " (SELECT breakdown, arrayCumSum(groupArrayInsertAt(0, {size})(change, toUInt32(place))) AS actors"
        " FROM (SELECT breakdown, place, sum(step) AS change FROM (SELECT breakdown, edge.1 AS place,"
        " edge.2 AS step FROM ({edges}) ARRAY JOIN edges AS edge) WHERE place < {size}"
        " GROUP BY breakdown, place) GROUP BY breakdown)"
        " ARRAY JOIN arrayMap((place, key) -> (key, actors[place + 1]), {places}, {keys}) AS cell"
        " WHERE cell.2 > 0",
        index=request.numbered(index),
        value=scaled(sql("toFloat64(cell.2)"), series, request),
        size=sql(str(size)),
        edges=_actor_edges(series, request, ticks),
        places=bind([place for place, _ in ticks.shown], "Array(UInt32)"),
        keys=bind([key for _, key in ticks.shown], "Array(UInt32)"),
    )


def _actor_edges(series: SeriesNode, request: CellRequest, ticks: Ticks) -> Sql:
    """Rows (breakdown, edges): where one actor begins (+1) and ceases (-1) to be in the window."""
    actor = request.question.actor
    place = bucket_index(ticks.interval, request.ctx, ticks.starts)
    active = scan(
        request.ctx,
        [
            sql("{breakdown} AS breakdown", breakdown=request.breakdown_column),
            sql("{actor} AS actor", actor=actor.expression),
            sql("arraySort(groupUniqArray({place})) AS active", place=place),
        ],
        span=Span(ticks.starts[0] if ticks.starts else request.span.start, request.span.end),
        where=all_of([matcher(series, request.ctx).condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=sql("GROUP BY breakdown, actor"),
    )
    return sql(
        "SELECT breakdown, arrayConcat(arrayMap(place -> (toInt64(place), toInt64(1)), active),"
        " arrayMap((place, following, nth) -> (toInt64(if(nth = length(active), place + {width},"
        " least(place + {width}, following))), toInt64(-1)),"
        " active, arrayShiftLeft(active, 1), arrayEnumerate(active))) AS edges FROM ({active})",
        width=number(ticks.width),
        active=active,
    )
