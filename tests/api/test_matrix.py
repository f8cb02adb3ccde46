"""Every operation below /api/ with every kind of credential, and the status of each cell (api M11-M15, N4).

A row says what opens an operation and what a good request of it answers; each test makes the rest of the
row from that, but for the cells in LIMITED and STRANGER. One world serves all cells: each request is undone.
The last tests walk the URL space, so a route cannot be added without a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, resolve

from insights.models import Cohort
from insights_service.accounts import services
from insights_service.accounts.models import Level, PersonalAPIKey, Project
from insights_service.accounts.scopes import ALL_SCOPES, OBJECTS
from insights_service.persons.models import EventDefinition, Person, PropertyDefinition
from tests.api.accounts_world import error_of, key_of, stored
from tests.api_client import Api, make_project

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ENTITY = {"events": [{"id": "$pageview"}]}
FUNNEL = {"events": [{"id": "$pageview"}, {"id": "paid", "order": 1}]}
TREND = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}
EVENT = "018e1f00-0000-7000-8000-0000000000aa"
MISSING = "018e1f00-0000-7000-8000-000000000001"
PUBLIC = "public"  # instead of a scope: no credentials are looked for


@dataclass(frozen=True)
class Route:
    """`path` is below /api/; `status` that of a good request, with `query` or `body`."""

    method: str
    path: str
    scope: str
    status: int = 200
    query: str = ""
    body: Any = field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE

    @property
    def in_project(self) -> bool:
        return self.path.startswith(
            ("projects/{project}/", "organizations/{organization}/projects/{project}/")
        )


def _route(line: str, query: str = "", body: Any = None) -> Route:
    method, path, scope, *status = line.split()
    path = path.replace("~", "projects/{project}/", 1)
    return Route(method, path, scope, int((status or ["200"])[0]), query, {} if body is None else body)


def _both(path: str, scope: str, query: str = "", body: Any = None) -> list[Route]:
    """GET and POST are the same function (api S1)."""
    return [_route(f"{method} {path} {scope}", query, body) for method in ("GET", "POST")]


def _people(below: str) -> list[Route]:
    asked = [
        ("trends/", "?entity_id=$pageview&date_from=2024-01-10&date_to=2024-01-10"),
        ("stickiness/", "?entity_id=$pageview&stickiness_days=1"),
        ("lifecycle/", "?entity_id=$pageview&target_date=2024-01-10&lifecycle_type=new"),
        ("funnel/", '?events=[{"id":"$pageview"},{"id":"paid","order":1}]&funnel_step=1'),
        (
            "funnel/correlation/",
            '?events=[{"id":"$pageview"},{"id":"paid","order":1}]&funnel_correlation_person_converted=true'
            '&funnel_correlation_person_entity={"id":"paid"}',
        ),
        ("path/", "?path_start_key=1_/"),
        ("retention/", "?selected_interval=0"),
    ]
    return [route for path, query in asked for route in _both(below + path, "person:read", query)]


# `~` is the project; scope; status when it is not 200.
ROUTES: list[Route] = [
    _route("POST login/ public", body={"email": "nobody@example.org", "password": "x"}),
    _route("POST logout/ public 204"),
    _route("GET users/@me/ user:read"),
    _route("PATCH users/@me/ user:write"),
    _route("GET projects/ project:read"),
    _route("POST projects/ project:write 201", body={"name": "New"}),
    _route("GET ~ project:read"),
    _route("PATCH ~ project:write"),
    _route("DELETE ~ project:write 204"),
    _route("POST ~reset_token/ project:write"),
    _route("PATCH ~reset_token/ project:write"),
    _route("GET organizations/ organization:read"),
    _route("GET organizations/{organization}/ organization:read"),
    _route("GET organizations/{organization}/projects/ project:read"),
    _route("POST organizations/{organization}/projects/ project:write 201", body={"name": "New"}),
    _route("GET organizations/{organization}/projects/{project}/ project:read"),
    _route("PATCH organizations/{organization}/projects/{project}/ project:write"),
    _route("DELETE organizations/{organization}/projects/{project}/ project:write 204"),
    _route("POST organizations/{organization}/projects/{project}/reset_token/ project:write"),
    _route("PATCH organizations/{organization}/projects/{project}/reset_token/ project:write"),
    _route("GET personal_api_keys/ personal_api_key:read"),
    _route(
        "POST personal_api_keys/ personal_api_key:write 201",
        body={"label": "new", "scopes": ["personal_api_key:read"]},
    ),
    _route("GET personal_api_keys/{key}/ personal_api_key:read"),
    _route("PATCH personal_api_keys/{key}/ personal_api_key:write", body={"label": "old"}),
    _route("DELETE personal_api_keys/{key}/ personal_api_key:write 204"),
    _route("POST personal_api_keys/{key}/roll/ personal_api_key:write"),
    *_people("person/"),
    *_people("~persons/"),
    *_both("~actions/people/", "person:read", "?entity_id=$pageview&date_from=2024-01-10&date_to=2024-01-10"),
    _route("GET ~persons/ person:read"),
    _route("GET ~persons/{person}/ person:read"),
    _route("PATCH ~persons/{person}/ person:write", body={"properties": {"plan": "free"}}),
    _route("DELETE ~persons/{person}/ person:write 204"),
    _route("POST ~persons/{person}/update_property/ person:write", body={"key": "plan", "value": 1}),
    _route("POST ~persons/{person}/delete_property/ person:write", body={"$unset": "plan"}),
    _route("POST ~persons/{person}/split/ person:write 201"),
    _route("GET ~persons/values/ person:read", "?key=email"),
    _route("POST ~query/ query:read", body={"query": TREND, "refresh": "blocking"}),
    _route("POST ~query/convert/ query:read", body={"query": TREND}),
    _route("POST ~query/check_auth_for_async/ query:read"),
    _route("GET ~query/{run}/ query:read 202"),
    _route("DELETE ~query/{doomed}/ query:read"),  # also a run that has ended (api Q21)
    _route("GET ~query/{missing}/stream/ query:read 404"),
    *_both("~insights/trend/", "insight:read", '?events=[{"id":"$pageview"}]'),
    *_both("~insights/funnel/", "insight:read", '?events=[{"id":"$pageview"},{"id":"paid","order":1}]'),
    *_both(
        "~insights/funnel/correlation/",
        "insight:read",
        '?events=[{"id":"$pageview"},{"id":"paid","order":1}]',
    ),
    *_both("~insights/path/", "insight:read"),
    *_both("~insights/retention/", "insight:read"),
    _route("GET ~insights/ insight:read"),
    _route("POST ~insights/ insight:write 201"),
    _route("GET ~insights/{insight}/ insight:read"),
    _route("PATCH ~insights/{insight}/ insight:write"),
    _route("PUT ~insights/{insight}/ insight:write"),
    _route("DELETE ~insights/{insight}/ insight:write 405"),
    _route("GET ~insights/activity/ activity_log:read"),
    _route("GET ~insights/{insight}/activity/ activity_log:read"),
    _route("GET ~insights/{insight}/sharing/ sharing_configuration:read"),
    _route("PATCH ~insights/{insight}/sharing/ sharing_configuration:write"),
    _route("POST ~insights/{insight}/sharing/refresh/ sharing_configuration:write"),
    _route(
        "POST ~insights/{insight}/sharing/embed_token/ sharing_configuration:write 201",
        body={"properties": [{"key": "a", "value": "b"}]},
    ),
    _route("POST ~insights/{insight}/viewed/ insight:read"),
    _route("POST ~insights/viewed/ insight:read 201", body={"insight_ids": [1]}),
    _route("GET ~insights/my_last_viewed/ insight:read"),
    _route("POST ~insights/cancel/ insight:read", body={"client_query_id": "q"}),
    _route("POST ~insights/timing/ insight:read"),
    _route("GET ~dashboards/ dashboard:read"),
    _route("POST ~dashboards/ dashboard:write 201", body={"name": "new"}),
    _route("GET ~dashboards/{dashboard}/ dashboard:read"),
    _route("PATCH ~dashboards/{dashboard}/ dashboard:write"),
    _route("PUT ~dashboards/{dashboard}/ dashboard:write"),
    _route("DELETE ~dashboards/{dashboard}/ dashboard:write 405"),
    _route("GET ~dashboards/activity/ activity_log:read"),
    _route("GET ~dashboards/{dashboard}/activity/ activity_log:read"),
    _route("GET ~dashboards/{dashboard}/sharing/ sharing_configuration:read"),
    _route("PATCH ~dashboards/{dashboard}/sharing/ sharing_configuration:write"),
    _route("POST ~dashboards/{dashboard}/sharing/refresh/ sharing_configuration:write"),
    _route(
        "POST ~dashboards/{dashboard}/sharing/embed_token/ sharing_configuration:write 201",
        body={"properties": [{"key": "a", "value": "b"}]},
    ),
    _route("GET ~dashboards/{dashboard}/collaborators/ dashboard:read"),
    _route(
        "POST ~dashboards/{dashboard}/collaborators/ dashboard:write 201",
        body={"user_uuid": "{user}", "level": 37},
    ),
    _route("DELETE ~dashboards/{dashboard}/collaborators/{user}/ dashboard:write 204"),
    _route("GET ~actions/ action:read"),
    _route("POST ~actions/ action:write 201", body={"name": "new"}),
    _route("GET ~actions/{action}/ action:read"),
    _route("PATCH ~actions/{action}/ action:write"),
    _route("PUT ~actions/{action}/ action:write"),
    _route("DELETE ~actions/{action}/ action:write 405"),
    _route("GET ~annotations/ annotation:read"),
    _route(
        "POST ~annotations/ annotation:write 201",
        body={"content": "Release", "date_marker": "2024-01-10T00:00:00Z"},
    ),
    _route("GET ~annotations/{annotation}/ annotation:read"),
    _route("PATCH ~annotations/{annotation}/ annotation:write"),
    _route("PUT ~annotations/{annotation}/ annotation:write"),
    _route("DELETE ~annotations/{annotation}/ annotation:write 405"),
    _route("GET ~cohorts/ cohort:read"),
    _route("POST ~cohorts/ cohort:write 201", body={"name": "new"}),
    _route("GET ~cohorts/{cohort}/ cohort:read"),
    _route("PATCH ~cohorts/{cohort}/ cohort:write"),
    _route("PUT ~cohorts/{cohort}/ cohort:write"),
    _route("DELETE ~cohorts/{cohort}/ cohort:write 405"),
    _route("GET ~cohorts/{cohort}/persons/ cohort:read"),
    _route("GET ~groups_types/ group:read"),
    _route("PATCH ~groups_types/update_metadata/ group:write", body=[]),
    _route("GET ~groups/ group:read", "?group_type_index=0"),
    _route("GET ~groups/find/ group:read", "?group_type_index=0&group_key=acme"),
    _route("GET ~events/ query:read"),
    _route("GET ~events/{event}/ query:read"),
    _route("GET ~events/values/ event_definition:read", "?key=$browser"),
    _route("GET ~event_definitions/ event_definition:read"),
    _route("GET ~event_definitions/{event_definition}/ event_definition:read"),
    _route("GET ~property_definitions/ property_definition:read"),
    _route("GET ~property_definitions/{property_definition}/ property_definition:read"),
    _route("PATCH ~property_definitions/{property_definition}/ property_definition:write"),
]
PROTECTED = [route for route in ROUTES if route.scope != PUBLIC]
IN_PROJECT = [route for route in PROTECTED if route.in_project]
# Pages about the API, open to all.
DESCRIPTIONS = ("schema/", "schema/swagger-ui/", "schema/redoc/")


@dataclass
class World:
    """Ada's project with one thing of each kind; keys by what is wrong with them."""

    api: Api
    things: dict[str, Any]
    keys: dict[str, str]
    tokens: dict[str, str]
    session: Client

    def ask(self, route: Route, *, things: Any = None, client: Any = None, query: str = "", **headers: str):
        """One request, undone afterwards."""
        names = {**self.things, **(things or {})}
        path, text = f"/api/{route.path.format(**names)}{route.query}", route.query
        body = (
            _filled(route.body, names) if route.method not in ("GET", "DELETE", "HEAD", "OPTIONS") else None
        )
        if query:
            path += ("&" if text else "?") + query
        caller = Api(self.api.project, self.api.user, None, client=client or Client())
        with undone():
            return caller.call(route.method, path, body, headers=headers)

    def with_key(self, route: Route, key: str, **options: Any) -> Any:
        return self.ask(route, Authorization=f"Bearer {key}", **options)

    def hold(self, *scopes: str) -> str:
        """A key with these scopes only."""
        PersonalAPIKey.objects.filter(pk=stored(self.keys["scoped"]).pk).update(scopes=list(scopes))
        return self.keys["scoped"]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _filled(body: Any, names: dict[str, Any]) -> Any:
    if not isinstance(body, dict):
        return body
    return {key: str(names["user"]) if value == "{user}" else value for key, value in body.items()}


@pytest.fixture(scope="module")
def world(service: None) -> World:
    api, other = make_project(), make_project()
    elsewhere = services.project_create(
        organization=api.project.organization, fields={"name": "Blog"}, creator=api.user
    )
    services.user_update(user=api.user, changes={"current_project": api.project})
    user = services.user_create(email=f"bob-{api.project.pk}@example.org")
    services.member_add(organization=api.project.organization, user=user, level=1)
    _capture(api)
    things = _things(api, user)
    revoked, expired = key_of(api.user), key_of(api.user, expires_at=datetime(2024, 1, 15, 12, tzinfo=UTC))
    stored(revoked).delete()
    keys = {
        "good": str(api.key),
        "scoped": key_of(api.user),
        "wrong": "phx_wrong",
        "revoked": revoked,
        "expired": expired,
        "project token": api.project.api_token,
        "limited": key_of(api.user, projects=[elsewhere.pk]),
        "stranger": str(other.key),
    }
    things |= {"elsewhere": elsewhere.pk, "key": str(stored(key_of(api.user, "personal_api_key:read")).pk)}
    session = Client(enforce_csrf_checks=True)
    session.force_login(api.user)
    return World(api, things, keys, _tokens(api, things), session)


def _capture(api: Api) -> None:
    event = {"event": "$pageview", "distinct_id": "ann", "timestamp": "2024-01-10T10:00:00Z", "uuid": EVENT}
    api.capture([{**event, "properties": {"$browser": "Chrome"}}])
    api.identify("ann", email="ann@example.org", plan="pro")
    group = {"$group_type": "organization", "$group_key": "acme", "$group_set": {"name": "Acme"}}
    api.capture([{"event": "$groupidentify", "distinct_id": "ann", "properties": group}])


def _things(api: Api, user: Any) -> dict[str, Any]:
    def made(path: str, **fields: Any) -> int:
        return int(api.post(path, fields).body["id"])

    dashboard = made("dashboards/", name="d")
    insight = made("insights/", name="x", query=TREND, dashboards=[dashboard])
    api.post(f"dashboards/{dashboard}/collaborators/", {"user_uuid": str(user.uuid), "level": 37})
    run = api.post("query/", {"query": {**TREND, "interval": "week"}, "refresh": "force_async"}).body[
        "query_status"
    ]["id"]
    project = api.project.pk
    EventDefinition.objects.get_or_create(project_id=project, name="$pageview")
    PropertyDefinition.objects.get_or_create(project_id=project, name="$browser", type=1)
    cohort = made("cohorts/", name="c")
    assert Cohort.objects.filter(pk=cohort).exists()
    return {
        "project": project,
        "organization": api.project.organization_id,
        "dashboard": dashboard,
        "insight": insight,
        "action": made("actions/", name="a"),
        "annotation": made("annotations/", content="n", date_marker="2024-01-10T00:00:00Z"),
        "cohort": cohort,
        "run": run,
        "doomed": f"{run}x",
        "missing": MISSING,
        "event": EVENT,
        "person": Person.objects.get(project_id=project).uuid,
        "user": user.uuid,
        "event_definition": EventDefinition.objects.filter(project_id=project).first().pk,
        "property_definition": PropertyDefinition.objects.filter(project_id=project).first().pk,
    }


def _tokens(api: Api, things: dict[str, Any]) -> dict[str, str]:
    sharing = f"insights/{things['insight']}/sharing/"
    return {
        "share": api.patch(sharing, {"enabled": True}).body["access_token"],
        "embed": api.post(sharing + "embed_token/", {"properties": [{"key": "a", "value": "b"}]}).body[
            "access_token"
        ],
    }


def statuses(routes: list[Route], ask: Callable[[Route], Any]) -> dict[tuple[str, str], int]:
    return {route.place: ask(route).status for route in routes}


def expect(routes: list[Route], status: Callable[[Route], int]) -> dict[tuple[str, str], int]:
    return {route.place: status(route) for route in routes}


# --- the columns ---------------------------------------------------------------------------------------


def test_the_right_scope_opens(world: World) -> None:
    found = statuses(PROTECTED, lambda route: world.with_key(route, world.hold(route.scope)))
    assert found == expect(PROTECTED, lambda route: route.status)


def test_every_other_scope_does_not(world: World) -> None:
    for route in PROTECTED:
        others = set(ALL_SCOPES) - {"*", route.scope, route.scope.replace(":read", ":write")}
        answer = world.with_key(route, world.hold(*sorted(others)))
        assert answer.error == (403, "permission_denied", None), route
        assert f"'{route.scope}'" in answer.body["detail"], route


BAD_KEYS = ("wrong", "revoked", "expired", "project token")


@pytest.mark.parametrize("credential", [None, *BAD_KEYS])
def test_nobody_gets_in_without_a_working_key(world: World, credential: str | None) -> None:
    """api N3, M13: also the write-only key of the project is nobody."""
    code = "authentication_failed" if credential else "not_authenticated"
    for route in PROTECTED:
        answer = world.with_key(route, world.keys[credential]) if credential else world.ask(route)
        assert answer.error == (401, code, None), route
        assert answer.headers["WWW-Authenticate"] == "Bearer", route


# Outside of the project: what is the caller's own stays open, what reaches farther than the key does not.
LIMITED = {
    ("POST", "projects/"): 403,
    ("POST", "organizations/{organization}/projects/"): 403,
    ("POST", "personal_api_keys/"): 403,
    ("PATCH", "personal_api_keys/{key}/"): 403,
    ("DELETE", "personal_api_keys/{key}/"): 403,
    ("POST", "personal_api_keys/{key}/roll/"): 403,
}
STRANGER = {
    ("GET", "organizations/{organization}/"): 403,
    ("GET", "organizations/{organization}/projects/"): 403,
    ("POST", "organizations/{organization}/projects/"): 403,
    ("GET", "personal_api_keys/{key}/"): 404,
    ("PATCH", "personal_api_keys/{key}/"): 404,
    ("DELETE", "personal_api_keys/{key}/"): 404,
    ("POST", "personal_api_keys/{key}/roll/"): 404,
}


@pytest.mark.parametrize(
    "credential, exceptions",
    [
        pytest.param("limited", LIMITED, id="key limited to another project"),
        pytest.param("stranger", STRANGER, id="member of another organization"),
    ],
)
def test_somebody_from_elsewhere(
    world: World, credential: str, exceptions: Mapping[tuple[str, str], int]
) -> None:
    """api M13, M15"""
    found = statuses(PROTECTED, lambda route: world.with_key(route, world.keys[credential]))

    def expected(route: Route) -> int:
        return 403 if route.in_project else exceptions.get(route.place, route.status)

    assert found == expect(PROTECTED, expected)


def test_a_session_cookie(world: World) -> None:
    """api M12: no scopes; but who changes something proves that the page is ours."""
    found = statuses(PROTECTED, lambda route: world.ask(route, client=world.session))
    assert found == expect(PROTECTED, lambda route: route.status if route.is_safe else 403)


def test_a_session_cookie_with_its_csrf_token(world: World) -> None:
    unsafe = [route for route in PROTECTED if not route.is_safe]
    token = "a" * 32
    world.session.cookies["csrftoken"] = token
    found = statuses(unsafe, lambda route: world.ask(route, client=world.session, **{"X-CSRFToken": token}))
    assert found == expect(unsafe, lambda route: route.status)


# What a link opens (api Q10): the list, and its own insight.
OPEN_TO_GUESTS = (("GET", "projects/{project}/insights/"), ("GET", "projects/{project}/insights/{insight}/"))


@pytest.mark.parametrize("kind", ["share", "embed"])
def test_a_guest_with_a_link(world: World, kind: str) -> None:
    query = f"sharing_access_token={world.tokens[kind]}"
    found = statuses(PROTECTED, lambda route: world.ask(route, query=query))

    def expected(route: Route) -> int:
        return 401 if not route.is_safe else route.status if route.place in OPEN_TO_GUESTS else 403

    assert found == expect(PROTECTED, expected)


def test_public_operations_ask_nobody(world: World) -> None:
    public = [route for route in ROUTES if route.scope == PUBLIC]
    assert statuses(public, world.ask) == statuses(public, lambda route: world.with_key(route, "phx_wrong"))


def test_a_project_that_is_not_there(world: World) -> None:
    found = statuses(
        IN_PROJECT, lambda route: world.with_key(route, world.keys["good"], things={"project": 2**31 - 1})
    )
    assert found == expect(IN_PROJECT, lambda _: 404)


def test_things_of_other_projects_are_not_there(world: World) -> None:
    routes = [route for route in IN_PROJECT if "{" in route.path.partition("{project}/")[2]]
    routes = [route for route in routes if "{doomed}" not in route.path]  # 200 whether it exists or not
    found = statuses(
        routes,
        lambda route: world.with_key(
            route, world.keys["good"], things={"project": world.things["elsewhere"]}
        ),
    )
    assert found == expect(routes, lambda route: 405 if route.status == 405 else 404)


# --- after the door: the object, then the body (api N4) ---------------------------------------------------

# They take no body, or the list of `update_metadata`, which has tests of its own.
BODY_IGNORED = (
    "/refresh/",
    "{insight}/viewed/",
    "/roll/",
    "reset_token/",
    "check_auth_for_async/",
    "update_metadata/",
)
NO_JSON_OBJECT = (b"{broken", b"[1]", b'"text"', b"7", b"\xff", b"[" * 200)


def test_unknown_things(world: World) -> None:
    missing = {**dict.fromkeys(world.things, 999999), "user": MISSING, "person": MISSING, "event": MISSING}
    kept = {name: world.things[name] for name in ("project", "organization")}
    for route in IN_PROJECT:
        inside = route.path.partition("{project}/")[2]
        if (
            "{" not in inside or "{doomed}" in inside or route.status == 405
        ):  # P33: an id that is not looked up
            continue
        answer = world.with_key(route, world.keys["good"], things={**missing, **kept})
        assert answer.status == 404, route
        if not route.is_safe:
            broken = replace(route, body=b"{broken")
            assert world.with_key(broken, world.keys["good"], things={**missing, **kept}).status == 404, route


def test_broken_bodies(world: World) -> None:
    """One parser reads them all: each operation gets one of the broken bodies, in turn."""
    with_body = [
        route
        for route in PROTECTED
        if route.method in ("POST", "PUT", "PATCH") and not route.path.endswith(BODY_IGNORED)
    ]
    assert len(with_body) > 5 * len(NO_JSON_OBJECT)
    for route, body in zip(with_body, cycle(NO_JSON_OBJECT)):
        answer = world.with_key(replace(route, body=body), world.keys["good"])
        assert answer.error == (400, "parse_error", None), (route, body)


def test_a_project_with_access_control(world: World) -> None:
    """api M15: closed to plain members, open to administrators."""
    listed = Route("GET", "projects/{project}/insights/", "insight:read")
    organization = world.api.project.organization
    keys = {}
    for level in (Level.MEMBER, Level.ADMIN):
        user = services.user_create(email=f"{level}-{world.things['project']}@example.org")
        services.member_add(organization=organization, user=user, level=level)
        keys[level] = key_of(user)
    assert world.with_key(listed, keys[Level.MEMBER]).status == 200
    with undone():
        Project.objects.filter(pk=world.things["project"]).update(access_control=True)
        assert world.with_key(listed, keys[Level.MEMBER]).status == 403
        assert world.with_key(listed, keys[Level.ADMIN]).status == 200


# --- methods ------------------------------------------------------------------------------------------


def _methods() -> dict[str, set[str]]:
    """By a path of each pattern: what it is asked for."""
    found: dict[str, set[str]] = {}
    first = {_plain(route.path): route.path for route in reversed(ROUTES)}
    for route in ROUTES:
        found.setdefault(first[_plain(route.path)], set()).add(route.method)
    return found


def test_other_methods_are_not_allowed(world: World) -> None:
    """405 with `Allow`, for who may come in at all (api M.4, N4)."""
    for path, known in _methods().items():
        scope = next(route.scope for route in ROUTES if route.path == path)
        for method in sorted(set(METHODS) - known):
            route = Route(method, path, scope)
            answer = world.with_key(route, world.keys["good"])
            assert answer.error == (405, "method_not_allowed", None), route
            allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
            assert known <= allowed <= known | {"HEAD", "OPTIONS"} | {"DELETE"}, (route, allowed)
            if scope != PUBLIC:
                assert world.ask(route).status == 401, route
                needs = "read" if method == "GET" else "write"
                others = [f"{name}:{kind}" for name in OBJECTS for kind in ("read", "write")]
                held = [other for other in others if not other.startswith(scope.partition(":")[0] + ":")]
                answer = world.with_key(route, world.hold(*held))
                assert answer.error == (403, "permission_denied", None), route
                assert f":{needs}'" in answer.body["detail"], route


def test_options_and_head(world: World) -> None:
    """api M9"""
    for path, known in _methods().items():
        scope = next(route.scope for route in ROUTES if route.path == path)
        answer = world.with_key(Route("OPTIONS", path, scope), world.keys["good"])
        assert answer.status == 200, path
        assert known - {"DELETE"} <= {name.strip() for name in answer.headers["Allow"].split(",")}, path
    for route in ROUTES:
        if route.method == "GET" and route.status == 200:
            head = Route("HEAD", route.path, route.scope, query=route.query)
            answer = world.with_key(head, world.keys["good"])
            assert (answer.status, answer.content) == (200, b""), route


# --- no route without a row -----------------------------------------------------------------------------


def _walk(patterns: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield path, pattern.callback


def _plain(path: str) -> str:
    """`^insights/(?P<id>[^/]+)/$`, `insights/<str:id>/` and `insights/{insight}/` alike: `insights/{}/`."""
    path = re.sub(r"\(\?P<\w+>(?:\[[^\]]*\]|[^()])*\)|<\w+:\w+>|\{\w*\}", "{}", path)
    return re.sub(r"[\^$]|\\Z", "", path)


def test_every_operation_has_a_row() -> None:
    described = {(route.method, _plain(route.path)) for route in ROUTES}
    described |= {("GET", path) for path in DESCRIPTIONS}
    found = set()
    for path, callback in _walk(get_resolver().url_patterns):
        plain = _plain(path)
        if plain.startswith("api/") and plain != "api/":
            view = callback.cls if hasattr(callback, "cls") else callback.view_class
            named = getattr(callback, "actions", None)
            names = (
                [name for name in named if name != "head"]
                if named
                else [name for name in dir(view) if name.upper() in METHODS]
            )
            found |= {(name.upper(), plain.removeprefix("api/")) for name in names}
    assert found == described


def test_the_document_says_the_same_scope_of_every_operation() -> None:
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    said = {
        (method.upper(), _plain(path).removeprefix("/api/")): operation.get("x-required-scopes", [PUBLIC])
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert said == {(route.method, _plain(route.path)): [route.scope] for route in ROUTES}


# --- outside of /api/: what nobody in particular gets -----------------------------------------------------

ALL = "GET POST PUT DELETE"
LOGIN = 302  # sent to the page for logging in
# path -> statuses of GET, POST, PUT, DELETE without credentials and without a body
OUTSIDE: dict[str, tuple[int, int, int, int]] = {
    "shared/x/": (404, 404, 405, 405),
    "embedded/x/": (404, 404, 405, 405),
    # capture: the project's token is in the body
    **dict.fromkeys(("capture/", "e/", "track", "batch/", "i/v0/e/", "engage/"), (400, 400, 405, 405)),
    "i/v1/analytics/events/": (405, 401, 405, 405),
    **dict.fromkeys(("flags/", "decide/", "s/", "array/x/config/"), (200, 200, 405, 405)),
    "array/x/config.js": (200, 405, 405, 405),
    # for machines that watch this one
    **dict.fromkeys(("_health", "_health/", "_livez", "_livez/", "_readyz", "_readyz/"), (200, 200, 200, 200)),
    **dict.fromkeys(("_preflight", "_preflight/", "metrics"), (200, 200, 200, 200)),
    # pages
    "": (LOGIN,) * 4,
    "login/": (200, 400, 405, 405),
    "logout/": (405, LOGIN, 405, 405),
    "projects/": (LOGIN,) * 4,
    "keys/": (LOGIN,) * 4,
    f"keys/{MISSING}/": (LOGIN,) * 4,
    **dict.fromkeys(
        [
            f"project/1/{page}"
            for page in (
                "", "insights/", "insights/new/", "insights/1/", "insights/1/change/", "insights/1/activity/",
                "insights/1/people/", "insights/1/sharing/", "dashboards/", "dashboards/1/", "dashboards/1/change/",
                "dashboards/1/sharing/", "events/", "queries/",
            )
        ],
        (LOGIN,) * 4,
    ),
    # pieces that the script puts into a page
    **dict.fromkeys(
        [
            f"project/1/{piece}"
            for piece in ("insights/new/answer/", "insights/1/answer/", "dashboards/1/tiles/1/", "events/latest/")
        ],
        (401,) * 4,
    ),
    "admin/": (LOGIN,) * 4,
    "admin/login/": (LOGIN, 405, 405, 405),
    "admin/accounts/personalapikey/": (LOGIN,) * 4,
}  # fmt: skip


def test_nobody_outside_of_the_api(service: None) -> None:
    found = {
        path: tuple(Client().generic(method, f"/{path}").status_code for method in ALL.split())
        for path in OUTSIDE
    }
    assert found == OUTSIDE


def test_every_route_outside_of_the_api_has_a_row() -> None:
    """Each pattern is that of some path in the table; what is below /admin/ has one door (Django's)."""
    reached = {resolve(f"/{path}").route for path in OUTSIDE}
    routes = {path for path, _ in _walk(get_resolver().url_patterns)}
    assert {route for route in routes if not route.startswith(("api/", "^api/", "admin/"))} <= reached


def test_an_unknown_path_below_the_api(service: None) -> None:
    """api M.4: 404 before anybody is asked for credentials."""
    for method in METHODS:
        response = Client(enforce_csrf_checks=True).generic(method, "/api/nothing/")
        assert error_of(response) == (404, "invalid_request", "not_found", None), method
        assert response.json()["detail"] == "Endpoint not found."
