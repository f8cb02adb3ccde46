"""Buckets across every kind of clock change, against a plain walk through time with `zoneinfo`.

The walk shares nothing with the code under test: it goes forward in quarters of an hour of UTC, reads the
wall clock and notes where a calendar unit changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queries.date_labels import days
from queries.dates import DateContext, bucket_start, previous_period, resolve_range
from queries.nodes import DateRange
from queries.vocabulary import Interval

# A year in which the zone changed its clock twice; what is special about it.
ZONES = {
    "Europe/Berlin": 2024,  # changes at two and three in the night
    "America/New_York": 2024,
    "America/Sao_Paulo": 2018,  # a midnight that does not exist, an hour before midnight that occurs twice
    "Africa/Cairo": 2024,  # the same in the east
    "America/St_Johns": 2024,  # half an hour beside UTC's hours
    "Australia/Lord_Howe": 2024,  # changes by half an hour
}
QUARTER = timedelta(minutes=15)
WEEK_START = 1


def changes(zone: str, year: int) -> list[datetime]:
    """The instants at which the zone's offset changes in a year."""
    tz = ZoneInfo(zone)
    found, at = [], datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        following = at + QUARTER
        if at.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            found.append(following)
        at = following
    return found


EDGES = [
    pytest.param(zone, edge, id=f"{zone} {edge:%Y-%m-%d}")
    for zone, year in ZONES.items()
    for edge in changes(zone, year)
]

Unit = Callable[[datetime], object]
UNITS: dict[str, Unit] = {  # wall clock -> what stays the same within one bucket
    "hour": lambda wall: (wall.date(), wall.hour, wall.utcoffset()),
    "day": lambda wall: wall.date(),
    "week": lambda wall: wall.date() - timedelta(days=wall.weekday()),
    "month": lambda wall: (wall.year, wall.month),
    "quarter": lambda wall: (wall.year, (wall.month - 1) // 3),
    "year": lambda wall: wall.year,
}
DAYS_AROUND = {"hour": 2, "day": 5, "week": 20, "month": 70, "quarter": 200, "year": 400}


def walked(zone: str, first: date, last: date, unit: Unit) -> Iterator[datetime]:
    """The instants at which a new unit begins, from the unit that holds `first` to the end of `last`."""
    tz = ZoneInfo(zone)
    at = datetime(first.year, first.month, first.day, tzinfo=UTC) - timedelta(days=400)
    before: object = None
    start = at
    while (wall := at.astimezone(tz)).date() <= last:
        key = unit(wall)
        if key != before:
            before, start = key, at
            is_noted = False
        if wall.date() >= first and not is_noted:
            is_noted = True
            yield start
        at += QUARTER


def test_every_zone_changes_twice() -> None:
    assert len(EDGES) == 12


@pytest.mark.parametrize("zone, edge", EDGES)
@pytest.mark.parametrize("interval", UNITS)
def test_buckets_are_those_of_a_plain_walk(zone: str, edge: datetime, interval: str) -> None:
    around = timedelta(days=DAYS_AROUND[interval])
    first, last = (edge - around).date(), (edge + around).date()
    ctx = DateContext(now=edge, timezone=zone, week_start=WEEK_START)
    found = resolve_range(DateRange(date_from=f"{first}", date_to=f"{last}"), Interval(interval), ctx)
    buckets = [bucket.astimezone(UTC) for bucket in found.buckets()]
    expected = list(walked(zone, first, last, UNITS[interval]))
    if zone == "Australia/Lord_Howe" and interval == "hour":
        # The hour that is cut by the change begins at a full hour of the offset in force after it.
        assert len(buckets) == len(expected)
        assert sum(a != b for a, b in zip(buckets, expected, strict=True)) == 1
    else:
        assert buckets == expected


@pytest.mark.parametrize("zone, edge", EDGES)
@pytest.mark.parametrize("interval", UNITS)
def test_every_instant_belongs_to_a_listed_bucket(zone: str, edge: datetime, interval: str) -> None:
    ctx = DateContext(now=edge, timezone=zone, week_start=WEEK_START)
    first, last = (edge - timedelta(days=2)).date(), (edge + timedelta(days=2)).date()
    found = resolve_range(DateRange(date_from=f"{first}", date_to=f"{last}"), Interval(interval), ctx)
    listed = [bucket.astimezone(UTC) for bucket in found.buckets()]
    at = found.date_from.astimezone(UTC)
    while at <= found.date_to.astimezone(UTC):
        start = bucket_start(at.astimezone(found.zone), Interval(interval), WEEK_START)
        assert start.astimezone(UTC) in listed
        at += QUARTER


@pytest.mark.parametrize("zone, edge", EDGES)
@pytest.mark.parametrize(
    "interval, step", [("minute", timedelta(minutes=1)), ("second", timedelta(seconds=1))]
)
def test_short_buckets_are_equal_steps_of_time(
    zone: str, edge: datetime, interval: str, step: timedelta
) -> None:
    tz = ZoneInfo(zone)
    first, last = (edge - 90 * step).astimezone(tz), (edge + 90 * step).astimezone(tz)
    written = DateRange(date_from=first.isoformat(), date_to=last.isoformat())
    found = resolve_range(written, Interval(interval), DateContext(now=edge, timezone=zone))
    buckets = [bucket.astimezone(UTC) for bucket in found.buckets()]
    assert buckets == [first.astimezone(UTC) + n * step for n in range(181)]


@pytest.mark.parametrize("zone, edge", EDGES)
def test_days_are_whole_local_days(zone: str, edge: datetime) -> None:
    local = edge.astimezone(ZoneInfo(zone)).date()
    first, last = local - timedelta(days=3), local + timedelta(days=3)
    ctx = DateContext(now=edge, timezone=zone)
    found = resolve_range(DateRange(date_from=f"{first}", date_to=f"{last}"), Interval.DAY, ctx)
    assert days(found.buckets(), Interval.DAY) == [f"{first + timedelta(days=n)}" for n in range(7)]
    length = found.events_before.astimezone(UTC) - found.date_from.astimezone(UTC)
    assert abs(length - timedelta(days=7)) in (timedelta(0), timedelta(minutes=30), timedelta(hours=1))
    before = previous_period(found, ctx)
    assert days(before.buckets(), Interval.DAY) == [f"{first - timedelta(days=n)}" for n in range(7, 0, -1)]


@pytest.mark.parametrize("zone, edge", EDGES)
def test_hours_ago_are_elapsed_hours(zone: str, edge: datetime) -> None:
    ctx = DateContext(now=edge + timedelta(hours=1), timezone=zone)
    found = resolve_range(DateRange(date_from="-3h"), Interval.MINUTE, ctx)
    assert found.date_from.astimezone(UTC) == edge - timedelta(hours=2)
    assert len(found.buckets()) == 181


def test_a_day_that_an_island_skipped_is_no_bucket() -> None:
    ctx = DateContext(now=datetime(2012, 1, 5, tzinfo=UTC), timezone="Pacific/Apia")
    found = resolve_range(DateRange(date_from="2011-12-28", date_to="2012-01-01"), Interval.DAY, ctx)
    assert days(found.buckets(), Interval.DAY) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
