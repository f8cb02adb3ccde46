"""Single events over HTTP, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api, make_project

KEYS = ["id", "distinct_id", "properties", "event", "timestamp", "person", "elements", "elements_chain"]


def everything(api: Api, **params: Any) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    page = api.get("events/", params)
    found: list[dict[str, Any]] = []
    while True:
        assert page.status == 200, page.body
        found += page.body["results"]
        if page.body["next"] is None:
            return found
        page = api.get(page.body["next"].removeprefix("http://testserver"))


def names(events: list[dict[str, Any]]) -> str:
    return " ".join(event["event"] for event in events)


@pytest.fixture
def town(api: Api) -> Api:
    """Five events, two of them at the same microsecond, one long ago."""
    api.capture(
        [
            {
                "event": name,
                "distinct_id": who,
                "timestamp": at,
                "uuid": f"00000000-0000-4000-8000-00000000000{n}",
                "properties": {"n": n, "nested": {"a": [1]}},
            }
            for n, (name, who, at) in enumerate(
                [
                    ("old", "u1", "2023-05-01T10:00:00Z"),
                    ("a", "u1", "2024-01-15T09:00:00.000001Z"),
                    ("b", "u2", "2024-01-15T10:00:00.5Z"),
                    ("c", "u1", "2024-01-15T10:00:00.5Z"),
                    ("d", "u2", "2024-01-15T11:00:00Z"),
                ]
            )
        ]
    )
    api.identify("u1", email="ann@example.org")
    return api


def test_one_event(town: Api) -> None:
    [event] = [one for one in everything(town) if one["event"] == "a"]
    assert list(event) == KEYS
    assert event["properties"] == {"n": 1, "nested": {"a": [1]}}
    assert event["timestamp"] == "2024-01-15T09:00:00.000001Z"
    assert event["person"]["properties"] == {"email": "ann@example.org"}
    assert event["person"]["distinct_ids"] == ["u1"]
    assert town.get(f"events/{event['id']}/").body == event


@pytest.mark.parametrize(
    ("params", "found"),
    [
        pytest.param({}, "$identify d b c a old", id="newest first, ties by uuid"),
        pytest.param({"order": "timestamp"}, "old a b c d $identify", id="oldest first"),
        pytest.param({"orderBy": ["timestamp ASC"]}, "old a b c d $identify", id="as PostHog spells it"),
        pytest.param({"event": "b"}, "b", id="name"),
        pytest.param({"distinct_id": "u2"}, "d b", id="distinct id"),
        pytest.param({"after": "2024-01-15T10:00:00.5Z"}, "$identify d b c", id="after is inclusive"),
        pytest.param({"before": "2024-01-15T10:00:00.5Z"}, "a old", id="before is exclusive"),
        pytest.param({"after": "-2h", "before": "-30M"}, "d b c", id="relative"),
        pytest.param({"properties": [{"key": "n", "value": [1, 4]}]}, "d a", id="properties"),
        pytest.param(
            {"properties": [{"key": "email", "value": "ann@example.org", "type": "person"}], "event": "c"},
            "c",
            id="properties of the person",
        ),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_same_list_whatever_the_size_of_a_page(
    town: Api, params: dict[str, Any], found: str, limit: int
) -> None:
    assert names(everything(town, **params, limit=limit)) == found


def test_what_arrives_between_two_pages_shifts_nothing(town: Api) -> None:
    first = town.get("events/", {"limit": 3})
    assert names(first.body["results"]) == "$identify d b"
    town.capture([{"event": "new", "distinct_id": "u9", "timestamp": "2024-01-15T11:30:00Z"}])
    rest = town.get(first.body["next"].removeprefix("http://testserver")).body
    assert (names(rest["results"]), rest["next"]) == ("c a old", None)


def test_a_few_recent_events_do_not_hide_the_old_ones(api: Api) -> None:
    api.journeys("u1: A@2023-12-01T10:00")
    assert names(everything(api)) == "A"


@pytest.mark.parametrize(
    ("params", "code", "attr"),
    [
        ({"cursor": "x"}, "invalid_input", "cursor"),
        ({"cursor": "99999999999999999999.00000000-0000-4000-8000-000000000000"}, "invalid_input", "cursor"),
        ({"order": "event"}, "invalid_choice", "order"),
        ({"after": "some day"}, "invalid_input", "after"),
        ({"before": "some day"}, "invalid_input", "before"),
        ({"properties": "x"}, "invalid_input", "properties"),
        ({"properties": [{"key": "a", "operator": "like", "value": 1}]}, "invalid_input", "properties"),
    ],
)
def test_bad_parameters(town: Api, params: dict[str, Any], code: str, attr: str) -> None:
    assert town.get("events/", params).error == (400, code, attr)


@pytest.mark.parametrize("limit", ["0", "-1", "x", ""])
def test_a_bad_limit_is_the_default(town: Api, limit: str) -> None:
    assert len(town.get("events/", {"limit": limit}).body["results"]) == 6


def test_unknown_events_and_other_projects(town: Api) -> None:
    [event] = everything(town, event="a")
    other = make_project()
    assert everything(other) == []
    assert other.get(f"events/{event['id']}/").error == (404, "not_found", None)
    assert town.get("events/nothing/").error == (404, "not_found", None)


def test_as_csv(town: Api) -> None:
    lines = town.get("events.csv", {"event": "a"}).content.decode().splitlines()
    assert lines[0].startswith("id,distinct_id,properties.n,properties.nested.a,event,timestamp,person.id")
    assert len(lines) == 2
