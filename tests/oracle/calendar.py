"""Buckets by walking the clock of a zone, without any date library but zoneinfo (semantics A11-A17)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.oracle.world import World

Key = Any  # a date for calendar units, an instant for clock units


def first_day(day: date, interval: str, week_start: int) -> date:
    if interval == "week":
        return day - timedelta(days=(day.isoweekday() - week_start) % 7)
    if interval == "month":
        return day.replace(day=1)
    if interval == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if interval == "year" else day


def key(at: datetime, interval: str, world: World) -> Key:
    """The bucket of an instant."""
    local = at.astimezone(world.tz)
    if interval != "hour":
        return first_day(local.date(), interval, world.week_start)
    # The start of the local hour as an instant: the last instant with minute 0 at or before `at`.
    probe = at.astimezone(UTC).replace(second=0, microsecond=0)
    while probe.astimezone(world.tz).minute:
        probe -= timedelta(minutes=1)
    return probe


def start_of_day(day: date, world: World) -> datetime:
    """The first instant of a local day."""
    return datetime.combine(day, time(), tzinfo=world.tz).astimezone(UTC)


def buckets(first: date, last: date, interval: str, world: World) -> list[Key]:
    """All buckets of the days first..last, in order, each once."""
    step = timedelta(minutes=15) if interval == "hour" else timedelta(hours=12)
    at, end = start_of_day(first, world), start_of_day(last + timedelta(days=1), world)
    found: list[Key] = []
    while at < end:
        bucket = key(at, interval, world)
        if not found or found[-1] != bucket:
            found.append(bucket)
        at += step
    return found


def counted_from(first: date, interval: str) -> date:
    """The first day whose events count: months are widened, weeks are not (A14)."""
    return first.replace(day=1) if interval == "month" else first
