"""Funnels by the numbered rules of semantics E."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

DAYS = {"date_from": "2024-01-08", "date_to": "2024-01-12"}


def funnel(api: Api, steps: str, **options: Any) -> Any:
    """The result for steps written as one letter each; `*` is any event."""
    events = [{"id": None if name == "*" else name, "order": place} for place, name in enumerate(steps)]
    return api.calculate("funnel", events=events, **{**DAYS, **options}).result


def counts(steps: list[dict[str, Any]]) -> list[int]:
    return [step["count"] for step in steps]


HOUR = {"funnel_window_interval": 1, "funnel_window_interval_type": "hour"}
ORDERED = [
    pytest.param("AB", HOUR, ["A@10:00 B@11:00"], [1, 1], id="E4: the end of the window is inclusive"),
    pytest.param("AB", HOUR, ["A@10:00 B@11:00:01"], [1, 0], id="E4: a second later is too late"),
    pytest.param("AB", {}, ["B@10:00 A@11:00"], [1, 0], id="E5: the order counts"),
    pytest.param("AB", {}, ["A@10:00 X@10:30 B@11:00"], [1, 1], id="E5: others in between do no harm"),
    pytest.param(
        "ABC", HOUR, ["A@09:00 B@09:10 A@09:20 C@09:30"], [1, 1, 1], id="E6: the first attempt goes on"
    ),
    pytest.param("AAB", {}, ["A@10:00 B@11:00"], [1, 0, 0], id="E8: an event serves one step"),
    pytest.param("AAB", {}, ["A@10:00 A@10:30 B@11:00"], [1, 1, 1], id="E8: two events serve two"),
    pytest.param("*A", {}, ["A@10:00"], [1, 0], id="E8: nor for a wider step"),
    pytest.param("AB", {}, ["A@10:00 B@10:00"], [1, 1], id="E9: the same instant"),
    pytest.param("AA", {}, ["A@10:00"], [1, 0], id="E9: needs as many events as steps"),
    pytest.param("ABC", {}, ["A@10:00 C@11:00"], [1, 0, 0], id="E10: no step is skipped"),
    pytest.param("A", {}, ["A@10:00"], [1], id="E11: a single step"),
    pytest.param("AB", {}, ["A@10:00 B@11:00 A@12:00 B@13:00"], [1, 1], id="E12: everybody once"),
    pytest.param("AB", {}, ["X@10:00"], [0, 0], id="E13: steps with zeros"),
]


@pytest.mark.parametrize(("steps", "options", "events", "expected"), ORDERED)
def test_ordered(
    api: Api, steps: str, options: dict[str, Any], events: list[str], expected: list[int]
) -> None:
    api.journeys(*(f"u{n}: {line}" for n, line in enumerate(events)))
    assert counts(funnel(api, steps, **options)) == expected


STRICT = [  # semantics E15, E16
    pytest.param("A@1:00 X@2:00 B@3:00 C@4:00", [1, 0, 0], id="another event breaks it"),
    pytest.param("A@1:00 B@2:00 X@3:00 C@4:00", [1, 1, 0], id="what was reached stays"),
    pytest.param("X@1:00 A@2:00 B@3:00 C@4:00", [1, 1, 1], id="what was before does not matter"),
    pytest.param("A@1:00 A@2:00 B@3:00 C@4:00", [1, 1, 1], id="a second first step begins again"),
    pytest.param("A@1:00 X@1:00 B@3:00 C@4:00", [1, 1, 1], id="the same instant breaks nothing"),
]


@pytest.mark.parametrize(("events", "expected"), STRICT)
def test_strict(api: Api, events: str, expected: list[int]) -> None:
    api.journeys(f"u1: {events}")
    assert counts(funnel(api, "ABC", funnel_order_type="strict")) == expected


def test_a_strict_step_that_leads_nowhere(api: Api) -> None:  # semantics E15, E16, E33
    """B at the instant of A is followed by B; only the later one stands right before C."""
    api.journeys("u1: A@1:00 B@1:00 B@2:00 C@3:00")
    steps = funnel(api, "ABC", funnel_order_type="strict")
    assert [step["average_conversion_time"] for step in steps] == [None, 3600.0, 3600.0]
    (series,) = funnel(api, "ABC", funnel_order_type="strict", funnel_viz_type="trends")
    assert series["data"] == [0, 0, 100.0, 0, 0]


def test_a_step_that_cannot_be_taken_yet_breaks_a_strict_funnel(api: Api) -> None:  # semantics E15, E17
    """X is of the last step, "any event", but comes second: A and the later A are not neighbours."""
    api.journeys("u1: A@1:00 X@2:00 A@3:00")
    assert counts(funnel(api, "AA*", funnel_order_type="strict")) == [1, 0, 0]


def test_the_latest_first_step_gives_the_time(api: Api) -> None:  # semantics E6, E33
    api.journeys("u1: A@09:00 A@12:00 B@12:30", "u2: A@10:00 B@10:10")
    step = funnel(api, "AB", **HOUR)[1]
    assert (step["average_conversion_time"], step["median_conversion_time"]) == (1200.0, 1200.0)


def test_only_events_of_the_range_count(api: Api) -> None:  # semantics E1
    api.now = datetime(2024, 2, 1, tzinfo=UTC)
    api.journeys("u1: A@2024-01-07 B@2024-01-09", "u2: A@2024-01-12 B@2024-01-13")
    assert counts(funnel(api, "AB")) == [1, 0]


TOUCHES = [
    pytest.param("first_touch", "x", id="first touch"),  # E28, E30
    pytest.param("last_touch", "y", id="last touch"),
]


@pytest.mark.parametrize(("attribution", "value"), TOUCHES)
def test_attribution(api: Api, attribution: str, value: str) -> None:
    api.journeys('u1: A@10:00{b:"x"} B@11:00{b:"y"}')
    result = funnel(api, "AB", breakdown="b", breakdown_attribution_type=attribution)
    assert [(steps[0]["breakdown_value"], counts(steps)) for steps in result] == [(value, [1, 1])]


def test_any_event_of_an_instant_may_be_the_first_of_an_unordered_attempt(
    api: Api,
) -> None:  # semantics E9, E30
    api.journeys('u1: A@10:00{b:"x"} B@10:00{b:"y"}')
    result = funnel(
        api,
        "AB",
        breakdown="b",
        funnel_order_type="unordered",
        breakdown_attribution_type="step",
        breakdown_attribution_value=0,
    )
    assert [(steps[0]["breakdown_value"], counts(steps)) for steps in result] == [
        ("x", [1, 1]),
        ("y", [1, 1]),
    ]


EXCLUDED_ONCE = [  # semantics E6, E23: an attempt takes a step once, at its first event
    pytest.param(
        "u: A@10:00 B@11:00 X@12:00 B@13:00 C@14:00", [0, 0, 0], id="a later second step is no way around"
    ),
    pytest.param(
        "u: A@10:00 B@11:00 X@12:00 B@13:00 C@13:00", [0, 0, 0], id="nor at the instant of the third"
    ),
    pytest.param("u: A@10:00 B@11:00 X@12:00 A@12:30 B@13:00 C@13:00", [1, 1, 1], id="a new attempt is"),
]


@pytest.mark.parametrize(("events", "expected"), EXCLUDED_ONCE)
def test_exclusion_after_the_second_step(api: Api, events: str, expected: list[int]) -> None:
    api.journeys(events)
    excluded = {"id": "X", "funnel_from_step": 1, "funnel_to_step": 2}
    for times in (1, 2):
        assert counts(funnel(api, "ABC", exclusions=[excluded] * times)) == expected


def test_values_are_ranked_by_converters_and_the_rest_is_other(api: Api) -> None:  # semantics E27
    people = [f'u{value}{n}: A@10:00{{b:"{value}"}}' for value in "1234" for n in range(int(value))]
    api.journeys(*people, "none: A@10:00")
    result = funnel(api, "A", breakdown="b", breakdown_limit=3)
    assert [(steps[0]["breakdown_value"], counts(steps)) for steps in result] == [
        ("4", [4]),
        ("3", [3]),
        ("2", [2]),
        ("Other", [2]),
    ]


def test_trends_by_entrance(api: Api) -> None:  # the example of semantics E.7
    api.journeys("u1: A@Mon B@2024-01-08T13:00 A@Tue", "u2: A@Mon")
    series = funnel(api, "AB", funnel_viz_type="trends", date_to="2024-01-09", funnel_window_interval=1)[0]
    assert (series["data"], series["days"], series["count"]) == ([50.0, 0], ["2024-01-08", "2024-01-09"], 2)


def test_time_to_convert(api: Api) -> None:  # semantics E47
    api.journeys("u1: A@10:00 B@10:10", "u2: A@10:00 B@10:20", "u3: A@10:00 B@11:10")
    assert funnel(api, "AB", funnel_viz_type="time_to_convert") == {
        "bins": [[600, 2], [2400, 0], [4200, 1]],
        "average_conversion_time": 2000.0,
    }


def test_the_same_numbers_as_a_node(api: Api) -> None:
    api.journeys("u1: A@10:00 B@11:00", "u2: A@10:00")
    node = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": "A"}, {"kind": "EventsNode", "event": "B"}],
        "dateRange": DAYS,
    }
    assert counts(api.query(node).result) == counts(funnel(api, "AB")) == [2, 1]


def test_a_hundred_steps(api: Api) -> None:
    api.journeys("u1: " + " ".join(f"A@10:{n // 60:02}:{n % 60:02}" for n in range(99)))
    assert counts(funnel(api, "A" * 100)) == [1] * 99 + [0]
