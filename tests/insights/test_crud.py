"""Making, reading, changing and deleting insights (api P.1, P.3-P.5, P.8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.insights.conftest import NOW, Desk

# api P1, in this order
FULL_KEYS = """
    id short_id name derived_name filters query order deleted dashboards dashboard_tiles last_refresh
    cache_target_age next_allowed_client_refresh result hasMore columns created_at created_by description
    updated_at tags favorited saved last_modified_at last_modified_by is_sample effective_restriction_level
    effective_privilege_level timezone is_cached query_status hogql types
    filters_hash last_viewed_at resolved_date_range
"""
# api P4
BASIC_KEYS = """
    id short_id name derived_name filters query dashboards dashboard_tiles description last_refresh
    refreshing saved tags updated_at created_by created_at last_modified_at favorited last_viewed_at
"""
TRENDS = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}
VIZ = {"kind": "InsightVizNode", "source": TRENDS}


def test_a_new_insight_has_every_key_in_order(desk: Desk) -> None:
    body = desk.insight(name="Signups")
    assert list(body) == FULL_KEYS.split()
    assert {key: body[key] for key in ("name", "filters", "query", "deleted", "tags", "is_sample")} == {
        "name": "Signups",
        "filters": {"insight": "TRENDS"},
        "query": None,
        "deleted": False,
        "tags": [],
        "is_sample": False,
    }
    assert len(body["short_id"]) == 8
    assert body["created_at"] == body["updated_at"] == body["last_modified_at"] == NOW  # api P9
    assert body["created_by"]["email"] == body["last_modified_by"]["email"] == "ada@example.org"
    assert list(body["created_by"]) == [
        "id",
        "uuid",
        "distinct_id",
        "first_name",
        "last_name",
        "email",
        "is_email_verified",
        "hedgehog_config",
    ]  # api P3
    assert (body["effective_restriction_level"], body["effective_privilege_level"]) == (21, 37)
    assert body["timezone"] == "UTC"
    assert body["is_cached"] is False


def test_an_empty_body_makes_an_unnamed_insight(desk: Desk) -> None:
    assert desk.insight()["name"] is None


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        pytest.param({"name": 5}, {"name": "5"}, id="a number is taken as text"),
        pytest.param({"description": ""}, {"description": ""}, id="empty text stays"),
        pytest.param({"order": -3}, {"order": -3}, id="order"),
        pytest.param({"favorited": "1", "saved": True}, {"favorited": True, "saved": True}, id="switches"),
        pytest.param(
            {"tags": [" Growth", "alpha", "growth", ""]}, {"tags": ["alpha", "growth"]}, id="tags are tidied"
        ),
        pytest.param({"tags": None}, {"tags": []}, id="null leaves tags"),
        pytest.param({"query": VIZ}, {"query": VIZ, "filters": {}}, id="a query comes back as sent"),
        pytest.param({"query": TRENDS}, {"query": TRENDS}, id="a bare query stays bare"),
        pytest.param(
            {"query": '{"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}'},
            {"query": TRENDS},
            id="a query may be JSON text",
        ),
        pytest.param({"query": None}, {"query": None}, id="null is no query"),
        pytest.param(
            {"short_id": "zzzzzzzz", "id": 7, "nonsense": {}}, {"name": None}, id="read-only keys are ignored"
        ),
    ],
)
def test_what_is_sent_and_what_comes_back(desk: Desk, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    body = desk.insight(**sent)
    assert {key: body[key] for key in shown} == shown
    assert body["short_id"] != "zzzzzzzz"


def test_ignored_keys_are_named_in_a_header(desk: Desk) -> None:
    response = desk.post("/insights/", {"name": "x", "short_id": "zzzzzzzz", "nonsense": 1})
    assert response["X-Ignored-Fields"] == "short_id, nonsense"


def test_old_filters_come_back_with_the_query_they_mean(desk: Desk) -> None:
    """api P26, P27"""
    filters = {"events": [{"id": "$pageview", "custom_name": "  "}], "insight": "TRENDS", "mine": 1}
    body = desk.insight(filters=filters)
    assert body["filters"] == {
        "events": [{"id": "$pageview", "custom_name": None}],
        "insight": "TRENDS",
        "mine": 1,
    }
    assert body["query"]["kind"] == "InsightVizNode"
    assert body["query"]["full"] is True
    assert body["query"]["source"]["series"][0]["event"] == "$pageview"


def test_a_query_wins_over_filters_until_it_is_null(desk: Desk) -> None:
    """api P27"""
    insight = desk.insight(filters={"events": [{"id": "a"}]})
    assert desk.change(insight, query=VIZ)["query"] == VIZ
    assert desk.change(insight, query=None)["filters"] == {"events": [{"id": "a"}]}


def test_filters_may_come_as_text_or_in_a_list(desk: Desk) -> None:
    assert desk.insight(filters='{"events": [{"id": "a"}]}')["filters"] == {"events": [{"id": "a"}]}
    assert desk.insight(filters=[{"events": [{"id": "a"}]}])["filters"] == {"events": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("sent", "code", "attr"),
    [
        # api P11
        ({"name": "x" * 401}, "max_length", "name"),
        ({"derived_name": "x" * 401}, "max_length", "derived_name"),
        ({"description": "x" * 401}, "max_length", "description"),
        ({"name": []}, "invalid_input", "name"),
        ({"name": {}}, "invalid_input", "name"),
        ({"name": True}, "invalid_input", "name"),
        ({"order": "x"}, "invalid_input", "order"),
        ({"order": True}, "invalid_input", "order"),
        ({"order": 3000000000}, "max_value", "order"),
        ({"order": -3000000000}, "min_value", "order"),
        ({"deleted": "maybe"}, "invalid_input", "deleted"),
        ({"favorited": []}, "invalid_input", "favorited"),
        ({"saved": None}, "null", "saved"),
        ({"tags": "a"}, "not_a_list", "tags"),
        ({"tags": {"a": 1}}, "not_a_list", "tags"),
        ({"tags": [1]}, "invalid_input", "tags__0"),
        ({"tags": ["ok", "x" * 256]}, "invalid_input", "tags__1"),
        ({"dashboards": [99]}, "does_not_exist", "dashboards"),
        ({"dashboards": ["x"]}, "incorrect_type", "dashboards"),
        ({"dashboards": [True]}, "incorrect_type", "dashboards"),
        ({"dashboards": [10**30]}, "does_not_exist", "dashboards"),
        ({"dashboards": 3}, "not_a_list", "dashboards"),
        ({"dashboards": None}, "null", "dashboards"),
        ({"query": "not json"}, "invalid_input", "query"),
        ({"query": []}, "invalid_input", "query"),
        ({"query": 1}, "invalid_input", "query"),
        ({"query": {"kind": "Nope"}}, "parse_error", "query__kind"),
        ({"query": {}}, "parse_error", "query__kind"),
        ({"query": {"kind": "WebOverviewQuery"}}, "not_supported", "query__kind"),
        (
            {
                "query": {
                    "kind": "InsightVizNode",
                    "source": {**TRENDS, "series": [{"kind": "EventsNode", "math": "x"}]},
                }
            },
            "parse_error",
            "query__source__series__0__math",
        ),
        ({"query": {**TRENDS, "sreies": []}}, "parse_error", "query__sreies"),
        ({"filters": "x"}, "invalid_input", "filters"),
        ({"filters": 1}, "invalid_input", "filters"),
        ({"filters": {"insight": "NOPE", "events": []}}, "invalid_choice", "filters__insight"),
        ({"filters": {"events": [{}]}}, "required", "filters__events__0__id"),
        # the first wrong field in the order of the contract is reported (api N1)
        ({"saved": "x", "order": "x", "query": {"kind": "Nope"}}, "parse_error", "query__kind"),
        ({"query": {"kind": "Nope"}, "name": "x" * 401}, "max_length", "name"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_bad_values_write_nothing(desk: Desk, method: str, sent: Any, code: str, attr: str) -> None:
    path = "/insights/"
    if method != "POST":
        path = f"/insights/{desk.insight(name='kept', tags=['t'])['id']}/"
    assert desk.refused(desk.call(method, path, sent)) == (400, code, attr)
    assert desk.listed() == ([] if method == "POST" else ["kept"])


@pytest.mark.parametrize(
    ("content_type", "body", "name"),
    [
        pytest.param("application/json", b"name=string", "string", id="the seed's own command (api M8)"),
        pytest.param("application/json", b'name="string"', "string", id="with its quotes"),
        pytest.param("application/json", b"", None, id="no body"),
        pytest.param("application/x-www-form-urlencoded", b"name=a+b", "a b", id="a form"),
    ],
)
def test_bodies_of_every_kind(desk: Desk, content_type: str, body: bytes, name: str | None) -> None:
    response = desk.call("POST", "/insights/", body, content_type=content_type)
    assert (response.status_code, response.json()["name"]) == (201, name)


def test_a_form_may_hold_structured_fields(desk: Desk) -> None:
    """api M7"""
    dashboard = desk.dashboard()["id"]
    body = f'tags=["b","a"]&query={{"kind":"TrendsQuery","series":[]}}&dashboards=[{dashboard}]&saved=true'
    response = desk.call(
        "POST", "/insights/", body.encode(), content_type="application/x-www-form-urlencoded"
    )
    shown = response.json()
    assert (shown["tags"], shown["dashboards"], shown["saved"]) == (["a", "b"], [dashboard], True)


@pytest.mark.parametrize("by", ["id", "short_id"])
def test_every_route_takes_both_ids(desk: Desk, by: str) -> None:
    """api M5"""
    name = desk.insight(name="x")[by]
    assert desk.get(f"/insights/{name}/").json()["name"] == "x"
    assert desk.get(f"/insights/{name}").status_code == 200
    assert desk.patch(f"/insights/{name}/", {"name": "y"}).json()["name"] == "y"
    assert desk.get(f"/insights/{name}/sharing/").status_code == 200
    assert desk.get(f"/insights/{name}/activity/").status_code == 200
    assert desk.post(f"/insights/{name}/viewed/").status_code == 200


def test_digits_that_are_no_id_are_a_short_id(desk: Desk) -> None:
    from insights.models import Insight

    insight = desk.insight(name="x")
    Insight.objects.filter(pk=insight["id"]).update(short_id="12345678")
    assert desk.get("/insights/12345678/").json()["id"] == insight["id"]


@pytest.mark.parametrize("name", ["999999", "nosuchid", "-1", "99999999999999999999", "%00", "a%2Fb"])
def test_unknown_insights(desk: Desk, name: str) -> None:
    assert desk.get(f"/insights/{name}/").status_code == 404


def test_the_basic_form(desk: Desk) -> None:
    insight = desk.insight(name="x")
    assert list(desk.get(f"/insights/{insight['id']}/?basic=true").json()) == BASIC_KEYS.split()
    assert list(desk.get("/insights/?basic=true").json()["results"][0]) == BASIC_KEYS.split()


# --- changing (api P14, P20) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "modifies"),
    [
        ({"name": "x"}, True),
        ({"name": "same"}, True),
        ({"description": None}, True),
        ({"filters": {}}, True),
        ({"query": None}, True),
        ({"favorited": True}, False),
        ({"saved": True}, False),
        ({"order": 1}, False),
        ({"tags": ["a"]}, False),
        ({"dashboards": []}, False),
        ({"derived_name": "d"}, False),
        ({}, False),
    ],
)
def test_times_of_a_change(desk: Desk, change: dict[str, Any], modifies: bool) -> None:
    """api P20"""
    insight = desk.insight(name="same")
    bob = desk.colleague()
    bob.now = later = "2024-03-16T00:00:00Z"
    changed = bob.change(insight, **change)
    assert changed["updated_at"] == later
    assert changed["created_at"] == NOW
    assert changed["last_modified_at"] == (later if modifies else NOW)
    assert changed["last_modified_by"]["email"] == ("bob@example.org" if modifies else "ada@example.org")


def test_put_is_patch(desk: Desk) -> None:
    insight = desk.insight(name="x", tags=["a"], saved=True)
    shown = desk.call("PUT", f"/insights/{insight['id']}/", {"description": "d"}).json()
    assert (shown["name"], shown["tags"], shown["saved"], shown["description"]) == ("x", ["a"], True, "d")


def test_any_change_makes_a_sample_an_insight_of_ones_own(desk: Desk) -> None:
    from insights.models import Insight

    insight = desk.insight()
    Insight.objects.filter(pk=insight["id"]).update(is_sample=True)
    assert desk.get(f"/insights/{insight['id']}/").json()["is_sample"] is True
    assert desk.change(insight, saved=True)["is_sample"] is False


# --- deleting (api P31-P33) ------------------------------------------------------------------------------


def test_soft_delete_and_back(desk: Desk) -> None:
    dashboard = desk.dashboard()
    insight = desk.insight(name="x", dashboards=[dashboard["id"]])
    path = f"/insights/{insight['id']}"
    deleted = desk.change(insight, deleted=True)
    assert (deleted["deleted"], deleted["dashboards"], deleted["dashboard_tiles"]) == (True, [], [])
    for method, route in [
        ("GET", "/"),
        ("PATCH", "/"),
        ("PUT", "/"),
        ("GET", "/sharing/"),
        ("PATCH", "/sharing/"),
        ("POST", "/sharing/refresh/"),
        ("GET", "/activity/"),
        ("POST", "/viewed/"),
    ]:
        assert desk.call(method, path + route, {}).status_code == 404, (method, route)
    assert desk.patch(f"{path}/", {"deleted": True}).status_code == 404
    assert desk.patch(f"{path}/", {"name": "y"}).status_code == 404
    assert desk.listed() == []
    restored = desk.patch(f"{path}/", {"deleted": "false", "name": "y"}).json()
    assert (restored["deleted"], restored["name"], restored["dashboards"]) == (False, "y", [])


def test_an_undelete_may_name_dashboards(desk: Desk) -> None:
    dashboard = desk.dashboard()["id"]
    insight = desk.insight(dashboards=[dashboard])
    tile = insight["dashboard_tiles"][0]["id"]
    desk.change(insight, deleted=True)
    shown = desk.change(insight, deleted=False, dashboards=[dashboard])
    assert shown["dashboard_tiles"] == [{"id": tile, "dashboard_id": dashboard, "deleted": False}]


def test_an_insight_can_be_born_deleted(desk: Desk) -> None:
    """api P11"""
    insight = desk.insight(name="x", deleted=True)
    assert insight["deleted"] is True
    assert desk.get(f"/insights/{insight['id']}/").status_code == 404


@pytest.mark.parametrize("name", ["", "999999"])
def test_hard_delete_is_not_allowed(desk: Desk, name: str) -> None:
    """api P33: the id is not looked up."""
    insight = desk.insight(name="x")
    response = desk.call("DELETE", f"/insights/{name or insight['id']}/")
    assert (response.status_code, response.content) == (405, b"")
    assert "PATCH" in response["Allow"]
    assert desk.listed() == ["x"]
