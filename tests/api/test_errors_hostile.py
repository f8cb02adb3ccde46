"""Whatever comes in, the answer is no 500 and every error has the form (api N1)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insights_service.accounts.api.serializers import (
    PersonalAPIKeySerializer,
    ProjectSerializer,
    UserChangesSerializer,
)
from tests.api.accounts_world import World, error_of

pytestmark = pytest.mark.django_db

NASTY_TEXT = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "=1+1",
        "x" * 5000,
        "[",
        "{}",
        "null",
        "NaN",
        "1e400",
        "phx_",
        "@current",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**40, 1e308, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    NASTY_TEXT,
)
LEAVES = st.dictionaries(
    st.sampled_from(["key", "value", "operator", "type", "regex", "alias", "order"]), SCALARS
)
VALUES = st.recursive(
    SCALARS | LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
TARGETS = [
    ("PATCH", "/api/projects/@current/", ProjectSerializer),
    ("POST", "/api/projects/", ProjectSerializer),
    ("PATCH", "/api/users/@me/", UserChangesSerializer),
    ("POST", "/api/personal_api_keys/", PersonalAPIKeySerializer),
    ("PATCH", "/api/personal_api_keys/{key}/", PersonalAPIKeySerializer),
    ("POST", "/api/login/", UserChangesSerializer),
]
FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def world() -> World:
    world = World.make()
    world.client.raise_request_exception = False
    world.spare = world.call("GET", "/api/personal_api_keys/").json()[0]["id"]
    return world


def check(response: Any) -> None:
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        error_of(response)


@pytest.mark.parametrize("method, path, serializer", TARGETS)
@given(data=st.data())
@FUZZ
def test_hostile_fields(world, method, path, serializer, data):
    names = st.sampled_from([*serializer().fields, "email", "organization", "unknown"])
    body = data.draw(st.dictionaries(names, VALUES, max_size=4))
    raw = json.dumps(body).encode()
    # A key that is changed by the body is a spare one: the caller must be able to go on.
    check(world.call(method, path.format(key=world.spare), raw))
    restore(world)


def restore(world: World) -> None:
    """Undo what a lucky body may have done to the caller."""
    from insights_service.accounts.models import PersonalAPIKey

    PersonalAPIKey.objects.filter(pk=world.spare).update(
        scopes=["*"], scoped_teams=None, scoped_organizations=None
    )
    PersonalAPIKey.objects.exclude(pk=world.spare).delete()


@given(
    body=st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    content_type=st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=" + "b" * 300,
            "multipart/form-data; charset=nope; boundary=b",
            "application/json; charset=nope",
            "text/plain",
            "garbage",
            ";",
        ]
    ),
)
@FUZZ
def test_hostile_bytes(world, body, content_type):
    check(world.call("PATCH", "/api/users/@me/", body, content_type=content_type))


@given(
    path=st.sampled_from(
        [
            "/api/projects/{}/",
            "/api/{}",
            "/api/organizations/{}/",
            "/api/organizations/@current/projects/{}",
            "/api/personal_api_keys/{}/roll/",
            "/api/projects/?limit={0}&offset={0}",
            "/api/projects/?{}",
            "/api/users/@me/?personal_api_key={}",
            "/api/projects/?sharing_access_token={}",
        ]
    ),
    text=st.text(max_size=12) | NASTY_TEXT,
)
@FUZZ
def test_hostile_paths_and_queries(world, path, text):
    check(world.call("GET", path.format(quote(text, safe="", errors="surrogatepass"))))


@given(
    name=st.sampled_from(
        ["Authorization", "Accept", "Content-Type", "Cookie", "X-CSRFToken", "If-Match", "Origin"]
    ),
    value=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=30)
    | st.sampled_from(
        ["Bearer", "Bearer ", "bearer \xff", "sessionid=\xff", "*/*;q=x", "text/csv;;;", ",", ";q=1"]
    ),
)
@FUZZ
def test_hostile_headers(world, name, value):
    check(world.client.get("/api/projects/", headers={name: value.replace("\n", "").replace("\r", "")}))
    check(world.call("PATCH", "/api/users/@me/", b"{}", headers={name: value}))
