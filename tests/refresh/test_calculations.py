"""The calculation endpoints around their numbers: parameters, envelope, pages, tables (api S, Y)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.api_client import NOW, Api, make_project


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.journeys(
        'u1: A@10:00{plan:"free"} B@10:30',
        'u2: A@11:00{plan:"pro"} A@12:00{plan:"pro"}',
        'u3: A@11:30{plan:"old"}',
    )
    return api


A = [{"id": "A"}]
JAN = {"date_from": "2024-01-09", "date_to": "2024-01-11"}


@pytest.mark.parametrize(
    ("endpoint", "parameters"),
    [
        ("trend", {"events": A}),
        ("trend", {"events": A, "breakdown": "plan"}),
        ("trend", {"events": A, "display": "BoldNumber"}),
        ("trend", {"events": A, "insight": "STICKINESS"}),
        ("trend", {"events": A, "insight": "LIFECYCLE"}),
        ("path", {}),
        ("retention", {"target_entity": {"id": "A", "type": "events"}}),
    ],
)
def test_get_and_post_are_the_same(shop: Api, endpoint: str, parameters: dict[str, Any]) -> None:  # S1, S3
    path = f"insights/{endpoint}/"
    first, second = shop.post(path, parameters), shop.get(path, parameters)
    assert (first.status, first.result) == (200, second.result)
    assert (first.body["is_cached"], second.body["is_cached"]) == (False, True)
    envelope = ["result", "timezone", "is_cached", "last_refresh", "timings"]
    assert list(first.body) == [*envelope, *(["next"] if endpoint == "trend" else [])]
    assert (first.body["timezone"], first.body["last_refresh"]) == ("UTC", "2024-01-15T12:00:00Z")
    assert first.body["timings"][0]["t"] > 0 and second.body["timings"] == []


def test_the_query_string_wins_per_key(shop: Api) -> None:  # S2
    answer = shop.post("insights/trend/?interval=week", {"events": A, "interval": "month", **JAN})
    assert len(answer.result[0]["data"]) == 1


def test_unknown_parameters_are_ignored(shop: Api) -> None:
    assert shop.post("insights/trend/", {"events": A, "nonsense": {"a": 1}, "name": "x"}).status == 200


@pytest.mark.parametrize(
    ("endpoint", "parameters", "error"),
    [
        ("trend", {}, (400, "required", "events")),
        ("trend", {"events": ""}, (400, "required", "events")),
        ("funnel", {}, (400, "required", "events")),
        ("funnel/correlation", {}, (400, "required", "events")),
        ("trend", {"events": "[{"}, (400, "invalid_input", "events")),
        ("trend", {"events": A, "interval": "fortnight"}, (400, "invalid_choice", "interval")),
        ("trend", {"events": A, "date_from": "sometime"}, (400, "invalid_input", "date_from")),
        ("trend", {"events": A, "formula": "A/Z"}, (400, "invalid_input", "formula")),
        ("trend", {"events": A, "refresh": "later"}, (400, "invalid_choice", "refresh")),
        ("trend", {"events": A, "client_query_id": "a b"}, (400, "invalid_input", "client_query_id")),
    ],
)
def test_bad_parameters(shop: Api, endpoint: str, parameters: Any, error: Any) -> None:  # N5
    assert shop.post(f"insights/{endpoint}/", parameters).error == error


def test_empty_entities_are_no_error(shop: Api) -> None:  # S4
    assert shop.post("insights/trend/", {"events": [], "actions": []}).result == []


def test_methods_and_scopes(shop: Api) -> None:
    assert shop.patch("insights/trend/", {}).status == 405
    assert replace(shop, key=None).post("insights/trend/", {"events": A}).status == 401


# --- next (S12) ------------------------------------------------------------------------------------------


def values(answer: Any) -> list[Any]:
    return [row["breakdown_value"] for row in answer.result]


def test_pages_of_breakdown_values(shop: Api) -> None:
    parameters = {
        "events": A,
        "breakdown": "plan",
        "breakdown_limit": 1,
        "breakdown_hide_other_aggregation": True,
    }
    seen, path = [], "insights/trend/"
    answer = shop.get(path, parameters)
    for _ in range(5):
        seen += values(answer)
        following = answer.body["next"]
        if following is None:
            break
        assert following.startswith("http://testserver/api/projects/") and "offset=" in following
        answer = shop.get(following.removeprefix("http://testserver"))
    assert seen == ["pro", "free", "old"]


@pytest.mark.parametrize("extra", [{}, {"breakdown": "plan"}, {"breakdown": "plan", "breakdown_limit": 4}])
def test_no_next_page(shop: Api, extra: dict[str, Any]) -> None:
    assert shop.post("insights/trend/", {"events": A, **extra}).body["next"] is None


# --- tables (Y) ------------------------------------------------------------------------------------------


def test_a_trend_as_a_table(shop: Api) -> None:  # Y1, Y2
    answer = shop.get("insights/trend.csv", {"events": A, **JAN})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.body == "series,9-Jan-2024,10-Jan-2024,11-Jan-2024\r\nA,0.0,4.0,0.0\r\n"
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="export (2024-01-09 - 2024-01-11) from PostHog.csv"'
    )


def test_a_named_table_with_a_link(shop: Api) -> None:
    parameters = {"events": A, **JAN, "format": "csv", "export_name": "My Trend!", "export_insight_id": "abc"}
    answer = shop.get("insights/trend/", parameters)
    assert answer.body.splitlines()[0] == "http://testserver/insights/abc/"
    assert 'filename="my-trend (2024-01-09' in answer.headers["Content-Disposition"]


def test_a_table_of_all_time(shop: Api) -> None:
    answer = shop.get("insights/trend.csv", {"events": A, "date_from": "all"})
    assert "(up until 2024-01-15) from" in answer.headers["Content-Disposition"]


def test_errors_are_json(shop: Api) -> None:  # Y9
    assert shop.get("insights/trend.csv", {"events": A, "interval": "x"}).error[0] == 400


def test_a_query_as_a_table(shop: Api) -> None:
    node = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}], "dateRange": JAN}
    answer = shop.post("query/?format=csv", {"query": node})
    assert answer.body == "series,9-Jan-2024,10-Jan-2024,11-Jan-2024\r\nA,0.0,4.0,0.0\r\n"


# --- answers that a client has already -------------------------------------------------------------------


def test_an_answer_that_the_client_has(shop: Api) -> None:
    parameters = {"events": A, "date_from": "-3d"}
    first = shop.get("insights/trend/", parameters)
    tag = first.headers["ETag"]
    again = shop.get("insights/trend/", parameters, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status, again.content, again.headers["ETag"]) == (304, b"", tag)
    strong = shop.get("insights/trend/", parameters, headers={"If-None-Match": tag.removeprefix("W/")})
    assert strong.status == 304
    as_table = shop.get("insights/trend.csv", parameters, headers={"If-None-Match": tag})
    assert as_table.status == 200


def test_a_new_answer_has_a_new_tag(shop: Api) -> None:
    parameters = {"events": A, "date_from": "-4d"}
    tag = shop.get("insights/trend/", parameters).headers["ETag"]
    later = replace(shop, now=NOW + timedelta(hours=7))
    answer = later.get("insights/trend/", parameters, headers={"If-None-Match": tag})
    assert (answer.status, answer.body["is_cached"]) == (200, False)
    assert answer.headers["ETag"] != tag


def test_a_post_has_no_tag(shop: Api) -> None:
    assert "ETag" not in shop.post("insights/trend/", {"events": A}).headers
