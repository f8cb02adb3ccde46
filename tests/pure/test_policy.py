"""The refresh table and its ages (api R1-R8): every cell, every word, every boundary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queries.cache.policy import (
    AGES,
    TABLE,
    Endpoint,
    Freshness,
    Refresh,
    Step,
    freshness,
    interval_of,
    read_refresh,
    target_age,
)
from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.parse import parse_query
from queries.vocabulary import Interval
from queries.wrappers import source_of

NOW = datetime(2024, 3, 15, 9, 30, tzinfo=UTC)
SERIES = [{"kind": "EventsNode", "event": "A"}]

# api R3 once more, in words of its own: mode -> missing, very fresh, somewhat fresh, stale.
CONTRACT = {
    "force_cache": "miss, serve, serve, serve",
    "blocking": "compute, serve, compute, compute",
    "async": "enqueue, serve, serve and enqueue, serve and enqueue",
    "lazy_async": "enqueue, serve, serve, serve and enqueue",
    "force_blocking": "compute, compute, compute, compute",
    "force_async": "enqueue, enqueue, enqueue, enqueue",
    "async_except_on_cache_miss": "compute, serve, serve and enqueue, serve and enqueue",
}
FRESHNESSES = ("missing", "very fresh", "somewhat fresh", "stale")


@pytest.mark.parametrize(("mode", "steps"), CONTRACT.items())
def test_every_row_of_the_table(mode: str, steps: str) -> None:
    row = TABLE[Refresh(mode)]
    assert [row[Freshness(each)].value for each in FRESHNESSES] == steps.split(", ")


def test_the_table_has_no_other_rows() -> None:
    assert {mode.value for mode in TABLE} == CONTRACT.keys()
    assert {step for row in TABLE.values() for step in row.values()} == set(Step)


@pytest.mark.parametrize(
    ("raw", "endpoint", "mode"),
    [
        pytest.param(None, "insight", "force_cache", id="insights default to the cache"),
        pytest.param(None, "list", "force_cache", id="so do lists"),
        pytest.param(None, "query", "blocking", id="a query is computed"),
        pytest.param(None, "calculation", "blocking", id="so is a calculation"),
        pytest.param("true", "insight", "force_blocking", id="true forces"),
        pytest.param("1", "insight", "force_blocking", id="1 forces"),
        pytest.param("YES", "list", "force_blocking", id="booleans in any case"),
        pytest.param(True, "query", "force_blocking", id="a JSON true"),
        pytest.param("", "insight", "force_blocking", id="?refresh without a value forces"),
        pytest.param("false", "insight", "force_cache", id="false is the default"),
        pytest.param(False, "query", "blocking", id="a JSON false is the endpoint's default"),
        pytest.param("no", "calculation", "blocking", id="no is the default"),
        pytest.param("force_cache", "query", "blocking", id="force_cache of a query means blocking"),
        pytest.param("async", "query", "async", id="a query can be asynchronous"),
        pytest.param("async", "calculation", "blocking", id="a calculation has no place for a status"),
        pytest.param("lazy_async", "calculation", "blocking", id="nor for a lazy one"),
        pytest.param("force_async", "calculation", "force_blocking", id="force_async keeps its force"),
        pytest.param("nonsense", "list", "force_cache", id="a list reads nonsense as the default"),
        pytest.param("force_cache", "shared", "lazy_async", id="guests: force_cache"),
        pytest.param("blocking", "shared", "lazy_async", id="guests: blocking"),
        pytest.param("force_blocking", "shared", "blocking", id="guests: force_blocking"),
        pytest.param("async", "shared", "async", id="guests: async"),
        pytest.param("force_async", "shared", "lazy_async", id="guests: force_async"),
    ],
)
def test_reading_the_parameter(raw: Any, endpoint: str, mode: str) -> None:
    assert read_refresh(raw, Endpoint(endpoint)) == mode


@pytest.mark.parametrize("raw", ["nonsense", "BLOCKING", "2", "force cache"])
@pytest.mark.parametrize("endpoint", ["insight", "query", "calculation", "shared"])
def test_an_unknown_word_is_refused(raw: str, endpoint: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        read_refresh(raw, Endpoint(endpoint))
    assert (caught.value.code, caught.value.attr) == ("invalid_choice", "refresh")
    assert all(mode in caught.value.detail for mode in CONTRACT)


# --- ages ----------------------------------------------------------------------------------------------


def trend(**fields: Any) -> Any:
    return source_of(parse_query({"kind": "TrendsQuery", "series": SERIES, **fields}))


def at(now: datetime, timezone: str = "UTC") -> ProjectContext:
    return ProjectContext(1, now, timezone=timezone)


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("interval", "default", "lazy"),
    [
        ("minute", 5 * MINUTE, 15 * MINUTE),
        ("hour", HOUR, 2 * HOUR),
        ("day", 6 * HOUR, 12 * HOUR),
        ("week", DAY, DAY),
        ("month", 2 * DAY, 2 * DAY),
    ],
)
def test_ages_by_interval(interval: str, default: timedelta, lazy: timedelta) -> None:
    node = trend(interval=interval)
    assert freshness(node, at(NOW), NOW) == "very fresh"
    assert freshness(node, at(NOW), NOW - default) == "very fresh"  # R6: the boundary is inclusive
    somewhat = "somewhat fresh" if default < lazy else "stale"
    assert freshness(node, at(NOW), NOW - default - TICK) == somewhat
    assert freshness(node, at(NOW), NOW - lazy - TICK) == "stale"
    assert freshness(node, at(NOW), None) == "missing"
    assert target_age(node, NOW) == NOW + default  # R7


def test_every_interval_has_ages() -> None:
    assert set(AGES) == set(Interval)


@pytest.mark.parametrize(
    ("node", "interval"),
    [
        ({"kind": "TrendsQuery", "series": SERIES}, "day"),
        ({"kind": "TrendsQuery", "series": SERIES, "interval": "hour"}, "hour"),
        ({"kind": "FunnelsQuery", "series": SERIES, "interval": "week"}, "week"),
        ({"kind": "RetentionQuery", "retentionFilter": {"period": "Month"}}, "month"),
        ({"kind": "PathsQuery", "pathsFilter": {}}, "day"),
        ({"kind": "LifecycleQuery", "series": SERIES}, "day"),
        ({"kind": "HogQLQuery", "query": "SELECT 1"}, "minute"),
        ({"kind": "EventsQuery", "select": ["event"]}, "minute"),
        ({"kind": "ActorsQuery"}, "minute"),
    ],
)
def test_the_unit_by_which_a_question_ages(node: dict[str, Any], interval: str) -> None:
    assert interval_of(source_of(parse_query(node))) == interval


YEAR_AGO = NOW - timedelta(days=365)


@pytest.mark.parametrize(
    ("date_range", "last_refresh", "is_fresh_for_ever"),
    [
        pytest.param(("2022-01-01", "2022-02-01"), YEAR_AGO, True, id="ended long before"),
        pytest.param(("2022-01-01", "2030-01-01"), YEAR_AGO, False, id="still open"),
        pytest.param(("2022-01-01", None), YEAR_AGO, False, id="without an end it is open"),
        pytest.param((None, None), YEAR_AGO, False, id="the default range is open"),
        pytest.param(("-14d", "-7d"), YEAR_AGO, False, id="a range that moves on ages"),
        pytest.param(("-14d", "-7d"), NOW - 8 * HOUR, True, id="the same day it has not moved"),
        pytest.param(
            ("2024-03-14", "2024-03-14"),
            datetime(2024, 3, 15, 0, 0, 5, tzinfo=UTC),
            False,
            id="ended within ten seconds before",
        ),
        pytest.param(
            ("2024-03-14", "2024-03-14"),
            datetime(2024, 3, 15, 0, 0, 11, tzinfo=UTC),
            True,
            id="ended more than ten seconds before",
        ),
    ],
)
def test_closed_ranges_never_age(
    date_range: tuple[str | None, str | None], last_refresh: datetime, is_fresh_for_ever: bool
) -> None:  # api R6
    node = trend(dateRange={"date_from": date_range[0], "date_to": date_range[1]})
    assert (freshness(node, at(NOW), last_refresh) == "very fresh") is is_fresh_for_ever


def test_the_end_of_a_range_is_that_of_the_projects_day() -> None:
    node = trend(dateRange={"date_from": "2024-03-01", "date_to": "2024-03-14"})
    last_refresh = datetime(2024, 3, 15, 0, 0, 11, tzinfo=UTC)  # in Los Angeles it still is the 14th
    assert freshness(node, at(NOW + DAY), last_refresh) == "very fresh"
    assert freshness(node, at(NOW + DAY, "America/Los_Angeles"), last_refresh) == "stale"


def test_a_date_that_is_none_does_not_break_the_table() -> None:
    node = trend(dateRange={"date_from": "-7d", "date_to": "-7d"})
    object.__setattr__(node.date_range, "date_to", "yesterday-ish")
    assert freshness(node, at(NOW), YEAR_AGO) == "stale"
