"""What is recorded of changes, and how it is read (api Q.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.insights.conftest import NOW, Desk


def records(desk: Desk, path: str) -> list[dict[str, Any]]:
    return desk.get(f"{path}activity/?limit=100").json()["results"]


def verbs(desk: Desk, path: str) -> list[str]:
    return [record["activity"] for record in records(desk, path)]


def changes(desk: Desk, insight: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """The changes of the latest record: action, field, before, after."""
    latest = records(desk, f"/insights/{insight['id']}/")[0]["detail"]["changes"]
    return [(change["action"], change["field"], change["before"], change["after"]) for change in latest]


def test_a_record(desk: Desk) -> None:
    """api Q12"""
    insight = desk.insight(name="Signups")
    desk.change(insight, name="Signups per day")
    latest, first = records(desk, f"/insights/{insight['id']}/")
    assert list(latest) == ["id", "user", "activity", "scope", "item_id", "created_at", "detail"]
    assert list(latest["detail"]) == ["changes", "merge", "trigger", "name", "short_id", "type"]
    assert latest | {"id": ""} == {
        "id": "",
        "user": {"first_name": "Ada", "email": "ada@example.org"},
        "activity": "updated",
        "scope": "Insight",
        "item_id": str(insight["id"]),
        "created_at": NOW,
        "detail": {
            "changes": [
                {
                    "type": "Insight",
                    "action": "changed",
                    "field": "name",
                    "before": "Signups",
                    "after": "Signups per day",
                }
            ],
            "merge": None,
            "trigger": None,
            "name": "Signups per day",
            "short_id": insight["short_id"],
            "type": None,
        },
    }
    assert (first["activity"], first["detail"]["changes"], first["detail"]["name"]) == (
        "created",
        None,
        "Signups",
    )


QUERY = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}


@pytest.mark.parametrize(
    ("change", "logged"),
    [
        ({"derived_name": "d"}, [("created", "derived_name", None, "d")]),
        ({"description": "d"}, [("created", "description", None, "d")]),
        (
            {"name": None, "derived_name": "d"},
            [("deleted", "name", "x", None), ("created", "derived_name", None, "d")],
        ),
        ({"filters": {"events": [{"id": "a"}]}}, [("changed", "filters", {}, {"events": [{"id": "a"}]})]),
        ({"query": QUERY}, [("created", "query", None, QUERY)]),
        ({"tags": ["b", "a"]}, [("changed", "tags", [], ["a", "b"])]),
        ({"favorited": True}, [("changed", "favorited", False, True)]),
        (
            {"description": "d", "tags": ["t"], "favorited": True, "name": "y"},
            [
                ("changed", "tags", [], ["t"]),
                ("changed", "name", "x", "y"),
                ("created", "description", None, "d"),
                ("changed", "favorited", False, True),
            ],
        ),
    ],
)
def test_logged_fields_in_their_order(desk: Desk, change: dict[str, Any], logged: Any) -> None:
    insight = desk.insight(name="x")
    desk.change(insight, **change)
    assert changes(desk, insight) == logged


@pytest.mark.parametrize(
    "change", [{"saved": True}, {"order": 3}, {"name": "x"}, {"tags": []}, {"dashboards": []}, {}]
)
def test_what_leaves_no_record(desk: Desk, change: dict[str, Any]) -> None:
    """api Q17"""
    insight = desk.insight(name="x")
    desk.change(insight, **change)
    desk.post(f"/insights/{insight['id']}/viewed/")
    desk.get(f"/insights/{insight['id']}/sharing/")
    assert verbs(desk, f"/insights/{insight['id']}/") == ["created"]


def test_dashboards_are_one_change_sorted_by_id(desk: Desk) -> None:
    one, two = desk.dashboard(name="one")["id"], desk.dashboard(name="two")["id"]
    insight = desk.insight(name="x", dashboards=[two])
    desk.change(insight, dashboards=[two, one], tags=["t"])
    pair = [{"id": one, "name": "one"}, {"id": two, "name": "two"}]
    assert changes(desk, insight) == [
        ("changed", "tags", [], ["t"]),
        ("changed", "dashboards", pair[1:], pair),
    ]


def test_an_insight_without_any_name_leaves_no_trace(desk: Desk) -> None:
    """api Q16"""
    insight = desk.insight()
    desk.change(insight, description="d")
    desk.patch(f"/insights/{insight['id']}/sharing/", {"enabled": True})
    assert records(desk, "/insights/") == []
    derived = desk.insight(derived_name="d")
    assert records(desk, f"/insights/{derived['id']}/")[0]["detail"]["name"] == "d"


def test_deletion_sharing_and_return(desk: Desk) -> None:
    """api P32, Q17"""
    insight = desk.insight(name="x", dashboards=[desk.dashboard(name="one")["id"]])
    path = f"/insights/{insight['id']}/"
    for enabled in (True, True, False):
        desk.patch(f"{path}sharing/", {"enabled": enabled})
    token = desk.post(f"{path}sharing/refresh/").json()["access_token"]
    desk.change(insight, deleted=True)
    assert desk.get(f"{path}activity/").status_code == 404
    everything = records(desk, "/insights/")
    assert [record["activity"] for record in everything] == [
        "deleted",
        "access token refreshed",
        "sharing disabled",
        "sharing enabled",
        "created",
    ]
    assert [change["field"] for change in everything[0]["detail"]["changes"]] == ["deleted", "dashboards"]
    assert everything[3]["detail"]["changes"] == [
        {"type": "Insight", "action": "changed", "field": "sharing", "before": None, "after": True}
    ]
    assert token not in desk.get("/insights/activity/").content.decode()
    desk.change(insight, deleted=False)
    assert verbs(desk, path)[0] == "restored"


def test_who_did_it(desk: Desk) -> None:
    """api Q13"""
    from insights.models import ActivityLog
    from insights_service.accounts.models import User

    insight = desk.insight(name="x")
    bob = desk.colleague()
    bob.change(insight, name="y")
    path = f"/insights/{insight['id']}/"
    assert [record["user"]["email"] for record in records(desk, path)] == [
        "bob@example.org",
        "ada@example.org",
    ]
    User.objects.get(email="bob@example.org").delete()
    ActivityLog.objects.filter(activity="created").update(user=None, is_system=True)
    assert [record["user"] for record in records(desk, path)] == [
        None,
        {"first_name": "System", "email": None, "is_system": True},
    ]


def test_a_change_that_fails_leaves_no_record(desk: Desk) -> None:
    insight = desk.insight(name="x")
    desk.patch(f"/insights/{insight['id']}/", {"name": "y", "dashboards": [99]})
    assert verbs(desk, f"/insights/{insight['id']}/") == ["created"]


# --- pages (api Q14) -------------------------------------------------------------------------------------


@pytest.fixture
def busy(desk: Desk) -> str:
    insight = desk.insight(name="0")
    for number in range(1, 14):
        desk.change(insight, name=str(number))
    return f"/insights/{insight['id']}/activity/"


def test_pages(desk: Desk, busy: str) -> None:
    """Records of one instant stay in the order in which they were written."""
    page = desk.get(busy).json()
    assert (len(page["results"]), page["total_count"], page["previous"]) == (10, 14, None)
    assert page["next"].endswith(f"{busy}?limit=10&page=2")
    names = [record["detail"]["name"] for record in page["results"]]
    second = desk.get(page["next"].split(desk.base, 1)[1]).json()
    names += [record["detail"]["name"] for record in second["results"]]
    assert names == [str(number) for number in range(13, -1, -1)]
    assert second["next"] is None
    assert second["previous"].endswith("?limit=10&page=1")
    assert len(desk.get(f"{busy}?page=3&limit=5").json()["results"]) == 4


@pytest.mark.parametrize(
    ("query", "attr"),
    [("page=0", "page"), ("page=x", "page"), ("page=-1", "page"), ("page=", "page"), ("limit=0", "limit"),
     ("limit=101", "limit"), ("limit=1.5", "limit"), ("page=99999999999999999999", "page")],
)  # fmt: skip
def test_bad_pages(desk: Desk, busy: str, query: str, attr: str) -> None:
    assert desk.refused(desk.get(f"{busy}?{query}")) == (400, "invalid_input", attr)


def test_a_page_past_the_end(desk: Desk, busy: str) -> None:
    response = desk.get(f"{busy}?page=3")
    assert (response.status_code, response.json()["detail"]) == (404, "Invalid page.")
    assert desk.get("/insights/99999/activity/").status_code == 404


def test_a_project_without_records_has_a_first_page(desk: Desk) -> None:
    empty = {"results": [], "next": None, "previous": None, "total_count": 0}
    assert desk.get("/insights/activity/").json() == empty


def test_csv(desk: Desk) -> None:
    """api Q15"""
    insight = desk.insight(name="x")
    desk.change(insight, name="=y")
    lines = desk.get("/insights/activity.csv").content.decode().splitlines()
    assert lines[0] == "created_at,user,activity,scope,item_id,name,changes"
    assert lines[1].startswith(f"{NOW},ada@example.org,updated,Insight,{insight['id']},'=y,\"[{{")


def test_dashboards_are_recorded_too(desk: Desk) -> None:
    dashboard = desk.dashboard(name="one")["id"]
    path = f"/dashboards/{dashboard}/"
    desk.patch(path, {"name": "two", "filters": {"date_from": "-7d"}})
    desk.patch(f"{path}sharing/", {"enabled": True})
    assert verbs(desk, path) == ["sharing enabled", "updated", "created"]
    assert verbs(desk, "/dashboards/") == ["sharing enabled", "updated", "created"]
    assert verbs(desk, "/insights/") == []
