"""Bytes of a request -> raw events, in every disguise SDKs give them (api X1-X3). Pure.

What a layer is, is told by its first bytes and not by its label: SDKs send gzip labelled as text, JSON
labelled as a form, and forms labelled as JSON. What leaves this module is clean: text without NUL and
without broken surrogates, finite numbers of at most 64 bits.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from insights_service.capture import times
from insights_service.capture.refusals import Refused, invalid_payload

# Of a request, compressed or not (api X2).
MAX_BYTES = 20 * 1024 * 1024
# Base64 in a form in gzip is the deepest any SDK goes.
MAX_LAYERS = 4
# Deeper documents are refused whole; deeper than `normalize.MAX_DEPTH` only the event is dropped.
MAX_DOCUMENT_DEPTH = 250
SUPPORTED = "JSON, gzip, deflate, base64 and form field `data`"

_FORM = re.compile(rb"(?:[\w.$%-]+=[^&]*&)*data=")
_BOUNDARY = re.compile(r'boundary="?([^";,]+)', re.IGNORECASE)
_PART_NAME = re.compile(rb'name="([^"]*)"')
# A form turns "+" into a space; the URL-safe alphabet is taken as well.
_TO_BASE64 = bytes.maketrans(b" -_", b"++/")
_ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_MILLISECONDS = re.compile(r"[0-9]{1,15}")
_TOKEN_KEYS = ("$token", "token", "api_key")


@dataclass(frozen=True, slots=True)
class Message:
    """A request as far as capture looks at it; `query` holds the last value of each parameter."""

    body: bytes
    query: Mapping[str, str]
    content_type: str = ""
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The project token, raw events (JSON objects) and the instant at which the client says it sent them."""

    token: str
    events: list[dict[str, Any]]
    sent_at: int | None = None


def open_envelope(message: Message) -> Envelope:
    """The events in a request of any endpoint but the newest one. Raises Refused."""
    document, fields = _decode(message)
    events = _events_of(document)
    body = document if isinstance(document, dict) else {}
    token = _token(message.query, fields, body, events)
    if not events:
        raise Refused("no_data", "The request holds no event.")
    return Envelope(token, events, _sent_at(body.get("sent_at"), message.query.get("_")))


def read_document(message: Message) -> Any:
    """The JSON document of a request, all layers taken off. Raises Refused."""
    return _decode(message)[0]


def inflate(data: bytes, wbits: int) -> bytes:
    """Decompress at most MAX_BYTES; `wbits` as in zlib. A bomb costs no more memory than that.

    Raises Refused: request_too_large, or invalid_payload when the data is damaged or cut off.
    """
    parts: list[bytes] = []
    room = MAX_BYTES + 1
    while data:
        stream = zlib.decompressobj(wbits)
        try:
            parts.append(stream.decompress(data, room))
        except zlib.error as exc:
            raise invalid_payload(f"The compressed body is damaged: {exc}.") from exc
        room -= len(parts[-1])
        if room <= 0:
            raise too_large()
        if not stream.eof:
            raise invalid_payload("The compressed body is cut off.")
        # Concatenated gzip members are one document; anything else behind the end is padding.
        data = stream.unused_data if stream.unused_data.startswith(b"\x1f\x8b") else b""
    return b"".join(parts)


def too_large() -> Refused:
    """The one sentence for every way of being too large."""
    return Refused(
        "request_too_large", f"A request may hold at most {MAX_BYTES // 2**20} MB; send smaller batches."
    )


def _decode(message: Message) -> tuple[Any, Mapping[str, str]]:
    """The document, and the form fields around it if there were any."""
    data, fields = message.body, dict[str, str]()
    if not data.strip():
        data = message.query.get("data", "").encode()
    if message.content_type.lower().startswith("multipart/form-data"):
        fields = _multipart(data, message.content_type)
        data = _data_field(fields)
    for _ in range(MAX_LAYERS):
        if len(data) > MAX_BYTES:
            raise too_large()
        if not data.strip():
            raise Refused("no_data", "The request has no body and no `data` parameter.")
        if data.lstrip()[:1] in (b"{", b"["):
            return parse_json(data.lstrip()), fields
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        elif _FORM.match(data):
            fields = _form(data)
            data = _data_field(fields)
        else:
            data = _unwrap(data, message.content_encoding)
    raise invalid_payload(f"The body is none of {SUPPORTED}.")


def _unwrap(data: bytes, content_encoding: str) -> bytes:
    """One layer of compression or base64 taken off."""
    if data.startswith(b"\x1f\x8b"):
        return inflate(data, 31)
    if data.startswith(_ZLIB_HEADERS):
        return inflate(data, 15)
    if content_encoding == "deflate":
        return inflate(data, -15)
    packed = data.strip().translate(_TO_BASE64, b"\r\n\t").rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as exc:
        raise invalid_payload(f"The body is none of {SUPPORTED}.") from exc


def _form(data: bytes) -> dict[str, str]:
    """Fields of a urlencoded form. latin-1 both ways, so that a value is exactly the bytes that were sent."""
    try:
        fields = parse_qs(data.decode("latin-1"), encoding="latin-1", max_num_fields=100)
    except ValueError as exc:
        raise invalid_payload("The form has too many fields; put the events as JSON into `data`.") from exc
    return {name: values[-1] for name, values in fields.items()}


def _multipart(data: bytes, content_type: str) -> dict[str, str]:
    """Fields and files of a multipart form, in latin-1 like those of `_form`."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise invalid_payload("The multipart form names no boundary.")
    fields = {}
    for part in data.split(b"--" + boundary[1].strip().encode("latin-1", "replace")):
        header, _, value = part.partition(b"\r\n\r\n")
        if name := _PART_NAME.search(header):
            fields[name[1].decode("latin-1")] = value.removesuffix(b"\r\n").decode("latin-1")
    return fields


def _data_field(fields: Mapping[str, str]) -> bytes:
    return fields.get("data", "").encode("latin-1")


def parse_json(data: bytes) -> Any:
    """A clean JSON document. Also takes NaN and Infinity (as null) and numbers of any size (as floats)."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = _parse_leniently(data)
    else:
        if b"\\u0000" not in data:
            return document
    return _clean(document, 0)


def _parse_leniently(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as exc:
        raise invalid_payload(f"JSON parse error - {exc}") from exc


def _clean(value: Any, depth: int) -> Any:
    if depth > MAX_DOCUMENT_DEPTH:
        raise invalid_payload(f"The JSON is nested more than {MAX_DOCUMENT_DEPTH} levels deep.")
    cleaner = _CLEANERS.get(type(value))
    return cleaner(value, depth) if cleaner else value


def _clean_text(text: str, _: int = 0) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _clean_float(number: float, _: int) -> float | None:
    return number if math.isfinite(number) else None


def _clean_int(number: int, _: int) -> int | float | None:
    if -(2**63) <= number < 2**64:
        return number
    try:
        return float(number)
    except OverflowError:
        return None


_CLEANERS: dict[type, Callable[[Any, int], Any]] = {
    str: _clean_text,
    float: _clean_float,
    int: _clean_int,
    list: lambda items, depth: [_clean(item, depth + 1) for item in items],
    dict: lambda pairs, depth: {_clean_text(key): _clean(item, depth + 1) for key, item in pairs.items()},
}


def _events_of(document: Any) -> list[dict[str, Any]]:
    events = document if isinstance(document, list) else [document]
    if isinstance(document, dict) and "batch" in document:
        events = document["batch"]
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise invalid_payload('Send one event, a list of events, or {"api_key": ..., "batch": [events]}.')
    return events


def _token(
    query: Mapping[str, str],
    fields: Mapping[str, str],
    body: Mapping[str, Any],
    events: list[dict[str, Any]],
) -> str:
    """The one token of the request (api X3). Raises Refused when there is none, or more than one."""
    outside = _first_token(query) or _first_token(fields) or _first_token(body)
    inside = {token for event in events if (token := _first_token(event)) is not None}
    if outside is None and not inside:
        # Only now: server-side events may have a property called "token" that means something else.
        inside = {token for event in events if (token := _property_token(event)) is not None}
    tokens = inside | {outside} if outside is not None else inside
    if not tokens:
        raise Refused("missing_api_key", "No project token in the request.")
    if len(tokens) > 1:
        raise Refused("invalid_api_key", "All events of a request must carry the same project token.")
    return tokens.pop()


def _first_token(source: Mapping[str, Any]) -> str | None:
    for key in _TOKEN_KEYS:
        if value := source.get(key):
            return str(value)
    return None


def _property_token(event: Mapping[str, Any]) -> str | None:
    properties = event.get("properties")
    value = properties.get("token") if isinstance(properties, dict) else None
    return str(value) if value else None


def _sent_at(in_body: Any, in_query: str | None) -> int | None:
    if in_body is not None and in_body != "":
        instant = times.parse_instant(in_body)
        if instant is None:
            raise invalid_payload("`sent_at` must be an ISO-8601 instant.", attr="sent_at")
        return instant
    # `_` is also what browsers' cache busters are called: what is no time is no error.
    return times.parse_instant(int(in_query)) if in_query and _MILLISECONDS.fullmatch(in_query) else None
