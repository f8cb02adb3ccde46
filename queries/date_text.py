"""Dates as people and clients write them: the grammar of api T11 and its meaning (semantics A3, A4).

Nothing here knows about intervals or buckets; `queries.dates` decides what a written date becomes as the
end of a range. Two kinds of arithmetic, never mixed: calendar units (days and longer) move the wall
clock of the project's zone, clock units (hours and shorter) move the instant.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from queries.errors import InvalidQuery

Position = Literal["Start", "End"]
POSITIONS: dict[str, Position] = {"Start": "Start", "End": "End"}
TICK = timedelta(microseconds=1)
FIRST_YEAR, LAST_YEAR = 1900, 2299  # what the event store can compare

RELATIVE = re.compile(r"-?(?P<number>[0-9]{1,5})?(?P<unit>[hdwmqyMs])(?P<position>Start|End)?")
DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
TIME = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2})[T ](?P<time>\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)"
    r"(?P<offset>\s?[Zz]|\s?[+-]\d{2}(:?\d{2})?)?",
    re.ASCII,
)


class DateContextLike(Protocol):
    """What dates depend on: one instant, one zone, one first day of the week.

    `now` is aware; `week_start` is 0 for Sunday, 1 for Monday .. 6 for Saturday (semantics A13).
    """

    @property
    def now(self) -> datetime: ...
    @property
    def timezone(self) -> str: ...
    @property
    def week_start(self) -> int: ...
    @property
    def human_friendly_comparison_periods(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class DateContext:
    """The smallest value that satisfies `DateContextLike`."""

    now: datetime
    timezone: str = "UTC"
    week_start: int = 0
    human_friendly_comparison_periods: bool = False


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date text understood: the instant it names (aware, project zone) and how it was written.

    `unit` and `number` are set for relative texts only; `number` 0 means none was written.
    `has_time` is False for a bare day.
    """

    at: datetime
    unit: str | None = None
    number: int = 0
    position: Position | None = None
    has_time: bool = True

    @property
    def is_relative(self) -> bool:
        return self.unit is not None


@dataclass(frozen=True, slots=True)
class FilterInstant:
    """The value of a date filter; `end_of_day` (exclusive) is set when only a day was written (C25)."""

    at: datetime
    end_of_day: datetime | None = None


# --- the grammar -------------------------------------------------------------------------------------


def is_date_text(text: str, *, allow_all: bool = False) -> bool:
    """Whether a text has a meaning as a date at all (api T11), whatever the clock says."""
    if text == "all":
        return allow_all
    if RELATIVE.fullmatch(text):
        return True
    try:
        return _read_absolute(text, ZoneInfo("UTC")) is not None
    except (ValueError, OverflowError):
        return False


def read_date(text: str, ctx: DateContextLike, *, attr: str | None = None) -> WrittenDate:
    """The date a text names. InvalidQuery at `attr` when it names none or lies outside 1900-2299."""
    zone = ZoneInfo(ctx.timezone)
    try:
        found = _read_relative(text, ctx, zone) or _read_absolute(text, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None or not FIRST_YEAR <= found.at.year <= LAST_YEAR:
        raise InvalidQuery(
            f'"{text}" is not a date; use 2024-03-10, 2024-03-10T06:00:00Z, -7d or mStart.', attr=attr
        )
    return found


def read_instant(value: object, ctx: DateContextLike) -> FilterInstant | None:
    """The value of a date filter (semantics C23-C25); None when it is no date.

    Relative texts need a number and are not truncated (C24). Bare numbers are unix seconds.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return _unix_instant(value) or _written_instant(str(value).strip(), ctx)
    except (ValueError, OverflowError, InvalidQuery):
        return None


def _unix_instant(value: str | int | float) -> FilterInstant | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return FilterInstant(datetime.fromtimestamp(seconds, UTC))


def _written_instant(text: str, ctx: DateContextLike) -> FilterInstant | None:
    relative = RELATIVE.fullmatch(text)
    if relative and (relative["number"] is None or relative["position"]):
        return None
    found = read_date(text, ctx)
    if found.has_time:
        return FilterInstant(found.at)
    return FilterInstant(found.at, start_of_day(found.at.date() + timedelta(days=1), ZoneInfo(ctx.timezone)))


# --- the wall clock of a zone ------------------------------------------------------------------------


def aware(wall: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """A wall-clock time as an instant; of an hour that occurs twice the first one, or the last.

    A time that a spring change skips becomes the moment after the change: midnight on such a day is the
    first instant of the day.
    """
    return wall.replace(tzinfo=zone, fold=int(last)).astimezone(UTC).astimezone(zone)


def midnight(day: date) -> datetime:
    """The wall-clock midnight at which a day begins, whether the zone has one or not."""
    return datetime.combine(day, time.min)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return aware(midnight(day), zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last microsecond of a local day, which may have 23, 24 or 25 hours (semantics A16)."""
    return shift_instant(start_of_day(day + timedelta(days=1), zone), -TICK)


def shift_instant(at: datetime, by: timedelta) -> datetime:
    """Later by elapsed time. (`at + by` would move the wall clock and be wrong across a change.)"""
    return (at.astimezone(UTC) + by).astimezone(at.tzinfo)


def wall_clock(at: datetime) -> datetime:
    """The wall-clock time without zone; midnight for the first instant of a day that has no midnight."""
    zone = at.tzinfo
    assert isinstance(zone, ZoneInfo)
    is_first = start_of_day(at.date(), zone).astimezone(UTC) == at.astimezone(UTC)
    return midnight(at.date()) if is_first else at.replace(tzinfo=None, fold=0)


def shift_months(wall: datetime, months: int) -> datetime:
    """Calendar months later; the day is clamped to the month's length (semantics A4)."""
    index = wall.year * 12 + wall.month - 1 + months
    year, month = divmod(index, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))


# Days and longer: wall clock, number of units -> wall clock (semantics A4; a quarter is 13 weeks).
Shift = Callable[[datetime, int], datetime]
CALENDAR_SHIFTS: dict[str, Shift] = {
    "d": lambda wall, n: wall + timedelta(days=n),
    "w": lambda wall, n: wall + timedelta(weeks=n),
    "m": shift_months,
    "q": lambda wall, n: wall + timedelta(weeks=13 * n),
    "y": lambda wall, n: shift_months(wall, 12 * n),
}
# With Start or End a quarter is a calendar quarter, else the last day of December would name October.
POSITIONED_SHIFTS: dict[str, Shift] = {
    **CALENDAR_SHIFTS,
    "q": lambda wall, n: shift_months(wall.replace(day=1), 3 * n),
}
CLOCK_SHIFTS = {"h": timedelta(hours=1), "M": timedelta(minutes=1), "s": timedelta(seconds=1)}

# First day of the calendar unit that holds a day: day, first day of the week -> day.
FIRST_DAYS: dict[str, Callable[[date, int], date]] = {
    "d": lambda day, _: day,
    "w": lambda day, week_start: day - timedelta(days=(day.isoweekday() - week_start) % 7),
    "m": lambda day, _: day.replace(day=1),
    "q": lambda day, _: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "y": lambda day, _: day.replace(month=1, day=1),
}


def next_first_day(first: date, unit: str) -> date:
    """The first day of the unit after the one that begins with `first`."""
    if unit in ("d", "w"):
        return first + timedelta(days=1 if unit == "d" else 7)
    months = {"m": 1, "q": 3, "y": 12}[unit]
    return shift_months(midnight(first), months).date()


def start_of_clock_unit(at: datetime, unit: str) -> datetime:
    """Start of the local hour, minute or second that holds an instant."""
    past = timedelta(microseconds=at.microsecond)
    if unit != "s":
        past += timedelta(seconds=at.second)
    if unit == "h":
        past += timedelta(minutes=at.minute)
    return shift_instant(at, -past)


# --- reading -----------------------------------------------------------------------------------------


def _read_relative(text: str, ctx: DateContextLike, zone: ZoneInfo) -> WrittenDate | None:
    match = RELATIVE.fullmatch(text)
    if match is None:
        return None
    unit, number = match["unit"], int(match["number"] or 0)
    position = POSITIONS.get(match["position"] or "")
    now = ctx.now.astimezone(zone)
    if unit in CLOCK_SHIFTS:
        at = _position_clock(shift_instant(now, -number * CLOCK_SHIFTS[unit]), unit, position)
    else:
        at = _position_calendar(now, unit, number, position, ctx.week_start)
    return WrittenDate(at, unit, number, position)


def _position_clock(at: datetime, unit: str, position: Position | None) -> datetime:
    if position is None:
        return at
    start = start_of_clock_unit(at, unit)
    return start if position == "Start" else shift_instant(start, CLOCK_SHIFTS[unit] - TICK)


def _position_calendar(
    now: datetime, unit: str, number: int, position: Position | None, week_start: int
) -> datetime:
    zone = now.tzinfo
    assert isinstance(zone, ZoneInfo)
    if position is None:
        return now if number == 0 else aware(CALENDAR_SHIFTS[unit](wall_clock(now), -number), zone)
    day = POSITIONED_SHIFTS[unit](wall_clock(now), -number).date()
    first = FIRST_DAYS[unit](day, week_start)
    if position == "Start":
        return start_of_day(first, zone)
    return end_of_day(next_first_day(first, unit) - timedelta(days=1), zone)


def _read_absolute(text: str, zone: ZoneInfo) -> WrittenDate | None:
    day = DAY.fullmatch(text)
    if day:
        year, month, number = (int(part) for part in day.groups())
        return WrittenDate(start_of_day(date(year, month, number), zone), has_time=False)
    match = TIME.fullmatch(text)
    if match is None:
        return None
    year, month, number = (int(part) for part in match["day"].split("-"))
    offset = (match["offset"] or "").strip().upper()
    written = datetime.fromisoformat(
        f"{year:04}-{month:02}-{number:02}T{match['time'].replace(',', '.')}{offset}"
    )
    at = written.astimezone(zone) if written.tzinfo else aware(written, zone)
    return WrittenDate(at)
