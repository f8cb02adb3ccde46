"""Every disguise of a request, and every way of being broken (api X2, X3). No engine."""

from __future__ import annotations

import base64
import gzip
import json
import time
import tracemalloc
import zlib
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights_service.capture.refusals import Refused
from insights_service.capture.wire import MAX_BYTES, Message, open_envelope

EVENT = {"event": "A", "distinct_id": "é€", "token": "phc_1", "properties": {"a+b": "1&2=3", "n": 1}}
JSON = json.dumps(EVENT, ensure_ascii=False).encode()
BASE64 = base64.b64encode(JSON)
GZIP = gzip.compress(JSON, mtime=0)
BOUNDARY = b'--x\r\nContent-Disposition: form-data; name="data"; filename="d"\r\n\r\n%s\r\n--x--\r\n'


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message(JSON, {}), id="plain JSON, no label"),
        pytest.param(Message(JSON, {}, "text/plain"), id="beacon"),
        pytest.param(Message(JSON, {}, "application/x-www-form-urlencoded"), id="JSON labelled as a form"),
        pytest.param(Message(b"\xef\xbb\xbf" + JSON, {}), id="byte order mark"),
        pytest.param(Message(GZIP, {}, "", "gzip"), id="gzip announced by header"),
        pytest.param(
            Message(GZIP, {"compression": "gzip-js"}, "text/plain"), id="gzip announced in the query"
        ),
        pytest.param(Message(GZIP, {}), id="gzip not announced"),
        pytest.param(
            Message(gzip.compress(JSON[:9], mtime=0) + gzip.compress(JSON[9:]), {}), id="two gzip members"
        ),
        pytest.param(Message(zlib.compress(JSON), {}, "", "deflate"), id="deflate with zlib header"),
        pytest.param(Message(raw_deflate(JSON), {}, "", "deflate"), id="raw deflate"),
        pytest.param(Message(BASE64, {"compression": "base64"}), id="base64"),
        pytest.param(Message(BASE64.rstrip(b"="), {}), id="base64 without padding"),
        pytest.param(Message(base64.urlsafe_b64encode(JSON), {}), id="URL-safe base64"),
        pytest.param(Message(b"data=" + quote_plus(JSON).encode(), {}), id="form with JSON"),
        pytest.param(Message(b"data=" + quote_plus(BASE64).encode(), {}), id="form with base64"),
        pytest.param(Message(b"data=" + BASE64, {}), id="form with base64 that was not quoted"),
        pytest.param(Message(b"ip=1&ver=1.2&data=" + quote_plus(GZIP).encode(), {}), id="form with gzip"),
        pytest.param(Message(base64.b64encode(GZIP), {}), id="gzip in base64"),
        pytest.param(Message(b"", {"data": JSON.decode()}), id="query parameter with JSON"),
        pytest.param(Message(b"", {"data": BASE64.decode()}), id="query parameter with base64"),
        pytest.param(Message(BOUNDARY % JSON, {}, 'multipart/form-data; boundary="x"'), id="multipart"),
        pytest.param(
            Message(BOUNDARY % GZIP, {}, "multipart/form-data; boundary=x"), id="multipart with gzip"
        ),
    ],
)
def test_reads_every_encoding(message: Message) -> None:
    envelope = open_envelope(message)
    assert envelope.events == [EVENT]
    assert envelope.token == "phc_1"


@pytest.mark.parametrize(
    "body, expected",
    [
        pytest.param(b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}, id="NaN"),
        pytest.param(b'{"a": 1e999, "b": 1e5}', {"a": None, "b": 100000.0}, id="beyond a double"),
        pytest.param(
            b'{"a": 123456789012345678901234567890}', {"a": 1.2345678901234568e29}, id="big integer"
        ),
        pytest.param(b'{"a": 18446744073709551615}', {"a": 18446744073709551615}, id="unsigned 64 bits"),
        pytest.param(b'{"a\\u0000b": "c\\u0000"}', {"ab": "c"}, id="NUL is removed"),
        pytest.param(
            b'{"a": "\\ud800x", "b": "\\ud83d\\ude00"}', {"a": "?x", "b": "\U0001f600"}, id="surrogates"
        ),
        pytest.param(b'{"a": "\xff"}', {"a": "\ufffd"}, id="broken UTF-8"),
        pytest.param(b'{"a": "two\nlines"}', {"a": "two\nlines"}, id="raw control character"),
    ],
)
def test_cleans_values(body: bytes, expected: dict[str, object]) -> None:
    """api X8."""
    document = b'{"token": "t", "event": "A", "properties": %s}' % body
    assert open_envelope(Message(document, {})).events[0]["properties"] == expected


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "no_data"),
        (b"  \n", "no_data"),
        (b"data=", "no_data"),
        (b"[]", "missing_api_key"),
        (b'{"api_key": "t", "batch": []}', "no_data"),
        (b"{}", "missing_api_key"),
        (b'{"event": "A"}', "missing_api_key"),
        (b'{"event": "A"', "invalid_payload"),
        (b"hello", "invalid_payload"),
        (b"12", "invalid_payload"),
        (b'"text"', "invalid_payload"),
        (b"null", "invalid_payload"),
        (b"name=string", "invalid_payload"),
        (b'["a"]', "invalid_payload"),
        (b'{"api_key": "t", "batch": {}}', "invalid_payload"),
        (b'{"api_key": "t", "batch": null}', "invalid_payload"),
        (b'{"api_key": "t", "batch": [1]}', "invalid_payload"),
        (b'{"api_key": "t", "batch": [{}], "sent_at": "yesterday"}', "invalid_payload"),
        (b'{"api_key": "t", "batch": [{}], "sent_at": {}}', "invalid_payload"),
        (GZIP[:-9], "invalid_payload"),
        (GZIP[:20] + b"xxxx" + GZIP[24:], "invalid_payload"),
        (b"\x78\x9cgarbage", "invalid_payload"),
        (b"[" * 200_000, "invalid_payload"),
        (b"[" * 1000 + b"]" * 1000, "invalid_payload"),
        (b'{"a":' * 500 + b"NaN" + b"}" * 500, "invalid_payload"),
        (b"&".join(b"f%d=1" % i for i in range(200)) + b"&data={}", "invalid_payload"),
        (b"\t" * 1000 + b"!", "invalid_payload"),
        (b"9" * 5000, "invalid_payload"),
        (b'{"token": "t", "event": "A", "properties": {"a": %s}' % (b"9" * 5000), "invalid_payload"),
        (b"x" * (MAX_BYTES + 1), "request_too_large"),
        (b'[{"token": "a"}, {"token": "b"}]', "invalid_api_key"),
        (b'{"api_key": "a", "batch": [{"token": "b"}]}', "invalid_api_key"),
    ],
)
def test_refuses(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        open_envelope(Message(body, {}))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "query, document, token",
    [
        ({"token": "q"}, [{"event": "A"}], "q"),
        ({"api_key": "q"}, {"event": "A"}, "q"),
        ({}, {"event": "A", "$token": "t"}, "t"),
        ({}, {"event": "A", "token": "t", "api_key": "t"}, "t"),
        ({}, {"api_key": "t", "batch": [{"event": "A", "properties": {"token": "mine"}}]}, "t"),
        ({}, [{"event": "A", "properties": {"token": "t"}}], "t"),
        ({}, [{"event": "A", "api_key": "t"}, {"event": "B"}], "t"),
        ({}, [{"event": "A", "api_key": 7}], "7"),
    ],
)
def test_finds_the_token(query: dict[str, str], document: object, token: str) -> None:
    """api X3."""
    assert open_envelope(Message(json.dumps(document).encode(), query)).token == token


def test_a_token_of_a_form_counts() -> None:
    body = b"api_key=t&data=" + quote_plus(b'{"event": "A"}').encode()
    assert open_envelope(Message(body, {})).token == "t"


@pytest.mark.parametrize(
    "query, body_value, sent_at",
    [
        ({}, "2024-03-01T10:00:00.5Z", 1709287200_500000),
        ({}, "2024-03-01T11:00:00+01:00", 1709287200_000000),
        ({}, 1709287200000, 1709287200_000000),
        ({"_": "1709287200123"}, None, 1709287200_123000),
        ({"_": "cache-buster"}, None, None),
        ({"_": "9" * 5000}, None, None),
        ({}, None, None),
    ],
)
def test_reads_when_it_was_sent(query: dict[str, str], body_value: object, sent_at: int | None) -> None:
    document = {"token": "t", "batch": [{}], "sent_at": body_value}
    assert open_envelope(Message(json.dumps(document).encode(), query)).sent_at == sent_at


@pytest.mark.parametrize("packed", [gzip.compress(b"[" * 10**9, mtime=0), zlib.compress(b" " * 10**9)])
def test_a_bomb_costs_little(packed: bytes) -> None:
    """A megabyte that unpacks to a gigabyte is refused without ever holding more than the limit (api X2)."""
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(Refused) as refusal:
        open_envelope(Message(packed, {}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.code == "request_too_large"
    assert peak < 4 * MAX_BYTES
    assert time.monotonic() - started < 5


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "zstd"]), st.text(max_size=30))
def test_any_bytes_are_read_or_refused(body: bytes, encoding: str, content_type: str) -> None:
    try:
        open_envelope(Message(body, {}, content_type, encoding))
    except Refused as refusal:
        assert refusal.status in (400, 401, 413)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_or_refused(document: object) -> None:
    try:
        open_envelope(Message(json.dumps(document).encode(), {"token": "t"}))
    except Refused as refusal:
        assert refusal.status == 400
