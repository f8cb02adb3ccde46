"""Dashboards, their tiles, copies and collaborators (api W11-W13, P28)."""

from __future__ import annotations

from typing import Any

import pytest

from insights.models import Dashboard
from tests.insights.conftest import NOW, Desk

BASIC_KEYS = """
    id name description pinned created_at created_by is_shared deleted creation_mode filters tags
    restriction_level effective_restriction_level effective_privilege_level last_accessed_at last_refresh
    team_id
"""
TILE_KEYS = "id layouts color insight text deleted last_refresh is_cached order"
TRENDS = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}


def test_the_two_forms(desk: Desk) -> None:
    dashboard = desk.dashboard(name="x", tags=["B", "a"])
    assert list(dashboard) == [*BASIC_KEYS.split(), "variables", "persisted_filters", "tiles"]
    assert dashboard["tags"] == ["a", "b"]
    assert (dashboard["created_at"], dashboard["creation_mode"]) == (NOW, "default")
    (row,) = desk.get("/dashboards/").json()["results"]
    assert list(row) == BASIC_KEYS.split()
    assert desk.get(f"/dashboards/{dashboard['id']}/").json()["last_accessed_at"] == NOW


def test_tiles_in_their_order(desk: Desk) -> None:
    """api W12"""
    board = desk.dashboard()["id"]
    one = desk.insight(name="one", query=TRENDS, dashboards=[board])
    desk.insight(name="two", dashboards=[board])
    gone = desk.insight(name="gone", dashboards=[board])
    desk.change(gone, deleted=True)
    shown = desk.patch(f"/dashboards/{board}/", {"tiles": [{"text": {"body": "hello"}}]}).json()
    assert [list(tile) for tile in shown["tiles"]] == [TILE_KEYS.split()] * 3
    assert [tile["order"] for tile in shown["tiles"]] == [0, 1, 2]
    assert [tile["insight"] and tile["insight"]["name"] for tile in shown["tiles"]] == ["one", "two", None]
    assert shown["tiles"][2]["text"]["body"] == "hello"
    assert shown["tiles"][0]["insight"]["id"] == one["id"]
    assert shown["tiles"][0]["insight"]["query"] == TRENDS


def test_tiles_are_changed_by_id(desk: Desk) -> None:
    board = desk.dashboard()["id"]
    insight = desk.insight(name="one", dashboards=[board])
    tile = insight["dashboard_tiles"][0]["id"]
    change = {"id": tile, "layouts": {"sm": {"x": 0, "w": 6}}, "color": "blue"}
    shown = desk.patch(f"/dashboards/{board}/", {"tiles": [change]}).json()["tiles"][0]
    assert (shown["layouts"], shown["color"]) == (change["layouts"], "blue")
    in_context = desk.get(f"/insights/{insight['id']}/?from_dashboard={board}").json()
    assert (in_context["color"], in_context["layouts"]) == ("blue", change["layouts"])  # api P2
    desk.patch(f"/dashboards/{board}/", {"tiles": [{"id": tile, "deleted": True}]})
    assert desk.get(f"/insights/{insight['id']}/").json()["dashboards"] == []
    desk.patch(f"/dashboards/{board}/", {"tiles": [{"id": tile, "deleted": False}]})
    assert desk.get(f"/insights/{insight['id']}/").json()["dashboards"] == [board]


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"name": "x" * 401}, "max_length", "name"),
        ({"description": None}, "null", "description"),
        ({"pinned": "maybe"}, "invalid_input", "pinned"),
        ({"restriction_level": 22}, "invalid_choice", "restriction_level"),
        ({"tags": [1]}, "invalid_input", "tags__0"),
        ({"filters": "x"}, "invalid_input", "filters"),
        ({"filters": {"date_from": "yesterday"}}, "invalid_input", "filters__date_from"),
        ({"filters": {"date_to": "all"}}, "invalid_input", "filters__date_to"),
        ({"filters": {"date_from": 7}}, "parse_error", "filters__date_from"),
        ({"filters": {"properties": [{"key": "a"}]}}, "required", "filters__properties__0__value"),
        (
            {"filters": {"breakdown_filter": {"breakdown": "a", "breakdown_type": "x"}}},
            "parse_error",
            "filters__breakdown_filter__breakdown_type",
        ),
        ({"variables": []}, "invalid_input", "variables"),
        ({"tiles": {}}, "not_a_list", "tiles"),
        ({"tiles": ["x"]}, "invalid_input", "tiles__0"),
        ({"tiles": [{"id": 99}]}, "does_not_exist", "tiles__0__id"),
        ({"tiles": [{"id": "x"}]}, "invalid_input", "tiles__0__id"),
        ({"tiles": [{}]}, "required", "tiles__0__id"),
        ({"tiles": [{"text": {"body": "x"}}, {"color": []}]}, "invalid_input", "tiles__1__color"),
        ({"tiles": [{"text": {"body": "x" * 4001}}]}, "max_length", "tiles__0__text__body"),
        ({"use_dashboard": "x"}, "invalid_input", "use_dashboard"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_values(desk: Desk, method: str, body: Any, code: str, attr: str) -> None:
    path = "/dashboards/" if method == "POST" else f"/dashboards/{desk.dashboard(name='kept')['id']}/"
    assert desk.refused(desk.call(method, path, body)) == (400, code, attr)
    names = [row["name"] for row in desk.get("/dashboards/").json()["results"]]
    assert names == ([] if method == "POST" else ["kept"])


def test_soft_delete_takes_the_tiles_along_and_back(desk: Desk) -> None:
    board, other = desk.dashboard()["id"], desk.dashboard()["id"]
    kept = desk.insight(name="kept", dashboards=[board, other])
    taken_off = desk.insight(name="taken off", dashboards=[board])
    desk.change(taken_off, dashboards=[])
    path = f"/dashboards/{board}/"
    assert desk.patch(path, {"deleted": True}).json()["tiles"] == []
    assert desk.get(path).status_code == 404
    assert desk.patch(path, {"name": "x"}).status_code == 404
    assert desk.get(f"/insights/{kept['id']}/").json()["dashboards"] == [other]
    back = desk.patch(path, {"deleted": False, "name": "y"}).json()
    assert [tile["insight"]["name"] for tile in back["tiles"]] == ["kept"]
    assert back["name"] == "y"


def test_deleting_with_insights(desk: Desk) -> None:
    board, other = desk.dashboard()["id"], desk.dashboard()["id"]
    desk.insight(name="only here", dashboards=[board])
    desk.insight(name="elsewhere too", dashboards=[board, other])
    desk.patch(f"/dashboards/{board}/", {"deleted": True, "delete_insights": True})
    assert desk.listed() == ["elsewhere too"]
    desk.patch(f"/dashboards/{board}/", {"deleted": False})
    tiles = desk.get(f"/dashboards/{board}/").json()["tiles"]
    assert [tile["insight"]["name"] for tile in tiles] == ["elsewhere too"]


@pytest.mark.parametrize("duplicate", [False, True])
def test_copies(desk: Desk, duplicate: bool) -> None:
    filters = {"date_from": "-7d"}
    board = desk.dashboard(name="original", filters=filters, tiles=[{"text": {"body": "t"}, "color": "red"}])[
        "id"
    ]
    insight = desk.insight(name="one", dashboards=[board], tags=["t"])
    copy = desk.dashboard(use_dashboard=board, name="copy", duplicate_tiles=duplicate)
    assert (copy["name"], copy["filters"], copy["creation_mode"]) == ("copy", filters, "duplicate")
    text, chart = copy["tiles"]
    assert (text["text"]["body"], text["color"]) == ("t", "red")
    assert (chart["insight"]["id"] == insight["id"]) is not duplicate
    assert chart["insight"]["name"] == ("one (Copy)" if duplicate else "one")
    assert desk.refused(desk.post("/dashboards/", {"use_dashboard": 999})) == (
        400,
        "does_not_exist",
        "use_dashboard",
    )


def test_order_of_the_list(desk: Desk) -> None:
    for name, pinned in [("b", False), ("a", False), ("z", True), (None, False)]:
        desk.dashboard(name=name, pinned=pinned)
    names = [row["name"] for row in desk.get("/dashboards/?limit=10").json()["results"]]
    assert names == ["z", "a", "b", None]


def test_hard_delete_is_not_allowed(desk: Desk) -> None:
    board = desk.dashboard()["id"]
    response = desk.call("DELETE", f"/dashboards/{board}/")
    assert (response.status_code, response.content) == (405, b"")


def test_who_may_restrict(desk: Desk) -> None:
    """api W13"""
    board = desk.dashboard()["id"]
    bob, admin = desk.colleague(), desk.colleague("carol@example.org", 8)
    path, restrict = f"/dashboards/{board}/", {"restriction_level": 37}
    assert bob.patch(path, {"name": "x"}).status_code == 200
    assert bob.patch(path, restrict).status_code == 403
    assert bob.patch(path, {"restriction_level": 21}).status_code == 200  # it is 21 already
    assert admin.patch(path, restrict).json()["effective_restriction_level"] == 37
    assert bob.patch(path, {"name": "x"}).status_code == 403


def test_collaborators(desk: Desk) -> None:
    board = desk.dashboard(restriction_level=37)["id"]
    bob = desk.colleague()
    uuid = str(desk.world.organization.members.get(email="bob@example.org").uuid)
    path, mine = f"/dashboards/{board}/collaborators/", f"/dashboards/{board}/"
    assert bob.post(path, {"user_uuid": uuid, "level": 37}).status_code == 403
    added = desk.post(path, {"user_uuid": uuid, "level": 37})
    assert (added.status_code, added.json()["user"]["email"], added.json()["level"]) == (
        201,
        "bob@example.org",
        37,
    )
    assert bob.patch(mine, {"name": "x"}).status_code == 200
    desk.post(path, {"user_uuid": uuid, "level": 21})
    assert [row["level"] for row in desk.get(path).json()] == [21]
    assert bob.patch(mine, {"name": "x"}).status_code == 403
    assert desk.call("DELETE", f"{path}{uuid}/").status_code == 204
    assert desk.call("DELETE", f"{path}{uuid}/").status_code == 404
    assert desk.get(path).json() == []
    for body, code, attr in [
        ({"level": 37}, "required", "user_uuid"),
        ({"user_uuid": "x", "level": 37}, "invalid_input", "user_uuid"),
        ({"user_uuid": uuid, "level": 5}, "invalid_choice", "level"),
        ({"user_uuid": "018e1f00-0000-7000-8000-000000000001", "level": 37}, "does_not_exist", "user_uuid"),
    ]:
        assert desk.refused(desk.post(path, body)) == (400, code, attr)


# --- an insight in the context of a dashboard (api P28-P30) ------------------------------------------------


def test_the_filters_of_a_dashboard_show_in_the_query(desk: Desk) -> None:
    filters = {"date_from": "-30d", "properties": [{"key": "plan", "value": "pro"}]}
    board = desk.dashboard(filters=filters)["id"]
    own = [{"key": "a", "value": "b"}]
    insight = desk.insight(
        query={**TRENDS, "properties": own, "dateRange": {"date_to": "-1d"}}, dashboards=[board]
    )
    path = f"/insights/{insight['id']}/"
    query = desk.get(f"{path}?from_dashboard={board}").json()["query"]
    assert query["dateRange"] == {"date_from": "-30d", "date_to": None}
    assert query["properties"] == {
        "type": "AND",
        "values": [{"type": "AND", "values": own}, {"type": "AND", "values": filters["properties"]}],
    }
    assert desk.get(path).json()["query"]["properties"] == own
    tile = desk.get(f"/dashboards/{board}/").json()["tiles"][0]
    assert tile["insight"]["query"] == query
    assert (
        tile["insight"]["filters_hash"] == desk.get(f"{path}?from_dashboard={board}").json()["filters_hash"]
    )


def test_old_filters_in_a_context(desk: Desk) -> None:
    board = desk.dashboard(filters={"date_from": "-30d"})["id"]
    insight = desk.insight(filters={"events": [{"id": "a"}], "date_to": "-1d"}, dashboards=[board])
    shown = desk.get(f"/insights/{insight['id']}/?from_dashboard={board}").json()
    assert (shown["filters"]["date_from"], shown["filters"]["date_to"]) == ("-30d", None)
    assert shown["query"]["source"]["dateRange"] == {"date_from": "-30d", "date_to": None}


def test_overrides(desk: Desk) -> None:
    board = desk.dashboard(filters={"date_from": "-30d", "properties": [{"key": "plan", "value": "pro"}]})[
        "id"
    ]
    insight = desk.insight(query=TRENDS, dashboards=[board])
    path = f"/insights/{insight['id']}/?filters_override="
    assert desk.get(f'{path}{{"date_to":"-1d"}}').json()["query"]["dateRange"] == {
        "date_from": None,
        "date_to": "-1d",
    }
    both = desk.get(f'{path}{{"date_to":"-1d","properties":[]}}&from_dashboard={board}').json()["query"]
    assert both == {**TRENDS, "dateRange": {"date_from": "-30d", "date_to": "-1d"}}
    page = desk.get(f'/dashboards/{board}/?filters_override={{"date_from":"-3d"}}').json()
    assert page["tiles"][0]["insight"]["query"]["dateRange"]["date_from"] == "-3d"
    assert (page["filters"]["date_from"], page["persisted_filters"]["date_from"]) == ("-3d", "-30d")


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("from_dashboard=x", "from_dashboard"),
        ("filters_override=x", "filters_override"),
        ("filters_override=[]", "filters_override"),
        ('filters_override={"date_from":"x"}', "filters_override__date_from"),
        ("variables_override={", "variables_override"),
        ("variables_override=1", "variables_override"),
    ],
)
def test_bad_contexts(desk: Desk, query: str, attr: str) -> None:
    insight = desk.insight(query=TRENDS)
    response = desk.get(f"/insights/{insight['id']}/?{query}")
    assert desk.refused(response) == (400, "invalid_input", attr)


def test_a_dashboard_without_the_insight_is_no_context(desk: Desk) -> None:
    board = desk.dashboard(filters={"date_from": "-30d"})["id"]
    insight = desk.insight(query=TRENDS)
    shown = desk.get(f"/insights/{insight['id']}/?from_dashboard={board}").json()
    assert shown["query"] == TRENDS
    assert "color" not in shown


def test_variables_of_sql_insights(desk: Desk) -> None:
    variables = {"v1": {"variableId": "v1", "code_name": "plan", "value": "pro"}}
    query = {
        "kind": "DataVisualizationNode",
        "source": {"kind": "HogQLQuery", "query": "select 1", "variables": variables},
    }
    insight = desk.insight(query=query)
    override = '{"v1":{"value":"free"},"v2":{"value":1}}'
    shown = desk.get(f"/insights/{insight['id']}/?variables_override={override}").json()
    assert shown["query"]["source"]["variables"] == {"v1": {**variables["v1"], "value": "free"}}


def test_other_projects(desk: Desk) -> None:
    board = desk.dashboard(name="x")["id"]
    blog = Desk(desk.world, project=desk.world.blog)
    for method, path in [("GET", ""), ("PATCH", ""), ("GET", "sharing/"), ("GET", "collaborators/")]:
        assert blog.call(method, f"/dashboards/{board}/{path}", {}).status_code == 404
    assert blog.post("/dashboards/", {"use_dashboard": board}).status_code == 400
    assert Dashboard.objects.filter(project__in=[desk.project, blog.project]).count() == 1
