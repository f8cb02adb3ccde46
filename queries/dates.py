"""When: from written dates to a range of instants, its buckets and the period to compare with.

Pure: the clock, the zone and the first day of the week come in as a `DateContext`. Every instant given
out is aware and in the project's zone (semantics A1). Beware that Python compares and subtracts two
times of the same zone by their wall clocks, which is wrong in the hour that occurs twice: compare
`.astimezone(UTC)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from queries.date_text import (
    CALENDAR_SHIFTS,
    CLOCK_SHIFTS,
    FIRST_DAYS,
    RELATIVE,
    TICK,
    DateContext,
    DateContextLike,
    FilterInstant,
    WrittenDate,
    aware,
    end_of_day,
    is_date_text,
    next_first_day,
    read_date,
    read_instant,
    shift_instant,
    start_of_clock_unit,
    start_of_day,
    wall_clock,
)
from queries.errors import InvalidQuery
from queries.nodes import DateRange
from queries.vocabulary import Interval

__all__ = [
    "DateContext",
    "DateContextLike",
    "FilterInstant",
    "ResolvedRange",
    "WrittenDate",
    "bucket_start",
    "bucket_starts",
    "is_date_text",
    "previous_period",
    "read_compare_to",
    "read_date",
    "read_instant",
    "resolve_range",
]

MAX_BUCKETS = 10_000  # api U5
DEFAULT_DAYS = 7  # semantics A2
QUARTER_HOUR = timedelta(minutes=15)

# Interval -> unit letter of the date grammar.
UNITS = {
    Interval.SECOND: "s",
    Interval.MINUTE: "M",
    Interval.HOUR: "h",
    Interval.DAY: "d",
    Interval.WEEK: "w",
    Interval.MONTH: "m",
    Interval.QUARTER: "q",
    Interval.YEAR: "y",
}
UNTRUNCATED = frozenset({Interval.SECOND, Interval.MINUTE})  # semantics A5
WHOLE_UNITS = frozenset({"w", "m", "q", "y"})  # semantics A26


@dataclass(frozen=True, slots=True)
class ResolvedRange:
    """The range of a query in instants, both ends inclusive (semantics A7).

    `date_from` follows A5, `date_to` A6. `written_from` and `written_to` are the texts as understood,
    None where the default (or `all`) applied. `is_explicit` is A8, `is_all` A9.
    """

    date_from: datetime
    date_to: datetime
    interval: Interval
    week_start: int = 0
    is_explicit: bool = False
    is_all: bool = False
    now: datetime | None = None
    written_from: WrittenDate | None = None
    written_to: WrittenDate | None = None

    @property
    def zone(self) -> ZoneInfo:
        zone = self.date_from.tzinfo
        assert isinstance(zone, ZoneInfo)
        return zone

    @property
    def is_empty(self) -> bool:
        """Inverted: no buckets, no data, no error (semantics A10)."""
        return self.date_from.astimezone(UTC) > self.date_to.astimezone(UTC)

    @property
    def events_from(self) -> datetime:
        """The first instant whose events a bucketed insight counts: the start of the first bucket,
        but for weeks only the start of the day, and nothing earlier than written where A14 says so.
        """
        if not self._is_widened:
            return self.date_from
        if self.interval is Interval.WEEK:
            return start_of_day(self.date_from.date(), self.zone)
        return bucket_start(self.date_from, self.interval, self.week_start)

    @property
    def events_before(self) -> datetime:
        """The exclusive end: the whole last second belongs to the range (semantics A7)."""
        return shift_instant(self.date_to.replace(microsecond=0), timedelta(seconds=1))

    @property
    def _is_widened(self) -> bool:
        if self.is_explicit:
            return False
        unit = self.written_from.unit if self.written_from else None
        if unit is None:
            return True
        if self.interval in (Interval.SECOND, Interval.MINUTE, Interval.HOUR):
            return False
        return not (self.interval is Interval.DAY and unit == "h")

    def buckets(
        self,
        interval: Interval | None = None,
        *,
        hide_weekends: bool = False,
        complete_only: bool = False,
    ) -> list[datetime]:
        """Every bucket start of the range, in order (semantics A11, A16); `interval` overrides.

        `hide_weekends` leaves out days that are Saturday or Sunday (D60), `complete_only` the running
        bucket if no end was asked for and another one remains (A15). More than 10,000: InvalidQuery.
        """
        unit = interval or self.interval
        if self.is_empty:
            return []
        found = list(bucket_starts(self.date_from, self.date_to, unit, self.week_start))
        if hide_weekends and unit is Interval.DAY:
            found = [start for start in found if start.isoweekday() < 6]
        if complete_only and self.written_to is None and self._is_running(found, unit):
            found.pop()
        return found

    def _is_running(self, found: list[datetime], unit: Interval) -> bool:
        if len(found) < 2 or self.now is None:
            return False
        return found[-1] == bucket_start(self.now.astimezone(self.zone), unit, self.week_start)


# --- resolving ---------------------------------------------------------------------------------------


def resolve_range(
    date_range: DateRange | None,
    interval: Interval,
    ctx: DateContextLike,
    *,
    earliest: datetime | None = None,
) -> ResolvedRange:
    """The instants that a written range means now (semantics A2-A9).

    `earliest` is the instant at which `all` begins; None means there is no event, hence the default
    range. InvalidQuery at `dateRange__date_from` / `dateRange__date_to` for a text that is no date.
    """
    written = date_range or DateRange()
    zone = ZoneInfo(ctx.timezone)
    is_all = written.date_from == "all"
    start = None if is_all or not written.date_from else _read(written.date_from, ctx, "date_from")
    end = _read(written.date_to, ctx, "date_to") if written.date_to else None
    explicit = written.explicit_date
    if is_all and earliest is not None:
        date_from = earliest.astimezone(zone)
    else:
        date_from = _date_from(start, interval, ctx, zone, explicit)
    return ResolvedRange(
        date_from=date_from,
        date_to=_date_to(end, interval, ctx.now.astimezone(zone), explicit),
        interval=interval,
        week_start=ctx.week_start,
        is_explicit=explicit,
        is_all=is_all,
        now=ctx.now.astimezone(zone),
        written_from=start,
        written_to=end,
    )


def _read(text: str, ctx: DateContextLike, name: str) -> WrittenDate:
    return read_date(text, ctx, attr=f"dateRange__{name}")


def _date_from(
    written: WrittenDate | None, interval: Interval, ctx: DateContextLike, zone: ZoneInfo, explicit: bool
) -> datetime:
    if written is None:  # A2
        today = ctx.now.astimezone(zone).date()
        return start_of_day(today - timedelta(days=DEFAULT_DAYS), zone)
    if not written.is_relative or explicit or interval in UNTRUNCATED:  # A5, A8
        return written.at
    if written.unit == "h":
        return start_of_clock_unit(written.at, "h")
    return start_of_day(written.at.date(), zone)


def _date_to(written: WrittenDate | None, interval: Interval, now: datetime, explicit: bool) -> datetime:
    """A6: the end of the day, or of the running hour, minute or second."""
    at = written.at if written else now
    if explicit:
        return at
    unit = UNITS[interval]
    is_bare_day = written is not None and not written.has_time  # api T11: as date_to its last moment
    if unit not in CLOCK_SHIFTS or is_bare_day:
        zone = at.tzinfo
        assert isinstance(zone, ZoneInfo)
        return end_of_day(at.date(), zone)
    if written is not None and not written.is_relative:
        return at
    return shift_instant(start_of_clock_unit(at, unit), CLOCK_SHIFTS[unit] - TICK)


# --- buckets -----------------------------------------------------------------------------------------


def bucket_start(at: datetime, interval: Interval, week_start: int = 0) -> datetime:
    """Start of the bucket that holds an instant (aware, in the project's zone; semantics A11-A14)."""
    unit = UNITS[interval]
    if unit in CLOCK_SHIFTS:
        return start_of_clock_unit(at, unit)
    zone = at.tzinfo
    assert isinstance(zone, ZoneInfo)
    return start_of_day(FIRST_DAYS[unit](at.date(), week_start), zone)


def bucket_starts(
    first: datetime, last: datetime, interval: Interval, week_start: int = 0
) -> Iterator[datetime]:
    """The starts of the buckets from the one holding `first` while start <= `last`, in project time.

    InvalidQuery at `interval` when there are more than 10,000 (api U5).
    """
    step = _clock_steps if UNITS[interval] in CLOCK_SHIFTS else _calendar_steps
    end = last.astimezone(UTC)
    for count, start in enumerate(step(first, interval, week_start), start=1):
        if start.astimezone(UTC) > end:
            return
        if count > MAX_BUCKETS:
            raise InvalidQuery(
                f"The date range has more than {MAX_BUCKETS} {interval}s; choose a longer interval.",
                attr="interval",
            )
        yield start


def _calendar_steps(first: datetime, interval: Interval, week_start: int) -> Iterator[datetime]:
    zone = first.tzinfo
    assert isinstance(zone, ZoneInfo)
    unit = UNITS[interval]
    day = FIRST_DAYS[unit](first.date(), week_start)
    while True:
        following = next_first_day(day, unit)
        start, end = start_of_day(day, zone), start_of_day(following, zone)
        if start.astimezone(UTC) < end.astimezone(UTC):  # islands that crossed the date line skipped a day
            yield start
        day = following


def _clock_steps(first: datetime, interval: Interval, week_start: int) -> Iterator[datetime]:
    unit = UNITS[interval]
    start = start_of_clock_unit(first, unit)
    while True:
        yield start
        following = shift_instant(start, CLOCK_SHIFTS[unit])
        if unit == "h" and following.minute:  # half an hour was put in or taken out (Lord Howe Island)
            following = _hour_after(start)
        start = following


def _hour_after(start: datetime) -> datetime:
    for quarters in range(1, 9):
        found = start_of_clock_unit(shift_instant(start, quarters * QUARTER_HOUR), "h")
        if found.astimezone(UTC) > start.astimezone(UTC):
            return found
    raise AssertionError("no local hour begins within two hours")


# --- comparing ---------------------------------------------------------------------------------------


def previous_period(
    current: ResolvedRange, ctx: DateContextLike, compare_to: str | None = None
) -> ResolvedRange:
    """The period that `current` is compared with (semantics A21, A22, A25-A27).

    `compare_to` is a relative text such as `-1m`; InvalidQuery at `compareFilter__compare_to` if not.
    The number of buckets may differ by one for months and longer (A24).
    """
    if compare_to:
        return _moved(current, _moved_start(current, ctx, compare_to))
    if _is_running_unit(current):
        return _whole_previous_unit(current)
    return _moved(current, _aligned_start(current))


def read_compare_to(text: str) -> tuple[int, str]:
    """`-1w` -> (1, "w"); the sign does not matter (api S.2)."""
    match = RELATIVE.fullmatch(text)
    if match is None or match["number"] is None or match["position"]:
        raise InvalidQuery(
            f'"{text}" is not a period to compare with; use -1w, -1m or -1y.',
            attr="compareFilter__compare_to",
        )
    return int(match["number"]), match["unit"]


def _moved(current: ResolvedRange, start: datetime) -> ResolvedRange:
    """The same length from another start; `start` is a wall-clock time."""
    length = wall_clock(current.date_to) - wall_clock(current.date_from)
    return replace(
        current,
        date_from=aware(start, current.zone),
        date_to=_aware_end(start + length, current.zone),
    )


def _aware_end(wall: datetime, zone: ZoneInfo) -> datetime:
    return end_of_day(wall.date(), zone) if wall.time() == time.max else aware(wall, zone, last=True)


def _moved_start(current: ResolvedRange, ctx: DateContextLike, compare_to: str) -> datetime:
    number, unit = read_compare_to(compare_to)
    if ctx.human_friendly_comparison_periods and unit in ("m", "y"):  # A25: weekdays line up
        number, unit = number * (4 if unit == "m" else 52), "w"
    start = wall_clock(current.date_from)
    try:
        return (
            start - number * CLOCK_SHIFTS[unit]
            if unit in CLOCK_SHIFTS
            else CALENDAR_SHIFTS[unit](start, -number)
        )
    except (OverflowError, ValueError) as exc:
        raise InvalidQuery(f'"{compare_to}" goes back too far.', attr="compareFilter__compare_to") from exc


def _aligned_start(current: ResolvedRange) -> datetime:
    """A21: one length back, onto the same time of day; on an earlier day if the range is a part of one."""
    start, end = wall_clock(current.date_from), wall_clock(current.date_to)
    previous = datetime.combine((start - (end - start)).date(), start.time())
    if previous >= start:
        previous = start - timedelta(days=1)
    return previous + timedelta(days=1) if _is_whole_weeks(current) else previous


def _is_whole_weeks(current: ResolvedRange) -> bool:
    """A22: `-7d`, `-14d`... and the default, by day, up to a day that was not written relatively."""
    if current.interval is not Interval.DAY or current.is_all:
        return False
    if current.written_to is not None and current.written_to.is_relative:
        return False
    written = current.written_from
    if written is None:
        return True
    return written.unit == "d" and written.number > 0 and written.number % 7 == 0


def _is_running_unit(current: ResolvedRange) -> bool:
    written = current.written_from
    return (
        written is not None
        and current.written_to is None
        and written.unit in WHOLE_UNITS
        and written.number == 0
        and written.position == "Start"
    )


def _whole_previous_unit(current: ResolvedRange) -> ResolvedRange:
    """A26: `mStart` without an end is compared with the whole month before."""
    assert current.written_from is not None and current.written_from.unit is not None
    last = current.written_from.at.date() - timedelta(days=1)
    first = FIRST_DAYS[current.written_from.unit](last, current.week_start)
    return replace(
        current,
        date_from=start_of_day(first, current.zone),
        date_to=end_of_day(last, current.zone),
    )
