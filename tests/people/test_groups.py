"""Group types and groups over HTTP (api W16, semantics B8-B10)."""

from __future__ import annotations

import pytest

from tests.api_client import Api


@pytest.fixture
def town(api: Api) -> Api:
    for kind, key, properties in [
        ("company", "acme", {"name": "Acme Inc", "tier": "gold"}),
        ("company", "umbra", {"tier": "free"}),
        ("team", "red", {}),
    ]:
        api.capture(
            [
                {
                    "event": "$groupidentify",
                    "distinct_id": "ann",
                    "properties": {"$group_type": kind, "$group_key": key, "$group_set": properties},
                }
            ]
        )
    return api


def test_kinds(town: Api) -> None:
    body = town.get("groups_types/").body
    assert [(kind["group_type"], kind["group_type_index"]) for kind in body] == [("company", 0), ("team", 1)]
    assert list(body[0]) == ["group_type", "group_type_index", "name_singular", "name_plural", "created_at"]


def test_names_of_kinds(town: Api) -> None:
    change = [{"group_type_index": 1, "name_singular": "Team", "name_plural": "Teams", "group_type": "team"}]
    answer = town.patch("groups_types/update_metadata/", change)
    assert answer.status == 200, answer.body
    assert [(kind["name_singular"], kind["name_plural"]) for kind in answer.body] == [
        (None, None),
        ("Team", "Teams"),
    ]
    assert town.patch("groups_types/update_metadata/", [{"group_type_index": 4}]).status == 404
    assert town.patch("groups_types/update_metadata/", [{"group_type_index": 9}]).status == 400
    assert town.patch("groups_types/update_metadata/", ["x"]).status == 400


def test_groups(town: Api) -> None:
    body = town.get("groups/", {"group_type_index": "0"}).body
    assert list(body) == ["next", "previous", "results"]
    assert {group["group_key"]: group["group_properties"].get("tier") for group in body["results"]} == {
        "acme": "gold",
        "umbra": "free",
    }
    first = town.get("groups/", {"group_type_index": "0", "limit": "1"}).body
    second = town.get(first["next"].removeprefix("http://testserver")).body
    assert {page["results"][0]["group_key"] for page in (first, second)} == {"acme", "umbra"}
    for search, keys in {"UMB": ["umbra"], "inc": ["acme"], "zzz": []}.items():
        found = town.get("groups/", {"group_type_index": "0", "search": search}).body["results"]
        assert [group["group_key"] for group in found] == keys
    assert town.get("groups/").error == (400, "required", "group_type_index")
    assert town.get("groups/", {"group_type_index": "7"}).error == (400, "invalid_input", "group_type_index")


def test_find(town: Api) -> None:
    found = town.get("groups/find/", {"group_type_index": "0", "group_key": "acme"}).body
    assert found["group_properties"] == {"name": "Acme Inc", "tier": "gold"}
    assert town.get("groups/find/", {"group_type_index": "1", "group_key": "acme"}).status == 404
