"""Every page: it works, says who may see it, escapes what people wrote, and costs the same for many rows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver

from insights.front import urls
from insights.front.door import POLICY
from tests.api_client import Api
from tests.front.conftest import TREND, Visitor, words

# Name of the route -> its path below the project; the pages of nobody's project are absolute.
PAGES = {
    "home": "",
    "insights": "insights/",
    "new": "insights/new/",
    "new-answer": "insights/new/answer/",
    "insight": "insights/{insight}/",
    "insight-answer": "insights/{insight}/answer/",
    "insight-activity": "insights/{insight}/activity/",
    "people": "insights/{insight}/people/?day=2024-01-15&series=0",
    "insight-sharing": "insights/{insight}/sharing/",
    "dashboards": "dashboards/",
    "dashboard": "dashboards/{dashboard}/",
    "tile": "dashboards/{dashboard}/tiles/{tile}/",
    "dashboard-sharing": "dashboards/{dashboard}/sharing/",
    "events": "events/",
    "latest-events": "events/latest/",
    "queries": "queries/",
    "projects": "/projects/",
    "keys": "/keys/",
}
FORMS = {
    "insight-change": "insights/{insight}/change/",
    "dashboard-change": "dashboards/{dashboard}/change/",
    "key": "/keys/018e1f00-0000-7000-8000-000000000001/",
}
PARTS = ("new-answer", "insight-answer", "tile", "latest-events")
OF_PROJECT = [name for name, path in PAGES.items() if not path.startswith("/")]
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def route_names(patterns: Any) -> set[str]:
    names: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            names |= route_names(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            names.add(pattern.name)
    return names


def test_no_page_without_an_entry_here() -> None:
    assert route_names(urls.urlpatterns) == {*PAGES, *FORMS, "start", "login", "logout"}


@pytest.fixture
def things(visitor: Visitor) -> dict[str, Any]:
    return made(visitor, 1)


def made(visitor: Visitor, count: int, name: str = "Signups") -> dict[str, Any]:
    """So many insights, each on so many dashboards, and events they count."""
    visitor.api.journeys("u1: a@10:00", "u2: a@11:00")
    boards = [visitor.dashboard(name=f"{name} {number}")["id"] for number in range(count)]
    for number in range(count):
        insight = visitor.insight(name=f"{name} {number}", description=name, tags=["t"], dashboards=boards)
        visitor.api.post(f"insights/{insight['id']}/viewed/")
    visitor.api.patch(f"dashboards/{boards[0]}/", {"tiles": [{"text": {"body": name}}]})
    tile = insight["dashboard_tiles"][0]["id"]
    return {"insight": insight["short_id"], "dashboard": boards[0], "tile": tile}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_works(visitor: Visitor, things: dict[str, Any], name: str) -> None:
    answer = visitor.get(PAGES[name].format(**things))
    assert answer.status_code == 200, words(answer)
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Cache-Control"] == "private, no-store"
    html = answer.content.decode()
    assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=|javascript:", html)  # what the policy forbids
    assert html.count("<h1") == (0 if name in PARTS else 1)


@pytest.mark.parametrize("name", [*PAGES, *FORMS])
def test_logged_out(visitor: Visitor, things: dict[str, Any], name: str) -> None:
    nobody = Visitor(visitor.api, Client())
    path = {**PAGES, **FORMS}[name].format(**things)
    answer = nobody.post(path) if name in FORMS else nobody.get(path)
    if name in PARTS:
        assert (answer.status_code, "logged out" in words(answer)) == (401, True)
    else:
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("name", OF_PROJECT)
def test_another_project(visitor: Visitor, stranger: Visitor, things: dict[str, Any], name: str) -> None:
    path = PAGES[name].format(**things)
    outside = Visitor(visitor.api, stranger.client).get(path)
    assert outside.status_code == 403
    assert visitor.api.project.name not in words(outside)
    if "{" in PAGES[name]:  # the same ids below one's own project name nothing
        assert stranger.get(path).status_code == 404
    assert visitor.get(f"/project/999999/{path}").status_code == 404


@pytest.mark.parametrize("name", ["insight-change", "dashboard-change"])
def test_forms_of_another_project(
    visitor: Visitor, stranger: Visitor, things: dict[str, Any], name: str
) -> None:
    path = FORMS[name].format(**things)
    assert Visitor(visitor.api, stranger.client).post(path, name="taken").status_code == 403
    stranger.post(path, name="taken")
    assert b"taken" not in visitor.get("insights/").content + visitor.get("dashboards/").content


@pytest.mark.parametrize("name", PAGES)
def test_what_people_wrote_stays_text(visitor: Visitor, name: str) -> None:
    api = visitor.api
    api.settings(name=HOSTILE)
    api.user.first_name = HOSTILE
    api.user.save()
    things = made(visitor, 1, HOSTILE)
    api.capture([{"event": HOSTILE, "distinct_id": HOSTILE, "timestamp": "2024-01-15T10:00:00Z"}])
    query = {**TREND, "series": [{"kind": "EventsNode", "event": HOSTILE}]}
    api.patch(f"insights/{things['insight']}/", {"query": query, "tags": [HOSTILE]})
    path = PAGES[name].format(**things)
    asked = f"{'&' if '?' in path else '?'}date_from=-7d&label={HOSTILE}&search={HOSTILE}&event={HOSTILE}&ask=1&kind=trends"
    answer = visitor.get(path + asked.replace("#", "%23"))
    assert answer.status_code == 200, words(answer)
    assert b"<script>alert" not in answer.content
    assert b"<img src=x" not in answer.content


@pytest.mark.parametrize("name", [name for name in OF_PROJECT if name != "queries"])
def test_as_many_statements_for_many_rows(visitor: Visitor, name: str) -> None:
    def statements(count: int) -> int:
        things = made(visitor, count)
        visitor.get(PAGES[name].format(**things))  # what is kept by the first visit, a link's row too
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert visitor.get(PAGES[name].format(**things)).status_code == 200
        return len(asked)

    assert statements(8) <= statements(1) + (1 if name == "home" else 0)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("insights/nothing1/", 404),
        ("dashboards/x/", 404),
        ("dashboards/999999/", 404),
        ("dashboards/{dashboard}/tiles/99999999/", 404),
        ("insights/{insight}/?date_from=yesterday", 400),
        ("insights/{insight}/answer/?date_from=yesterday", 400),
        ("insights/{insight}/?by=fortnight&wait=1", 400),
        ("insights/{insight}/answer/?by=fortnight", 400),
        ("insights/{insight}/people/?series=99", 400),
        ("insights/?insight=NOPE", 400),
        ("insights/?search=" + "x" * 201, 400),
        ("insights/?search=%00", 400),
        ("dashboards/{dashboard}/?date_to=x", 400),
        ("nothing/", 404),
    ],
)
def test_what_cannot_be_shown(visitor: Visitor, things: dict[str, Any], path: str, status: int) -> None:
    answer = visitor.get(path.format(**things))
    assert answer.status_code == status, words(answer)


@pytest.mark.parametrize("path", ["", "insights", "insights/new", "keys", "projects"])
def test_the_final_slash_is_optional(visitor: Visitor, path: str) -> None:
    absolute = f"/{path}" if path in ("keys", "projects") else f"/project/{visitor.api.project.pk}/{path}"
    assert visitor.get(absolute).status_code == 200


def test_a_page_that_is_none(visitor: Visitor) -> None:
    browser = visitor.client.get("/nothing/here", headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, "There is no such page" in words(browser)) == (404, True)
    assert visitor.client.get("/nothing/here").json()["code"] == "not_found"
    assert visitor.client.get("/api/nothing", headers={"Accept": "text/html"}).json()["code"] == "not_found"


def test_empty_pages_say_what_to_do(visitor: Visitor) -> None:
    assert "No event has arrived yet" in words(visitor.get())
    assert visitor.api.project.api_token in words(visitor.get())
    assert "Ask the first one" in words(visitor.get("insights/"))
    assert "No dashboard yet" in words(visitor.get("dashboards/"))
    assert "Nothing is running" in words(visitor.get("queries/"))
    assert "No event has arrived yet" in words(visitor.get("events/latest/"))


def test_who_has_no_project_learns_how_to_get_one(api: Api) -> None:
    api.project.delete()
    api.user.refresh_from_db()
    client = Visitor(api).logged_in().client
    assert client.get("/")["Location"] == "/projects/"
    assert "create_project" in words(client.get("/projects/"))
