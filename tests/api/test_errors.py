"""The table of exceptions and the one error form (api section N)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import exceptions as django_core
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisDown
from rest_framework import exceptions as drf
from rest_framework import serializers
from rest_framework.response import Response

from insights_service import errors
from insights_service.accounts.permissions import ApiView
from insights_service.errors import problem_of
from queries import errors as query
from tests.api.accounts_world import World, error_of

INVALID, REQUEST, AUTH, SERVER = "validation_error", "invalid_request", "authentication_error", "server_error"


@pytest.mark.parametrize(
    "exc, expected",
    [
        (query.InvalidQuery("x", attr="series__0__math"), (400, INVALID, "invalid_input", "series__0__math")),
        (
            query.InvalidQuery("x", code="funnel_exclusion_invalid"),
            (400, INVALID, "funnel_exclusion_invalid", None),
        ),
        (query.UnknownReference("x", attr="id"), (400, INVALID, "does_not_exist", "id")),
        (query.NotSupported("x"), (400, INVALID, "not_supported", None)),
        (query.UnreadableQuery("x", attr="query__kind"), (400, REQUEST, "parse_error", "query__kind")),
        (query.QueryCancelled("x"), (400, REQUEST, "query_cancelled", None)),
        (query.AtCapacity("x"), (503, SERVER, "at_capacity", None)),
        (query.StoreUnavailable("x"), (503, SERVER, "at_capacity", None)),
        (query.QueryTimedOut("x"), (504, SERVER, "query_timeout", None)),
        (query.QueryTooExpensive("x"), (504, SERVER, "memory_limit", None)),
        (errors.InvalidInput("x", attr="a"), (400, INVALID, "invalid_input", "a")),
        (errors.UnreadableBody("x"), (400, REQUEST, "parse_error", None)),
        (errors.Forbidden("x"), (403, AUTH, "permission_denied", None)),
        (errors.NotFound("x"), (404, REQUEST, "not_found", None)),
        (errors.Conflict("x"), (409, REQUEST, "conflict", None)),
        (errors.PreconditionFailed("x"), (412, REQUEST, "precondition_failed", None)),
        (errors.RequestTooLarge("x"), (413, REQUEST, "request_too_large", None)),
        (drf.ParseError("x"), (400, REQUEST, "parse_error", None)),
        (drf.NotAuthenticated(), (401, AUTH, "not_authenticated", None)),
        (drf.AuthenticationFailed("x"), (401, AUTH, "authentication_failed", None)),
        (drf.PermissionDenied(), (403, AUTH, "permission_denied", None)),
        (django_core.PermissionDenied(), (403, AUTH, "permission_denied", None)),
        (Http404(), (404, REQUEST, "not_found", None)),
        (drf.NotFound(), (404, REQUEST, "not_found", None)),
        (django_core.ObjectDoesNotExist(), (404, REQUEST, "not_found", None)),
        (drf.MethodNotAllowed("PUT"), (405, REQUEST, "method_not_allowed", None)),
        (drf.NotAcceptable(), (406, REQUEST, "not_acceptable", None)),
        (IntegrityError("secret"), (409, REQUEST, "conflict", None)),
        (RequestDataTooBig("secret"), (413, REQUEST, "request_too_large", None)),
        (drf.UnsupportedMediaType("text/xml"), (415, REQUEST, "unsupported_media_type", None)),
        (drf.Throttled(wait=23), (429, "throttled_error", "throttled", None)),
        (DataError("secret"), (400, INVALID, "invalid_input", None)),
        (django_core.SuspiciousOperation("secret"), (400, REQUEST, "parse_error", None)),
        (OperationalError("secret"), (503, SERVER, "at_capacity", None)),
        (InterfaceError("secret"), (503, SERVER, "at_capacity", None)),
        (RedisDown("secret"), (503, SERVER, "at_capacity", None)),
        (BrokerError("secret"), (503, SERVER, "at_capacity", None)),
        (RuntimeError("secret"), (500, SERVER, "error", None)),
        (RecursionError("secret"), (500, SERVER, "error", None)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_table(exc, expected):
    problem = problem_of(exc)
    assert (problem.status, problem.type, problem.code, problem.attr) == expected
    assert problem.detail
    assert "secret" not in problem.detail


class Inner(serializers.Serializer):
    step = serializers.IntegerField(max_value=5)


class Outer(serializers.Serializer):
    name = serializers.CharField(max_length=5)
    kind = serializers.ChoiceField(choices=["day", "week"], required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    steps = Inner(many=True, required=False)
    inner = Inner(required=False)
    exclusions = serializers.DictField(child=Inner(), required=False)


@pytest.mark.parametrize(
    "body, code, attr",
    [
        ({}, "required", "name"),
        ({"name": None}, "null", "name"),
        ({"name": ""}, "blank", "name"),
        ({"name": "123456"}, "max_length", "name"),
        ({"name": True}, "invalid_input", "name"),
        ({"name": "a\x00"}, "invalid_input", "name"),
        ({"name": "a", "kind": "fortnight"}, "invalid_choice", "kind"),
        ({"name": "a", "tags": "x"}, "not_a_list", "tags"),
        ({"name": "a", "tags": ["x", {}, []]}, "invalid_input", "tags__1"),
        ({"name": "a", "steps": [{"step": 1}, {"step": 6}]}, "max_value", "steps__1__step"),
        ({"name": "a", "steps": [{"step": 1}, 5]}, "invalid_input", "steps__1"),
        ({"name": "a", "steps": {}}, "not_a_list", "steps"),
        ({"name": "a", "inner": "x"}, "invalid_input", "inner"),
        ({"name": "a", "inner": {}}, "required", "inner__step"),
        ({"name": "a", "exclusions": {"x": {"step": "y"}}}, "invalid_input", "exclusions__x__step"),
        ({"name": "123456", "kind": "x"}, "max_length", "name"),
        ("text", "invalid_input", None),
    ],
)
def test_the_first_field_error_with_its_path(body, code, attr):
    serializer = Outer(data=body)
    with pytest.raises(drf.ValidationError) as error:
        serializer.is_valid(raise_exception=True)
    problem = problem_of(error.value)
    assert (problem.status, problem.type, problem.code, problem.attr) == (400, INVALID, code, attr)


@pytest.mark.parametrize(
    "exc, expected",
    [
        (django_core.ValidationError({"name": ["Too long."]}), ("invalid_input", "name", "Too long.")),
        (django_core.ValidationError({"__all__": ["No."]}), ("invalid_input", None, "No.")),
        (
            django_core.ValidationError("At %(n)s.", code="unique", params={"n": 5}),
            ("unique", None, "At 5."),
        ),
    ],
)
def test_complaints_of_models(exc, expected):
    problem = problem_of(exc)
    assert (problem.code, problem.attr, problem.detail) == expected


class Failing(ApiView):
    public = True

    def get(self, request: Any, what: Exception) -> Response:
        raise what


def fail(what: Exception, *, query: str = "") -> Any:
    return Failing.as_view()(RequestFactory().get(f"/{query}"), what=what).render()


@pytest.mark.parametrize(
    "exc, header, value",
    [
        (drf.Throttled(wait=23), "Retry-After", "23"),
        (OperationalError(), "Retry-After", "5"),
        (query.AtCapacity("x"), "Retry-After", "5"),
        (drf.NotAuthenticated(), "WWW-Authenticate", "Bearer"),
        (drf.MethodNotAllowed("GET"), "Allow", "GET, HEAD, OPTIONS"),
    ],
)
def test_headers_of_errors(exc, header, value):
    assert fail(exc)[header] == value


def test_a_failure_of_ours_says_nothing_internal():
    response = fail(KeyError("password of the database"), query="?format=csv")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/json"  # api Y9
    assert response.content == (
        b'{"type":"server_error","code":"error","detail":"A server error occurred.","attr":null}'
    )


# Over HTTP


@pytest.fixture
def world(db) -> World:
    return World.make()


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/api/"),
        ("GET", "/api"),
        ("GET", "/api/nope"),
        ("POST", "/api/nope/"),
        ("GET", "/api/projects/1/nope/"),
        ("GET", "/api/projects/1/nope.xml/"),
        ("DELETE", "/api/users/1/"),
        ("GET", "/api/projects/%2e%2e/x/"),
        ("GET", "/nope"),
    ],
)
def test_an_unknown_path_is_a_404_before_credentials(client, method, path):
    response = client.generic(method, path)
    assert error_of(response) == (404, REQUEST, "not_found", None)
    assert response.json()["detail"] == "Endpoint not found."


@pytest.mark.parametrize(
    "method, path, allow",
    [
        ("PUT", "/api/projects/", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/api/projects/@current/", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("POST", "/api/users/@me/", "GET, PATCH, HEAD, OPTIONS"),
        ("DELETE", "/api/organizations/", "GET, HEAD, OPTIONS"),
        ("TRACE", "/api/users/@me/", "GET, PATCH, HEAD, OPTIONS"),
        ("PROPFIND", "/api/users/@me/", "GET, PATCH, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_405_with_allow(world, method, path, allow):
    response = world.call(method, path)
    assert error_of(response) == (405, REQUEST, "method_not_allowed", None)
    assert response.json()["detail"] == f'Method "{method}" not allowed.'
    assert {*response["Allow"].split(", ")} == {*allow.split(", ")}


@pytest.mark.parametrize(
    "extra, expected",
    [
        pytest.param({"query": "format=xml"}, (404, REQUEST, "not_found", None), id="unknown format"),
        pytest.param(
            {"accept": "image/png"}, (406, REQUEST, "not_acceptable", None), id="unknown media type"
        ),
        pytest.param({"accept": "image/png", "query": "format=json"}, None, id="the format wins"),
        pytest.param({"accept": "text/html, */*;q=0.8"}, None, id="a browser"),
        pytest.param({"accept": ""}, None, id="no wish"),
        pytest.param({"accept": "garbage"}, (406, REQUEST, "not_acceptable", None), id="garbage"),
    ],
)
def test_formats_that_do_not_exist(world, extra, expected):
    headers = {"Accept": extra["accept"]} if "accept" in extra else {}
    response = world.call("GET", f"/api/projects/?{extra.get('query', '')}", headers=headers)
    assert response.status_code == 200 if expected is None else error_of(response) == expected


def test_a_bad_format_hides_no_401(client):
    assert client.get("/api/projects/?format=xml").status_code == 401


def test_options_answers_allow(world):
    response = world.call("OPTIONS", "/api/users/@me")
    assert (response.status_code, response.content) == (200, b"")
    assert {*response["Allow"].split(", ")} == {"GET", "PATCH", "HEAD", "OPTIONS"}


def test_head_is_get_without_its_body(world):
    response = world.call("HEAD", "/api/users/@me")
    assert (response.status_code, response.content) == (200, b"")


def test_a_refused_host_is_a_400_in_the_form():
    response = Client(raise_request_exception=False).get("/api/projects/", headers={"Host": "evil.example"})
    assert error_of(response) == (400, REQUEST, "parse_error", None)


def test_a_database_that_is_down_is_a_503(world, monkeypatch):
    from django.db import connection

    key = world.key
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    connection.close()
    world.client.raise_request_exception = False
    response = world.call("GET", "/api/projects/", key=key)
    assert error_of(response) == (503, SERVER, "at_capacity", None)
    assert response["Retry-After"] == "5"
