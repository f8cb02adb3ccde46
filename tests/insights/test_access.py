"""Who gets what on every route: credentials, scopes, projects, unknown things (api M11-M15, N4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from insights_service.accounts import services
from insights_service.accounts.models import Level, PersonalAPIKey
from tests.api.accounts_world import key_of, stored
from tests.insights.conftest import Desk

# method, path below the project, scope that opens it, status of a good request
ROUTES = [
    ("GET", "/insights/", "insight:read", 200),
    ("POST", "/insights/", "insight:write", 201),
    ("GET", "/insights/{insight}/", "insight:read", 200),
    ("PATCH", "/insights/{insight}/", "insight:write", 200),
    ("PUT", "/insights/{insight}/", "insight:write", 200),
    ("DELETE", "/insights/{insight}/", "insight:write", 405),
    ("GET", "/insights/activity/", "activity_log:read", 200),
    ("GET", "/insights/{insight}/activity/", "activity_log:read", 200),
    ("GET", "/insights/{insight}/sharing/", "sharing_configuration:read", 200),
    ("PATCH", "/insights/{insight}/sharing/", "sharing_configuration:write", 200),
    ("POST", "/insights/{insight}/sharing/refresh/", "sharing_configuration:write", 200),
    ("POST", "/insights/{insight}/sharing/embed_token/", "sharing_configuration:write", 201),
    ("POST", "/insights/{insight}/viewed/", "insight:read", 200),
    ("POST", "/insights/viewed/", "insight:read", 201),
    ("GET", "/insights/my_last_viewed/", "insight:read", 200),
    ("POST", "/insights/cancel/", "insight:read", 200),
    ("POST", "/insights/timing/", "insight:read", 200),
    ("GET", "/dashboards/", "dashboard:read", 200),
    ("POST", "/dashboards/", "dashboard:write", 201),
    ("GET", "/dashboards/{dashboard}/", "dashboard:read", 200),
    ("PATCH", "/dashboards/{dashboard}/", "dashboard:write", 200),
    ("PUT", "/dashboards/{dashboard}/", "dashboard:write", 200),
    ("DELETE", "/dashboards/{dashboard}/", "dashboard:write", 405),
    ("GET", "/dashboards/activity/", "activity_log:read", 200),
    ("GET", "/dashboards/{dashboard}/activity/", "activity_log:read", 200),
    ("GET", "/dashboards/{dashboard}/sharing/", "sharing_configuration:read", 200),
    ("PATCH", "/dashboards/{dashboard}/sharing/", "sharing_configuration:write", 200),
    ("POST", "/dashboards/{dashboard}/sharing/refresh/", "sharing_configuration:write", 200),
    ("POST", "/dashboards/{dashboard}/sharing/embed_token/", "sharing_configuration:write", 201),
    ("GET", "/dashboards/{dashboard}/collaborators/", "dashboard:read", 200),
    ("POST", "/dashboards/{dashboard}/collaborators/", "dashboard:write", 201),
    ("DELETE", "/dashboards/{dashboard}/collaborators/{user}/", "dashboard:write", 204),
    ("GET", "/actions/", "action:read", 200),
    ("POST", "/actions/", "action:write", 201),
    ("GET", "/actions/{action}/", "action:read", 200),
    ("PATCH", "/actions/{action}/", "action:write", 200),
    ("PUT", "/actions/{action}/", "action:write", 200),
    ("DELETE", "/actions/{action}/", "action:write", 405),
    ("GET", "/cohorts/", "cohort:read", 200),
    ("POST", "/cohorts/", "cohort:write", 201),
    ("GET", "/cohorts/{cohort}/", "cohort:read", 200),
    ("PATCH", "/cohorts/{cohort}/", "cohort:write", 200),
    ("PUT", "/cohorts/{cohort}/", "cohort:write", 200),
    ("DELETE", "/cohorts/{cohort}/", "cohort:write", 405),
]
OURS = ("insights", "dashboards", "sharing", "activity", "actions", "cohorts")  # modules of insights.api
WITHOUT_BODY = ("refresh/", "{insight}/viewed/")


@pytest.fixture
def place(desk: Desk) -> dict[str, Any]:
    """One thing of each kind, and a body that suits every POST."""
    desk.colleague()
    bob = desk.world.organization.members.get(email="bob@example.org").uuid
    dashboard = desk.dashboard(name="d")["id"]
    desk.post(f"/dashboards/{dashboard}/collaborators/", {"user_uuid": str(bob), "level": 37})
    insight = desk.insight(name="x", dashboards=[dashboard])["id"]
    action = desk.post("/actions/", {"name": "a"}).json()["id"]
    cohort = desk.post("/cohorts/", {"name": "c"}).json()["id"]
    things = {"insight": insight, "dashboard": dashboard, "action": action, "cohort": cohort, "user": bob}
    body = {
        "client_query_id": "q",
        "insight_ids": [insight],
        "user_uuid": str(bob),
        "level": 37,
        "enabled": False,
        "properties": [{"key": "a", "value": "b"}],
    }
    return {"things": things, "body": body}


def ask(desk: Desk, place: dict[str, Any], method: str, path: str, **options: Any) -> Any:
    body = None if method in ("GET", "DELETE") else place["body"]
    return desk.call(method, path.format(**options.pop("things", place["things"])), body, **options)


def hold(desk: Desk, *scopes: str) -> None:
    """Let the desk's key be one with these scopes only."""
    PersonalAPIKey.objects.filter(pk=stored(desk.key).pk).update(scopes=list(scopes))


def test_the_right_scope_opens(desk: Desk, place: Any) -> None:
    statuses = {}
    for method, path, scope, _ in ROUTES:
        hold(desk, scope)
        statuses[method, path] = ask(desk, place, method, path).status_code
    assert statuses == {(method, path): status for method, path, _, status in ROUTES}


def test_every_other_scope_does_not(desk: Desk, place: Any) -> None:
    for method, path, scope, _ in ROUTES:
        others = {other for _, _, other, _ in ROUTES} - {scope, scope.replace(":read", ":write")}
        hold(desk, *sorted(others))
        response = ask(desk, place, method, path)
        assert desk.refused(response) == (403, "permission_denied", None), (method, path)
        assert scope in response.json()["detail"]


def test_nobody_gets_in_without_a_key(desk: Desk, place: Any) -> None:
    desk.key = "phx_wrong"
    for method, path, _, _ in ROUTES:
        assert desk.refused(ask(desk, place, method, path)) == (401, "authentication_failed", None)
        url = desk.base + path.format(**place["things"])
        response = desk.world.client.generic(method, url)
        assert desk.refused(response) == (401, "not_authenticated", None), (method, path)


def test_strangers(desk: Desk, place: Any) -> None:
    desk.key = key_of(services.user_create(email="eve@example.org"))
    for method, path, _, _ in ROUTES:
        assert desk.refused(ask(desk, place, method, path))[0] == 403, (method, path)


def test_things_of_other_projects_are_not_there(desk: Desk, place: Any) -> None:
    elsewhere = Desk(desk.world, project=desk.world.blog)
    for method, path, _, status in ROUTES:
        if "{" in path:
            expected = 405 if status == 405 else 404
            assert ask(elsewhere, place, method, path).status_code == expected, (method, path)


def test_unknown_things(desk: Desk, place: Any) -> None:
    missing = {**dict.fromkeys(place["things"], 999999), "user": "018e1f00-0000-7000-8000-000000000001"}
    for method, path, _, status in ROUTES:
        if "{" not in path or status == 405:  # api P33: the id of a DELETE is not looked up
            continue
        assert ask(desk, place, method, path, things=missing).status_code == 404, (method, path)
        broken = desk.call(method, path.format(**missing), b"{broken")
        assert broken.status_code == 404, (method, path)  # api N4: the object comes before the body


def test_broken_bodies(desk: Desk, place: Any) -> None:
    for method, path, _, _ in ROUTES:
        if method in ("GET", "DELETE") or path.endswith(WITHOUT_BODY):
            continue
        for body in (b"{broken", b"[1]", b'"text"', b"7", b"\xff", b"[" * 200):
            response = desk.call(method, path.format(**place["things"]), body)
            assert desk.refused(response) == (400, "parse_error", None), (method, path, body)


def test_other_methods_are_not_allowed(desk: Desk, place: Any) -> None:
    for path in {path for _, path, _, _ in ROUTES}:
        known = {method for method, other, _, _ in ROUTES if other == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
            response = desk.call(method, path.format(**place["things"]))
            assert response.status_code == 405, (method, path)
            assert response["Allow"]


def test_options_and_head(desk: Desk, place: Any) -> None:
    """api M9"""
    for method, path, _, _ in ROUTES:
        if method == "GET":
            url = path.format(**place["things"])
            assert "GET" in desk.call("OPTIONS", url)["Allow"]
            head = desk.call("HEAD", url)
            assert (head.status_code, head.content) == (200, b"")


def test_a_project_with_access_control(desk: Desk, place: Any) -> None:
    bob = Desk(desk.world, key_of(desk.world.organization.members.get(email="bob@example.org")))
    assert bob.get("/insights/").status_code == 200
    type(desk.project).objects.filter(pk=desk.project.pk).update(access_control=True)
    assert bob.get("/insights/").status_code == 403
    assert desk.colleague("carol@example.org", Level.ADMIN).get("/insights/").status_code == 200


def test_every_route_of_ours_is_in_the_table() -> None:
    """A route without an entry would have no test of its door."""
    described = {path.strip("/") for _, path, _, _ in ROUTES}
    found = {_as_written(path) for path in _paths(get_resolver().url_patterns)}
    assert found == described


def _paths(patterns: Any, prefix: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _paths(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and _is_ours(pattern.callback):
            found.append(path)
    return found


def _is_ours(callback: Any) -> bool:
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    return view is not None and view.__module__ in {f"insights.api.{name}" for name in OURS}


def _as_written(route: str) -> str:
    """`api/projects/<str:project_id>/^insights/(?P<id>[^/]+)/$` as the table has it: `insights/{insight}`."""
    text = re.sub(r"[\^$]|\\Z", "", route.split(">/", 1)[1].replace("[^/]+", ""))
    kind = text.split("/")[0].removesuffix("s")
    text = text.replace("<uuid:user_uuid>", "{user}")
    return re.sub(r"\(\?P<\w+>\)|<str:\w+>", f"{{{kind}}}", text).strip("/")
