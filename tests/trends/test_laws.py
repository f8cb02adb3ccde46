"""Laws that hold whatever the events are, over a seeded world in a zone with a clock change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest

from tests.api_client import Api
from tests.oracle.service import project_with
from tests.oracle.world import make_world

SEED = 4_202
RANGE = {"date_from": "2024-03-05", "date_to": "2024-04-10"}
INTERVALS = ("day", "week", "month")
COUNTED = ("total", "unique_session", "sum", "first_time_for_user")


@pytest.fixture(scope="module")
def world(service: None) -> Api:
    """Six weeks around the spring change of New York, which lies on 2024-03-10."""
    return project_with(replace(make_world(SEED, size=150), zone="America/New_York"), SEED)


def asked(api: Api, math: str = "total", **fields: Any) -> list[dict[str, Any]]:
    series = {"kind": "EventsNode", "event": "A", "math": math}
    if math == "sum":
        series["math_property"] = "n"
    node = {"kind": "TrendsQuery", "series": [series], "dateRange": RANGE, **fields}
    answer = api.query(node)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.result
    return found


def data(api: Api, math: str = "total", **fields: Any) -> list[float]:
    return asked(api, math, **fields)[0]["data"]  # type: ignore[no-any-return]


def added(lines: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*lines, strict=True)]


def leaf(operator: str, value: Any, type_: str = "event", key: str = "p") -> list[dict[str, Any]]:
    return [{"key": key, "type": type_, "operator": operator, "value": value}]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize(
    "one, other",
    [
        (leaf("exact", ["x"]), leaf("is_not", ["x"])),
        (leaf("is_set", None), leaf("is_not_set", None)),
        (leaf("icontains", "x"), leaf("not_icontains", "x")),
        (leaf("regex", "^[xy]"), leaf("not_regex", "^[xy]")),
        (leaf("exact", ["free"], "person", "plan"), leaf("is_not", ["free"], "person", "plan")),
    ],
)
def test_a_filter_and_its_opposite_add_up(world: Api, interval: str, one: Any, other: Any) -> None:
    parts = [data(world, interval=interval, properties=filters) for filters in (one, other)]
    assert added(parts) == data(world, interval=interval)
    assert all(any(part) for part in parts)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("math", COUNTED)
def test_cumulative_is_the_running_sum(world: Api, interval: str, math: str) -> None:  # semantics D28
    line = data(world, math, interval=interval)
    cumulative = {"display": "ActionsLineGraphCumulative"}
    running = data(world, math, interval=interval, trendsFilter=cumulative)
    assert running == pytest.approx(list(accumulate(line)))
    assert running[-1]


@pytest.mark.parametrize("math", [*COUNTED[:3], "dau", "weekly_active"])
def test_the_period_before_is_the_same_question_earlier(world: Api, math: str) -> None:  # semantics A21
    compared = asked(
        world,
        math,
        dateRange={"date_from": "2024-03-11", "date_to": "2024-03-17"},
        compareFilter={"compare": True},
    )
    earlier = data(world, math, dateRange={"date_from": "2024-03-04", "date_to": "2024-03-10"})
    assert [line["compare_label"] for line in compared] == ["current", "previous"]
    assert compared[1]["data"] == earlier
    assert any(earlier)


@pytest.mark.parametrize("math", COUNTED[:3:2])  # what an event adds to one value only
@pytest.mark.parametrize(
    "breakdown",
    [
        {"breakdown": "p", "breakdown_type": "event"},
        {"breakdown": "plan", "breakdown_type": "person"},
        {"breakdown": "$entry_current_url", "breakdown_type": "session"},
        {"breakdown": "properties.n", "breakdown_type": "hogql"},
    ],
)
def test_values_and_other_add_up(world: Api, math: str, breakdown: dict[str, Any]) -> None:  # D37
    for limit in (1, 2, 25):
        lines = asked(world, math, breakdownFilter={**breakdown, "breakdown_limit": limit})
        assert added([line["data"] for line in lines]) == pytest.approx(data(world, math))


@pytest.mark.parametrize("math", COUNTED[:3:2])
def test_finer_buckets_add_up_to_coarser_ones(world: Api, math: str) -> None:
    whole = {"date_from": "2024-03-01", "date_to": "2024-03-31"}
    days = data(world, math, dateRange=whole, interval="day")
    hours = data(world, math, dateRange=whole, interval="hour")
    assert len(hours) == 31 * 24 - 1  # the clocks go forward
    assert sum(hours) == pytest.approx(sum(days))
    assert sum(days) == pytest.approx(sum(data(world, math, dateRange=whole, interval="month")))


@pytest.mark.parametrize("math", ["dau", "weekly_active", "monthly_active"])
@pytest.mark.parametrize("interval", ["hour", *INTERVALS])
def test_the_rollup_and_the_rows_agree(world: Api, math: str, interval: str) -> None:
    """A filter that lets every event of the name pass keeps the rollup out of it."""
    series = {"kind": "EventsNode", "event": "A", "math": math}
    passing = {"key": "event", "type": "event_metadata", "operator": "exact", "value": ["A"]}
    asked_of = {"kind": "TrendsQuery", "dateRange": {"date_from": "2024-03-08", "date_to": "2024-03-13"}}
    node = {**asked_of, "interval": interval}
    rolled_up = world.query({**node, "series": [series]}).result[0]["data"]
    read = world.query({**node, "series": [{**series, "properties": [passing]}]}).result[0]["data"]
    assert rolled_up == read
    assert any(read)
