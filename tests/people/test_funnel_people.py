"""The people of a funnel are as many as its numbers say, over all pages (semantics E48-E50; api W20, V9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api_client import Answer, Api, make_project

RANGE = {"date_from": "2024-01-08", "date_to": "2024-01-12"}
DAY_AND_A_HALF = {"funnel_window_interval": 36, "funnel_window_interval_type": "hour"}
FUNNEL = RANGE | DAY_AND_A_HALF
PAGE = 4


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.identify("u1", team="red")
    api.identify("u2", team="blue")
    api.journeys(
        'u1: A@2024-01-08T09:00{b:"x"} B@2024-01-08T10:00{b:"y"} C@2024-01-09{b:"x"}',
        "u1: A@2024-01-10 B@2024-01-10T13:00",
        'u2: A@2024-01-08T10:00{b:"x"} B@2024-01-09T10:00{b:"x"} A@2024-01-12{b:"[z]"}',
        'u3: A@2024-01-09{b:"y"} X@2024-01-09T13:00 B@2024-01-09T15:00{b:"y"}',
        'u4: B@2024-01-10{b:""} A@2024-01-11{b:""} C@2024-01-12',
        'u5: A@2024-01-12T01:00{b:"7"} B@2024-01-12T01:00:30{b:"7"} C@2024-01-12T02:00{b:"7"}',
        'u6: A@2024-01-12{b:"x"}',
        "u7: C@2024-01-09",
        'g: A@2024-01-08{$group_1:"acme"} B@2024-01-08T13:00{$group_1:"acme"} A@2024-01-09{$group_1:"zeta"}',
    )
    return api


def everybody(ask: Callable[[int], Answer]) -> list[str]:
    """The names of all pages, asked for by offset: nobody twice, every page but the last full."""
    found: list[str] = []
    while True:
        answer = ask(len(found))
        assert answer.status == 200, answer.body
        (page,) = answer.body["results"]
        found += [one.get("name", one["id"]) for one in page["people"]]
        assert page["count"] == len(page["people"])
        if not answer.body["next"]:
            break
        assert page["count"] == PAGE
    assert len(found) == len(set(found))
    return sorted(found)


def of_link(api: Api, url: str) -> list[str]:
    return everybody(lambda offset: api.get(f"{url}&limit={PAGE}&offset={offset}"))


def of_point(api: Api, asked: dict[str, Any], **coordinates: Any) -> list[str]:
    page = {**asked, **coordinates, "limit": PAGE}
    return everybody(lambda offset: api.post("persons/funnel/", page | {"offset": offset}))


def steps_of(letters: str) -> list[dict[str, Any]]:
    return [{"id": name, "order": place} for place, name in enumerate(letters)]


OR_STEP = [{"id": None, "type": "groups", "order": 1, "nestedFilters": [{"id": "B"}, {"id": "X"}]}]
EXCLUDING = [{"id": "X", "type": "events", "funnel_from_step": 0, "funnel_to_step": 1}]
EXCLUDING_ALL = [EXCLUDING[0] | {"funnel_to_step": 2}]
STEPS = [
    pytest.param({}, id="ordered"),
    pytest.param({"funnel_order_type": "strict"}, id="strict"),
    pytest.param({"funnel_order_type": "unordered"}, id="unordered"),
    pytest.param({"exclusions": EXCLUDING}, id="exclusion"),
    pytest.param(
        {"events": [{"id": "A", "order": 0}, {"id": "C", "order": 2}], "groups": OR_STEP}, id="one of two"
    ),
    pytest.param({"breakdown": "b", "breakdown_attribution_type": "all_events"}, id="all events"),
    pytest.param(
        {"breakdown": "b", "breakdown_attribution_type": "step", "breakdown_attribution_value": 1},
        id="of a step",
    ),
    pytest.param({"breakdown": "b", "breakdown_limit": 2}, id="with others"),
    pytest.param(
        {"breakdown": "b", "breakdown_limit": 1, "breakdown_attribution_type": "all_events"},
        id="several values among the others",
    ),
    pytest.param({"breakdown": "team", "breakdown_type": "person"}, id="by person"),
    pytest.param({"breakdown": ["all"], "breakdown_type": "cohort"}, id="by cohort"),
    pytest.param(
        {"breakdowns": [{"property": "b", "type": "event"}, {"property": "c", "type": "event"}]},
        id="by two",
    ),
    pytest.param({"aggregation_group_type_index": 1}, id="groups"),
    pytest.param({"date_from": "all", "date_to": None}, id="all time"),
]


@pytest.mark.parametrize("order", ["ordered", "strict"])
def test_people_of_a_funnel_with_an_optional_step(shop: Api, order: str) -> None:  # semantics E51
    steps = [
        {"id": "A", "order": 0},
        {"id": "X", "order": 1, "optionalInFunnel": True},
        {"id": "B", "order": 2},
    ]
    result = shop.calculate("funnel", events=steps, funnel_order_type=order, **FUNNEL).result
    assert [len(of_link(shop, step["converted_people_url"])) for step in result] == [
        step["count"] for step in result
    ]
    assert 0 < result[1]["count"] < result[2]["count"]


@pytest.mark.parametrize("options", STEPS)
def test_people_of_steps(shop: Api, options: dict[str, Any]) -> None:
    asked = {"events": steps_of("ABC"), **FUNNEL, **options}
    result = shop.calculate("funnel", **asked).result
    funnels = result if isinstance(result[0], list) else [result]
    assert funnels[0][0]["count"] > 0
    for steps in funnels:
        before: dict[str, Any] | None = None
        for step in steps:
            converted = of_link(shop, step["converted_people_url"])
            assert len(converted) == step["count"], step
            if before is None:
                assert step["dropped_people_url"] is None
            else:
                dropped = of_link(shop, step["dropped_people_url"])
                assert len(dropped) == before["count"] - step["count"], step
                assert not set(dropped) & set(converted)
            before = step


ABC = {"events": steps_of("ABC"), **FUNNEL}
POINTS = [
    pytest.param({}, ["g", "u1", "u2", "u3", "u4", "u5", "u6"], id="everyone who entered"),
    pytest.param({"funnel_step": 2}, ["g", "u1", "u2", "u3", "u5"], id="reached"),
    pytest.param({"funnel_step": -2}, ["u4", "u6"], id="dropped"),
    pytest.param({"funnel_step": -3}, ["g", "u2", "u3"], id="dropped later"),
    pytest.param({"funnel_custom_steps": [1, 3]}, ["u1", "u4", "u5", "u6"], id="exactly so far"),
    pytest.param({"funnel_custom_steps": [2], "funnel_step": 1}, ["g", "u2", "u3"], id="custom overrides"),
    pytest.param({"funnel_custom_steps": []}, [], id="no step"),
    pytest.param({"funnel_step": 1, "breakdown": "b", "funnel_step_breakdown": "7"}, ["u5"], id="a value"),
    pytest.param(
        {"funnel_step": 1, "breakdown": "b", "funnel_step_breakdown": ["x"]}, ["u1", "u2", "u6"], id="a list"
    ),
    pytest.param({"funnel_step": 1, "breakdown": "b", "funnel_step_breakdown": 7}, ["u5"], id="a number"),
    pytest.param(
        {"funnel_step": 1, "breakdown": "b", "funnel_step_breakdown": [""]}, ["g", "u4"], id="without value"
    ),
    pytest.param({"funnel_step": 1, "breakdown": "b", "funnel_step_breakdown": "q"}, [], id="no such value"),
    pytest.param({"funnel_step": 2, "search": "u1"}, ["u1"], id="searched"),
]


@pytest.mark.parametrize(("coordinates", "expected"), POINTS)
def test_points_by_hand(shop: Api, coordinates: dict[str, Any], expected: list[str]) -> None:  # E48
    assert of_point(shop, ABC, **coordinates) == expected


TRENDS = [
    pytest.param({}, id="plain"),
    pytest.param({"funnel_order_type": "unordered", "exclusions": EXCLUDING_ALL}, id="exclusion"),
    pytest.param({"funnel_from_step": 1, "funnel_to_step": 2}, id="between steps"),
    pytest.param(
        {"interval": "hour", "date_from": "2024-01-12T00:00:00", "date_to": "2024-01-12T02:00:00"},
        id="by hour",
    ),
    pytest.param({"breakdown": "b"}, id="values"),
    pytest.param(
        {"breakdown": "b", "breakdown_limit": 1, "breakdown_attribution_type": "all_events"}, id="others"
    ),
]


@pytest.mark.parametrize("options", TRENDS)
def test_people_of_trends(shop: Api, options: dict[str, Any]) -> None:  # E49
    asked = {**ABC, "funnel_viz_type": "trends", **options}
    series = shop.calculate("funnel", **asked).result
    entrants = 0
    for line in series:
        value = {"funnel_step_breakdown": line["breakdown_value"]} if "breakdown_value" in line else {}
        for day, rate in zip(line["days"], line["data"], strict=True):
            point = {"entrance_period_start": day, **value}
            converted = of_point(shop, asked, drop_off=False, **point)
            dropped = of_point(shop, asked, drop_off=True, **point)
            assert not set(converted) & set(dropped)
            entered = len(converted) + len(dropped)
            assert rate == (round(100 * len(converted) / entered, 2) if entered else 0)
            entrants += entered
    assert entrants > 0


def test_trend_points_by_hand(shop: Api) -> None:  # E49
    asked = {**ABC, "events": steps_of("AB"), "funnel_viz_type": "trends"}
    monday = {"entrance_period_start": "2024-01-08"}
    assert of_point(shop, asked, **monday, drop_off=False) == ["g", "u1", "u2"]
    assert of_point(shop, asked, **monday, drop_off=True) == []
    assert of_point(shop, asked, **monday) == ["g", "u1", "u2"]
    assert of_point(shop, asked, entrance_period_start="2024-01-12", drop_off=True) == ["u2", "u6"]
    assert of_point(shop, asked, entrance_period_start="2024-01-12T15:00:00Z", drop_off=False) == ["u5"]
    assert of_point(shop, asked, drop_off=True) == ["g", "u2", "u4", "u6"]  # some bucket or other


def test_people_of_time_bins(shop: Api) -> None:  # E44, E46
    asked = {**ABC, "events": steps_of("AB"), "funnel_viz_type": "time_to_convert"}
    for bin_count in (None, 1, 3):
        bins = shop.calculate("funnel", **asked, bin_count=bin_count).result["bins"]
        width = bins[1][0] - bins[0][0]
        people = [
            of_point(shop, asked, funnel_time_from=start, funnel_time_to=start + width) for start, _ in bins
        ]
        assert [len(found) for found in people] == [count for _, count in bins]
        assert sorted(name for found in people for name in found) == ["g", "u1", "u2", "u3", "u5"]


def test_converts_per_group(shop: Api) -> None:  # W21
    asked = {**ABC, "events": steps_of("AB"), "aggregation_group_type_index": 1}
    assert of_point(shop, asked, funnel_step=2) == ["acme"]
    assert of_point(shop, asked, funnel_step=-2) == ["zeta"]


def test_the_persons_of_values_of_an_expression(shop: Api) -> None:
    asked = {**ABC, "funnel_aggregate_by_hogql": "properties.b"}
    assert [step["count"] for step in shop.calculate("funnel", **asked).result] == [4, 3, 2]
    assert of_point(shop, asked, funnel_step=3) == ["u1", "u2", "u5", "u6"]  # x, 7
    assert of_point(shop, asked, funnel_step=-2) == ["u2"]  # [z]
    assert of_point(shop, asked, funnel_step=2) == ["u1", "u2", "u3", "u5", "u6"]  # x, y, 7


NODE = {
    "kind": "FunnelsQuery",
    "series": [{"kind": "EventsNode", "event": name} for name in "ABC"],
    "dateRange": RANGE,
    "funnelsFilter": {"funnelWindowInterval": 36, "funnelWindowIntervalUnit": "hour"},
}


def test_pages_of_an_actors_query(shop: Api) -> None:  # V9
    point = {"kind": "FunnelsActorsQuery", "source": NODE, "funnelStep": 1}
    pages = []
    for offset in range(0, 9, 3):
        asked = {"kind": "ActorsQuery", "source": point, "select": ["id"], "limit": 3, "offset": offset}
        pages.append(shop.query(asked).body)
    assert [page["hasMore"] for page in pages] == [True, True, False]
    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    ids = [row[0] for page in pages for row in page["results"]]
    assert len(set(ids)) == 7


BROKEN_DOWN = {**NODE, "breakdownFilter": {"breakdown": "b", "breakdown_limit": 2}}
WORDS = ["Other (i.e. all remaining values)", "None (i.e. no value)"]


def options(api: Api, source: dict[str, Any]) -> Any:
    return api.query({"kind": "InsightActorsQueryOptions", "source": source}).result


def test_what_may_be_chosen(shop: Api) -> None:  # V10
    found = options(shop, {"kind": "FunnelsActorsQuery", "source": BROKEN_DOWN})
    assert found["series"] == [{"label": name, "value": place} for place, name in enumerate("ABC")]
    assert [choice["value"] for choice in found["breakdown"]] == [["x"], ["7"], ["Other"]]
    assert found["breakdown"][-1]["label"] == WORDS[0]
    assert (found["day"], found["compare"], found["status"]) == (None, None, None)
    for choice in found["breakdown"]:
        point = {"kind": "FunnelsActorsQuery", "source": BROKEN_DOWN, "funnelStepBreakdown": choice["value"]}
        assert shop.query({"kind": "ActorsQuery", "source": point}).result


def test_what_may_be_chosen_over_time(shop: Api) -> None:  # V10
    trends = {**NODE, "funnelsFilter": {"funnelVizType": "trends"}}
    found = options(shop, {"kind": "InsightActorsQuery", "source": trends})
    assert [choice["value"] for choice in found["day"]][:2] == ["2024-01-08", "2024-01-09"]
    assert len(found["day"]) == 5 and found["breakdown"] is None
    two = {"breakdowns": [{"property": "b", "type": "event"}, {"property": "c", "type": "event"}]}
    both = options(shop, {"kind": "InsightActorsQuery", "source": {**trends, "breakdownFilter": two}})
    assert {choice["value"] for choice in both["breakdowns"][0]["values"]} >= {"x", "y", ""}
    assert both["breakdowns"][1]["values"] == [{"label": WORDS[1], "value": ""}]


WRONG = [
    pytest.param({"funnel_step": 4}, (400, "invalid_input", "funnel_step"), id="beyond the last step"),
    pytest.param({"funnel_step": "two"}, (400, "invalid_input", "funnel_step"), id="no number"),
    pytest.param({"funnel_custom_steps": "{"}, (400, "invalid_input", "funnel_custom_steps"), id="no list"),
    pytest.param({"funnel_custom_steps": ["x"]}, (400, "invalid_input", "funnel_custom_steps__0"), id="word"),
    pytest.param(
        {"funnel_viz_type": "trends", "entrance_period_start": "soon"},
        (400, "invalid_input", "entrance_period_start"),
        id="no day",
    ),
    pytest.param(
        {"funnel_viz_type": "trends", "entrance_period_start": "2023-01-01"},
        (400, "invalid_input", "entrance_period_start"),
        id="a day outside",
    ),
    pytest.param({"funnel_time_from": "x"}, (400, "invalid_input", "funnel_time_from"), id="no seconds"),
    pytest.param({"funnel_order_type": "?"}, (400, "invalid_choice", "funnel_order_type"), id="the funnel"),
]


@pytest.mark.parametrize(("coordinates", "error"), WRONG)
def test_wrong_coordinates(shop: Api, coordinates: dict[str, Any], error: Any) -> None:  # W20
    assert shop.get("persons/funnel/", ABC | coordinates).error == error
