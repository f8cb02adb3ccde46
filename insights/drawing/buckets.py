"""Buckets of time: what to write below them, and which of them are not over yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LENGTHS: Mapping[str, Callable[[datetime], datetime]] = {
    "second": lambda start: start + timedelta(seconds=1),
    "minute": lambda start: start + timedelta(minutes=1),
    "hour": lambda start: start + timedelta(hours=1),
    "day": lambda start: start + timedelta(days=1),
    "week": lambda start: start + timedelta(days=7),
    "month": lambda start: (start.replace(day=1) + timedelta(days=32)).replace(day=1),
}


def axis_labels(days: Sequence[Any], labels: Sequence[str], interval: str) -> list[str]:
    """Short texts below the buckets; the given labels where the buckets are no dates (stickiness)."""
    starts = [_start(day) for day in days]
    if not starts or None in starts or len(starts) != len(days):
        return [str(label) for label in labels]
    known = [start for start in starts if start]
    years = len({start.year for start in known}) > 1
    single_day = len({start.date() for start in known}) == 1
    return [_written(start, interval, years=years, single_day=single_day) for start in known]


def finished(days: Sequence[Any], interval: str, known_until: datetime | None, timezone: str) -> int:
    """How many buckets, from the first, end by `known_until`; all of them when that is open."""
    if known_until is None or interval not in LENGTHS:
        return len(days)
    now = known_until.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    starts = [_start(day) for day in days]
    over = [start is None or LENGTHS[interval](start) <= now for start in starts]
    return over.index(False) if False in over else len(over)


def _start(day: Any) -> datetime | None:
    """The wall-clock start of a bucket."""
    if not isinstance(day, str):
        return None
    try:
        return datetime.fromisoformat(day).replace(tzinfo=None)
    except ValueError:
        return None


def _written(start: datetime, interval: str, *, years: bool, single_day: bool) -> str:
    day, year = f"{start.day} {start:%b}", f" {start.year}" if years else ""
    match interval:
        case "month":
            return f"{start:%b} {start.year}"
        case "hour" | "minute" | "second":
            return f"{start:%H:%M}" if single_day else f"{day} {start:%H:%M}"
        case _:
            return day + year
