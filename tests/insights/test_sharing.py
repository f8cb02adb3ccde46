"""Public links: who sees them, and what their token opens (api Q.1, Q10)."""

from __future__ import annotations

import zlib
from base64 import b64encode, urlsafe_b64decode
from datetime import timedelta
from typing import Any

import pytest

from tests.api_client import Api
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
    dashboard = desk.dashboard(filters={"date_from": "-3d"})["id"]
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}
    inside = desk.insight(name="inside", query=query, dashboards=[dashboard, desk.dashboard()["id"]])
    outside = desk.insight(name="outside")
    guest = Guest(desk, f"/dashboards/{dashboard}/")
    assert [row["name"] for row in guest.call("GET", "/insights/").json()["results"]] == ["inside"]
    shown = guest.call("GET", f"/insights/{inside['id']}/").json()
    assert shown["dashboards"] == [dashboard]  # and not the other one
    assert shown["query"]["dateRange"]["date_from"] == "-3d"  # never without the dashboard's filters
    assert guest.call("GET", f"/insights/{outside['id']}/").status_code == 404


# --- passwords -------------------------------------------------------------------------------------------


def with_password(guest: Guest, path: str, password: str) -> Any:
    value = b64encode(f"anybody:{password}".encode()).decode()
    url = f"{path}{'&' if '?' in path else '?'}sharing_access_token={guest.token}"
    return guest.desk.world.client.get(url, headers={"Authorization": f"Basic {value}"})


def test_a_link_may_ask_for_a_password(shared: tuple[Guest, dict[str, Any]]) -> None:
    guest, insight = shared
    desk, thing = guest.desk, f"/insights/{insight['id']}/"
    by_api = f"{desk.base}{thing}"
    answer = desk.patch(f"{thing}sharing/", {"password": "pass:wörd"})
    assert list(answer.json()) == ["created_at", "enabled", "access_token"]
    assert guest.call("GET", thing).status_code == 401
    page = f"/shared/{guest.token}.json"
    refused = desk.world.client.get(page)
    assert desk.refused(refused) == (401, "not_authenticated", None)
    assert refused["WWW-Authenticate"].startswith("Basic ")
    for path in (page, by_api):
        assert with_password(guest, path, "wrong").status_code == 401
        assert with_password(guest, path, "pass:wörd").status_code == 200
    assert "pass" not in desk.get("/insights/activity/").content.decode().replace("sharing password set", "")
    desk.patch(f"{thing}sharing/", {"password": None})
    assert guest.call("GET", thing).status_code == 200


# --- embed tokens: one customer sees his rows -------------------------------------------------------------

SERIES = {"kind": "EventsNode", "event": "sale"}
SALES = {
    "kind": "TrendsQuery",
    "series": [SERIES],
    "dateRange": {"date_from": "2024-01-15", "date_to": "2024-01-15"},
}


def ours(customer: str) -> list[dict[str, str]]:
    return [{"key": "customer", "value": customer, "type": "event"}]


def sold(body: dict[str, Any]) -> Any:
    return body["result"] and body["result"][0]["count"]


@pytest.fixture
def shop(api: Api) -> Api:
    """Three sales to one customer and one to another."""
    sale = {"event": "sale", "distinct_id": "u", "timestamp": "2024-01-15T08:00:00Z"}
    api.capture([{**sale, "properties": {"customer": name}} for name in ("acme", "acme", "acme", "globex")])
    return api


def open_as(api: Api, path: str) -> Any:
    return Api(api.project, api.user, None, api.now).get(path)


def token_for(api: Api, thing: str, customer: str, **more: Any) -> str:
    answer = api.post(f"{thing}sharing/embed_token/", {"properties": ours(customer), **more})
    assert answer.status == 201, answer.body
    return answer.body["access_token"]


def test_a_customer_sees_only_his_rows(shop: Api) -> None:
    insight = f"insights/{shop.post('insights/', {'name': 'x', 'query': SALES}).body['id']}/"
    plain = shop.patch(f"{insight}sharing/", {"enabled": True}).body["access_token"]
    acme, globex = token_for(shop, insight, "acme"), token_for(shop, insight, "globex")
    assert sold(open_as(shop, f"/shared/{plain}.json?refresh=force_blocking").body["insight"]) == 4
    for token, count in ((acme, 3), (globex, 1)):
        page = open_as(shop, f"/embedded/{token}/?format=json&refresh=force_blocking").body
        assert sold(page["insight"]) == count
        seen = open_as(shop, f"{insight}?refresh=force_blocking&sharing_access_token={token}").body
        assert (sold(seen), seen["query"].get("properties")) == (count, None)
        listed = open_as(shop, f"insights/?sharing_access_token={token}").body["results"][0]
        assert sold(listed) == count
        override = '&filters_override={"properties":[]}'
        assert sold(open_as(shop, f"{insight}?sharing_access_token={token}{override}").body) == count
        assert open_as(shop, f"/embedded/{token}.csv").body.endswith(f"sale,{count}.0\r\n")
    raw = acme.split(":")[0].removeprefix(".")
    readable = (
        zlib.decompress(urlsafe_b64decode(raw + "=" * (-len(raw) % 4))) if acme[0] == "." else raw.encode()
    )
    assert plain.encode() not in readable  # the token without a filter must not be in the one with


def test_a_dashboard_for_one_customer(shop: Api) -> None:
    board = shop.post(
        "dashboards/", {"filters": {"properties": [{"key": "x", "operator": "is_not_set"}]}}
    ).body["id"]
    shop.post("insights/", {"name": "x", "query": SALES, "dashboards": [board]})
    shop.post("insights/", {"name": "old", "filters": {"events": [{"id": "sale"}]}, "dashboards": [board]})
    sql = {
        "kind": "DataVisualizationNode",
        "source": {"kind": "HogQLQuery", "query": "select count() from events"},
    }
    shop.post("insights/", {"name": "sql", "query": sql, "dashboards": [board]})
    shop.patch(f"dashboards/{board}/sharing/", {"enabled": True})
    token = token_for(shop, f"dashboards/{board}/", "acme")
    page = open_as(shop, f"/embedded/{token}.json?refresh=force_blocking").body["dashboard"]
    insights = [tile["insight"] for tile in page["tiles"]]
    assert [sold(one) for one in insights[:2]] == [3, 3]
    assert insights[2]["result"] is None  # no filter reaches all rows of free SQL, so it shows none
    assert insights[2]["query_status"]["error"] is True


def test_how_an_embed_token_ends(shop: Api) -> None:
    insight = f"insights/{shop.post('insights/', {'name': 'x', 'query': SALES}).body['id']}/"
    link = f"{insight}sharing/"
    shop.patch(link, {"enabled": True})
    token = token_for(shop, insight, "acme", expires_in=3600)

    def status(text: str) -> int:
        return open_as(shop, f"/embedded/{text}.json").status

    assert status(token) == 200
    assert status(token[:-1] + ("a" if token[-1] != "a" else "b")) == 404
    assert status("a:b:c") == 404
    shop.now += timedelta(hours=1)
    assert status(token) == 404
    token = token_for(shop, insight, "acme")
    shop.patch(link, {"enabled": False})
    assert status(token) == 404
    shop.patch(link, {"enabled": True, "password": "secret"})
    assert status(token) == 200
    shop.post(f"{link}refresh/")
    assert status(token) == 404


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "properties"),
        ({"properties": []}, "required", "properties"),
        ({"properties": {"type": "AND", "values": []}}, "required", "properties"),
        ({"properties": "x"}, "parse_error", "properties"),
        ({"properties": [{"key": "a"}]}, "required", "properties__0__value"),
        ({"properties": [{"key": "a", "value": 1}], "expires_in": 1}, "min_value", "expires_in"),
    ],
)
def test_bad_embed_tokens(desk: Desk, body: Any, code: str, attr: str) -> None:
    insight = desk.insight(name="x")
    assert desk.refused(desk.post(f"/insights/{insight['id']}/sharing/embed_token/", body)) == (
        400,
        code,
        attr,
    )
