"""The endpoint, the node and the lists of people around the numbers of a correlation (api S.5, U, V8, W20, Y6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api, make_project
from tests.correlation.correlating import DAYS, asked, cells, correlation, node, people

STEPS = [{"id": "A"}, {"id": "B"}]
PLAN = {"key": "plan", "value": "pro", "type": "person", "operator": "exact"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.journeys(
        "w1: A@1:00 X@2:00{k:1} X@2:10{k:2} B@3:00",
        "w2: A@1:00 B@3:00",
        "l1: A@1:00 X@2:00{k:2}",
        "l2: A@1:00",
    )
    api.identify("w1", plan="pro")
    api.identify("l1", plan="pro")
    api.identify("l2", plan="free")
    return api


def test_both_methods(shop: Api) -> None:  # api S1, S2, S3
    posted = asked(shop)
    got = shop.get("insights/funnel/correlation/", {"events": STEPS, **DAYS, "refresh": "true"})
    assert posted.result == got.result
    assert set(posted.body) == {"result", "timezone", "is_cached", "last_refresh", "timings"}
    (row,) = posted.result["events"]
    assert list(row) == [
        "event",
        "success_count",
        "success_people_url",
        "failure_count",
        "failure_people_url",
        "odds_ratio",
        "correlation_type",
    ]
    wanted = f"/api/projects/{shop.project.pk}/persons/funnel/correlation/?"
    assert row["success_people_url"].startswith(wanted)
    assert row["success_people_url"].endswith("&funnel_correlation_person_converted=true")
    assert row["failure_people_url"].endswith("&funnel_correlation_person_converted=false")


def test_as_a_node(shop: Api) -> None:  # api V8: the same rows without links
    linked = correlation(shop)
    plain = [{key: value for key, value in row.items() if "url" not in key} for row in linked["events"]]
    assert shop.query(node()).result == linked | {"events": plain}


def test_it_is_cached(shop: Api) -> None:  # api R1
    first, second = (shop.post("insights/funnel/correlation/", {"events": STEPS, **DAYS}) for _ in range(2))
    assert (first.body["is_cached"], second.body["is_cached"]) == (False, True)
    assert second.result == first.result


def test_csv(shop: Api) -> None:  # api Y6
    answer = shop.get("insights/funnel/correlation.csv", {"events": STEPS, **DAYS, "refresh": "true"})
    assert "export (2024-01-08 - 2024-01-12) from PostHog.csv" in answer.headers["Content-Disposition"]
    table = answer.body
    assert table == ("event,success_count,failure_count,odds_ratio,correlation_type\r\nX,1,1,1.0,failure\r\n")


def test_saved(shop: Api) -> None:  # api P25
    saved = shop.post("insights/", {"name": "why", "query": node()}).body
    found = shop.get(f"insights/{saved['id']}/", {"refresh": "blocking"})
    assert cells(found.result) == {"X": (1, 1)}


ERRORS = [  # api S18, S24
    pytest.param({"events": None}, "required", "events", id="no steps"),
    pytest.param({"funnel_correlation_type": "x"}, "invalid_choice", "funnel_correlation_type", id="type"),
    pytest.param(
        {"funnel_correlation_type": "properties"}, "required", "funnel_correlation_names", id="no names"
    ),
    pytest.param(
        {"funnel_correlation_type": "properties", "funnel_correlation_names": []},
        "required",
        "funnel_correlation_names",
        id="an empty list of names",
    ),
    pytest.param(
        {"funnel_correlation_type": "event_with_properties"},
        "required",
        "funnel_correlation_event_names",
        id="no names of events",
    ),
    pytest.param(
        {
            "funnel_correlation_type": "properties",
            "funnel_correlation_names": ["$all"],
            "funnel_aggregate_by_hogql": "properties.k",
        },
        "invalid_input",
        "funnel_correlation_type",
        id="values of an expression have no properties",
    ),
    pytest.param(
        {"funnel_correlation_names": "{"}, "invalid_input", "funnel_correlation_names", id="no list"
    ),
    pytest.param(
        {"funnel_correlation_names": ["k"] * 1001}, "max_value", "funnel_correlation_names", id="too many"
    ),
    pytest.param({"funnel_order_type": "x"}, "invalid_choice", "funnel_order_type", id="of the funnel"),
    pytest.param({"funnel_step": -1}, "invalid_input", "funnel_step", id="step"),
    pytest.param({"funnel_step_breakdown": {"a": 1}}, None, "funnel_step_breakdown", id="value"),
]


@pytest.mark.parametrize(("options", "code", "attr"), ERRORS)
def test_errors(api: Api, options: dict[str, Any], code: str | None, attr: str) -> None:
    status, found, name = asked(api, **options).error
    assert (status, name) == (400, attr)
    assert code in (None, found)


def test_a_thousand_names(shop: Api) -> None:  # as many as a list may hold
    names = ["plan", *(f"k{n}" for n in range(999))]
    options = {"funnel_correlation_type": "properties", "funnel_correlation_names": names}
    assert len(correlation(shop, **options)["events"]) == 11  # plan::pro, and ten of those nobody has


def test_every_name_is_excluded(shop: Api) -> None:  # semantics F9, F11
    options = {"funnel_correlation_event_names": ["X"], "funnel_correlation_exclude_event_names": ["X"]}
    result = correlation(shop, funnel_correlation_type="event_with_properties", **options)
    assert result == {"events": [], "skewed": False}


def test_another_project_sees_nothing(shop: Api) -> None:  # semantics F9, J3
    assert correlation(make_project()) == {"events": [], "skewed": True}


@pytest.mark.parametrize(
    ("converted", "expected"), [(True, ["w1", "w2"]), (False, ["l1", "l2"]), (None, ["l1", "l2", "w1", "w2"])]
)
def test_everybody_of_a_side(shop: Api, converted: bool | None, expected: list[str]) -> None:  # api W20
    point = {} if converted is None else {"funnel_correlation_person_converted": converted}
    found = shop.get("persons/funnel/correlation/", {"events": STEPS, **DAYS, **point})
    listed = found.body["results"][0]["people"]
    assert sorted(one["distinct_ids"][0] for one in listed) == expected


POINTS = [  # semantics F14, api U4
    pytest.param(
        {"funnelCorrelationPersonEntity": {"kind": "EventsNode", "event": "X"}}, ["w1"], ["l1"], id="event"
    ),
    pytest.param(
        {
            "funnelCorrelationPersonEntity": {
                "kind": "EventsNode",
                "event": "X",
                "properties": [{"key": "k", "value": 1, "type": "event", "operator": "exact"}],
            }
        },
        ["w1"],
        [],
        id="event with a property",
    ),
    pytest.param({"funnelCorrelationPropertyValues": [PLAN]}, ["w1"], ["l1"], id="property"),
    pytest.param(
        {"funnelCorrelationPropertyValues": [PLAN | {"operator": "is_not_set"}]}, ["w2"], [], id="without it"
    ),
]


@pytest.mark.parametrize(("point", "won", "lost"), POINTS)
def test_people_as_a_node(shop: Api, point: dict[str, Any], won: list[str], lost: list[str]) -> None:
    for converted, expected in ((True, won), (False, lost)):
        source = {"kind": "FunnelCorrelationActorsQuery", "source": node(), **point}
        source["funnelCorrelationPersonConverted"] = converted
        found = shop.query({"kind": "ActorsQuery", "source": source, "select": ["actor"]}).result
        assert [row[0]["distinct_ids"][0] for row in found] == expected


def test_people_of_an_action(shop: Api) -> None:  # api W20
    action = shop.post("actions/", {"name": "x", "steps": [{"event": "X"}]}).body["id"]
    entity = {"id": action, "type": "actions"}
    point = {"funnel_correlation_person_entity": entity, "funnel_correlation_person_converted": True}
    found = shop.get("persons/funnel/correlation/", {"events": STEPS, **DAYS, **point}).body
    assert [one["distinct_ids"][0] for one in found["results"][0]["people"]] == ["w1"]
    point["funnel_correlation_person_entity"] = entity | {"id": 4711}
    unknown = shop.get("persons/funnel/correlation/", {"events": STEPS, **DAYS, **point}).error
    assert unknown == (400, "does_not_exist", "funnel_correlation_person_entity__id")


def test_pages_of_people(shop: Api) -> None:  # api W20
    (row,) = correlation(shop, funnel_correlation_exclude_event_names=["Y"])["events"]
    assert people(shop, row["success_people_url"]) == ["w1"]
    url = row["success_people_url"].replace("funnel_correlation_person_converted=true", "limit=1")
    first = shop.get(url).body
    second = shop.get(first["next"].removeprefix("http://testserver")).body
    found = [page["results"][0]["people"][0]["distinct_ids"][0] for page in (first, second)]
    assert (sorted(found), second["next"]) == (["l1", "w1"], None)


def test_an_all_time_range(api: Api) -> None:  # semantics A9
    api.journeys("w: A@2019-05-01T01:00 X@2019-05-01T02:00 B@2019-05-01T03:00", "l: A@1:00 X@2:00")
    result = correlation(api, date_from="all", date_to=None)
    assert cells(result) == {"X": (1, 1)}
    assert people(api, result["events"][0]["success_people_url"]) == ["w"]


def test_a_range_turned_round(api: Api) -> None:  # semantics A10, F2
    assert correlation(api, date_from="2024-01-12", date_to="2024-01-08") == {"events": [], "skewed": True}


def test_a_point_of_funnel_trends(api: Api) -> None:  # semantics F1, E49: only who entered then
    api.journeys(
        "w: A@Mon X@2024-01-08T13:00 B@2024-01-08T14:00",
        "l: A@Mon X@2024-01-08T13:00",
        "m: A@Tue X@2024-01-09T13:00",
    )
    query = node(source={"funnelsFilter": {"funnelVizType": "trends"}})
    query["source"]["funnelTrendsEntrancePeriodStart"] = "2024-01-08"
    assert cells(api.query(query).result) == {"X": (1, 1)}


def test_persons_behind_values_of_an_expression(api: Api) -> None:  # semantics E2
    api.journeys('a: A@1:00{k:"s"} X@2:00{k:"s"}', 'b: B@3:00{k:"s"}', 'c: A@1:00{k:"t"} Y@2:00{k:"t"}')
    result = correlation(api, funnel_aggregate_by_hogql="properties.k")
    assert cells(result) == {"X": (1, 0), "Y": (0, 1)}
    assert people(api, result["events"][0]["success_people_url"]) == ["a", "b"]
