"""Credentials, scopes and membership at the door (api M11-M16, N3, N4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from rest_framework.response import Response

from insights_service import clock, throttling
from insights_service.accounts import services
from insights_service.accounts.authentication import SharedAccess
from insights_service.accounts.models import Level, PersonalAPIKey, ProjectMembership
from insights_service.accounts.permissions import ApiView, ProjectView, ProjectViewSet
from insights_service.accounts.scopes import grants
from insights_service.config import get_config
from tests.api.accounts_world import PASSWORD, World, error_of, key_of, stored

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 3, 15, 9, 30, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World.make()


# Places of a key (api M11)


def in_header(client: Client, key: Any) -> Any:
    return client.get("/api/projects/", headers={"Authorization": f"Bearer {key}"})


def in_body(client: Client, key: Any) -> Any:
    body = {"personal_api_key": key, "label": "made with a key in the body", "scopes": ["*"]}
    return client.post("/api/personal_api_keys/", body, content_type="application/json")


def in_form(client: Client, key: Any) -> Any:
    return client.patch(
        "/api/users/@me/", f"personal_api_key={key}", content_type="application/x-www-form-urlencoded"
    )


def in_query(client: Client, key: Any) -> Any:
    return client.get("/api/projects/", {"personal_api_key": key})


PLACES = [
    pytest.param(in_header, "Authorization header", id="header"),
    pytest.param(in_body, "body", id="json body"),
    pytest.param(in_form, "body", id="form body"),
    pytest.param(in_query, "query string", id="query"),
]


@pytest.mark.parametrize("ask, place", PLACES)
def test_a_key_is_found_in_each_place(world, client, ask, place):
    assert ask(client, world.key).status_code in (200, 201)


@pytest.mark.parametrize("ask, place", PLACES)
@pytest.mark.parametrize("key", ["phx_nope", "x" * 5000, "phx_ü"])
def test_a_bad_key_is_a_401_that_names_the_place(world, client, ask, place, key):
    response = ask(client, key)
    assert error_of(response) == (401, "authentication_error", "authentication_failed", None)
    assert response.json()["detail"] == f"The personal API key in the request's {place} is not valid."
    assert response["WWW-Authenticate"] == "Bearer"


def test_nobody_is_a_401(client):
    response = client.get("/api/projects/")
    assert error_of(response) == (401, "authentication_error", "not_authenticated", None)
    assert response.json()["detail"] == "Authentication credentials were not provided."
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(5, id="number"),
        pytest.param(["x"], id="list"),
        pytest.param({}, id="object"),
        pytest.param("", id="blank"),
    ],
)
def test_a_body_key_of_any_type_is_a_bad_key(client, key):
    assert error_of(in_body(client, key))[:3] == (401, "authentication_error", "authentication_failed")


def test_the_first_candidate_decides(world, client):
    """A bad key in the header is an error although the query string has a good one."""
    response = client.get(
        f"/api/projects/?personal_api_key={world.key}", headers={"Authorization": "Bearer x"}
    )
    assert response.json()["detail"].endswith("Authorization header is not valid.")


def test_another_scheme_is_no_candidate(world, client):
    response = client.get(
        f"/api/projects/?personal_api_key={world.key}", headers={"Authorization": "Basic eDp5"}
    )
    assert response.status_code == 200


def test_the_scheme_is_read_in_any_case(world, client):
    assert client.get("/api/projects/", headers={"Authorization": f"bearer  {world.key}"}).status_code == 200


def test_credentials_in_an_unreadable_body_do_not_exist(world, client):
    body = '{"personal_api_key": "' + world.key
    response = client.post("/api/projects/", body, content_type="application/json")
    assert error_of(response)[:3] == (401, "authentication_error", "not_authenticated")


def test_the_key_is_in_no_link(world, client):
    response = client.get("/api/projects/", {"personal_api_key": world.key, "limit": 1, "x": "1"})
    link = response.json()["next"]
    assert link == "http://testserver/api/projects/?limit=1&offset=1&x=1"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda key: setattr(key, "expires_at", NOW), id="expired now"),
        pytest.param(lambda key: setattr(key, "value_hash", "0" * 64), id="rolled"),
    ],
)
def test_a_key_ends(world, client, spoil):
    key = stored(world.key)
    spoil(key)
    key.save()
    with clock.frozen(NOW):
        assert in_header(client, world.key).status_code == 401


def test_a_key_lives_until_it_expires(world, client):
    key = key_of(world.owner, expires_at=NOW + timedelta(microseconds=1))
    with clock.frozen(NOW):
        assert in_header(client, key).status_code == 200


def test_keys_of_an_inactive_user_end(world, client):
    services.user_update(user=world.owner, changes={"is_active": False})
    assert in_header(client, world.key).status_code == 401


def test_project_tokens_never_read(world, client):
    assert in_header(client, world.shop.api_token).status_code == 401


def test_only_the_hash_of_a_key_is_stored(world):
    row = stored(world.key)
    assert row.mask_value == f"phx_...{world.key[-4:]}"
    assert len(row.value_hash) == 64
    assert world.key not in str(PersonalAPIKey.objects.values())
    assert len(world.key) >= len("phx_") + 32


@pytest.mark.parametrize(
    "later, written",
    [
        pytest.param(timedelta(minutes=59), NOW, id="within the hour nothing is written"),
        pytest.param(timedelta(hours=1), NOW + timedelta(hours=1), id="after an hour it is"),
    ],
)
def test_last_used_is_written_once_an_hour(world, client, later, written):
    with clock.frozen(NOW):
        in_header(client, world.key)
    with clock.frozen(NOW + later):
        in_header(client, world.key)
    assert stored(world.key).last_used_at == written


# Sessions (api M12)


@pytest.fixture
def browser(world) -> Client:
    world.with_password()
    return Client(enforce_csrf_checks=True)


def test_login_opens_a_session_for_reading(world, browser):
    response = browser.post(
        "/api/login", {"email": "ADA@example.org", "password": PASSWORD}, content_type="application/json"
    )
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert {"sessionid", "csrftoken"} <= set(browser.cookies)
    assert browser.get("/api/users/@me").json()["email"] == "ada@example.org"


@pytest.mark.parametrize("with_token, status", [(False, 403), (True, 200)])
def test_unsafe_methods_of_a_session_need_the_csrf_token(world, browser, with_token, status):
    browser.post("/api/login", {"email": "ada@example.org", "password": PASSWORD})
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value} if with_token else {}
    response = browser.patch(
        "/api/users/@me/", {"first_name": "A"}, content_type="application/json", headers=headers
    )
    assert response.status_code == status
    if status == 403:
        assert error_of(response) == (403, "authentication_error", "permission_denied", None)
        assert response.json()["detail"].startswith("CSRF Failed: ")


@pytest.mark.parametrize(
    "body, expected",
    [
        (
            {"email": "ada@example.org", "password": "x"},
            (400, "validation_error", "invalid_credentials", None),
        ),
        (
            {"email": "eve@example.org", "password": "x"},
            (400, "validation_error", "invalid_credentials", None),
        ),
        ({"password": "x"}, (400, "validation_error", "required", "email")),
        ({"email": "ada@example.org"}, (400, "validation_error", "required", "password")),
        ({"email": None, "password": "x"}, (400, "validation_error", "null", "email")),
        ({"email": ["x"], "password": "x"}, (400, "validation_error", "invalid_input", "email")),
    ],
)
def test_a_wrong_login(world, client, body, expected):
    world.with_password()
    assert error_of(client.post("/api/login", body, content_type="application/json")) == expected


def test_logout_ends_the_session(world, browser):
    browser.post("/api/login/", {"email": "ada@example.org", "password": PASSWORD})
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.post("/api/logout", headers=headers).status_code == 200
    assert browser.get("/api/users/@me").status_code == 401


def test_a_session_needs_no_scope_but_membership(world, client):
    bob = world.member()
    world.shop.access_control = True
    world.shop.save()
    client.force_login(bob)
    assert client.get(f"/api/projects/{world.blog.pk}/").status_code == 200
    assert client.get(f"/api/projects/{world.shop.pk}/").status_code == 403


# Scopes (api M14)


@pytest.mark.parametrize(
    "held, wanted, granted",
    [
        (["*"], "insight:write", True),
        (None, "insight:write", True),
        (["insight:read"], "insight:read", True),
        (["insight:write"], "insight:read", True),
        (["insight:read"], "insight:write", False),
        (["dashboard:write"], "insight:read", False),
        ([], "insight:read", False),
    ],
)
def test_write_includes_read_and_a_star_everything(held, wanted, granted):
    assert grants(held, wanted) is granted


ENDPOINTS = [
    ("GET", "/api/projects/", "project:read"),
    ("POST", "/api/projects/", "project:write"),
    ("GET", "/api/projects/@current/", "project:read"),
    ("PATCH", "/api/projects/@current/", "project:write"),
    ("DELETE", "/api/projects/@current/", "project:write"),
    ("POST", "/api/projects/@current/reset_token/", "project:write"),
    ("GET", "/api/organizations/", "organization:read"),
    ("GET", "/api/organizations/@current/", "organization:read"),
    ("GET", "/api/organizations/@current/projects/", "project:read"),
    ("POST", "/api/organizations/@current/projects/", "project:write"),
    ("GET", "/api/users/@me/", "user:read"),
    ("PATCH", "/api/users/@me/", "user:write"),
    ("GET", "/api/personal_api_keys/", "personal_api_key:read"),
    ("POST", "/api/personal_api_keys/", "personal_api_key:write"),
    ("GET", "/api/personal_api_keys/@current/", "personal_api_key:read"),
    ("PATCH", "/api/personal_api_keys/@current/", "personal_api_key:write"),
    ("DELETE", "/api/personal_api_keys/@current/", "personal_api_key:write"),
    ("POST", "/api/personal_api_keys/@current/roll/", "personal_api_key:write"),
    # methods that these routes do not have (api N4)
    ("PUT", "/api/projects/@current/", "project:write"),
    ("DELETE", "/api/users/@me/", "user:write"),
    ("OPTIONS", "/api/users/@me/", "user:read"),
    ("HEAD", "/api/users/@me/", "user:read"),
]


@pytest.mark.parametrize("method, path, scope", ENDPOINTS)
def test_each_endpoint_needs_its_scope(world, method, path, scope):
    lacking = world.call(method, path, key=key_of(world.owner, "insight:write"))
    assert lacking.status_code == 403
    if method != "HEAD":
        assert error_of(lacking) == (403, "authentication_error", "permission_denied", None)
        assert lacking.json()["detail"] == f"This API key lacks the scope '{scope}'."
    assert world.call(method, path, {}, key=key_of(world.owner, scope)).status_code not in (401, 403)


@pytest.mark.parametrize("method, path, scope", ENDPOINTS)
def test_each_endpoint_needs_credentials_first(client, method, path, scope):
    assert client.generic(method, path, b"{broken", content_type="application/json").status_code == 401


def test_the_scope_comes_before_the_project_and_the_method(world):
    key = key_of(world.owner, "insight:write")
    assert world.call("GET", "/api/projects/999999999/", key=key).status_code == 403
    assert world.call("PUT", "/api/projects/999999999/", key=key).status_code == 403
    assert world.call("PUT", "/api/projects/999999999/").status_code == 404
    assert world.call("PUT", f"/api/projects/{world.shop.pk}/").status_code == 405


# The base classes, as other apps use them


class Closed(ProjectView):
    def get(self, request: Any, **kwargs: str) -> Response:
        return Response({})


class Throttled(ApiView):
    public = True

    def get(self, request: Any) -> Response:
        return Response({})


class Calculation(ProjectView):
    required_scopes = {"insight:read"}

    def post(self, request: Any, **kwargs: str) -> Response:
        return Response({"project": self.project.pk, "level": self.level})


class Shared(ProjectViewSet):
    scopes = {"list": "insight:read", "create": "insight:write", "retrieve": "insight:read"}
    shared_actions = frozenset({"list"})

    def open_shared(self, token: str) -> SharedAccess | None:
        project_id, _, subject = token.partition("-")
        return SharedAccess(int(project_id), subject) if subject else None

    def list(self, request: Any, **kwargs: str) -> Response:
        return Response({"sees": self.guest.subject if self.guest else None, "project": self.project.pk})

    def create(self, request: Any, **kwargs: str) -> Response:
        return Response({}, status=201)

    def retrieve(self, request: Any, **kwargs: str) -> Response:
        return Response({})


def ask(view: Any, method: str, world: World, *, key: str = "", query: str = "", project: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = RequestFactory().generic(method, f"/{query}", headers=headers)
    request.user = AnonymousUser()
    return view(request, project_id=str(project or world.shop.pk)).render()


def test_a_view_without_a_scope_is_closed_to_keys(world):
    response = ask(Closed.as_view(), "GET", world, key=world.key)
    assert response.status_code == 403
    assert response.data["detail"] == "This endpoint is not open to API keys."


def test_a_post_may_need_only_the_read_scope(world):
    view, key = Calculation.as_view(), key_of(world.owner, "insight:read")
    response = ask(view, "POST", world, key=key)
    assert response.data == {"project": world.shop.pk, "level": Level.OWNER}
    assert (
        ask(view, "DELETE", world, key=key).data["detail"] == "This API key lacks the scope 'insight:write'."
    )
    refused = ask(view, "GET", world, key=key)
    assert (refused.status_code, refused["Allow"]) == (405, "POST, OPTIONS")


LIST = Shared.as_view({"get": "list", "post": "create"})
DETAIL = Shared.as_view({"get": "retrieve"})


@pytest.mark.parametrize(
    "view, method, token, project, status",
    [
        pytest.param(LIST, "GET", "{shop}-7", "{shop}", 200, id="the shared thing"),
        pytest.param(LIST, "GET", "{shop}-7", "@current", 200, id="@current is its project"),
        pytest.param(LIST, "GET", "{shop}-7", "{blog}", 403, id="another project"),
        pytest.param(LIST, "GET", "{shop}-7", "999", 404, id="no project"),
        pytest.param(LIST, "GET", "{shop}-", "{shop}", 401, id="unknown token"),
        pytest.param(LIST, "POST", "{shop}-7", "{shop}", 401, id="writing"),
        pytest.param(DETAIL, "GET", "{shop}-7", "{shop}", 403, id="an action that is not shared"),
        pytest.param(Calculation.as_view(), "GET", "{shop}-7", "{shop}", 403, id="a view that is not shared"),
    ],
)
def test_a_sharing_token_opens_what_the_view_says(world, view, method, token, project, status):
    names = {"shop": world.shop.pk, "blog": world.blog.pk}
    query = f"?sharing_access_token={token.format(**names)}"
    # A good key beside it does not help: the first candidate decides (api M11).
    response = ask(view, method, world, query=query, project=project.format(**names), key=world.key)
    assert response.status_code == status
    if status == 200:
        assert response.data == {"sees": "7", "project": world.shop.pk}


# Projects and membership (api M4, M15)


def test_a_stranger_is_no_member(world):
    eve = services.user_create(email="eve@example.org")
    response = world.call("GET", f"/api/projects/{world.shop.pk}/", key=key_of(eve))
    assert error_of(response) == (403, "authentication_error", "permission_denied", None)
    assert response.json()["detail"] == "You are not a member of this project."


@pytest.mark.parametrize(
    "level, listed, restricted, expected",
    [
        pytest.param(Level.MEMBER, None, False, 1, id="member of an open project"),
        pytest.param(Level.MEMBER, None, True, None, id="member of a restricted project"),
        pytest.param(Level.MEMBER, Level.MEMBER, True, 1, id="listed member"),
        pytest.param(Level.MEMBER, Level.ADMIN, True, 8, id="listed administrator"),
        pytest.param(Level.MEMBER, Level.ADMIN, False, 8, id="listing raises a level"),
        pytest.param(Level.ADMIN, None, True, 8, id="organization administrator"),
        pytest.param(Level.ADMIN, Level.MEMBER, True, 8, id="listing never lowers a level"),
        pytest.param(Level.OWNER, None, True, 15, id="owner"),
        pytest.param(None, Level.ADMIN, True, None, id="listed, but not in the organization"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "OPTIONS"])
def test_levels(world, level, listed, restricted, expected, method):
    bob = services.user_create(email="bob@example.org")
    if level is not None:
        services.member_add(organization=world.organization, user=bob, level=level)
    if listed is not None:
        ProjectMembership.objects.create(project=world.shop, user=bob, level=listed)
    services.project_update(project=world.shop, changes={"access_control": restricted})
    response = world.call(method, f"/api/projects/{world.shop.pk}/", {}, key=key_of(bob))
    if expected is None or (method == "PATCH" and expected < Level.ADMIN):
        assert response.status_code == 403
    elif method != "OPTIONS":
        assert response.json()["effective_membership_level"] == expected
    in_list = world.call("GET", "/api/projects/", key=key_of(bob)).json()["results"]
    assert (world.shop.pk in [one["id"] for one in in_list]) is (expected is not None)


@pytest.mark.parametrize("name", ["999", "0", "-1", "1.5", "x", "@me", "٣", "9" * 30, "%00", "2147483648"])
def test_no_such_project(world, name):
    response = world.call("GET", f"/api/projects/{name}/")
    assert error_of(response) == (404, "invalid_request", "not_found", None)
    if name != "1.5":
        assert response.json()["detail"] == "Project not found."


def test_a_key_for_other_projects(world):
    key = key_of(world.owner, projects=[world.blog.pk])
    response = world.call("GET", f"/api/projects/{world.shop.pk}/", key=key)
    assert response.json()["detail"] == f"This API key is not valid for project {world.shop.pk}."
    assert response.status_code == 403
    listed = world.call("GET", "/api/projects/", key=key).json()
    assert [one["id"] for one in listed["results"]] == [world.blog.pk]


def test_a_key_for_another_organization(world):
    other = services.organization_create(name="Other", owner=world.owner)
    key = key_of(world.owner, organizations=[str(other.pk)])
    assert world.call("GET", f"/api/projects/{world.shop.pk}/", key=key).status_code == 403
    assert world.call("GET", f"/api/organizations/{world.organization.pk}/", key=key).status_code == 403
    assert world.call("GET", "/api/organizations/@current/", key=key).json()["name"] == "Other"


def test_current_project(world):
    current = "/api/projects/@current/"
    assert world.call("GET", current).json()["name"] == "Shop"
    limited = key_of(world.owner, projects=[world.blog.pk])
    assert world.call("GET", current, key=limited).json()["name"] == "Blog"  # M4: the key's only project
    world.call("PATCH", "/api/users/@me/", {"set_current_team": world.blog.pk})
    assert world.call("GET", current).json()["name"] == "Blog"
    eve = services.user_create(email="eve@example.org")
    assert error_of(world.call("GET", current, key=key_of(eve)))[0] == 404


def test_the_door_asks_the_database_a_constant_number_of_times(world, django_assert_num_queries):
    world.call("GET", f"/api/projects/{world.shop.pk}/")
    with django_assert_num_queries(3):  # the key, the project with levels, the group types in the answer
        world.call("GET", f"/api/projects/{world.shop.pk}/")


# Throttling (api M16)


def limit_to(monkeypatch: Any, *, burst: int, trust_proxy: bool = False) -> None:
    limits = replace(
        get_config(),
        throttle_burst=burst,
        throttle_sustained=100,
        test_clock=False,
        trust_proxy=trust_proxy,
    )
    monkeypatch.setattr(throttling, "get_config", lambda: limits)


def test_rate_limits_when_configured(world, monkeypatch):
    limit_to(monkeypatch, burst=2)
    with clock.frozen(NOW + timedelta(seconds=37, days=world.owner.pk)):
        first, second, third = (world.call("GET", "/api/users/@me/") for _ in range(3))
        other_key = world.call("GET", "/api/users/@me/", key=key_of(world.owner))
    assert (first.status_code, first["RateLimit-Limit"], first["RateLimit-Remaining"]) == (200, "2", "1")
    assert (second.status_code, second["RateLimit-Remaining"], second["RateLimit-Reset"]) == (200, "0", "23")
    assert error_of(third) == (429, "throttled_error", "throttled", None)
    assert third.json()["detail"] == "Request was throttled. Expected available in 23 seconds."
    assert third["Retry-After"] == "23"
    assert other_key.status_code == 200


@pytest.mark.parametrize("trust_proxy, second", [(True, 200), (False, 429)])
def test_guests_are_counted_by_address(world, monkeypatch, trust_proxy, second):
    """Two guests behind one proxy are two, when the proxy is to be believed."""
    limit_to(monkeypatch, burst=1, trust_proxy=trust_proxy)
    view, seen = Throttled.as_view(), []
    with clock.frozen(NOW + timedelta(days=1000 + 2 * world.owner.pk + trust_proxy)):
        for address in ("10.0.0.1", "10.0.0.2"):
            request = RequestFactory().get("/", headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
            request.user = AnonymousUser()
            seen.append(view(request).render().status_code)
    assert seen == [200, second]


def test_no_rate_limits_by_default(world):
    assert "RateLimit-Limit" not in world.call("GET", "/api/users/@me/")
