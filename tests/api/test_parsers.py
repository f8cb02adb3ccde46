"""Bodies: lenient where the contract needs it, strict about what cannot be stored (api M7-M10)."""

from __future__ import annotations

import io

import pytest
from django.http import HttpRequest

from insights_service.errors import InvalidInput, RequestTooLarge, UnreadableBody
from insights_service.parsers import (
    MAX_BODY_BYTES,
    is_true,
    parse_form,
    parse_json,
    parse_json_body,
    structured,
)
from insights_service.requests import read_body
from tests.api.accounts_world import World, error_of

NUL_ESCAPE = rb"\u0000"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.mark.parametrize(
    "raw, fields",
    [
        pytest.param(b"", {}, id="nothing"),
        pytest.param(b" \r\n", {}, id="blank"),
        pytest.param(b"{}", {}, id="empty object"),
        pytest.param(b'{"name": "string"}', {"name": "string"}, id="object"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="byte order mark"),
        pytest.param(b"name=string", {"name": "string"}, id="a form announced as JSON"),
        pytest.param(b'name="string"', {"name": "string"}, id="quotes the shell did not take"),
        pytest.param(b'name="a" and "b"', {"name": '"a" and "b"'}, id="quotes that belong to the text"),
        pytest.param(
            b'events=[{"id":"$pageview"}]',
            {"events": '[{"id":"$pageview"}]'},
            id="structured text stays text",
        ),
        pytest.param(b"a=1&b=2&a=3", {"a": ["1", "3"], "b": "2"}, id="a repeated name is a list"),
        pytest.param(b"tags[]=x&tags[]=y", {"tags": ["x", "y"]}, id="brackets of lists"),
        pytest.param(b'{"a": "x=y"}', {"a": "x=y"}, id="an equals sign in JSON"),
    ],
)
def test_a_body_announced_as_json(raw, fields):
    assert parse_json_body(raw) == fields


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[]", id="list"),
        pytest.param(b"5", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"name=string"', id="text"),
        pytest.param(b'{"name": ', id="cut off"),
        pytest.param(b"{'name': 'x'}", id="single quotes"),
        pytest.param(b"name", id="no equals sign"),
        pytest.param(b"1a=2", id="no identifier"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": 1e999}', id="infinity"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b"a=\xff", id="form, not UTF-8"),
        pytest.param(b"a=%ff", id="form, escaped, not UTF-8"),
        pytest.param(rb'{"a": "\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"a": "' + NUL_ESCAPE + b'"}', id="NUL in a value"),
        pytest.param(b'{"' + NUL_ESCAPE + b'": 1}', id="NUL in a key"),
        pytest.param(b'{"a": [{"b": "x' + NUL_ESCAPE + b'"}]}', id="NUL deep down"),
        pytest.param(b"a=%00", id="NUL in a form"),
        pytest.param(b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", id="101 levels"),
        pytest.param(b"[" * 5000, id="5000 open brackets"),
        pytest.param(b"&".join(b"a%d=1" % n for n in range(1001)), id="1001 form fields"),
    ],
)
def test_bodies_that_cannot_be_read(raw):
    with pytest.raises(UnreadableBody) as error:
        parse_json_body(raw)
    assert error.value.detail.startswith(("JSON parse error - ", "Form parse error - "))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}", id="100 levels"),
        pytest.param(b"[" + b"[]," * 5000 + b"[]]", id="broad, not deep"),
        pytest.param(b'"' + b"[" * 5000 + b'"', id="brackets in a text"),
        pytest.param(rb'{"a": "\\u0000"}', id="an escaped backslash before u0000"),
    ],
)
def test_json_that_only_looks_dangerous(raw):
    assert parse_json(raw)


@pytest.mark.parametrize(
    "raw, fields",
    [
        (b"name=string", {"name": "string"}),
        (b"name=%22string%22", {"name": '"string"'}),
        (b"a=1+2&b=%C3%BC&c=", {"a": "1 2", "b": "ü", "c": ""}),
        (b'{"name": "curl without a header"}', {"name": "curl without a header"}),
    ],
)
def test_a_form(raw, fields):
    assert parse_form(raw) == fields


@pytest.mark.parametrize(
    "value, decoded",
    [
        (None, None),
        ("", None),
        (" ", None),
        ([1], [1]),
        ({"a": 1}, {"a": 1}),
        ('[{"id": "$pageview"}]', [{"id": "$pageview"}]),
        ('{"type": "AND"}', {"type": "AND"}),
    ],
)
def test_structured_parameters_may_be_text(value, decoded):
    assert structured(value, "events") == decoded


@pytest.mark.parametrize("value", [5, True, 1.5, "5", "null", '"x"', "[{id:}]", "[", "\ud800", '["\\u0000"]'])
def test_structured_parameters_that_are_none(value):
    with pytest.raises(InvalidInput) as error:
        structured(value, "events")
    assert (error.value.code, error.value.attr) == ("invalid_input", "events")


def test_the_complaint_shows_how_to_write_it():
    with pytest.raises(InvalidInput, match=r"""-d 'events=\[\{"id": "\$pageview"\}\]'"""):
        structured("[{id:}]", "events")


@pytest.mark.parametrize("text", ["y", "Yes", "t", "TRUE", "on", "1", True, 1])
def test_words_for_yes(text):
    assert is_true(text)


@pytest.mark.parametrize("text", ["", "no", "0", "2", "truee", None, False, [True]])
def test_everything_else_is_no(text):
    assert not is_true(text)


def request_with(**meta) -> HttpRequest:
    request = HttpRequest()
    request.META = meta
    return request


def test_a_body_that_says_it_is_too_large_is_not_read():
    with pytest.raises(RequestTooLarge):
        read_body(request_with(CONTENT_LENGTH=str(MAX_BODY_BYTES + 1)))


def test_a_chunked_body_is_read():
    stream = io.BytesIO(b"{}")
    request = request_with(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": stream})
    assert read_body(request) == b"{}"


def test_a_chunked_body_may_not_be_too_large_either():
    stream = io.BytesIO(b" " * (MAX_BODY_BYTES + 1))
    with pytest.raises(RequestTooLarge):
        read_body(request_with(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": stream}))


# The same over HTTP: a name is changed in each way a client may write it.


@pytest.fixture
def world(db) -> World:
    return World.make()


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="first_name"\r\n\r\nGrace\r\n--b--\r\n'


@pytest.mark.parametrize(
    "body, content_type",
    [
        pytest.param(b'{"first_name": "Grace"}', JSON, id="JSON"),
        pytest.param(b'{"first_name": "Grace"}', f"{JSON}; charset=utf-8", id="JSON with charset"),
        pytest.param(b'{"first_name": "Grace"}', "", id="no content type"),
        pytest.param(b"first_name=Grace", FORM, id="form"),
        pytest.param(b"first_name=Grace", JSON, id="a form announced as JSON"),
        pytest.param(b'first_name="Grace"', JSON, id="as the reference page prints it"),
        pytest.param(b'{"first_name": "Grace"}', FORM, id="JSON announced as a form"),
        pytest.param(MULTIPART, "multipart/form-data; boundary=b", id="multipart"),
    ],
)
def test_ways_to_write_a_field(world, body, content_type):
    response = world.call("PATCH", "/api/users/@me/", body, content_type=content_type)
    assert (response.status_code, response.json()["first_name"]) == (200, "Grace")


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(JSON, id="-H 'Content-Type: application/json' -d name=\"string\""),
        pytest.param(FORM, id='-d name="string"'),
    ],
)
def test_the_commands_of_the_reference_page_make_an_insight(world, content_type):
    path = "/api/projects/@current/insights/"
    made = world.call("POST", path, b"name=string", content_type=content_type)
    assert (made.status_code, made.json()["name"]) == (201, "string")
    changed = world.call("PATCH", f"{path}{made.json()['id']}/", b"name=other", content_type=content_type)
    assert (changed.status_code, changed.json()["name"]) == (200, "other")


PARSE_ERROR = (400, "invalid_request", "parse_error", None)


@pytest.mark.parametrize(
    "body, content_type, expected",
    [
        pytest.param(b"[1]", JSON, PARSE_ERROR, id="list"),
        pytest.param(b"{", JSON, PARSE_ERROR, id="broken"),
        pytest.param(b"x", "multipart/form-data", PARSE_ERROR, id="multipart without boundary"),
        pytest.param(b"x", "multipart/form-data; boundary=b", None, id="multipart without parts"),
        pytest.param(MULTIPART.replace(b"Grace", b"\x00"), "multipart/form-data; boundary=b", PARSE_ERROR),
        pytest.param(MULTIPART[:60], "multipart/form-data; boundary=b", None, id="multipart cut off"),
        pytest.param(b"<a/>", "text/xml", (415, "invalid_request", "unsupported_media_type", None), id="XML"),
        pytest.param(b"", "text/xml", None, id="nothing of any type"),
        pytest.param(b" " * (MAX_BODY_BYTES + 1), JSON, (413, "invalid_request", "request_too_large", None)),
    ],
)
def test_what_cannot_be_read(world, body, content_type, expected):
    response = world.call("PATCH", "/api/users/@me/", body, content_type=content_type)
    assert response.status_code == 200 if expected is None else error_of(response) == expected


def test_a_broken_body_is_an_error_only_where_the_body_counts(world):
    assert world.call("GET", "/api/users/@me/", b"{").status_code == 200
    assert world.call("PUT", "/api/users/@me/", b"{").status_code == 405
    assert world.call("PATCH", "/api/projects/999999999/", b"{").status_code == 404


@pytest.mark.parametrize("query", ["?x=%00", "?%00=x", "?limit=1&search=a%00b"])
def test_nul_in_the_query_string(world, query):
    assert error_of(world.call("GET", f"/api/projects/{query}"))[:3] == (
        400,
        "validation_error",
        "invalid_input",
    )
