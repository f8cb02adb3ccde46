"""How buckets are printed: `days` and `labels` of an answer (semantics A18-A20)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from queries.dates import ResolvedRange
from queries.vocabulary import Interval

Style = Literal["legacy", "current"]

CLOCK_UNITS = frozenset({Interval.SECOND, Interval.MINUTE, Interval.HOUR})
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def bucket_text(bucket: datetime, interval: Interval) -> str:
    """The bucket start in the project's zone, without offset: `2024-03-10` or `2024-03-10 13:00:00`."""
    start = bucket.replace(minute=0) if interval is Interval.HOUR else bucket
    return f"{start:%Y-%m-%d %H:%M:%S}" if interval in CLOCK_UNITS else f"{start:%Y-%m-%d}"


def days(buckets: Sequence[datetime], interval: Interval) -> list[str]:
    """A18: the texts of `days`."""
    return [bucket_text(bucket, interval) for bucket in buckets]


def labels(
    buckets: Sequence[datetime], period: ResolvedRange, style: Style, *, is_compared: bool = False
) -> list[str]:
    """A19: the texts of `labels`. In a comparison the legacy style counts: `day 0`, `day 1` (A20)."""
    if style == "legacy" and is_compared:
        return [f"{period.interval} {position}" for position in range(len(buckets))]
    if style == "current" and period.interval is Interval.WEEK:
        return [_week(bucket.date(), period) for bucket in buckets]
    label = (LEGACY_LABELS if style == "legacy" else CURRENT_LABELS)[period.interval]
    return [label(bucket) for bucket in buckets]


def _day(at: date) -> str:
    return f"{at.day}-{MONTHS[at.month - 1]}-{at.year}"


def _day_and_month(at: date) -> str:
    return f"{at.day}-{MONTHS[at.month - 1]}"


def _minute(at: datetime) -> str:
    return f"{_day_and_month(at)} {at:%H:%M}"


def _week(first: date, period: ResolvedRange) -> str:
    """The part of the week that lies in the range: `7–13 Jan`."""
    start = max(first, period.date_from.date())
    end = min(first + timedelta(days=6), period.date_to.date())
    if start >= end:
        return _day(start)
    if start.year != end.year:
        return f"{_day(start)} – {_day(end)}"
    if start.month != end.month:
        return f"{_day_and_month(start)} – {_day_and_month(end)}"
    return f"{start.day}–{end.day} {MONTHS[end.month - 1]}"


LEGACY_LABELS: dict[Interval, Callable[[datetime], str]] = {
    Interval.SECOND: lambda at: f"{_minute(at)}:{at:%S}",
    Interval.MINUTE: _minute,
    Interval.HOUR: lambda at: f"{_day(at)} {at:%H}:00",
    Interval.DAY: _day,
    Interval.WEEK: _day,
    Interval.MONTH: _day,
    Interval.QUARTER: _day,
    Interval.YEAR: _day,
}
CURRENT_LABELS: dict[Interval, Callable[[datetime], str]] = {
    **LEGACY_LABELS,
    Interval.HOUR: lambda at: f"{_day_and_month(at)} {at:%H}:00",
    Interval.MONTH: lambda at: f"{MONTHS[at.month - 1]} {at.year}",
    Interval.QUARTER: lambda at: f"Q{(at.month - 1) // 3 + 1} {at.year}",
    Interval.YEAR: lambda at: f"{at.year}",
}
