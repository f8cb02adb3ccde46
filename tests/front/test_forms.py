"""What the forms do: the same as the API, with the same refusals, shown where the person is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from insights.models import Dashboard, Insight, SharingConfiguration
from insights_service.accounts.models import Level, PersonalAPIKey
from insights_service.accounts.services import member_add, user_create
from tests.api_client import NOW, Api
from tests.front.conftest import TREND, Visitor, words

TODAY = NOW.date()


def followed(visitor: Visitor, response: Any) -> str:
    """What the page says to which a form leads."""
    assert response.status_code == 302, words(response)
    return words(visitor.get(response["Location"]))


# --- insights --------------------------------------------------------------------------------------------


def test_an_insight_is_renamed_marked_and_put_on_dashboards(visitor: Visitor) -> None:
    one, two = visitor.dashboard()["id"], visitor.dashboard()["id"]
    insight = visitor.insight(dashboards=[one])
    change = f"insights/{insight['short_id']}/change/"
    form = {
        "name": "New name",
        "description": "d",
        "tags": "B, a,",
        "all_dashboards": "1",
        "dashboards": [two],
    }
    assert "New name" in followed(visitor, visitor.post(change, **form))
    shown = visitor.api.get(f"insights/{insight['id']}/").body
    assert (shown["name"], shown["tags"], shown["dashboards"]) == ("New name", ["a", "b"], [two])
    visitor.post(change, favorited="true", next=f"{visitor.base}insights/")
    assert visitor.api.get(f"insights/{insight['id']}/").body["favorited"] is True
    assert "★" in words(visitor.get("insights/?favorited=1"))
    visitor.post(change, all_dashboards="1")
    assert visitor.api.get(f"insights/{insight['id']}/").body["dashboards"] == []
    page = followed(visitor, visitor.post(change, deleted="true"))
    assert "was deleted" in page and "No insight yet" in page


def test_what_the_address_changes_can_be_saved(visitor: Visitor) -> None:
    insight = visitor.insight(query={"kind": "InsightVizNode", "source": TREND})
    page = visitor.get(f"insights/{insight['short_id']}/?date_from=-30d&by=week&display=ActionsBar")
    query = json.loads(page.context["query_json"])
    assert query["source"] == {
        **TREND,
        "dateRange": {"date_from": "-30d", "date_to": None},
        "interval": "week",
        "trendsFilter": {"display": "ActionsBar"},
    }
    assert visitor.api.get(f"insights/{insight['id']}/").body["query"]["source"] == TREND  # not yet
    visitor.post(f"insights/{insight['short_id']}/change/", query=page.context["query_json"])
    assert visitor.api.get(f"insights/{insight['id']}/").body["query"] == query


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "x" * 401}, "no more than 400"),
        ({"query": "{"}, "JSON"),
        ({"query": '{"kind": "Nope"}'}, "Nope"),
        ({"all_dashboards": "1", "dashboards": ["999999"]}, "does not exist"),
        ({"favorited": "perhaps"}, "boolean"),
    ],
)
def test_refusals_are_said_on_the_page(visitor: Visitor, form: dict[str, Any], said: str) -> None:
    insight = visitor.insight()
    answer = visitor.post(f"insights/{insight['short_id']}/change/", **form)
    assert said.lower() in followed(visitor, answer).lower()
    assert visitor.api.get(f"insights/{insight['id']}/").body["name"] == "Signups"


def test_a_form_leads_nowhere_else(visitor: Visitor) -> None:
    insight = visitor.insight()
    answer = visitor.post(f"insights/{insight['short_id']}/change/", name="x", next="https://evil.example/")
    assert answer["Location"] == f"{visitor.base}insights/{insight['short_id']}/"


def test_looking_at_an_insight_counts_as_a_view(visitor: Visitor) -> None:
    """api Q18"""
    insight = visitor.insight()
    visitor.get(f"insights/{insight['short_id']}/")
    assert [row["id"] for row in visitor.api.get("insights/my_last_viewed/").body] == [insight["id"]]


# --- asking ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "node"),
    [
        (
            "kind=trends&event=a&event=&math=dau&breakdown=plan&breakdown_type=person&interval=week&date_from=-30d",
            {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": "a", "name": "a", "math": "dau"}],
                "interval": "week",
                "dateRange": {"date_from": "-30d"},
                "breakdownFilter": {"breakdown": "plan", "breakdown_type": "person"},
            },
        ),
        (
            "kind=trends&event=a&event=b&formula=A/B&compare=1&math=sum&math_property=price",
            {
                "kind": "TrendsQuery",
                "series": [
                    {
                        "kind": "EventsNode",
                        "event": name,
                        "name": name,
                        "math": "sum",
                        "math_property": "price",
                    }
                    for name in "ab"
                ],
                "interval": "day",
                "trendsFilter": {"formula": "A/B"},
                "compareFilter": {"compare": True},
            },
        ),
        (
            "kind=funnel&event=a&event=b&window=3&unit=hour",
            {
                "kind": "FunnelsQuery",
                "series": [{"kind": "EventsNode", "event": name, "name": name} for name in "ab"],
                "funnelsFilter": {"funnelWindowInterval": 3, "funnelWindowIntervalUnit": "hour"},
            },
        ),
        (
            "kind=retention&event=a&period=Day",
            {
                "kind": "RetentionQuery",
                "retentionFilter": {
                    "period": "Day",
                    "totalIntervals": 8,
                    "targetEntity": {"id": "a", "type": "events"},
                    "returningEntity": {"id": "a", "type": "events"},
                },
            },
        ),
        (
            "kind=paths&event=a",
            {"kind": "PathsQuery", "pathsFilter": {"includeEventTypes": ["custom_event"], "startPoint": "a"}},
        ),
        (
            "kind=stickiness&event=a&date_to=-1d",
            {
                "kind": "StickinessQuery",
                "series": [{"kind": "EventsNode", "event": "a", "name": "a"}],
                "interval": "day",
                "dateRange": {"date_to": "-1d"},
            },
        ),
        (
            "kind=lifecycle",
            {
                "kind": "LifecycleQuery",
                "series": [{"kind": "EventsNode", "event": None, "name": "All events"}],
                "interval": "day",
            },
        ),
    ],
)
def test_a_form_becomes_a_question_with_an_answer(visitor: Visitor, asked: str, node: dict[str, Any]) -> None:
    visitor.api.journeys("u1: a@10:00 b@10:30", "u2: a@11:00")
    page = visitor.get(f"insights/new/?ask=1&wait=1&{asked}")
    assert page.status_code == 200, words(page)
    assert json.loads(page.context["query_json"]) == {"kind": "InsightVizNode", "source": node}
    assert page.context["complaint"] is None and page.context["chart"].has_result
    saved = visitor.post("insights/new/", name="Asked", query=page.context["query_json"])
    assert "Asked" in followed(visitor, saved)
    assert visitor.api.get("insights/").body["results"][0]["saved"] is True
    piece = visitor.get(f"insights/new/answer/?ask=1&{asked}")
    assert "Numbers" in words(piece)


def test_sql_and_pasted_nodes(visitor: Visitor) -> None:
    visitor.api.journeys("u1: a@10:00")
    page = visitor.get("insights/new/", kind="sql", ask="1", wait="1", sql="SELECT event, 41 + 1 FROM events")
    assert "42" in words(page)
    page = visitor.get("insights/new/", kind="query", ask="1", wait="1", query=json.dumps(TREND))
    assert page.context["chart"].table.rows[0][0].text == "a"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("kind=funnel&event=a", "two steps"),
        ("kind=trends&event=a&date_from=yesterday", "yesterday"),
        ("kind=query&query={", "not JSON"),
        ("kind=query&query=[]", "is an object"),
        ("kind=sql&sql=DROP TABLE events", ""),
        ("kind=nothing", "not JSON"),
        ("kind=trends&event=a&math=sum", "property"),
    ],
)
def test_mistakes_in_a_question_are_said_beside_it(visitor: Visitor, asked: str, said: str) -> None:
    page = visitor.get(f"insights/new/?ask=1&wait=1&{asked}")
    assert page.status_code == 200
    problem = page.context["complaint"]
    assert problem is not None and said.lower() in problem.detail.lower()
    assert problem.detail in words(page)
    assert visitor.get(f"insights/new/answer/?ask=1&{asked}").status_code == 400


# --- dashboards ------------------------------------------------------------------------------------------


def test_a_dashboard_is_made_filled_copied_and_deleted(visitor: Visitor) -> None:
    answer = visitor.post("dashboards/", name="Board")
    board = Dashboard.objects.get(project=visitor.api.project).pk
    assert answer["Location"] == f"{visitor.base}dashboards/{board}/"
    visitor.insight(name="One", dashboards=[board])
    change = f"dashboards/{board}/change/"
    assert "between charts" in followed(visitor, visitor.post(change, text="Words between charts"))
    visitor.post(change, name="New", description="d", pinned="true", date_from="-30d")
    shown = visitor.api.get(f"dashboards/{board}/").body
    assert (shown["name"], shown["pinned"], shown["filters"]) == ("New", True, {"date_from": "-30d"})
    copied = followed(visitor, visitor.post("dashboards/", use_dashboard=board, name="Copy"))
    assert "Copy" in copied and "One" in copied
    visitor.post(change, remove_tile=shown["tiles"][0]["id"])
    assert len(visitor.api.get(f"dashboards/{board}/").body["tiles"]) == 1
    assert "was deleted" in followed(visitor, visitor.post(change, deleted="true"))


def test_a_tile_that_fails_fails_alone(visitor: Visitor) -> None:
    """api W12, N6"""
    visitor.api.journeys("u1: a@10:00")
    board = visitor.dashboard()["id"]
    visitor.insight(name="Good", dashboards=[board])
    bad = visitor.insight(name="Bad", dashboards=[board])
    Insight.objects.filter(pk=bad["id"]).update(query={"kind": "TrendsQuery", "series": "nonsense"})
    page = visitor.get(f"dashboards/{board}/?wait=1")
    assert page.status_code == 200
    (_, good), (tile, failing) = page.context["tiles"]
    assert good.has_result and good.complaint is None
    assert failing.complaint and failing.complaint in words(page)
    piece = visitor.get(f"dashboards/{board}/tiles/{tile.tile.pk}/")
    assert (piece.status_code, failing.complaint in words(piece)) == (200, True)


def test_dates_in_the_address_hold_for_all_tiles(visitor: Visitor) -> None:
    board = visitor.dashboard(filters={"date_from": "-30d"})["id"]
    insight = visitor.insight(dashboards=[board])
    page = visitor.get(f"dashboards/{board}/?date_from=-3d")
    ((_, chart),) = page.context["tiles"]
    assert chart.shown.question.query["dateRange"] == {"date_from": "-3d", "date_to": None}
    inside = visitor.get(f"insights/{insight['short_id']}/?from_dashboard={board}")
    assert inside.context["shown"].question.query["dateRange"]["date_from"] == "-30d"


def test_tiles_stand_where_clients_put_them(visitor: Visitor) -> None:
    board = visitor.dashboard()["id"]
    tiles = [visitor.insight(name=name, dashboards=[board])["dashboard_tiles"][0]["id"] for name in "abcd"]
    places = [{"x": 6, "y": 0}, {"x": 0, "y": 5, "w": 12}, {"x": 0, "y": 0}]
    changes = [{"id": tile, "layouts": {"sm": place}} for tile, place in zip(tiles, places, strict=False)]
    visitor.api.patch(f"dashboards/{board}/", {"tiles": changes})
    page = visitor.get(f"dashboards/{board}/")
    assert [chart.shown.insight.name for _, chart in page.context["tiles"]] == ["c", "a", "b", "d"]
    assert page.content.count(b"card tile broad") == 1


# --- sharing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["insights", "dashboards"])
def test_a_link_is_switched_renewed_and_protected(visitor: Visitor, kind: str) -> None:
    thing = visitor.insight()["short_id"] if kind == "insights" else visitor.dashboard()["id"]
    page = f"{kind}/{thing}/sharing/"
    assert "/shared/" not in words(visitor.get(page))
    visitor.post(page, do="on")
    link = SharingConfiguration.objects.get(project=visitor.api.project)
    assert link.enabled
    shown = words(visitor.get(page))
    assert f"/shared/{link.access_token}/" in shown and f"/embedded/{link.access_token}/" in shown
    visitor.post(page, do="renew")
    assert link.access_token not in words(visitor.get(page))
    visitor.post(page, do="password", password="secret words")
    assert "A password is set" in words(visitor.get(page))
    visitor.post(page, do="password", password="")
    assert "A password is set" not in words(visitor.get(page))
    visitor.post(page, do="off")
    link.refresh_from_db()
    assert not link.enabled


def test_who_may_only_look_shares_nothing(visitor: Visitor) -> None:
    board = visitor.dashboard(restriction_level=37)["id"]
    insight = visitor.insight(dashboards=[board])["short_id"]
    bob = user_create(email=f"bob-{insight}@example.org")
    member_add(organization=visitor.api.project.organization, user=bob, level=Level.MEMBER)
    guest = Visitor(Api(visitor.api.project, bob, None)).logged_in()
    for kind, thing in (("insights", insight), ("dashboards", board)):
        page = f"{kind}/{thing}/sharing/"
        assert "does not allow" in words(guest.get(page))
        for wanted in ("on", "renew", "password"):
            assert "does not allow" in followed(guest, guest.post(page, do=wanted))
        refused = guest.post(f"{kind}/{thing}/change/", name="x")
        assert "not" in followed(guest, refused)
    assert not SharingConfiguration.objects.filter(project=visitor.api.project, enabled=True).exists()
    assert "you may look at this insight" in words(guest.get(f"insights/{insight}/")).lower()


# --- keys ------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_works_and_dies(visitor: Visitor) -> None:
    project = visitor.api.project.pk
    made = visitor.post("/keys/", label="ELT", insight="insight:read", projects=[project])
    value = made.context["value"]
    assert made.status_code == 200 and value in words(made)
    assert value not in words(visitor.get("/keys/"))
    key = PersonalAPIKey.objects.get(user=visitor.api.user, label="ELT")
    assert (key.scopes, key.scoped_teams) == (["insight:read"], [project])
    program = Api(visitor.api.project, visitor.api.user, value)
    assert program.get("insights/").status == 200
    assert program.get("dashboards/").status == 403
    assert "was deleted" in followed(visitor, visitor.post(f"/keys/{key.pk}/"))
    assert program.get("insights/").status == 401


def test_keys_that_are_refused(visitor: Visitor, stranger: Visitor) -> None:
    for form in ({"label": "x"}, {"everything": "1"}, {"label": "x" * 41, "everything": "1"}):
        assert visitor.post("/keys/", **form).status_code == 302
    foreign = {"label": "x", "everything": "1", "projects": [stranger.api.project.pk]}
    assert "does not exist" in followed(visitor, visitor.post("/keys/", **foreign))
    assert PersonalAPIKey.objects.filter(user=visitor.api.user).count() == 1
    theirs = PersonalAPIKey.objects.get(user=stranger.api.user)
    assert "no such key" in followed(visitor, visitor.post(f"/keys/{theirs.pk}/"))
    assert PersonalAPIKey.objects.filter(pk=theirs.pk).exists()


# --- people, events, activity ----------------------------------------------------------------------------


def test_the_people_behind_a_number(visitor: Visitor) -> None:
    visitor.api.journeys("u1: a@10:00 a@11:00", "u2: a@11:00", "u3: b@11:00", day=TODAY)
    insight = visitor.insight(query={**TREND, "dateRange": {"date_from": "2024-01-15"}})
    page = visitor.get(f"insights/{insight['short_id']}/?wait=1")
    ((name, number),) = page.context["chart"].table.rows
    assert (name.text, number.text) == ("a", "3")
    people = visitor.get(f"insights/{insight['short_id']}/people/?{number.point}")
    assert sorted(actor["name"] for actor in people.context["actors"]) == ["u1", "u2"]


@pytest.mark.parametrize(
    ("query", "cell", "who"),
    [
        (
            {
                "kind": "FunnelsQuery",
                "series": [{"kind": "EventsNode", "event": "a"}, {"kind": "EventsNode", "event": "b"}],
                "dateRange": {"date_from": "2024-01-15"},
            },
            (1, 3),
            ["u1"],
        ),
        (
            {
                "kind": "RetentionQuery",
                "retentionFilter": {
                    "period": "Day",
                    "totalIntervals": 2,
                    "targetEntity": {"id": "a", "type": "events"},
                    "returningEntity": {"id": "a", "type": "events"},
                },
                "dateRange": {"date_from": "2024-01-15"},
            },
            (0, 2),
            ["u1", "u2"],
        ),
        (
            {
                "kind": "StickinessQuery",
                "series": [{"kind": "EventsNode", "event": "a"}],
                "interval": "hour",
                "dateRange": {"date_from": "2024-01-15"},
            },
            (0, 2),
            ["u1"],
        ),
        (
            {
                "kind": "LifecycleQuery",
                "series": [{"kind": "EventsNode", "event": "b"}],
                "interval": "day",
                "dateRange": {"date_from": "2024-01-15"},
            },
            None,
            ["u1"],
        ),
    ],
    ids=["funnel", "retention", "stickiness", "lifecycle"],
)
def test_people_of_every_kind(
    visitor: Visitor, query: dict[str, Any], cell: tuple[int, int] | None, who: list[str]
) -> None:
    visitor.api.journeys("u1: a@09:00 a@10:30 b@11:00", "u2: a@11:00", day=TODAY)
    insight = visitor.insight(query=query)
    rows = visitor.get(f"insights/{insight['short_id']}/?wait=1").context["chart"].table.rows
    points = [each.point for row in rows for each in row if each.point and each.text not in (0, "0")]
    point = rows[cell[0]][cell[1]].point if cell else points[0]
    people = visitor.get(f"insights/{insight['short_id']}/people/?{point}")
    assert people.status_code == 200, words(people)
    assert sorted(actor["name"] for actor in people.context["actors"]) == who


def test_events_that_arrive_are_seen(visitor: Visitor) -> None:
    visitor.api.capture([{"event": "signed up", "distinct_id": "u9", "timestamp": "2024-01-15T11:00:00Z"}])
    assert "Find signed up seen" in words(visitor.get("events/"))
    assert "No event is called that" in words(visitor.get("events/?search=purchase"))
    latest = words(visitor.get("events/latest/"))
    assert "signed up" in latest and "u9" in latest


def test_activity_says_who_did_what(visitor: Visitor) -> None:
    insight = visitor.insight()
    visitor.post(f"insights/{insight['short_id']}/change/", name="Renamed")
    shown = words(visitor.get(f"insights/{insight['short_id']}/activity/"))
    assert "Ada updated name Signups → Renamed" in shown
    assert "Ada created" in shown


# --- what can be pasted into a shell -----------------------------------------------------------------------


def test_the_command_for_a_shell_asks_the_same(visitor: Visitor) -> None:
    import shlex
    from urllib.parse import urlsplit

    visitor.api.journeys("u1: a@10:00")
    insight = visitor.insight()
    page = visitor.get(f"insights/{insight['short_id']}/?date_from=-3d&wait=1")
    words_ = shlex.split(page.context["curl"])
    assert words_[:2] == ["curl", "-s"] and words_[3:] == ["-H", "Authorization: Bearer $INSIGHTS_KEY"]
    asked = urlsplit(words_[2])
    same = visitor.api.get(f"{asked.path}?{asked.query}").body
    assert same["result"] == page.context["shown"].answer.result
    changed = visitor.get(f"insights/{insight['short_id']}/?by=week&wait=1")
    command = shlex.split(changed.context["curl"])
    posted = visitor.api.post(urlsplit(command[4]).path, json.loads(command[-1])).body
    assert posted["results"] == changed.context["shown"].answer.result
    csv = visitor.api.get(urlsplit(page.context["download"]["csv"])._replace(scheme="", netloc="").geturl())
    assert csv.headers["Content-Type"].startswith("text/csv")
