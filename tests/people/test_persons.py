"""Persons over HTTP (api W17): pages, search, filters, edits, and what queries see of them afterwards."""

from __future__ import annotations

import pytest

from tests.api_client import Api
from tests.cohorts.people import calculate, make, person, tree

KEYS = ["id", "name", "distinct_ids", "properties", "created_at", "uuid"]


@pytest.fixture
def town(api: Api) -> Api:
    api.journeys("ann: A@2024-01-10T10:00", "bob: A@2024-01-11T10:00", "cid: A@2024-01-12T10:00")
    api.identify("ann", email="Ann@example.org", plan="pro")
    api.identify("bob", name="Robert", plan="free")
    return api


def names(api: Api, **params: object) -> list[str]:
    answer = api.get("persons/", params)
    assert answer.status == 200, answer.body
    return [one["distinct_ids"][0] for one in answer.body["results"]]


def one(api: Api, distinct_id: str) -> dict[str, object]:
    (found,) = api.get("persons/", {"distinct_id": distinct_id}).body["results"]
    return dict(found)


def test_the_list(town: Api) -> None:
    """The newest first; no count (M17)."""
    body = town.get("persons/").body
    assert list(body) == ["next", "previous", "results"]
    assert [list(found) for found in body["results"]] == [KEYS] * 3
    assert names(town) == ["cid", "bob", "ann"]
    assert [found["name"] for found in body["results"]] == ["cid", "Robert", "Ann@example.org"]
    assert body["results"][0]["created_at"] == "2024-01-12T10:00:00Z"


def test_pages(town: Api) -> None:
    first = town.get("persons/", {"limit": "2"}).body
    assert (len(first["results"]), first["previous"]) == (2, None)
    second = town.get(first["next"].removeprefix("http://testserver")).body
    assert (len(second["results"]), second["next"]) == (1, None)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"search": "ann@"}, ["ann"]),
        ({"search": "ROB"}, ["bob"]),
        ({"search": "ci"}, ["cid"]),
        ({"search": "%"}, []),  # a percent sign is one
        ({"email": "Ann@example.org"}, ["ann"]),
        ({"email": "ann"}, []),
        ({"distinct_id": "bob"}, ["bob"]),
        ({"distinct_id": "nobody"}, []),
        ({"properties": [{"key": "plan", "value": "pro"}]}, ["ann"]),
        ({"properties": [{"key": "plan", "operator": "is_not_set", "type": "person"}]}, ["cid"]),
        (
            {"properties": {"type": "OR", "values": [{"key": "plan", "value": "pro"}, {"key": "name", "operator": "is_set"}]}},
            ["bob", "ann"],
        ),
        ({"search": "o", "properties": [{"key": "plan", "value": "free"}]}, ["bob"]),
    ],
)  # fmt: skip
def test_what_narrows_the_list(town: Api, params: dict[str, object], found: list[str]) -> None:
    assert names(town, **params) == found


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ('[{"key": "x", "operator": "sounds_like", "value": 1}]', "invalid_choice"),
        ('[{"key": "x"}]', "required"),
        ('[{"key": "x", "type": "event", "value": 1}]', "invalid_input"),
        ("plan", "invalid_input"),
        ("7", "invalid_input"),
    ],
)
def test_bad_filters(town: Api, properties: str, code: str) -> None:
    assert town.get("persons/", {"properties": properties}).error == (400, code, "properties")


def test_one_person(town: Api) -> None:
    found = one(town, "ann")
    for reference in (found["id"], found["uuid"]):
        assert town.get(f"persons/{reference}/").body == found
    for nobody in ("0", "99999999999999999999", "no-uuid", "00000000-0000-0000-0000-000000000000"):
        assert town.get(f"persons/{nobody}/").status == 404


def test_edits_are_seen_by_queries(town: Api) -> None:
    bob = one(town, "bob")["id"]
    assert town.patch(f"persons/{bob}/", {"properties": {"plan": "gold"}}).body["properties"] == {
        "plan": "gold",
        "name": "Robert",
    }
    gold = [{"key": "plan", "type": "person", "value": "gold"}]
    assert town.trend("A", properties=gold, date_from="2024-01-01")[0]["count"] == 1
    answer = town.post(f"persons/{bob}/delete_property/", {"$unset": "plan"})
    assert answer.body["properties"] == {"name": "Robert"}
    assert town.trend("A", properties=gold, date_from="2024-01-01")[0]["count"] == 0
    answer = town.post(f"persons/{bob}/update_property/", {"key": "plan", "value": {"deep": [1]}})
    assert answer.body["properties"]["plan"] == {"deep": [1]}
    assert town.post(f"persons/{bob}/update_property/", {"value": 1}).error == (400, "required", "key")


def test_split(town: Api) -> None:
    town.identify("ann", anonymous="cid")
    ann = one(town, "ann")
    assert sorted(ann["distinct_ids"]) == ["ann", "cid"]  # type: ignore[call-overload]
    assert (
        town.trend({"id": "A", "math": "dau"}, date_from="2024-01-01", display="BoldNumber")[0][
            "aggregated_value"
        ]
        == 2
    )
    answer = town.post(f"persons/{ann['id']}/split/", {"main_distinct_id": "ann"})
    assert (answer.status, answer.body) == (201, {"success": True})
    assert one(town, "ann")["distinct_ids"] == ["ann"]
    assert (
        town.trend({"id": "A", "math": "dau"}, date_from="2024-01-01", display="BoldNumber")[0][
            "aggregated_value"
        ]
        == 3
    )


def test_delete(town: Api) -> None:
    """B5: events stay and count for somebody without a profile."""
    ann = one(town, "ann")["id"]
    assert town.delete(f"persons/{ann}/").status == 204
    assert town.get(f"persons/{ann}/").status == 404
    assert names(town) == ["cid", "bob"]
    assert town.trend({"id": "A", "math": "dau"}, date_from="2024-01-01")[0]["count"] == 3
    unset = [{"key": "plan", "type": "person", "operator": "is_not_set"}]
    assert town.trend("A", properties=unset, date_from="2024-01-01")[0]["count"] == 2


def test_values(town: Api) -> None:
    assert town.get("persons/values/", {"key": "plan"}).body == [{"name": "free"}, {"name": "pro"}]
    assert town.get("persons/values/", {"key": "plan", "value": "RO"}).body == [{"name": "pro"}]
    assert town.get("persons/values/").error == (400, "required", "key")


def test_the_persons_of_a_cohort(town: Api) -> None:
    cohort = make(town, name="pro", filters=tree(person("plan", operator="is_set")))
    assert town.get(f"cohorts/{cohort}/persons/").body["results"] == []
    calculate(town, cohort)
    page = town.get(f"cohorts/{cohort}/persons/", {"limit": "1"}).body
    assert [found["name"] for found in page["results"]] == ["Robert"]
    assert page["next"] is not None
    assert town.get("cohorts/99999/persons/").status == 404


def test_another_project_sees_nobody(town: Api, service: None) -> None:
    from tests.api_client import make_project

    other = make_project()
    assert names(other) == []
    assert names(other, search="ann") == []
    assert other.get(f"persons/{one(town, 'ann')['id']}/").status == 404
    assert other.delete(f"persons/{one(town, 'ann')['uuid']}/").status == 404
