"""Names that were seen, declared types, and values (api W18, semantics C4)."""

from __future__ import annotations

import pytest

from tests.api_client import Api


@pytest.fixture
def town(api: Api) -> Api:
    api.journeys(
        'ann: buy@2024-01-14{amount:"1.0",shop:"north"} buy@2024-01-13{amount:1,shop:"north"} see@2024-01-13{page:"x"}',
        'bob: buy@2024-01-14{amount:"2",shop:"south"}',
    )
    api.identify("ann", plan="pro")
    return api


def listed(api: Api, **params: object) -> list[str]:
    answer = api.get("property_definitions/", params)
    assert answer.status == 200, answer.body
    return [found["name"] for found in answer.body["results"]]


def test_events(town: Api) -> None:
    body = town.get("event_definitions/").body
    assert [found["name"] for found in body["results"]] == ["$identify", "buy", "see"]
    assert list(body["results"][0]) == ["id", "name", "created_at", "last_seen_at"]
    assert body["count"] == 3
    assert town.get("event_definitions/", {"search": "BU"}).body["count"] == 1
    one = body["results"][1]
    assert town.get(f"event_definitions/{one['id']}/").body == one
    assert town.get("event_definitions/nothing/").status == 404


def test_properties(town: Api) -> None:
    assert set(listed(town)) >= {"amount", "shop", "page"}
    assert listed(town, event_names=["see"]) == ["page"]
    assert listed(town, type="person") == ["plan"]
    assert "$session_duration" in listed(town, type="session")
    assert listed(town, search="sho") == ["shop"]
    assert town.get("property_definitions/", {"type": "planet"}).error == (400, "invalid_choice", "type")
    assert town.get("property_definitions/", {"event_names": "see"}).status == 400


def test_a_declared_type_changes_how_filters_compare(town: Api) -> None:
    """C3, C4: undeclared, "1.0" and 1 are different texts; as numbers they are equal."""
    equal = [{"key": "amount", "value": 1}]
    assert town.trend("buy", properties=equal)[0]["count"] == 1
    (amount,) = town.get("property_definitions/", {"search": "amount"}).body["results"]
    answer = town.patch(f"property_definitions/{amount['id']}/", {"property_type": "Numeric"})
    assert (answer.body["property_type"], answer.body["is_numerical"]) == ("Numeric", True)
    assert town.trend("buy", properties=equal)[0]["count"] == 2
    assert town.patch(f"property_definitions/{amount['id']}/", {"property_type": None}).status == 200
    assert town.trend("buy", properties=equal)[0]["count"] == 1
    bad = town.patch(f"property_definitions/{amount['id']}/", {"property_type": "Money"})
    assert bad.error == (400, "invalid_choice", "property_type")


def test_values(town: Api) -> None:
    assert town.get("events/values/", {"key": "shop"}).body == [{"name": "north"}, {"name": "south"}]
    assert town.get("events/values/", {"key": "shop", "value": "OU"}).body == [{"name": "south"}]
    assert town.get("events/values/", {"key": "shop", "event_name": "see"}).body == []
    assert town.get("events/values/").error == (400, "required", "key")
