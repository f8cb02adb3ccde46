"""Ranges, buckets and labels: every example of semantics A and api T11 as a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queries.date_labels import bucket_text, days, labels
from queries.dates import (
    DateContext,
    ResolvedRange,
    bucket_start,
    is_date_text,
    previous_period,
    read_date,
    read_instant,
    resolve_range,
)
from queries.errors import InvalidQuery
from queries.nodes import DateRange
from queries.vocabulary import Interval

WEDNESDAY = datetime(2024, 3, 13, 15, 20, tzinfo=UTC)
CTX = DateContext(now=WEDNESDAY)


def resolve(
    date_from: str | None = None,
    date_to: str | None = None,
    interval: str = "day",
    ctx: DateContext = CTX,
    explicit: bool = False,
    earliest: datetime | None = None,
) -> ResolvedRange:
    written = DateRange(date_from=date_from, date_to=date_to, explicit_date=explicit)
    return resolve_range(written, Interval(interval), ctx, earliest=earliest)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def wall(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


# --- T11, A2-A5: what a text is as date_from ----------------------------------------------------------


@pytest.mark.parametrize(
    "text, interval, expected",
    [
        pytest.param(None, "day", "2024-03-06 00:00:00", id="no date_from is seven days before today"),
        pytest.param("-7d", "day", "2024-03-06 00:00:00", id="-7d is truncated to midnight"),
        pytest.param("7d", "day", "2024-03-06 00:00:00", id="the sign is optional"),
        pytest.param("-24h", "day", "2024-03-12 15:00:00", id="hours are truncated to the hour"),
        pytest.param("-3h", "minute", "2024-03-13 12:20:00", id="by minute nothing is truncated"),
        pytest.param("-90s", "second", "2024-03-13 15:18:30", id="seconds by second"),
        pytest.param("-30M", "minute", "2024-03-13 14:50:00", id="capital M is minutes"),
        pytest.param("-1m", "day", "2024-02-13 00:00:00", id="small m is months"),
        pytest.param("dStart", "day", "2024-03-13 00:00:00", id="dStart is today"),
        pytest.param("-1dStart", "day", "2024-03-12 00:00:00", id="-1dStart is yesterday"),
        pytest.param("wStart", "day", "2024-03-10 00:00:00", id="wStart is Sunday"),
        pytest.param("-1wStart", "day", "2024-03-03 00:00:00", id="-1wStart is the Sunday before"),
        pytest.param("mStart", "day", "2024-03-01 00:00:00", id="mStart"),
        pytest.param("-1mStart", "day", "2024-02-01 00:00:00", id="-1mStart"),
        pytest.param("qStart", "day", "2024-01-01 00:00:00", id="qStart"),
        pytest.param("-1qStart", "day", "2023-10-01 00:00:00", id="-1qStart is the calendar quarter before"),
        pytest.param("-1q", "day", "2023-12-13 00:00:00", id="a quarter is 13 weeks"),
        pytest.param("yStart", "day", "2024-01-01 00:00:00", id="yStart"),
        pytest.param("-1y", "day", "2023-03-13 00:00:00", id="-1y"),
        pytest.param("2024-03-10", "day", "2024-03-10 00:00:00", id="a day is its midnight"),
        pytest.param("2021-1-5", "day", "2021-01-05 00:00:00", id="days need no padding"),
        pytest.param("2024-03-10T06:00:00Z", "day", "2024-03-10 06:00:00", id="a time is kept"),
        pytest.param("2024-03-10 06:00", "day", "2024-03-10 06:00:00", id="a blank instead of T"),
        pytest.param("2024-03-10T06:00:00+02:00", "day", "2024-03-10 04:00:00", id="an offset is converted"),
    ],
)
def test_date_from(text: str | None, interval: str, expected: str) -> None:
    assert resolve(text, interval=interval).date_from == at(f"{expected}+00:00")


def test_monday_weeks() -> None:
    monday = DateContext(now=WEDNESDAY, week_start=1)
    assert resolve("wStart", ctx=monday).date_from == at("2024-03-11T00:00:00+00:00")


@pytest.mark.parametrize(
    "week_start, expected",
    [(0, "03-10"), (1, "03-11"), (2, "03-12"), (3, "03-13"), (4, "03-07"), (5, "03-08"), (6, "03-09")],
    ids=["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
)
def test_a_week_may_start_on_any_day(week_start: int, expected: str) -> None:
    assert (
        f"{bucket_start(WEDNESDAY.astimezone(ZoneInfo('UTC')), Interval.WEEK, week_start):%m-%d}" == expected
    )


@pytest.mark.parametrize(
    "now, text, expected",
    [
        pytest.param("2024-03-31T12:00:00+00:00", "-1m", "2024-02-29", id="31 March less a month"),
        pytest.param("2023-03-31T12:00:00+00:00", "-1m", "2023-02-28", id="in a common year"),
        pytest.param("2024-02-29T12:00:00+00:00", "-1y", "2023-02-28", id="29 February less a year"),
        pytest.param(
            "2024-12-31T12:00:00+00:00", "-1qStart", "2024-07-01", id="the last day of a long quarter"
        ),
    ],
)
def test_month_ends_are_clamped(now: str, text: str, expected: str) -> None:
    assert f"{resolve(text, ctx=DateContext(now=at(now))).date_from:%Y-%m-%d}" == expected


# --- A6: what a text is as date_to --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, interval, expected",
    [
        pytest.param(None, "day", "2024-03-13 23:59:59.999999", id="no date_to is the end of today"),
        pytest.param(None, "hour", "2024-03-13 15:59:59.999999", id="by hour the end of the running hour"),
        pytest.param(None, "minute", "2024-03-13 15:20:59.999999", id="by minute of the running minute"),
        pytest.param(None, "quarter", "2024-03-13 23:59:59.999999", id="by quarter the end of today"),
        pytest.param("-1dEnd", "day", "2024-03-12 23:59:59.999999", id="-1dEnd is the end of yesterday"),
        pytest.param("-1mEnd", "day", "2024-02-29 23:59:59.999999", id="-1mEnd knows short months"),
        pytest.param("-2mEnd", "day", "2024-01-31 23:59:59.999999", id="-2mEnd"),
        pytest.param("yEnd", "day", "2024-12-31 23:59:59.999999", id="yEnd is 31 December"),
        pytest.param("qEnd", "day", "2024-03-31 23:59:59.999999", id="qEnd"),
        pytest.param("wEnd", "day", "2024-03-16 23:59:59.999999", id="wEnd"),
        pytest.param("2024-03-10", "day", "2024-03-10 23:59:59.999999", id="a day is its last moment"),
        pytest.param("2024-03-10", "hour", "2024-03-10 23:59:59.999999", id="also by hour"),
        pytest.param(
            "2024-03-10T06:00:00Z", "day", "2024-03-10 23:59:59.999999", id="by day a time is extended"
        ),
        pytest.param("2024-03-10T06:00:00Z", "hour", "2024-03-10 06:00:00.000000", id="by hour it is kept"),
        pytest.param("-2h", "hour", "2024-03-13 13:59:59.999999", id="a relative hour is filled up"),
    ],
)
def test_date_to(text: str | None, interval: str, expected: str) -> None:
    assert wall(resolve("-7d", text, interval=interval).date_to) == expected


def test_explicit_dates_are_the_bounds() -> None:  # A8
    found = resolve("2024-03-10T06:30:00Z", "2024-03-12T10:00:00Z", explicit=True)
    assert (wall(found.date_from), wall(found.date_to)) == (
        "2024-03-10 06:30:00.000000",
        "2024-03-12 10:00:00.000000",
    )
    assert found.events_from == found.date_from
    assert days(found.buckets(), Interval.DAY) == ["2024-03-10", "2024-03-11", "2024-03-12"]


@pytest.mark.parametrize(
    "date_to, before",
    [
        pytest.param(None, "2024-03-14 00:00:00.000000", id="the last fraction of the day belongs to it"),
        pytest.param(
            "2024-03-10T06:00:00Z", "2024-03-10 06:00:01.000000", id="so does that of a written second"
        ),
    ],
)
def test_the_last_second_is_whole(date_to: str | None, before: str) -> None:  # A7
    assert (
        wall(resolve("-7d", date_to, interval="day" if date_to is None else "hour").events_before) == before
    )


# --- A9, A10 ------------------------------------------------------------------------------------------


def test_all_starts_at_the_earliest_event() -> None:
    found = resolve("all", earliest=at("2024-03-11T09:00:00+00:00"))
    assert days(found.buckets(), Interval.DAY) == ["2024-03-11", "2024-03-12", "2024-03-13"]
    assert wall(found.events_from) == "2024-03-11 00:00:00.000000"


def test_all_without_any_event_is_the_default_range() -> None:
    assert resolve("all").date_from == resolve().date_from


def test_an_inverted_range_has_no_buckets() -> None:
    assert resolve("2024-03-10", "2024-03-01").buckets() == []


# --- A11-A14: buckets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date_from, date_to, interval, count",
    [
        pytest.param(None, None, "day", 8, id="the default range has eight days"),
        pytest.param("-48h", None, "hour", 49, id="48 hours are 49 hourly buckets"),
        pytest.param("-1d", "-1dEnd", "day", 1, id="yesterday is one bucket"),
        pytest.param("-1dStart", "-1dEnd", "day", 1, id="written with Start too"),
        pytest.param("2024-03-10", "2024-03-10", "day", 1, id="one day is one bucket"),
        pytest.param("2023-11-15", "2024-02-15", "month", 4, id="months across a year"),
        pytest.param("2023-05-01", "2024-02-15", "quarter", 4, id="quarters"),
        pytest.param("2020-05-01", "2024-02-15", "year", 5, id="years"),
        pytest.param("-3h", None, "minute", 181, id="three hours by minute"),
    ],
)
def test_number_of_buckets(date_from: str | None, date_to: str | None, interval: str, count: int) -> None:
    assert len(resolve(date_from, date_to, interval).buckets()) == count


@pytest.mark.parametrize(
    "date_from, interval, first_bucket, events_from",
    [
        pytest.param("2024-03-13", "week", "2024-03-10", "2024-03-13 00:00", id="weeks count from the day"),
        pytest.param("2024-03-13T10:00", "week", "2024-03-10", "2024-03-13 00:00", id="from its midnight"),
        pytest.param("2024-03-13", "month", "2024-03-01", "2024-03-01 00:00", id="months count from day 1"),
        pytest.param("2024-03-13T10:00", "day", "2024-03-13", "2024-03-13 00:00", id="days from midnight"),
        pytest.param("-2h", "day", "2024-03-13", "2024-03-13 13:00", id="unless written in hours"),
        pytest.param("-2d", "hour", "2024-03-11 00:00:00", "2024-03-11 00:00", id="hours are not widened"),
    ],
)
def test_the_first_bucket_may_be_partial(
    date_from: str, interval: str, first_bucket: str, events_from: str
) -> None:  # A14
    found = resolve(date_from, interval=interval)
    assert bucket_text(found.buckets()[0], Interval(interval)) == first_bucket
    assert f"{found.events_from:%Y-%m-%d %H:%M}" == events_from


def test_too_many_buckets_name_the_interval() -> None:  # U5
    with pytest.raises(InvalidQuery) as caught:
        resolve("-1y", interval="minute").buckets()
    assert (caught.value.code, caught.value.attr) == ("invalid_input", "interval")


def test_weekends_can_be_hidden() -> None:  # D60
    assert [f"{day:%a}" for day in resolve().buckets(hide_weekends=True)] == [
        "Wed", "Thu", "Fri", "Mon", "Tue", "Wed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "date_from, date_to, last",
    [
        pytest.param("-7d", None, "2024-03-12", id="the running day is dropped"),
        pytest.param("-7d", "2024-03-13", "2024-03-13", id="unless an end was asked for"),
        pytest.param("dStart", None, "2024-03-13", id="or it is the only one"),
    ],
)
def test_only_complete_buckets(date_from: str, date_to: str | None, last: str) -> None:  # A15
    assert f"{resolve(date_from, date_to).buckets(complete_only=True)[-1]:%Y-%m-%d}" == last


def test_event_in_los_angeles_counts_on_its_local_day() -> None:  # A17
    event = at("2024-01-02T07:30:00+00:00").astimezone(ZoneInfo("America/Los_Angeles"))
    assert bucket_text(bucket_start(event, Interval.DAY), Interval.DAY) == "2024-01-01"


# --- A18-A20: texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date_from, date_to, interval, style, expected",
    [
        pytest.param("2024-01-01", "2024-01-01", "day", "legacy", "1-Jan-2024", id="day"),
        pytest.param(
            "2024-01-01T13:00", "2024-01-01T13:00", "hour", "legacy", "1-Jan-2024 13:00", id="hour then"
        ),
        pytest.param("2024-01-01T13:00", "2024-01-01T13:00", "hour", "current", "1-Jan 13:00", id="hour now"),
        pytest.param("2024-01-01T13:05", "2024-01-01T13:05", "minute", "current", "1-Jan 13:05", id="minute"),
        pytest.param("2024-01-05", "2024-01-09", "month", "legacy", "1-Jan-2024", id="month then"),
        pytest.param("2024-01-05", "2024-01-09", "month", "current", "Jan 2024", id="month now"),
        pytest.param("2024-05-05", "2024-05-09", "quarter", "current", "Q2 2024", id="quarter"),
        pytest.param("2024-05-05", "2024-05-09", "year", "current", "2024", id="year"),
        pytest.param("2023-12-31", "2024-01-06", "week", "legacy", "31-Dec-2023", id="week then"),
        pytest.param("2024-01-07", "2024-01-13", "week", "current", "7–13 Jan", id="week in one month"),
        pytest.param(
            "2024-01-28", "2024-02-03", "week", "current", "28-Jan – 3-Feb", id="week in two months"
        ),
        pytest.param(
            "2023-12-31", "2024-01-06", "week", "current", "31-Dec-2023 – 6-Jan-2024", id="week in two years"
        ),
        pytest.param(
            "2024-01-07", "2024-01-07", "week", "current", "7-Jan-2024", id="a single day of a week"
        ),
        pytest.param("2024-01-09", "2024-01-11", "week", "current", "9–11 Jan", id="clipped at both ends"),
    ],
)
def test_labels(date_from: str, date_to: str, interval: str, style: str, expected: str) -> None:
    found = resolve(date_from, date_to, interval)
    assert labels(found.buckets(), found, style) == [expected]  # type: ignore[arg-type]


def test_compared_legacy_labels_count() -> None:  # A20
    found = resolve("-2d")
    assert labels(found.buckets(), found, "legacy", is_compared=True) == ["day 0", "day 1", "day 2"]


def test_days_of_hours_have_a_time() -> None:  # A18
    found = resolve("2024-03-10T01:00", "2024-03-10T02:00", "hour")
    assert days(found.buckets(), Interval.HOUR) == ["2024-03-10 01:00:00", "2024-03-10 02:00:00"]


# --- A16: the hour that occurs twice ------------------------------------------------------------------


def test_the_repeated_hour_is_two_buckets_with_one_text() -> None:
    berlin = DateContext(now=at("2024-11-01T12:00:00+00:00"), timezone="Europe/Berlin")
    found = resolve("2024-10-27", "2024-10-27", "hour", ctx=berlin).buckets()
    assert len(found) == 25
    assert days(found, Interval.HOUR).count("2024-10-27 02:00:00") == 2
    assert len({bucket.astimezone(UTC) for bucket in found}) == 25


# --- A21-A27: the period to compare with --------------------------------------------------------------

JANUARY = DateContext(now=at("2024-01-15T15:20:00+00:00"))


def compared(
    date_from: str | None,
    date_to: str | None = None,
    interval: str = "day",
    ctx: DateContext = JANUARY,
    compare_to: str | None = None,
    **kwargs: datetime,
) -> tuple[str, str]:
    found = previous_period(resolve(date_from, date_to, interval, ctx, **kwargs), ctx, compare_to)  # type: ignore[arg-type]
    return f"{found.date_from:%Y-%m-%d %H:%M}", f"{found.date_to:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    "date_from, date_to, interval, expected",
    [
        pytest.param("-7d", None, "day", ("2024-01-01 00:00", "2024-01-08 23:59"), id="-7d keeps weekdays"),
        pytest.param(None, None, "day", ("2024-01-01 00:00", "2024-01-08 23:59"), id="so does the default"),
        pytest.param("-14d", None, "day", ("2023-12-18 00:00", "2024-01-01 23:59"), id="-14d too"),
        pytest.param("-6d", None, "day", ("2024-01-02 00:00", "2024-01-08 23:59"), id="-6d simply precedes"),
        pytest.param("-7d", None, "week", ("2023-12-31 00:00", "2024-01-07 23:59"), id="not by week"),
        pytest.param(
            "-7d", "-1d", "day", ("2024-01-01 00:00", "2024-01-07 23:59"), id="not to a relative end"
        ),
        pytest.param(
            "2024-01-08", "2024-01-10", "day", ("2024-01-05 00:00", "2024-01-07 23:59"), id="written days"
        ),
        pytest.param(
            "-24h", None, "hour", ("2024-01-13 15:00", "2024-01-14 15:59"), id="hours keep the time"
        ),
        pytest.param(
            "-3h",
            None,
            "hour",
            ("2024-01-14 12:00", "2024-01-14 15:59"),
            id="a part of a day: the day before",
        ),
        pytest.param("dStart", None, "hour", ("2024-01-14 00:00", "2024-01-14 15:59"), id="today by hour"),
        pytest.param(
            "wStart", None, "day", ("2024-01-07 00:00", "2024-01-13 23:59"), id="the whole week before"
        ),
        pytest.param(
            "mStart", None, "day", ("2023-12-01 00:00", "2023-12-31 23:59"), id="the whole month before"
        ),
        pytest.param(
            "qStart", None, "day", ("2023-10-01 00:00", "2023-12-31 23:59"), id="the whole quarter before"
        ),
        pytest.param(
            "yStart", None, "day", ("2023-01-01 00:00", "2023-12-31 23:59"), id="the whole year before"
        ),
        pytest.param(
            "mStart",
            "2024-01-10",
            "day",
            ("2023-12-22 00:00", "2023-12-31 23:59"),
            id="unless an end is written",
        ),
    ],
)
def test_previous_period(
    date_from: str | None, date_to: str | None, interval: str, expected: tuple[str, str]
) -> None:
    assert compared(date_from, date_to, interval) == expected


# The default range begins on Monday 8 January, or on Wednesday 6 March.
@pytest.mark.parametrize(
    "compare_to, friendly, expected",
    [
        pytest.param("-1w", False, ("2024-01-01 00:00", "2024-01-08 23:59"), id="a week"),
        pytest.param("1w", False, ("2024-01-01 00:00", "2024-01-08 23:59"), id="no sign means back as well"),
        pytest.param("-1m", False, ("2023-12-08 00:00", "2023-12-15 23:59"), id="a month"),
        pytest.param("-1y", False, ("2023-01-08 00:00", "2023-01-15 23:59"), id="a year"),
        pytest.param("-1m", True, ("2023-12-11 00:00", "2023-12-18 23:59"), id="a friendly month is 4 weeks"),
        pytest.param("-1y", True, ("2023-01-09 00:00", "2023-01-16 23:59"), id="a friendly year is 52 weeks"),
    ],
)
def test_compare_to(compare_to: str, friendly: bool, expected: tuple[str, str]) -> None:  # A25
    ctx = DateContext(now=JANUARY.now, human_friendly_comparison_periods=friendly)
    assert compared("-7d", ctx=ctx, compare_to=compare_to) == expected


@pytest.mark.parametrize("text", ["yesterday", "mStart", "-1", "w", "-1wStart", ""])
def test_compare_to_is_a_number_of_units(text: str) -> None:
    if text == "":
        assert compared("-7d", compare_to=text) == compared("-7d")
        return
    with pytest.raises(InvalidQuery) as caught:
        compared("-7d", compare_to=text)
    assert caught.value.attr == "compareFilter__compare_to"


def test_all_is_compared_with_the_time_before_the_first_event() -> None:  # A27
    first = at("2024-01-11T10:20:00+00:00")
    assert compared("all", earliest=first) == ("2024-01-06 10:20", "2024-01-10 23:59")


def test_months_may_have_another_number_of_buckets() -> None:  # A24
    current = resolve("2024-01-01", "2024-03-31", "month", ctx=JANUARY)
    assert len(current.buckets()) == 3
    assert len(previous_period(current, JANUARY).buckets()) in (3, 4)


# --- the grammar --------------------------------------------------------------------------------------


NO_DATES = (
    "|fortnight|-7x|2024-13-01|2024-02-30|-123456d|7|-d7|dstart|Start|20240310|2024-03-10T25:00"
    "|2024-W10-3|-7d |٢٠٢٤-٠١-٠١|2024-03-10T06:00:00+2|all"
)


@pytest.mark.parametrize("text", NO_DATES.split("|"))
def test_other_texts_are_no_dates(text: str) -> None:
    assert not is_date_text(text)
    with pytest.raises(InvalidQuery) as caught:
        read_date(text, CTX, attr="dateRange__date_from")
    assert (caught.value.code, caught.value.attr) == ("invalid_input", "dateRange__date_from")


@pytest.mark.parametrize("text", ["-99999y", "-99999m", "-99999d", "0001-01-01", "9999-12-31"])
def test_dates_the_store_cannot_hold_are_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        resolve(text)


def test_all_is_a_start_only() -> None:
    assert is_date_text("all", allow_all=True)
    with pytest.raises(InvalidQuery) as caught:
        resolve("-7d", "all")
    assert caught.value.attr == "dateRange__date_to"


# --- C23-C25: values of date filters ------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, instant, until",
    [
        pytest.param(
            "2024-03-10", "2024-03-10T00:00+01:00", "2024-03-11T00:00+01:00", id="a day is a whole day"
        ),
        pytest.param("2024-03-10T06:00:00Z", "2024-03-10T06:00+00:00", None, id="an instant with Z"),
        pytest.param("2024-03-10 06:00:00", "2024-03-10T06:00+01:00", None, id="no zone is the project's"),
        pytest.param(1710050400, "2024-03-10T06:00+00:00", None, id="unix seconds"),
        pytest.param("1710050400.5", "2024-03-10T06:00:00.500000+00:00", None, id="as text, with a fraction"),
        pytest.param("-3h", "2024-03-13T12:20+00:00", None, id="relative hours are not truncated"),
        pytest.param("-7d", "2024-03-06T15:20+00:00", None, id="nor are days"),
        pytest.param("2w", "2024-02-28T15:20+00:00", None, id="no sign is back as well"),
    ],
)
def test_instant_of_a_filter(value: object, instant: str, until: str | None) -> None:
    found = read_instant(value, DateContext(now=WEDNESDAY, timezone="Europe/Berlin"))
    assert found is not None
    assert found.at == at(instant)
    assert found.end_of_day == (at(until) if until else None)


@pytest.mark.parametrize(
    "value", ["d", "mStart", "-1dEnd", "soon", "", None, True, [1], float("nan"), 1e300, "all"]
)
def test_other_values_are_no_instants(value: object) -> None:
    assert read_instant(value, CTX) is None


# --- J2: everything is aware and in the project's zone ------------------------------------------------


def test_every_instant_is_in_the_project_zone() -> None:
    tokyo = DateContext(now=WEDNESDAY, timezone="Asia/Tokyo")
    found = resolve(ctx=tokyo)
    assert found.date_from == at("2024-03-07T00:00:00+09:00")  # in Tokyo it is Thursday already
    assert {bucket.utcoffset() for bucket in found.buckets()} == {timedelta(hours=9)}
