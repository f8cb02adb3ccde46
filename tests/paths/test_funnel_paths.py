"""Paths before, between and after the steps of a funnel (semantics G23, G24)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

NOW = datetime(2024, 1, 12, tzinfo=UTC)
DAY = {"date_from": "2024-01-10", "date_to": "2024-01-10"}
FUNNEL = {
    "events": [{"id": "A", "order": 0}, {"id": "B", "order": 1}],
    "funnel_window_interval": 1,
    "funnel_window_interval_type": "hour",
    **DAY,
}
STEPS = [{"kind": "EventsNode", "event": "A"}, {"kind": "EventsNode", "event": "B"}]
JOURNEYS = (
    "u1: x@9:50 A@10:00 y@10:10 B@10:20 z@10:30",
    "u2: x@9:50 A@10:00 y@10:10 w@11:00 v@11:01",
    "u3: q@10:00 r@10:01",
)
AFTER, BETWEEN, BEFORE = "funnel_path_after_step", "funnel_path_between_steps", "funnel_path_before_step"


def edges(api: Api, part: str, funnel: dict[str, Any], **options: Any) -> list[str]:
    """`1_x 2_A` once per traversal, in order of position."""
    parameters = {"include_event_types": ["custom_event"], **DAY, "funnel_paths": part, **options}
    result = api.calculate("path", funnel_filter=funnel, **parameters).result
    return sorted(f"{edge['source']} {edge['target']}" for edge in result for _ in range(edge["value"]))


PARTS = [
    pytest.param(AFTER, 2, ["1_B 2_z"], id="after the last step"),
    pytest.param(AFTER, None, ["1_B 2_z"], id="which is the default"),
    pytest.param(
        AFTER, 1, ["1_A 2_y", "1_A 2_y", "2_y 3_B", "2_y 3_w", "3_B 4_z", "3_w 4_v"], id="after the first"
    ),
    pytest.param(AFTER, -2, ["1_A 2_y", "2_y 3_w", "3_w 4_v"], id="after dropping off"),
    pytest.param(BETWEEN, 2, ["1_A 2_y", "2_y 3_B"], id="between two steps"),
    pytest.param(BEFORE, 2, ["1_x 2_A", "2_A 3_y", "3_y 4_B"], id="before a step"),
    pytest.param(BEFORE, -2, ["1_x 2_A", "2_A 3_y", "3_y 4_w"], id="until the window of the dropped closes"),
]


@pytest.mark.parametrize(("part", "step", "expected"), PARTS)
def test_parts(api: Api, part: str, step: int | None, expected: list[str]) -> None:  # semantics G23
    api.now = NOW
    api.journeys(*JOURNEYS)
    assert edges(api, part, {**FUNNEL, "funnel_step": step}) == expected
    if step is not None:  # the step may also stand beside the funnel, and everything in the query string
        written = {"funnel_paths": part, "funnel_filter": FUNNEL, "funnel_step": step, **DAY}
        answer = api.get("insights/path/", {**written, "include_event_types": ["custom_event"]})
        assert sum(edge["value"] for edge in answer.result) == len(expected)


@pytest.mark.parametrize(("part", "step", "expected"), PARTS)
def test_as_nodes(api: Api, part: str, step: int | None, expected: list[str]) -> None:
    api.now = NOW
    api.journeys(*JOURNEYS)
    assert sum(edge["value"] for edge in api.query(node(part, step)).result) == len(expected)


def node(part: str | None, step: int | None, **paths: Any) -> dict[str, Any]:
    funnel = {
        "kind": "FunnelsQuery",
        "series": STEPS,
        "dateRange": DAY,
        "funnelsFilter": {"funnelWindowInterval": 1, "funnelWindowIntervalUnit": "hour"},
    }
    return {
        "kind": "PathsQuery",
        "dateRange": DAY,
        "pathsFilter": {"includeEventTypes": ["custom_event"], **paths},
        "funnelPathsFilter": {"funnelSource": funnel, "funnelPathType": part, "funnelStep": step},
    }


def pairs(api: Api, asked: dict[str, Any]) -> list[tuple[str, str]]:
    return [(edge["source"], edge["target"]) for edge in api.query(asked).result]


def test_without_a_part_all_events_of_the_actors_count(api: Api) -> None:
    api.now = NOW
    api.journeys(*JOURNEYS)
    assert pairs(api, node(None, -2)) == [("1_x", "2_A"), ("2_A", "3_y"), ("3_y", "4_w"), ("4_w", "5_v")]


GAPS = [
    pytest.param("10:59:59", ["1_A 2_B"], id="within the window"),
    pytest.param("11:00:00", [], id="the window is over"),
]


@pytest.mark.parametrize(("when", "expected"), GAPS)
def test_sessions_are_cut_by_the_window(api: Api, when: str, expected: list[str]) -> None:  # K74
    api.now = NOW
    api.journeys(f"u1: A@10:00:00 B@{when}")
    assert edges(api, AFTER, {**FUNNEL, "funnel_step": 1}) == expected


def test_the_funnel_has_a_range_and_filters_of_its_own(api: Api) -> None:  # semantics G24
    api.now = NOW
    api.journeys(
        'u1: A@2024-01-08T10:00Z B@2024-01-08T10:10Z x@10:00 y@10:05{p:"1"}',
        'u2: A@2024-01-08T10:00Z{p:"no"} B@2024-01-08T10:10Z x@10:00 y@10:05',
    )
    funnel = {
        **FUNNEL,
        "date_from": "2024-01-08",
        "date_to": "2024-01-08",
        "properties": [{"key": "p", "value": "is_not_set", "operator": "is_not_set", "type": "event"}],
    }
    assert edges(api, AFTER, funnel) == ["1_x 2_y"]
    filtered = [{"key": "p", "value": "1", "operator": "exact", "type": "event"}]
    assert edges(api, AFTER, funnel, properties=filtered) == []
    assert edges(api, AFTER, {**funnel, "date_to": "2024-01-01"}) == []  # inverted: nobody
    assert edges(api, AFTER, {**funnel, "date_from": "all"}) == ["1_x 2_y"]


def test_the_breakdown_of_the_funnel_does_not_matter(api: Api) -> None:
    api.now = NOW
    api.journeys('u1: A@10:00{b:"1"} A@10:01{b:"2"} B@10:20{b:"1"} B@10:21{b:"2"} z@10:30')
    funnel = {**FUNNEL, "breakdown": "b", "breakdown_attribution_type": "all_events"}
    assert edges(api, AFTER, funnel) == ["1_B 2_z"]


ORDERS = [
    pytest.param("strict", ["1_B 2_z"], id="strict"),
    pytest.param("unordered", ["1_B 2_z"], id="unordered"),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
def test_orders(api: Api, order: str, expected: list[str]) -> None:
    api.now = NOW
    api.journeys("u1: A@10:00 B@10:01 z@10:02", "u2: B@10:00 z@10:01")
    assert edges(api, AFTER, {**FUNNEL, "funnel_order_type": order}) == expected


def test_optional_steps(api: Api) -> None:
    api.now = NOW
    api.journeys(
        "u1: A@10:00 o@10:01 p@10:02 B@10:03 z@10:04",
        "u2: A@10:00 p@10:02 B@10:03",
        "u3: A@10:00 o@10:01 p@10:02",
    )
    asked = node(BETWEEN, 3)
    optional = {"kind": "EventsNode", "event": "o", "optionalInFunnel": True}
    asked["funnelPathsFilter"]["funnelSource"]["series"] = [STEPS[0], optional, STEPS[1]]
    # The step before the third is the optional one for u1, the first for u2.
    assert pairs(api, asked) == [("2_p", "3_B"), ("1_A", "2_p"), ("1_o", "2_p")]
    asked["funnelPathsFilter"] |= {"funnelPathType": AFTER, "funnelStep": -3}
    assert pairs(api, asked) == [("1_o", "2_p")]


def test_a_funnel_of_groups_and_the_paths_of_its_persons(api: Api) -> None:
    api.now = NOW
    api.journeys(
        'u1: A@10:00{$groups:{company:"g1"}} x@10:05{$groups:{company:"g1"}} y@10:20{$groups:{company:"g1"}}',
        'u2: B@10:10{$groups:{company:"g1"}} z@10:15{$groups:{company:"g1"}} n@10:16',
    )
    funnel = {**FUNNEL, "aggregation_group_type_index": 0}
    assert edges(api, AFTER, funnel) == ["1_B 2_z"]
    by_group = {"aggregation_group_type_index": 0}
    assert edges(api, AFTER, funnel, **by_group) == ["1_B 2_z", "2_z 3_y"]


def test_people(api: Api) -> None:  # semantics G22
    api.now = NOW
    api.journeys(*JOURNEYS)
    point = {
        "include_event_types": ["custom_event"],
        **DAY,
        "funnel_paths": AFTER,
        "funnel_filter": json.dumps({**FUNNEL, "funnel_step": 1}),
    }
    for coordinates, expected in (
        ({"path_start_key": "1_A", "path_end_key": "2_y"}, ["u1", "u2"]),
        ({"path_end_key": "3_B"}, ["u1"]),
        ({"path_dropoff_key": "4_v"}, ["u2"]),
        ({"path_dropoff_key": "3_B"}, []),
    ):
        answer = api.get("persons/path/", {**point, **coordinates})
        (page,) = answer.body["results"]
        assert sorted(person["distinct_ids"][0] for person in page["people"]) == expected, coordinates


BAD = [
    pytest.param({"funnel_paths": AFTER}, "required", "funnel_filter", id="no funnel"),
    pytest.param({"funnel_paths": "x", "funnel_filter": FUNNEL}, "invalid_choice", "funnel_paths", id="part"),
    pytest.param(
        {"funnel_paths": AFTER, "funnel_filter": {**FUNNEL, "funnel_step": 3}},
        "invalid_input",
        "funnel_filter__funnel_step",
        id="no such step",
    ),
    pytest.param(
        {"funnel_paths": BETWEEN, "funnel_filter": {**FUNNEL, "funnel_step": 1}},
        "invalid_input",
        "funnel_filter__funnel_step",
        id="nothing before the first",
    ),
    pytest.param(
        {"funnel_paths": BETWEEN, "funnel_filter": {**FUNNEL, "funnel_step": -2}},
        "invalid_input",
        "funnel_filter__funnel_step",
        id="who dropped off took the first step only",
    ),
    pytest.param(
        {"funnel_paths": AFTER, "funnel_filter": {**FUNNEL, "actions": [{"id": 987654, "order": 2}]}},
        "does_not_exist",
        "funnel_filter__actions__0__id",
        id="an unknown action",
    ),
]


@pytest.mark.parametrize(("parameters", "code", "attr"), BAD)
def test_bad_input(api: Api, parameters: dict[str, Any], code: str, attr: str) -> None:
    assert api.calculate("path", **parameters).error == (400, code, attr)
