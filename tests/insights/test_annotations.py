"""Remarks at a date over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.insights.conftest import NOW, Desk

KEYS = """
    id content date_marker creation_type dashboard_item dashboard_id dashboard_name insight_short_id
    insight_name insight_derived_name created_by created_at updated_at deleted scope
"""


def make(desk: Desk, **fields: Any) -> dict[str, Any]:
    response = desk.post("/annotations/", fields)
    assert response.status_code == 201, response.content
    return response.json()


def contents(desk: Desk, query: str = "") -> list[str]:
    response = desk.get(f"/annotations/{query}")
    assert response.status_code == 200, response.content
    return [row["content"] for row in response.json()["results"]]


def test_a_new_annotation(desk: Desk) -> None:
    made = make(desk, content="Version 2", date_marker="2024-03-01T10:00:00Z")
    assert list(made) == KEYS.split()
    assert (made["content"], made["date_marker"]) == ("Version 2", "2024-03-01T10:00:00Z")
    assert (made["scope"], made["creation_type"], made["deleted"]) == ("project", "USR", False)
    assert (made["created_at"], made["created_by"]["email"]) == (NOW, "ada@example.org")
    assert desk.get(f"/annotations/{made['id']}/").json() == made


def test_without_a_date_it_is_about_now(desk: Desk) -> None:
    assert make(desk)["date_marker"] == NOW


def test_of_an_insight_and_of_a_dashboard(desk: Desk) -> None:
    insight = desk.insight(name="Signups", derived_name="made")
    dashboard = desk.dashboard(name="Week")
    one = make(desk, scope="dashboard_item", dashboard_item=insight["id"])
    other = make(desk, scope="dashboard", dashboard_id=dashboard["id"])
    assert [one[key] for key in ("insight_short_id", "insight_name", "insight_derived_name")] == [
        insight["short_id"],
        "Signups",
        "made",
    ]
    assert (other["dashboard_id"], other["dashboard_name"]) == (dashboard["id"], "Week")


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"scope": "world"}, "invalid_choice", "scope"),
        ({"scope": "dashboard_item"}, "required", "dashboard_item"),
        ({"scope": "dashboard"}, "required", "dashboard_id"),
        ({"dashboard_item": 987654}, "does_not_exist", "dashboard_item"),
        ({"dashboard_id": 987654}, "does_not_exist", "dashboard_id"),
        ({"dashboard_item": "x"}, "invalid_input", "dashboard_item"),
        ({"content": "x" * 8193}, "max_length", "content"),
        ({"content": []}, "invalid_input", "content"),
        ({"date_marker": "some day"}, "invalid_input", "date_marker"),
        ({"deleted": "maybe"}, "invalid_input", "deleted"),
    ],
)
def test_bad_bodies_change_nothing(desk: Desk, body: dict[str, Any], code: str, attr: str) -> None:
    assert desk.refused(desk.post("/annotations/", body)) == (400, code, attr)
    assert contents(desk) == []
    made = make(desk, content="kept")
    assert desk.refused(desk.patch(f"/annotations/{made['id']}/", body)) == (400, code, attr)
    assert desk.get(f"/annotations/{made['id']}/").json() == made


def test_change_delete_and_bring_back(desk: Desk) -> None:
    made = make(desk, content="a", date_marker="2024-03-01T00:00:00Z")
    path = f"/annotations/{made['id']}/"
    assert desk.patch(path, {"content": "b"}).json()["content"] == "b"
    assert desk.call("PUT", path, {"content": "c"}).json()["date_marker"] == "2024-03-01T00:00:00Z"
    assert desk.call("DELETE", path).status_code == 405
    assert desk.patch(path, {"deleted": True}).json()["deleted"] is True
    assert contents(desk) == []
    assert desk.refused(desk.get(path)) == (404, "not_found", None)
    assert desk.refused(desk.patch(path, {"content": "d"})) == (404, "not_found", None)
    assert desk.patch(path, {"deleted": False}).json()["content"] == "c"


def test_the_list(desk: Desk) -> None:
    for day, text in ((1, "Launch 100%"), (3, "launch party"), (2, "outage")):
        make(desk, content=text, date_marker=f"2024-03-0{day}T00:00:00Z")
    assert contents(desk) == ["launch party", "outage", "Launch 100%"]
    assert contents(desk, "?search=launch") == ["launch party", "Launch 100%"]
    assert contents(desk, "?search=0%25") == ["Launch 100%"]
    assert contents(desk, "?limit=1&offset=1") == ["outage"]
    assert contents(desk, "?scope=organization") == []
    assert desk.refused(desk.get("/annotations/?scope=world")) == (400, "invalid_choice", "scope")
    assert desk.refused(desk.get(f"/annotations/?search={'x' * 201}")) == (400, "invalid_input", "search")


def test_a_list_costs_the_same_whatever_its_length(desk: Desk) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            contents(desk)
        return len(found)

    insight = desk.insight(name="x")
    make(desk, scope="dashboard_item", dashboard_item=insight["id"])
    few = statements()
    for _ in range(5):
        make(desk, scope="dashboard_item", dashboard_item=insight["id"])
    assert statements() == few


def test_other_projects_see_only_what_is_for_the_whole_organization(desk: Desk) -> None:
    other = Desk(desk.world, project=desk.world.blog)
    mine = make(desk, content="mine")
    ours = make(desk, content="ours", scope="organization")
    assert contents(other) == ["ours"]
    assert other.get(f"/annotations/{ours['id']}/").status_code == 200
    assert other.refused(other.get(f"/annotations/{mine['id']}/")) == (404, "not_found", None)
    assert other.refused(other.patch(f"/annotations/{ours['id']}/", {"content": "theirs"})) == (
        404,
        "not_found",
        None,
    )
    assert other.refused(other.post("/annotations/", {"dashboard_item": desk.insight(name="x")["id"]})) == (
        400,
        "does_not_exist",
        "dashboard_item",
    )
