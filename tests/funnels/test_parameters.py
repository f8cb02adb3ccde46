"""Every parameter of the funnel endpoint, as a body and as a query string (api S2, S4, S.4, S16, S17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api_client import Api, make_project
from tests.cohorts.people import make, person

Parameters = dict[str, Any]
RANGE = {"date_from": "2024-01-08", "date_to": "2024-01-14"}


def identified(kind: str, key: str, **properties: Any) -> dict[str, Any]:
    set_ = {"$group_type": kind, "$group_key": key, "$group_set": properties}
    return {"event": "$groupidentify", "distinct_id": "x", "properties": set_}


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    team = {"key": "team", "type": "person", "operator": "is_not", "value": "blue"}
    api = make_project(test_account_filters=[team])
    api.capture([identified("team", "t"), identified("org", "big", size="L"), identified("org", "small")])
    api.identify("u1", team="red")
    api.identify("u2", team="blue")
    api.journeys(
        'u1: A@2024-01-08T09:00{b:"x",$session_id:"s1",$group_1:"big"}',
        'u1: B@2024-01-08T09:30{b:"x",n:1,$session_id:"s1",$group_1:"big"} C@2024-01-08T10:00',
        'u2: A@2024-01-09T09:00{b:"y",$session_id:"s2",$group_1:"small"} X@2024-01-09T09:10',
        'u2: B@2024-01-09T10:30{b:"x",$session_id:"s2",$group_1:"big"}',
        'u3: A@2024-01-10T09:00{b:"x",$group_0:"t"} B@2024-01-12T09:00{b:"y",n:1,$group_0:"t"}',
        'u4: B@2024-01-10T08:00 A@2024-01-10T09:00{$session_id:"s2"}',
    )
    return api


def post(api: Api, parameters: Parameters) -> Any:
    return api.calculate("funnel", **parameters).result


def get(api: Api, parameters: Parameters) -> Any:
    return api.get("insights/funnel/", {"refresh": "force_blocking", **parameters}).result


WAYS = pytest.mark.parametrize("ask", [pytest.param(post, id="POST"), pytest.param(get, id="GET")])
Ask = Callable[[Api, Parameters], Any]
AB = {"events": [{"id": "A", "order": 0}, {"id": "B", "order": 1}]}
NUMBERED = [{"key": "n", "value": 1}]
EXCLUDING_X = [{"id": "X", "type": "events", "funnel_from_step": 0, "funnel_to_step": 1}]
C_OR_X = [{"id": None, "order": 1, "nestedFilters": [{"id": "C"}, {"id": "X", "type": "events"}]}]
COUNTS = [
    pytest.param({}, [4, 3], id="defaults"),
    pytest.param({"unheard_of": 1, "layout": "vertical", "display": "x"}, [4, 3], id="unknown is ignored"),
    # E4
    pytest.param({"funnel_window_interval": 2, "funnel_window_interval_type": "hours"}, [4, 2], id="hours"),
    pytest.param({"funnel_window_interval": "1", "funnel_window_interval_type": "HOUR"}, [4, 1], id="HOUR"),
    pytest.param(
        {"funnel_window_interval": 1800, "funnel_window_interval_type": "SECOND"}, [4, 1], id="seconds"
    ),
    pytest.param(
        {"funnel_window_interval": 29, "funnel_window_interval_unit": "minute"}, [4, 0], id="the other name"
    ),
    pytest.param(
        {
            "funnel_window_interval": 2,
            "funnel_window_interval_unit": "second",
            "funnel_window_interval_type": "DAY",
        },
        [4, 3],
        id="the seed's name wins",
    ),
    pytest.param({"funnel_window_interval": 1}, [4, 2], id="a day"),
    pytest.param({"funnel_window_interval": 0}, [4, 3], id="zero is fourteen days"),
    pytest.param({"funnel_window_interval": -1}, [4, 3], id="so is a negative number"),
    pytest.param({"funnel_window_days": 1}, [4, 2], id="the deprecated name"),
    pytest.param({"funnel_window_days": 1, "funnel_window_interval": 3}, [4, 3], id="which comes last"),
    pytest.param({"funnel_order_type": "strict"}, [4, 2], id="strict"),
    pytest.param({"funnel_order_type": "unordered"}, [4, 4], id="unordered"),
    pytest.param({"exclusions": EXCLUDING_X}, [3, 2], id="exclusions"),
    # what is counted
    pytest.param({"properties": [{"key": "b", "value": "x"}]}, [2, 1], id="filters"),
    pytest.param({"filter_test_accounts": True}, [3, 2], id="test accounts"),
    pytest.param({"date_from": "2024-01-09", "date_to": "2024-01-11"}, [3, 1], id="dates"),
    pytest.param({"date_from": "-6d", "date_to": ""}, [3, 2], id="relative dates"),
    pytest.param({"date_from": "all", "date_to": ""}, [4, 3], id="all time"),
    pytest.param(
        {"date_from": "2024-01-08T09:15:00", "date_to": "2024-01-10T08:30:00", "explicit_date": True},
        [1, 1],
        id="explicit dates",
    ),
    pytest.param({"sampling_factor": 1}, [4, 3], id="everybody sampled"),
    pytest.param({"events": [{"id": "A"}, {"id": "B", "properties": NUMBERED}]}, [4, 2], id="a step's own"),
    pytest.param({"events": [{"id": "B", "order": 1}, {"id": "A", "order": 0}]}, [4, 3], id="by order"),
    pytest.param({"events": [{"id": "A"}, {"id": None}]}, [4, 3], id="any event"),
    pytest.param({"events": [{"id": "A", "order": 0}], "groups": C_OR_X}, [4, 2], id="one of several"),
    pytest.param(
        {"events": [{"id": "A"}, {"id": "B", "math": "first_time_for_user"}]}, [4, 3], id="first time"
    ),
    pytest.param({"events": [{"id": "A"}, {"id": "B", "math": "sum"}]}, [4, 3], id="other maths are ignored"),
    # who is counted
    pytest.param({"aggregation_group_type_index": 0}, [4, 3], id="S16: 0 is persons"),
    pytest.param({"aggregation_group_type_index": 1}, [2, 1], id="groups"),
    pytest.param({"funnel_aggregate_by_group_type": "team"}, [1, 1], id="S16: the first type by its name"),
    pytest.param({"funnel_aggregate_by_hogql": "properties.$session_id"}, [2, 2], id="sessions"),
    pytest.param({"funnel_aggregate_by_hogql": "upper(properties.b)"}, [2, 2], id="an expression"),
]


@WAYS
@pytest.mark.parametrize(("parameters", "expected"), COUNTS)
def test_counts(shop: Api, ask: Ask, parameters: Parameters, expected: list[int]) -> None:
    assert [step["count"] for step in ask(shop, {**AB, **RANGE, **parameters})] == expected


VALUES = [
    pytest.param({"breakdown": "b"}, [("x", [2, 2]), ("y", [1, 1]), ("", [1, 0])], id="event is the default"),
    pytest.param(
        {"breakdown": "team", "breakdown_type": "person"},
        [("", [2, 1]), ("blue", [1, 1]), ("red", [1, 1])],
        id="person",
    ),
    pytest.param(
        {"breakdown": "size", "breakdown_type": "group", "breakdown_group_type_index": 1},
        [("L", [2, 2]), ("", [2, 1])],
        id="group",
    ),
    pytest.param(
        {"breakdown": "$session_duration", "breakdown_type": "session"},
        [("86400", [2, 1]), ("", [1, 1]), ("1800", [1, 1])],
        id="session",
    ),
    pytest.param(
        {"breakdown": "upper(properties.b)", "breakdown_type": "hogql"},
        [("X", [2, 2]), ("Y", [1, 1]), ("", [1, 0])],
        id="hogql",
    ),
    pytest.param({"breakdown": ["all"], "breakdown_type": "cohort"}, [("all", [4, 3])], id="everybody"),
    pytest.param({"breakdown": "b", "breakdown_limit": 1}, [("x", [2, 2]), ("Other", [2, 1])], id="a limit"),
    pytest.param(
        {"breakdown": "b", "breakdown_attribution_type": "last_touch"},
        [("x", [2, 2]), ("y", [1, 1]), ("", [1, 0])],
        id="last touch",
    ),
    pytest.param(
        {"breakdown": "b", "breakdown_attribution_type": "all_events"},
        [("x", [2, 1]), ("", [1, 0]), ("y", [1, 0])],
        id="all events",
    ),
    pytest.param(
        {"breakdown": "b", "breakdown_attribution_type": "step", "breakdown_attribution_value": 1},
        [("x", [2, 2]), ("y", [1, 1]), ("", [1, 0])],
        id="of a step",
    ),
    pytest.param(
        {"breakdowns": [{"property": "b", "type": "event"}, {"property": "n", "type": "event"}]},
        [(["x", ""], [2, 2]), (["y", ""], [1, 1]), (["", ""], [1, 0])],
        id="two properties",
    ),
]


@WAYS
@pytest.mark.parametrize(("parameters", "expected"), VALUES)
def test_values(shop: Api, ask: Ask, parameters: Parameters, expected: list[Any]) -> None:  # E27-E32
    result = ask(shop, {**AB, **RANGE, **parameters})
    shown = [(steps[0]["breakdown_value"], [step["count"] for step in steps]) for steps in result]
    assert shown == expected


def test_actions_and_cohorts(shop: Api) -> None:
    name = {"name": "B or C", "steps": [{"event": "B"}, {"event": "C"}]}
    action = shop.post("actions/", name).body["id"]
    events = {"events": [{"id": "A", "order": 0}], "actions": [{"id": action, "order": 1}]}
    steps = post(shop, {**events, **RANGE})
    assert [step["count"] for step in steps] == [4, 3]
    assert {key: steps[1][key] for key in ("action_id", "name", "type", "order")} == {
        "action_id": str(action),
        "name": "B or C",
        "type": "actions",
        "order": 1,
    }
    excluded = [{"id": action, "type": "actions", "funnel_from_step": 0, "funnel_to_step": 1}]
    ac = {"events": [{"id": "A"}, {"id": "X"}], "exclusions": excluded}
    assert [step["count"] for step in post(shop, {**ac, **RANGE})] == [2, 1]
    reds = make(shop, name="Reds", filters={"properties": {"type": "AND", "values": [person("team", "red")]}})
    split = {"breakdown": [reds, "all"], "breakdown_type": "cohort"}
    result = post(shop, {**AB, **RANGE, **split})
    assert [(steps[0]["breakdown"], steps[0]["breakdown_value"], steps[1]["count"]) for steps in result] == [
        ("all users", "all", 3),
        ("Reds", reds, 1),
    ]


def test_ten_values_and_others(api: Api) -> None:  # S17, E27
    api.journeys(*(f'u{n:02}: A@10:00{{b:"v{n:02}"}}' for n in range(12)))
    asked = {"events": [{"id": "A"}], **RANGE, "breakdown": "b"}
    shown = [(steps[0]["breakdown_value"], steps[0]["count"]) for steps in post(api, asked)]
    assert shown == [*((f"v{n:02}", 1) for n in range(10)), ("Other", 2)]
    node = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": "A"}],
        "dateRange": RANGE,
        "breakdownFilter": {"breakdown": "b"},
    }
    answer = api.query(node)
    assert (len(answer.result), answer.body["hasMore"]) == (12, False)
    assert answer.result[0][0]["breakdown_value"] == ["v00"]


STEP_KEYS = {
    "action_id",
    "name",
    "custom_name",
    "order",
    "people",
    "count",
    "type",
    "average_conversion_time",
    "median_conversion_time",
    "converted_people_url",
    "dropped_people_url",
}


@WAYS
def test_a_step(shop: Api, ask: Ask) -> None:  # S13
    events = [{"id": "A"}, {"id": "B", "custom_name": "Bought"}, {"id": None}]
    first, second, third = ask(shop, {"events": events, **RANGE})
    assert set(first) == set(second) == STEP_KEYS
    assert (first["name"], first["custom_name"], first["order"], first["people"]) == ("A", None, 0, [])
    assert (second["name"], second["custom_name"], second["order"]) == ("B", "Bought", 1)
    assert (third["name"], third["action_id"], third["type"]) == ("All events", None, "events")
    assert first["average_conversion_time"] is None
    assert (second["average_conversion_time"], second["median_conversion_time"]) == (60_000.0, 5400.0)


TWO_DAYS = {"date_from": "2024-01-08", "date_to": "2024-01-09"}


@WAYS
def test_views(shop: Api, ask: Ask) -> None:  # S14, S15, E38, E44-E47
    trends = {**AB, **TWO_DAYS, "funnel_viz_type": "trends"}
    assert ask(shop, trends) == [
        {
            "count": 2,
            "data": [100.0, 100.0],
            "days": ["2024-01-08", "2024-01-09"],
            "labels": ["8-Jan-2024", "9-Jan-2024"],
        }
    ]
    by_display = {**AB, **TWO_DAYS, "display": "ActionsLineGraph"}
    assert ask(shop, by_display) == ask(shop, trends)
    times = {**AB, **RANGE, "funnel_viz_type": "time_to_convert"}
    assert ask(shop, times) == {
        "bins": [[1800, 2], [87300, 0], [172800, 1]],
        "average_conversion_time": 60_000.0,
    }
    assert [count for _, count in ask(shop, {**times, "bin_count": 1})["bins"]] == [2, 1]
    assert len(ask(shop, {**times, "bin_count": "auto"})["bins"]) == 3


ABC = {"events": [{"id": "A"}, {"id": "B"}, {"id": "C"}]}


@WAYS
def test_between_steps(shop: Api, ask: Ask) -> None:  # E38, E44
    trends = {**ABC, **TWO_DAYS, "funnel_viz_type": "trends"}
    assert ask(shop, trends)[0]["data"] == [100.0, 0]
    assert ask(shop, {**trends, "funnel_to_step": 1})[0]["data"] == [100.0, 100.0]
    assert ask(shop, {**trends, "funnel_from_step": 1, "date_to": "2024-01-10"})[0]["data"] == [100.0, 0, 0]
    times = {**ABC, **RANGE, "funnel_viz_type": "time_to_convert"}
    assert ask(shop, times)["average_conversion_time"] == 3600.0
    assert ask(shop, {**times, "funnel_from_step": 1})["average_conversion_time"] == 1800.0
    assert ask(shop, {**times, "funnel_to_step": 1})["average_conversion_time"] == 60_000.0


def test_who_may_still_convert_is_marked(api: Api) -> None:
    """Now is 15 January: the window of three days is open for those who enter on the 12th or later."""
    api.journeys("u1: A@2024-01-12 B@2024-01-12T13:00")
    node = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": name} for name in "AB"],
        "dateRange": RANGE,
        "funnelsFilter": {"funnelVizType": "trends", "funnelWindowInterval": 3},
    }
    assert api.query(node).body["window_open_from"] == "2024-01-12"
    past = {**node, "dateRange": {"date_from": "2023-12-01", "date_to": "2023-12-05"}}
    assert api.query(past).body["window_open_from"] is None


def test_more_than_a_hundred_steps(
    api: Api,
) -> None:  # U5; issue: up to 100 steps, then an error that says so
    answer = api.calculate("funnel", events=[{"id": "A"}] * 101, **RANGE)
    assert answer.status == 400
    assert "100" in answer.body["detail"]
    assert answer.body["attr"] == "events"
