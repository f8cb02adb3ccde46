"""Public links: who sees them, and what their token opens (api Q.1, Q10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.insights.conftest import NOW, Desk


@pytest.fixture(params=["insights", "dashboards"])
def path(request: Any, desk: Desk) -> str:
    """The path of something that can be shared."""
    thing = desk.insight(name="x") if request.param == "insights" else desk.dashboard(name="x")
    return f"/{request.param}/{thing['id']}/sharing/"


def test_the_first_look_makes_the_link(desk: Desk, path: str) -> None:
    """api Q1"""
    first = desk.get(path).json()
    assert list(first) == ["created_at", "enabled", "access_token"]
    assert (first["created_at"], first["enabled"]) == (NOW, False)
    assert len(first["access_token"]) >= 22
    assert desk.get(path).json() == first


def test_switching_keeps_the_token_and_refreshing_replaces_it(desk: Desk, path: str) -> None:
    """api Q2, Q3"""
    token = desk.get(path).json()["access_token"]
    for enabled in (True, False, True):
        assert desk.patch(path, {"enabled": enabled, "settings": {}}).json() == {
            "created_at": NOW,
            "enabled": enabled,
            "access_token": token,
        }
    fresh = desk.post(f"{path}refresh/").json()
    assert fresh["access_token"] != token
    assert fresh["enabled"] is True


@pytest.mark.parametrize(
    ("body", "code"), [({"enabled": "maybe"}, "invalid_input"), ({"enabled": None}, "null")]
)
def test_bad_switches(desk: Desk, path: str, body: Any, code: str) -> None:
    assert desk.refused(desk.patch(path, body)) == (400, code, "enabled")


def test_an_empty_change_changes_nothing(desk: Desk, path: str) -> None:
    assert desk.patch(path, {}).json()["enabled"] is False


def test_unknown_things_have_no_link(desk: Desk) -> None:
    response = desk.get("/insights/99999/sharing/")
    assert (response.status_code, response.json()["detail"]) == (404, "Insight not found.")
    assert desk.get("/dashboards/99999/sharing/").json()["detail"] == "Dashboard not found."


# --- reading the API with a token (api Q10) --------------------------------------------------------------


class Guest:
    """Somebody who has a token and no key."""

    def __init__(self, desk: Desk, thing: str) -> None:
        desk.patch(f"{thing}sharing/", {"enabled": True})
        self.desk, self.token = desk, desk.get(f"{thing}sharing/").json()["access_token"]

    def call(self, method: str, path: str) -> Any:
        joint = "&" if "?" in path else "?"
        url = f"{self.desk.base}{path}{joint}sharing_access_token={self.token}"
        return self.desk.world.client.generic(method, url)


@pytest.fixture
def shared(desk: Desk) -> tuple[Guest, dict[str, Any]]:
    insight = desk.insight(
        name="x",
        dashboards=[desk.dashboard()["id"]],
        query={
            "kind": "TrendsQuery",
            "series": [{"kind": "EventsNode", "event": "a", "properties": SECRET}],
            "properties": SECRET,
        },
    )
    desk.insight(name="another one")
    return Guest(desk, f"/insights/{insight['id']}/"), insight


SECRET = [{"key": "email", "value": "ada@example.org", "type": "person"}]


def test_a_guest_sees_exactly_the_shared_insight(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    shown = guest.call("GET", f"/insights/{insight['id']}/").json()
    assert shown["name"] == "x"
    assert (shown["effective_restriction_level"], shown["effective_privilege_level"]) == (37, 21)  # api P18
    listed = guest.call("GET", f"/insights/?short_id={insight['short_id']}").json()["results"]
    assert [row["id"] for row in listed] == [insight["id"]]
    assert guest.call("GET", "/insights/").json()["count"] == 1
    other = next(
        row["id"] for row in guest.desk.get("/insights/").json()["results"] if row["id"] != insight["id"]
    )
    assert guest.call("GET", f"/insights/{other}/").status_code == 404


def test_nothing_private_leaves(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    answer = guest.call("GET", f"/insights/{insight['id']}/")
    assert b"example.org" not in answer.content
    shown = answer.json()
    assert "created_by" not in shown
    assert "last_modified_by" not in shown
    assert (shown["dashboards"], shown["dashboard_tiles"], shown["hogql"]) == ([], [], None)
    assert b"example.org" not in guest.call("GET", "/insights/?basic=true").content


def test_overrides_are_not_for_guests(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    path = f'/insights/{insight["id"]}/?filters_override={{"date_from":"-1d"}}'
    assert "dateRange" not in guest.call("GET", path).json()["query"]


def test_what_a_token_does_not_open(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    mine = f"/insights/{insight['id']}/"
    statuses = {
        (method, path): guest.call(method, path).status_code
        for method, path in [
            ("PATCH", mine),
            ("POST", "/insights/"),
            ("DELETE", mine),
            ("GET", f"{mine}activity/"),
            ("GET", f"{mine}sharing/"),
            ("GET", "/dashboards/"),
            ("GET", "/insights/my_last_viewed/"),
            ("POST", f"{mine}viewed/"),
        ]
    }
    assert statuses == {
        ("PATCH", mine): 401,
        ("POST", "/insights/"): 401,
        ("DELETE", mine): 401,
        ("GET", f"{mine}activity/"): 403,
        ("GET", f"{mine}sharing/"): 403,
        ("GET", "/dashboards/"): 403,
        ("GET", "/insights/my_last_viewed/"): 403,
        ("POST", f"{mine}viewed/"): 401,
    }


def test_a_token_dies_with_its_link(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    path, desk = f"/insights/{insight['id']}/", guest.desk
    assert guest.call("GET", path).status_code == 200
    desk.patch(f"{path}sharing/", {"enabled": False})
    assert guest.call("GET", path).status_code == 401
    desk.patch(f"{path}sharing/", {"enabled": True})
    assert guest.call("GET", path).status_code == 200
    desk.post(f"{path}sharing/refresh/")
    assert guest.call("GET", path).status_code == 401
    guest = Guest(desk, path)
    desk.patch(path, {"deleted": True})
    assert guest.call("GET", path).status_code == 401


def test_a_token_of_another_project(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    guest.desk = Desk(guest.desk.world, project=guest.desk.world.blog)
    assert guest.call("GET", f"/insights/{insight['id']}/").status_code == 403


def test_a_shared_dashboard_opens_its_insights(desk: Desk) -> None:
    dashboard = desk.dashboard()["id"]
    inside = desk.insight(name="inside", dashboards=[dashboard, desk.dashboard()["id"]])
    outside = desk.insight(name="outside")
    guest = Guest(desk, f"/dashboards/{dashboard}/")
    assert [row["name"] for row in guest.call("GET", "/insights/").json()["results"]] == ["inside"]
    shown = guest.call("GET", f"/insights/{inside['id']}/?from_dashboard={dashboard}").json()
    assert shown["dashboards"] == [dashboard]  # and not the other one
    assert guest.call("GET", f"/insights/{outside['id']}/").status_code == 404
