"""Every page: it works, says who may see it, escapes what people wrote, and costs the same for many rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver

from insights.front import urls
from insights.front.door import POLICY
from tests.api_client import Api, make_project
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


@dataclass(frozen=True)
class World:
    """Two people of different organizations, and what one of them has; made once for all tests below."""

    visitor: Visitor
    stranger: Visitor
    things: dict[str, Any]

    def get(self, name: str, more: str = "") -> Any:
        return self.visitor.get(PAGES[name].format(**self.things) + more)


@pytest.fixture(scope="module")
def world(service: None) -> World:
    return make_world()


@pytest.fixture(scope="module")
def hostile(service: None) -> World:
    """A world in which everything is called what browsers would like to run."""
    world = make_world(name=HOSTILE)
    api, things = world.visitor.api, world.things
    api.settings(name=HOSTILE)
    api.user.first_name = HOSTILE
    api.user.save()
    api.capture([{"event": HOSTILE, "distinct_id": HOSTILE, "timestamp": "2024-01-15T10:00:00Z"}])
    query = {**TREND, "series": [{"kind": "EventsNode", "event": HOSTILE}]}
    api.patch(f"insights/{things['insight']}/", {"query": query, "tags": [HOSTILE]})
    return world


@pytest.fixture(scope="module")
def small_and_large(service: None) -> tuple[World, World]:
    return make_world(), make_world(8)


def make_world(count: int = 1, name: str = "Signups") -> World:
    visitor = Visitor(make_project()).logged_in()
    return World(visitor, Visitor(make_project()).logged_in(), made(visitor, count, name))


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
def test_every_page_works(world: World, name: str) -> None:
    answer = world.get(name)
    assert answer.status_code == 200, words(answer)
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Cache-Control"] == "private, no-store"
    html = answer.content.decode()
    assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=|javascript:", html)  # what the policy forbids
    assert html.count("<h1") == (0 if name in PARTS else 1)


@pytest.mark.parametrize("name", [*PAGES, *FORMS])
def test_logged_out(world: World, name: str) -> None:
    nobody = Visitor(world.visitor.api, Client())
    path = {**PAGES, **FORMS}[name].format(**world.things)
    answer = nobody.post(path) if name in FORMS else nobody.get(path)
    if name in PARTS:
        assert (answer.status_code, "logged out" in words(answer)) == (401, True)
    else:
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("name", OF_PROJECT)
def test_another_project(world: World, name: str) -> None:
    path = PAGES[name].format(**world.things)
    outside = Visitor(world.visitor.api, world.stranger.client).get(path)
    assert outside.status_code == 403
    assert world.things["insight"] not in words(outside)
    if "{" in PAGES[name]:  # the same ids below one's own project name nothing
        assert world.stranger.get(path).status_code == 404
    assert world.visitor.get(f"/project/999999/{path}").status_code == 404


@pytest.mark.parametrize("name", ["insight-change", "dashboard-change"])
def test_forms_of_another_project(world: World, name: str) -> None:
    path = FORMS[name].format(**world.things)
    outside = Visitor(world.visitor.api, world.stranger.client)
    assert outside.post(path, name="taken").status_code == 403
    world.stranger.post(path, name="taken")
    visitor = world.visitor
    assert b"taken" not in visitor.get("insights/").content + visitor.get("dashboards/").content


@pytest.mark.parametrize("name", PAGES)
def test_what_people_wrote_stays_text(hostile: World, name: str) -> None:
    asked = f"date_from=-7d&label={HOSTILE}&search={HOSTILE}&event={HOSTILE}&ask=1&kind=trends"
    answer = hostile.get(name, ("&" if "?" in PAGES[name] else "?") + asked)
    assert answer.status_code == 200, words(answer)
    assert b"<script>alert" not in answer.content
    assert b"<img src=x" not in answer.content


@pytest.mark.parametrize("name", [name for name in OF_PROJECT if name != "queries"])
def test_as_many_statements_for_many_rows(small_and_large: tuple[World, World], name: str) -> None:
    def statements(world: World) -> int:
        world.get(name)  # a first visit makes the row of a link
        with CaptureQueriesContext(connection) as asked:
            assert world.get(name).status_code == 200
        return len(asked)

    small, large = map(statements, small_and_large)
    assert large == small


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
def test_what_cannot_be_shown(world: World, path: str, status: int) -> None:
    answer = world.visitor.get(path.format(**world.things))
    assert answer.status_code == status, words(answer)


@pytest.mark.parametrize("path", ["", "insights", "insights/new", "keys", "projects"])
def test_the_final_slash_is_optional(world: World, path: str) -> None:
    visitor = world.visitor
    absolute = f"/{path}" if path in ("keys", "projects") else f"/project/{visitor.api.project.pk}/{path}"
    assert visitor.get(absolute).status_code == 200


def test_a_page_that_is_none(world: World) -> None:
    visitor = world.visitor
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
