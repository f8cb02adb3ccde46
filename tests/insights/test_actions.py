"""Event matchers over HTTP (api W14)."""

from __future__ import annotations

from typing import Any

import pytest

from insights.models import Action
from tests.insights.conftest import NOW, Desk

KEYS = """
    id name description tags post_to_slack steps created_at created_by deleted is_calculating
    last_calculated_at team_id is_action pinned_at
"""
STEP = {
    "event": "$autocapture",
    "properties": [{"key": "plan", "value": "pro", "type": "person"}],
    "selector": "div > .buy",
    "tag_name": None,
    "text": "Buy",
    "text_matching": "contains",
    "href": None,
    "href_matching": None,
    "url": "^/shop/\\d+$",
    "url_matching": "regex",
}
NOTHING = dict.fromkeys(STEP) | {"properties": []}


def make(desk: Desk, **fields: Any) -> dict[str, Any]:
    response = desk.post("/actions/", fields)
    assert response.status_code == 201, response.content
    return response.json()


def test_a_new_action(desk: Desk) -> None:
    action = make(desk, name="bought", steps=[STEP, {"event": "buy", "id": 7, "url": ""}], tags=["B"])
    assert list(action) == KEYS.split()
    assert action["steps"] == [STEP, {**NOTHING, "event": "buy"}]
    assert (action["tags"], action["is_action"], action["is_calculating"]) == (["b"], True, False)
    assert (action["created_at"], action["created_by"]["email"]) == (NOW, "ada@example.org")
    assert action["team_id"] == desk.project.pk
    assert desk.get(f"/actions/{action['id']}/").json() == action
    assert desk.get("/actions/").json()["results"] == [action]


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"name": "taken"}, "unique", "name"),
        ({"name": "x" * 401}, "max_length", "name"),
        ({"name": []}, "invalid_input", "name"),
        ({"tags": 1}, "not_a_list", "tags"),
        ({"steps": {}}, "not_a_list", "steps"),
        ({"steps": ["x"]}, "invalid_input", "steps__0"),
        ({"steps": [{}, {"event": []}]}, "invalid_input", "steps__1__event"),
        ({"steps": [{"url_matching": "like"}]}, "invalid_choice", "steps__0__url_matching"),
        ({"steps": [{"url_matching": []}]}, "invalid_choice", "steps__0__url_matching"),
        ({"steps": [{"url": "(", "url_matching": "regex"}]}, "invalid_input", "steps__0__url"),
        ({"steps": [{"selector": "a[("}]}, "invalid_input", "steps__0__selector"),
        ({"steps": [{"properties": [{"key": "a"}]}]}, "required", "steps__0__properties__0__value"),
        ({"steps": [{"properties": "x"}]}, "parse_error", "steps__0__properties"),
        ({"steps": [{}] * 101}, "max_length", "steps"),
        ({"pinned_at": "x"}, "invalid_input", "pinned_at"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bad_values(desk: Desk, method: str, body: Any, code: str, attr: str) -> None:
    make(desk, name="taken")
    path = "/actions/" if method == "POST" else f"/actions/{make(desk, name='kept')['id']}/"
    assert desk.refused(desk.call(method, path, body)) == (400, code, attr)


def test_names_are_free_again_after_deletion(desk: Desk) -> None:
    first = make(desk, name="x")
    path = f"/actions/{first['id']}/"
    assert desk.patch(path, {"deleted": True}).json()["deleted"] is True
    assert desk.get(path).status_code == 404
    assert desk.get("/actions/").json()["count"] == 0
    make(desk, name="x")
    assert desk.refused(desk.patch(path, {"deleted": False})) == (400, "unique", "name")
    assert desk.patch(path, {"deleted": False, "name": "y"}).json()["name"] == "y"


def test_unnamed_actions_and_other_projects_do_not_collide(desk: Desk) -> None:
    make(desk)
    make(desk)
    make(desk, name="x")
    blog = Desk(desk.world, project=desk.world.blog)
    assert make(blog, name="x")["name"] == "x"
    assert blog.get(f"/actions/{desk.get('/actions/').json()['results'][0]['id']}/").status_code == 404


def test_a_change_of_the_steps_is_a_new_version(desk: Desk) -> None:
    """api R9: cached answers that used the action lapse."""
    action = make(desk, name="x", steps=[{"event": "a"}])

    def version() -> int:
        return Action.objects.get(pk=action["id"]).version

    path, first = f"/actions/{action['id']}/", version()
    desk.patch(path, {"description": "d", "tags": ["t"]})
    assert version() == first
    desk.patch(path, {"steps": [{"event": "b"}]})
    assert version() == first + 1


def test_hard_delete_is_not_allowed(desk: Desk) -> None:
    response = desk.call("DELETE", f"/actions/{make(desk)['id']}/")
    assert (response.status_code, response.content) == (405, b"")


def test_steps_without_event_match_any(desk: Desk) -> None:
    assert make(desk, steps=[{"properties": {"type": "AND", "values": []}}])["steps"][0]["event"] is None
