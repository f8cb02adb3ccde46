"""Which dashboards carry an insight, and who may say so (api P15-P18)."""

from __future__ import annotations

import pytest

from insights.models import Dashboard, DashboardTile
from tests.insights.conftest import Desk


def tiles(insight: dict) -> dict[int, int]:
    return {tile["dashboard_id"]: tile["id"] for tile in insight["dashboard_tiles"]}


def test_the_list_is_the_full_wanted_set(desk: Desk) -> None:
    one, two, three = (desk.dashboard()["id"] for _ in range(3))
    insight = desk.insight(dashboards=[two, one, two])
    assert insight["dashboards"] == [two, one]  # by tile, each once
    moved = desk.change(insight, dashboards=[three, one])
    assert moved["dashboards"] == [one, three]
    assert tiles(moved)[one] == tiles(insight)[one]
    assert desk.change(insight, dashboards=[])["dashboards"] == []
    assert desk.change(insight, name="x", dashboard_tiles=[{"id": 1}])["dashboards"] == []  # api P17


def test_a_revived_tile_is_the_old_one(desk: Desk) -> None:
    one = desk.dashboard()["id"]
    insight = desk.insight(dashboards=[one])
    DashboardTile.objects.update(color="red", layouts={"sm": {"x": 1}})
    desk.change(insight, dashboards=[])
    assert tiles(desk.change(insight, dashboards=[one])) == tiles(insight)
    tile = DashboardTile.objects.get(dashboard=one)
    assert (tile.color, tile.layouts, tile.deleted) == ("red", {"sm": {"x": 1}}, False)


def test_deleted_dashboards_are_dropped_silently(desk: Desk) -> None:
    gone, there = desk.dashboard()["id"], desk.dashboard()["id"]
    desk.patch(f"/dashboards/{gone}/", {"deleted": True})
    assert desk.insight(dashboards=[gone, there])["dashboards"] == [there]


def test_all_or_nothing(desk: Desk) -> None:
    one = desk.dashboard()["id"]
    insight = desk.insight(name="before")
    response = desk.patch(f"/insights/{insight['id']}/", {"name": "after", "dashboards": [one, 99]})
    assert desk.refused(response) == (400, "does_not_exist", "dashboards")
    shown = desk.get(f"/insights/{insight['id']}/").json()
    assert (shown["name"], shown["dashboards"]) == ("before", [])
    assert desk.refused(desk.post("/insights/", {"name": "x", "dashboards": [99]}))[0] == 400
    assert desk.listed() == ["before"]


# --- levels (api P18): who sees what on a dashboard that only collaborators may edit ---------------------


@pytest.fixture
def restricted(desk: Desk) -> int:
    return desk.dashboard(name="board", restriction_level=37)["id"]


def collaborator(desk: Desk, dashboard: int, level: int) -> Desk:
    carol = desk.colleague("carol@example.org")
    body = {"user_uuid": carol_uuid(), "level": level}
    assert desk.post(f"/dashboards/{dashboard}/collaborators/", body).status_code == 201
    return carol


def carol_uuid() -> str:
    from insights_service.accounts.models import User

    return str(User.objects.get(email="carol@example.org").uuid)


@pytest.mark.parametrize(
    ("who", "privilege"),
    [("creator", 37), ("member", 21), ("admin", 37), ("editor", 37), ("watcher", 21)],
)
def test_levels_on_a_restricted_dashboard(desk: Desk, restricted: int, who: str, privilege: int) -> None:
    insight = desk.insight(name="x", dashboards=[restricted])
    people = {
        "creator": lambda: desk,
        "member": lambda: desk.colleague(),
        "admin": lambda: desk.colleague(level=8),
        "editor": lambda: collaborator(desk, restricted, 37),
        "watcher": lambda: collaborator(desk, restricted, 21),
    }
    somebody = people[who]()
    shown = somebody.get(f"/insights/{insight['id']}/").json()
    assert shown["effective_restriction_level"] == 37
    assert shown["effective_privilege_level"] == privilege
    allowed = privilege == 37
    path = f"/insights/{insight['id']}/"
    assert somebody.patch(path, {"name": "y"}).status_code == (200 if allowed else 403)
    assert somebody.patch(f"{path}sharing/", {"enabled": True}).status_code == (200 if allowed else 403)
    assert somebody.post(f"{path}sharing/refresh/").status_code == (200 if allowed else 403)
    dashboard = f"/dashboards/{restricted}/"
    assert somebody.patch(dashboard, {"name": "z"}).status_code == (200 if allowed else 403)
    assert somebody.get(dashboard).json()["effective_privilege_level"] == privilege


def test_permission_comes_before_the_body(desk: Desk, restricted: int) -> None:
    """api N4"""
    insight = desk.insight(dashboards=[restricted])
    bob = desk.colleague()
    assert bob.refused(bob.patch(f"/insights/{insight['id']}/", {"name": []})) == (
        403,
        "permission_denied",
        None,
    )


def test_one_editable_dashboard_is_enough(desk: Desk, restricted: int) -> None:
    bob = desk.colleague()
    open_board = desk.dashboard()["id"]
    insight = desk.insight(name="x", dashboards=[restricted, open_board])
    shown = bob.change(insight, name="y")
    assert (shown["effective_restriction_level"], shown["effective_privilege_level"]) == (37, 37)


def test_a_dashboard_one_may_only_view_neither_gets_nor_loses_tiles(desk: Desk, restricted: int) -> None:
    """api P16"""
    bob, open_board = desk.colleague(), desk.dashboard()["id"]
    response = bob.post("/insights/", {"name": "x", "dashboards": [restricted]})
    assert bob.refused(response) == (403, "permission_denied", None)
    assert "board" in response.json()["detail"]
    insight = desk.insight(name="x", dashboards=[restricted, open_board])
    path = f"/insights/{insight['id']}/"
    assert bob.patch(path, {"dashboards": [open_board]}).status_code == 403
    assert bob.patch(path, {"dashboards": [restricted]}).status_code == 200
    assert Dashboard.objects.filter(project=desk.project).count() == 2
