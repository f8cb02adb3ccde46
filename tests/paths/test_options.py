"""Every parameter of the paths endpoint, by GET and by POST (api S20, S21; semantics G)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api, make_project

NOW = datetime(2024, 1, 12, tzinfo=UTC)
DAY = {"date_from": "2024-01-10", "date_to": "2024-01-10"}
PAGES = {"include_event_types": ["$pageview"]}

EVENTS = (
    'ann: $pageview@10:00{$current_url:"/"} $pageview@10:01{$current_url:"/pricing"}'
    ' $pageview@10:03{$current_url:"/signup"}',
    'bob: $pageview@10:00{$current_url:"/"} $pageview@10:02{$current_url:"/pricing/"}'
    ' $pageview@11:00{$current_url:"/pricing"} $pageview@11:01{$current_url:"/docs"}',
    'cat: $screen@12:00{$screen_name:"Home"} paid@12:01{plan:"pro"} $rageclick@12:02 left@12:03{plan:"x"}',
)


def test_the_example_of_the_documentation(api: Api) -> None:  # docs/paths.md
    api.now = NOW
    api.journeys(*EVENTS)
    answer = api.post("insights/path/", {**PAGES, **DAY})
    assert answer.body["result"] == [
        {"source": "1_/", "target": "2_/pricing", "value": 2, "average_conversion_time": 90000.0},
        {"source": "1_/pricing", "target": "2_/docs", "value": 1, "average_conversion_time": 60000.0},
        {"source": "2_/pricing", "target": "3_/signup", "value": 1, "average_conversion_time": 120000.0},
    ]
    point = {**PAGES, **DAY, "path_start_key": "1_/", "path_end_key": "2_/pricing"}
    for found in (api.get("persons/path/", point), api.post("persons/path/", point)):
        assert [actor["distinct_ids"] for actor in found.result[0]["people"]] == [["ann"], ["bob"]]


def test_a_sample_stands_for_the_whole(api: Api) -> None:  # semantics D61, G19
    api.now = NOW
    api.journeys(*(f"u{n}: a@10:00 b@10:01" for n in range(60)))
    asked = {"include_event_types": ["custom_event"], **DAY, "sampling_factor": 0.5}
    (edge,) = api.post("insights/path/", asked).body["result"]
    assert edge["value"] % 2 == 0 and 20 < edge["value"] < 100
    assert edge["average_conversion_time"] == 60_000
    bounds = {"min_edge_weight": edge["value"], "max_edge_weight": edge["value"]}
    assert api.post("insights/path/", asked | bounds).body["result"] == [edge]


OPTIONS = [
    pytest.param({"include_event_types": ["$screen"]}, [], id="a screen alone has no edge"),  # G21
    pytest.param({"path_type": "$screen"}, [], id="the oldest form"),
    pytest.param({"path_type": "custom_event"}, ["1_paid 2_left"], id="the oldest form, custom events"),
    pytest.param(
        {"include_event_types": ["$screen", "custom_event"]},
        ["1_Home 2_paid", "2_paid 3_left"],
        id="several types",
    ),
    pytest.param({"include_custom_events": ["$rageclick", "left"]}, ["1_$rageclick 2_left"], id="by name"),
    pytest.param(
        {"include_event_types": ["$screen"], "include_custom_events": ["paid"]},
        ["1_Home 2_paid"],
        id="a type and names",
    ),
    pytest.param(
        {"include_event_types": ["hogql"], "paths_hogql_expression": "properties.plan", "start_point": "pro"},
        ["1_pro 2_", "2_ 3_x"],
        id="an expression",
    ),
    pytest.param(
        {"start_point": "Home"},
        ["1_Home 2_paid", "2_paid 3_$rageclick", "3_$rageclick 4_left"],
        id="all events",
    ),
    pytest.param({**PAGES, "min_edge_weight": 2}, ["1_/ 2_/pricing"], id="heavy ones"),  # G19
    pytest.param({**PAGES, "max_edge_weight": 1}, ["1_/pricing 2_/docs"], id="light ones, none dangling"),
    pytest.param({**PAGES, "min_edge_weight": 2, "max_edge_weight": 2}, ["1_/ 2_/pricing"], id="a band"),
    pytest.param({**PAGES, "edge_limit": 1}, ["1_/ 2_/pricing"], id="limited"),  # G18
    pytest.param({**PAGES, "step_limit": 2}, ["1_/ 2_/pricing", "1_/pricing 2_/docs"], id="steps"),
    pytest.param({**PAGES, "step_limit": 1}, [], id="one step"),
    pytest.param(
        {**PAGES, "start_point": "/", "end_point": "/signup", "step_limit": 1}, [], id="no room for both ends"
    ),
    pytest.param({**PAGES, "exclude_events": ["/pricing/"]}, ["1_/ 2_/signup"], id="excluded"),
    pytest.param(
        {**PAGES, "exclude_events": ["/*"], "path_groupings": ["/*i*"]},
        ["1_/ 2_/*i*", "1_/*i* 2_/docs"],
        id="no wildcards in what is excluded",
    ),
    pytest.param(
        {**PAGES, "exclude_events": ["/*i*"], "path_groupings": ["/*i*"]}, [], id="a grouping excluded"
    ),
    pytest.param(
        {**PAGES, "local_path_cleaning_filters": [{"regex": "/(p|d)\\w+", "alias": "/\\1"}]},
        ["1_/ 2_/p", "1_/p 2_/d", "2_/p 3_/signup"],
        id="a group in the alias",
    ),
    pytest.param(
        {
            **PAGES,
            "local_path_cleaning_filters": [
                {"regex": "b", "alias": "c", "order": 1},
                {"regex": "^/.+", "alias": "/b", "order": 0},
            ],
        },
        ["1_/ 2_/c"],
        id="rules in their order",
    ),
    pytest.param(
        {**PAGES, "properties": [{"key": "$current_url", "operator": "icontains", "value": "i"}]},
        ["1_/pricing 2_/signup"],
        id="filtered",
    ),
    pytest.param({**PAGES, "date_to": "2024-01-09", "date_from": "2024-01-09"}, [], id="another day"),
    pytest.param({**PAGES, "date_from": "all"}, ["1_/ 2_/pricing"], id="all time"),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_options(api: Api, options: dict[str, Any], expected: list[str]) -> None:
    api.now = NOW
    api.journeys(*EVENTS)
    parameters = {**DAY, **options, "refresh": "force_blocking"}
    for answer in (api.post("insights/path/", parameters), api.get("insights/path", parameters)):
        found = sorted(f"{edge['source']} {edge['target']}" for edge in answer.result)
        assert found[: len(expected)] == sorted(expected)
        assert len(found) == len(expected) or "all" in options.values()


def test_the_rules_of_the_project() -> None:  # semantics G6
    rules = [{"regex": "/pricing", "alias": "/money", "order": 1}, {"regex": "s$", "alias": "", "order": 0}]
    api = make_project(path_cleaning_filters=rules)
    api.now = NOW
    api.journeys(*EVENTS)
    local = {"local_path_cleaning_filters": [{"regex": "money", "alias": "$"}]}
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["1_/ 2_/pricing", "1_/pricing 2_/docs", "2_/pricing 3_/signup"]),
        ({"path_replacements": True}, ["1_/ 2_/money", "1_/money 2_/doc", "2_/money 3_/signup"]),
        ({"path_replacements": "true", **local}, ["1_/ 2_/$", "1_/$ 2_/doc", "2_/$ 3_/signup"]),
    ]
    for options, expected in cases:
        result = api.calculate("path", **PAGES, **DAY, **options).result
        assert sorted(f"{edge['source']} {edge['target']}" for edge in result) == expected


def test_ties_are_broken_by_the_text_of_the_uuid(api: Api) -> None:  # semantics G1
    api.now = NOW
    # Of two uuids the store would sort the one with the smaller second half first.
    keys = {"a": "00000000-0000-4001-8000-00000000000f", "b": "00000000-0000-4002-8000-000000000001"}
    for name in ("b", "a"):
        event = {"event": name, "distinct_id": "u", "timestamp": "2024-01-10T10:00:00Z", "properties": {}}
        api.capture([{**event, "uuid": keys[name]}])
    assert [edge["source"] for edge in api.calculate("path", **DAY).result] == ["1_a"]


def test_equal_weights_are_ordered_by_text(api: Api) -> None:  # semantics G17
    api.now = NOW
    api.journeys("u1: b@10:00 c@10:01", "u2: a@10:00 d@10:01", "u3: a@10:00 c@10:01", "u4: b@10:00 c@10:01")
    found = [(edge["source"], edge["target"]) for edge in api.calculate("path", **DAY).result]
    assert found == [("1_b", "2_c"), ("1_a", "2_c"), ("1_a", "2_d")]


def test_both_points_lift_the_limit_of_edges(api: Api) -> None:  # semantics G18
    api.now = NOW
    api.journeys(*(f"u{n}: a@10:00 m{n:03}@10:01 z@10:02" for n in range(60)))
    count = {}
    for points in ((), ("start_point",), ("start_point", "end_point")):
        values = {name: {"start_point": "a", "end_point": "z"}[name] for name in points}
        count[points] = len(api.calculate("path", **DAY, **values).result)
    assert count == {(): 50, ("start_point",): 50, ("start_point", "end_point"): 120}


BAD = [
    ({"include_event_types": ["x"]}, "invalid_choice", "include_event_types__0"),
    ({"include_event_types": "x"}, "invalid_input", "include_event_types"),
    ({"path_type": "hogql"}, "invalid_choice", "path_type"),
    (
        {"include_event_types": ["custom_event"], "include_custom_events": ["a"]},
        "invalid_input",
        "include_custom_events",
    ),
    ({"include_event_types": ["hogql"]}, "required", "paths_hogql_expression"),
    (
        {"include_event_types": ["hogql"], "paths_hogql_expression": "nope("},
        "invalid_input",
        "paths_hogql_expression",
    ),
    ({"step_limit": 0}, "min_value", "step_limit"),
    ({"step_limit": 21}, "max_value", "step_limit"),
    ({"edge_limit": 0}, "min_value", "edge_limit"),
    ({"edge_limit": 1001}, "max_value", "edge_limit"),
    ({"edge_limit": "x"}, "invalid_input", "edge_limit"),
    ({"min_edge_weight": 3, "max_edge_weight": 2}, "invalid_input", "max_edge_weight"),
    ({"min_edge_weight": -1}, "min_value", "min_edge_weight"),
    (
        {"local_path_cleaning_filters": [{"regex": "a"}, {"regex": "(?=x)"}]},
        "invalid_input",
        "local_path_cleaning_filters__1__regex",
    ),
    ({"path_groupings": {"a": 1}}, "not_a_list", "path_groupings"),
    ({"date_from": "someday"}, "invalid_input", "date_from"),
]


@pytest.mark.parametrize(("parameters", "code", "attr"), BAD)
def test_bad_input(api: Api, parameters: dict[str, Any], code: str, attr: str) -> None:
    assert api.calculate("path", **parameters).error == (400, code, attr)
    assert api.get("insights/path/", parameters).error == (400, code, attr)
    assert api.get("persons/path/", parameters).error == (400, code, attr)
