"""The bucket that a link to the people of a trend names (api S8, semantics D62)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from queries.actors.asked import Asked, Json, breakdown_of, insight_actors, period_of, series_of, text_of
from queries.dates import bucket_start, read_date, resolve_range
from queries.errors import InvalidQuery
from queries.nodes import DateRange
from queries.people import RANGE_FROM
from queries.trends.node import TrendsQuery
from queries.vocabulary import Display, Interval

# More than one unit and less than two, so that its bucket is the next one.
BEYOND = {
    Interval.SECOND: timedelta(seconds=1.5),
    Interval.MINUTE: timedelta(seconds=90),
    Interval.HOUR: timedelta(minutes=90),
    Interval.DAY: timedelta(hours=36),
    Interval.WEEK: timedelta(days=10),
    Interval.MONTH: timedelta(days=35),
    Interval.QUARTER: timedelta(days=100),
    Interval.YEAR: timedelta(days=400),
}
TICK = timedelta(seconds=1)


def trend_point(asked: Asked) -> Json:
    """The bucket is the last one of `date_from` and `date_to`; with both ends of the whole range beside
    them (as in our own links) it is cut to that range, as the number was."""
    coordinates = {
        "series": series_of(asked),
        "breakdown": breakdown_of(asked, "breakdown_value"),
        "compare": period_of(asked),
    }
    assert isinstance(asked.legacy.node, TrendsQuery)
    if asked.legacy.node.display.is_aggregated:
        return insight_actors(asked, **coordinates)
    if not asked.given(RANGE_FROM):
        return _bucket_alone(asked, coordinates)
    day = text_of(asked, "date_to") or text_of(asked, "date_from")
    if day is not None and not _holds(asked, day):
        return _bucket_alone(asked, coordinates)
    return insight_actors(asked, day=day, **coordinates)


def _holds(asked: Asked, day: str) -> bool:
    """Whether the range still has the bucket: a relative one moves on while the link stays."""
    node = asked.legacy.node
    assert isinstance(node, TrendsQuery)
    if node.is_compared or (node.date_range and node.date_range.date_from == "all"):
        return True
    period = resolve_range(node.date_range, node.interval, asked.ctx)
    return (
        bucket_start(_moment(asked, day, "date_to"), period.interval, period.week_start) in period.buckets()
    )


def _bucket_alone(asked: Asked, coordinates: Json) -> Json:
    """No more is known of the range than its bucket: the bucket is the range. What the bucket shows of a
    previous period is asked for by its own dates, so nothing is compared."""
    node = asked.legacy.node
    assert isinstance(node, TrendsQuery)
    first = text_of(asked, "date_from") or text_of(asked, "date_to")
    last = text_of(asked, "date_to") or first
    if first is None or first == "all" or last is None:
        return insight_actors(asked, **coordinates)
    start, end = (
        _bucket(asked, node, date, name) for date, name in ((first, "date_from"), (last, "date_to"))
    )
    is_one = start == end or node.display is Display.LINE_CUMULATIVE
    behind = bucket_start(end + BEYOND[node.interval], node.interval, asked.ctx.week_start)
    dates = DateRange(date_from=start.isoformat(), date_to=(behind - TICK).isoformat())
    alone = node.model_copy(update={"date_range": dates, "compare_filter": None})
    return insight_actors(
        replace(asked, legacy=replace(asked.legacy, node=alone)),
        day=end.isoformat() if is_one else None,
        **(coordinates | {"compare": None}),
    )


def _bucket(asked: Asked, node: TrendsQuery, written: str, name: str) -> datetime:
    return bucket_start(_moment(asked, written, name), node.interval, asked.ctx.week_start)


def _moment(asked: Asked, written: str, name: str) -> datetime:
    try:
        return read_date(written, asked.ctx, attr=name).at.astimezone(asked.ctx.zone)
    except InvalidQuery as error:
        raise error.spelled(lambda _: name) from error
