"""Pages of people, their form, coordinates by hand, errors and tables (api V9, V10, W1, W20-W22)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from insights_service.accounts import services
from insights_service.accounts.services import KeyReach
from tests.api_client import Api, make_project

RANGE = {"date_from": "2024-01-08", "date_to": "2024-01-12"}
SERIES = [{"kind": "EventsNode", "event": "A", "math": "dau"}]
TRENDS = {"kind": "TrendsQuery", "series": SERIES, "dateRange": RANGE}


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project(person_display_name_properties=["nick"])
    api.identify("u1", email="ada@example.org", nick="Ada", seats=3)
    api.identify("u2", email="=bob@example.org")
    api.journeys(
        'u1: A@2024-01-08T09:00 A@2024-01-10{plan:"pro"} B@2024-01-10T13:00 A@2024-01-12',
        'u2: A@2024-01-08T10:00 A@2024-01-09{plan:"pro"} A@2024-01-10',
        "u3: A@2024-01-08T11:00",
    )
    return api


def names(answer: Any) -> list[str]:
    assert answer.status == 200, answer.body
    return sorted(one["name"] for one in answer.body["results"][0]["people"])


def test_a_page(shop: Api) -> None:  # W20, W21
    point = {"events": [{"id": "A", "math": "dau"}], "date_from": "2024-01-08", "date_to": "2024-01-08"}
    first = shop.get("persons/trends/", point | {"limit": 2}).body
    assert list(first) == [
        "results",
        "next",
        "initial",
        "previous",
        "is_cached",
        "last_refresh",
        "missing_persons",
    ]
    assert first["results"][0]["count"] == 2 and first["previous"] is None
    assert (first["is_cached"], first["missing_persons"]) == (False, 0)
    second = shop.get(first["next"].removeprefix("http://testserver")).body
    assert second["results"][0]["count"] == 1 and second["next"] is None
    assert shop.get(second["previous"].removeprefix("http://testserver")).body["results"] == first["results"]
    assert shop.get(second["initial"].removeprefix("http://testserver")).body["results"] == first["results"]
    ada = next(one for one in first["results"][0]["people"] if one["distinct_ids"] == ["u1"])
    assert ada | {"id": "", "uuid": "", "created_at": ""} == {
        "type": "person",
        "id": "",
        "uuid": "",
        "name": "Ada",
        "distinct_ids": ["u1"],
        "created_at": "",
        "properties": {"email": "ada@example.org", "nick": "Ada", "seats": 3},
        "is_identified": None,
        "matched_recordings": [],
    }
    assert ada["id"] == ada["uuid"] and ada["created_at"]


def test_the_pages_of_a_post_are_followed_with_get(shop: Api) -> None:
    body = {"events": [{"id": "A"}], **RANGE, "limit": 1}
    answer = shop.post("persons/trends/", body).body
    seen = list(answer["results"][0]["people"])
    while answer["next"]:
        answer = shop.get(answer["next"].removeprefix("http://testserver")).body
        seen += answer["results"][0]["people"]
    assert sorted(one["name"] for one in seen) == ["Ada", "u2", "u3"]


BY_HAND = [
    pytest.param({"entity_id": "A", "entity_type": "events", "date_from": "2024-01-09"}, ["u2"], id="a day"),
    pytest.param(
        {
            "entity_id": "A",
            "entity_math": "weekly_active",
            "date_from": "2024-01-12",
            "date_to": "2024-01-12",
        },
        ["Ada", "u2", "u3"],
        id="the window of a day",
    ),
    pytest.param(
        {"entity_id": "A", "date_from": "2024-01-08", "date_to": "2024-01-08", "interval": "week"},
        ["Ada", "u2", "u3"],
        id="a week from its Monday",
    ),
    pytest.param(
        {"entity_id": "A", "date_from": "2024-01-09", "date_to": "2024-01-10"}, ["Ada", "u2"], id="two days"
    ),
    pytest.param(
        {
            "entity_id": "A",
            "date_from": "2024-01-10T09:00",
            "date_to": "2024-01-10T12:00",
            "interval": "hour",
        },
        ["Ada", "u2"],
        id="hours",
    ),
    pytest.param(
        {
            "events": [{"id": "A"}],
            "breakdown": "plan",
            "breakdown_value": "pro",
            "date_from": "2024-01-10",
            "date_to": "2024-01-10",
        },
        ["Ada"],
        id="a value",
    ),
    pytest.param(
        {
            "events": [{"id": "A"}],
            "breakdown": "plan",
            "breakdown_value": "",
            "date_from": "2024-01-10",
            "date_to": "2024-01-10",
        },
        ["u2"],
        id="no value",
    ),
    pytest.param(
        {"events": [{"id": "A"}, {"id": "B"}], "entity_id": "B", **RANGE}, ["Ada"], id="entity by its id"
    ),
    pytest.param(
        {"events": [{"id": "A"}, {"id": "B"}], "entity_id": "A", "entity_order": 1, **RANGE},
        ["Ada"],
        id="order wins",
    ),
    pytest.param({"events": [{"id": "A"}], **RANGE, "search": "ADA@"}, ["Ada"], id="searched"),
]


@pytest.mark.parametrize(("parameters", "expected"), BY_HAND)
def test_coordinates_by_hand(shop: Api, parameters: Any, expected: list[str]) -> None:
    assert names(shop.get("persons/trends/", parameters)) == expected
    assert names(shop.post("persons/trends/", parameters)) == expected


def test_aliases(shop: Api) -> None:  # S6, W20
    shop.user.current_project = shop.project
    shop.user.save()
    point = {"entity_id": "A", "date_from": "2024-01-09"}
    for path in ("persons/trends/", "actions/people/", "/api/person/trends/"):
        assert names(shop.get(path, point)) == ["u2"], path


EVENTS = {"events": [{"id": "A"}]}
WRONG = [
    ("trends", {}, (400, "required", "events")),
    ("trends", EVENTS | {"date_from": "sometime"}, (400, "invalid_input", "date_from")),
    ("trends", EVENTS | {"entity_order": 4}, (400, "invalid_input", "entity_order")),
    ("trends", EVENTS | {"entity_order": "x"}, (400, "invalid_input", "entity_order")),
    ("trends", EVENTS | {"entity_id": "Z"}, (400, "invalid_input", "entity_id")),
    ("trends", EVENTS | {"compare_label": "next"}, (400, "invalid_choice", "compare_label")),
    ("trends", {"events": [{"id": "A", "math": "best"}]}, (400, "invalid_choice", "events__0__math")),
    ("stickiness", EVENTS | {"stickiness_days": 0}, (400, "invalid_input", "stickiness_days")),
    ("trends", EVENTS | {"entity_order": "9" * 30}, (400, "max_value", "entity_order")),
    ("stickiness", EVENTS | {"stickiness_days": "9" * 30}, None),
    ("retention", {"selected_interval": "9" * 30}, (400, "max_value", "selected_interval")),
    ("stickiness", EVENTS | {"stickiness_days": "two"}, (400, "invalid_input", "stickiness_days")),
    ("lifecycle", EVENTS, (400, "required", "target_date")),
    ("lifecycle", EVENTS | {"target_date": "2024-01-10"}, (400, "required", "lifecycle_type")),
    (
        "lifecycle",
        EVENTS | {"target_date": "2024-01-10", "lifecycle_type": "odd"},
        (400, "invalid_choice", "lifecycle_type"),
    ),
    (
        "lifecycle",
        EVENTS | {"target_date": "1999-01-10", "lifecycle_type": "new"},
        (400, "invalid_input", "target_date"),
    ),
    ("retention", {"selected_interval": 99}, (400, "invalid_input", "selected_interval")),
    ("retention", {"selected_interval": -1}, (400, "invalid_input", "selected_interval")),
    ("retention", {"returning_interval": 99}, (400, "invalid_input", "returning_interval")),
    ("funnel", EVENTS | {"funnel_step": 0}, (400, "invalid_input", "funnel_step")),
    ("funnel", EVENTS | {"funnel_step": -1}, (400, "invalid_input", "funnel_step")),
    ("funnel/correlation", EVENTS | {"funnel_correlation_person_entity": "{"}, None),
    ("path", {"step_limit": 99}, (400, "max_value", "step_limit")),
]


@pytest.mark.parametrize(("path", "parameters", "error"), WRONG)
def test_bad_coordinates(shop: Api, path: str, parameters: Any, error: Any) -> None:
    answer = shop.get(f"persons/{path}/", parameters)
    assert answer.status == 400, answer.body
    assert error is None or answer.error == error


def test_the_scope(shop: Api) -> None:
    reach = KeyReach(["insight:read"], None, None)
    other = replace(shop, key=services.key_create(user=shop.user, label="test", reach=reach)[1])
    assert other.get("persons/trends/", {"entity_id": "A"}).error == (403, "permission_denied", None)
    assert make_project().get(f"/api/projects/{shop.project.pk}/persons/trends/").status == 403
    assert replace(shop, key=None).get("persons/trends/").status == 401


def test_csv(shop: Api) -> None:  # W22
    answer = shop.get("persons/trends.csv", {"entity_id": "A", "date_from": "2024-01-10"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *lines = answer.body.strip().split("\r\n")
    assert header == "Name,Distinct ID,Internal ID,Email,Properties"
    cells = sorted(line.split(",") for line in lines)
    assert [[name, own_id, email] for name, own_id, _, email, *_ in cells] == [
        ["Ada", "u1", "ada@example.org"],
        ["u2", "u2", "'=bob@example.org"],
    ]


# --- nodes -------------------------------------------------------------------------------------------------


def test_actors_of_a_bucket(shop: Api) -> None:  # V9
    node = {
        "kind": "ActorsQuery",
        "source": {"kind": "InsightActorsQuery", "source": TRENDS, "day": "2024-01-10"},
        "select": ["id", "name", "properties.email"],
        "limit": 1,
    }
    first, second = (shop.query(node | {"offset": offset}).body for offset in (0, 1))
    assert first["columns"] == ["id", "name", "properties.email"]
    assert (first["hasMore"], first["limit"], first["offset"], first["missing_actors_count"]) == (
        True,
        1,
        0,
        0,
    )
    assert second["hasMore"] is False
    assert sorted(row[1:] for row in first["results"] + second["results"]) == [
        ["Ada", "ada@example.org"],
        ["u2", "=bob@example.org"],
    ]


NARROWED = [
    pytest.param({"search": "ada@"}, ["Ada"], id="search"),
    pytest.param({"properties": [{"key": "seats", "type": "person", "value": 3}]}, ["Ada"], id="properties"),
    pytest.param({}, ["Ada", "u2", "u3"], id="all"),
]


@pytest.mark.parametrize(("narrowing", "expected"), NARROWED)
@pytest.mark.parametrize("source", [None, {"kind": "InsightActorsQuery", "source": TRENDS}])
def test_narrowed_actors(shop: Api, narrowing: Any, expected: Any, source: Any) -> None:
    node = {"kind": "ActorsQuery", "select": ["name"], **narrowing, **({"source": source} if source else {})}
    assert sorted(name for (name,) in shop.query(node).result) == expected


def test_a_source_asked_for_itself(shop: Api) -> None:  # W1
    source = {"kind": "InsightActorsQuery", "source": TRENDS, "day": "2024-01-09"}
    assert [row[0]["name"] for row in shop.query(source).result] == ["u2"]
    sticky = {
        "kind": "StickinessActorsQuery",
        "source": {
            "kind": "StickinessQuery",
            "series": [{"kind": "EventsNode", "event": "A"}],
            "dateRange": RANGE,
        },
        "day": 2,
        "operator": "gte",
    }
    assert sorted(row[0]["name"] for row in shop.query(sticky).result) == ["Ada", "u2"]


def test_wrong_nodes(shop: Api) -> None:
    source = {"kind": "InsightActorsQuery", "source": TRENDS, "day": "never"}
    assert shop.query({"kind": "ActorsQuery", "source": source}).status == 400
    assert shop.query({"kind": "ActorsQuery", "select": ["shoe size"]}).error[:2] == (400, "invalid_input")
    assert shop.query({"kind": "ActorsQuery", "limit": 0}).error == (400, "min_value", "query__limit")


def test_options_of_a_trend(shop: Api) -> None:  # V10
    trend = TRENDS | {"breakdownFilter": {"breakdown": "plan"}, "compareFilter": {"compare": True}}
    found = shop.query(
        {"kind": "InsightActorsQueryOptions", "source": {"kind": "InsightActorsQuery", "source": trend}}
    ).result
    assert list(found) == ["day", "status", "interval", "breakdown", "breakdowns", "series", "compare"]
    assert {"label": "8-Jan-2024", "value": "2024-01-08"} in found["day"]
    assert found["series"] == [{"label": "A", "value": 0}]
    assert found["compare"] == [
        {"label": "Current", "value": "current"},
        {"label": "Previous", "value": "previous"},
    ]
    assert {"label": "pro", "value": "pro"} in found["breakdown"]
    assert {"label": "None (i.e. no value)", "value": "$$_posthog_breakdown_null_$$"} in found["breakdown"]
    assert (found["status"], found["interval"], found["breakdowns"]) == (None, None, None)


@pytest.mark.parametrize(
    ("insight", "key", "values"),
    [
        (
            {"kind": "LifecycleQuery", "series": SERIES, "dateRange": RANGE},
            "status",
            ["new", "returning", "resurrecting", "dormant"],
        ),
        (
            {"kind": "StickinessQuery", "series": [SERIES[0] | {"math": "dau"}], "dateRange": RANGE},
            "day",
            None,
        ),
        (
            {
                "kind": "RetentionQuery",
                "retentionFilter": {"totalIntervals": 3, "targetEntity": {"id": "A", "type": "events"}},
            },
            "interval",
            [0, 1, 2],
        ),
    ],
)
def test_options_of_others(shop: Api, insight: Any, key: str, values: Any) -> None:
    node = {"kind": "InsightActorsQueryOptions", "source": {"kind": "InsightActorsQuery", "source": insight}}
    found = shop.query(node).result
    assert [choice["value"] for choice in found[key]] == (values or [1, 2, 3, 4, 5])
