"""The newest wire of the SDKs: `POST /i/v1/analytics/events`, with an answer per event. Pure.

It differs from the others in where things stand: the token in `Authorization: Bearer`, the library in a
header, a few reserved properties in a typed `options` object or at the top of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from insights_service.capture import times
from insights_service.capture.refusals import Refused, invalid_payload
from insights_service.capture.wire import Envelope, Message, read_document

# Option on the wire -> property that says the same elsewhere.
_OPTIONS = {
    "process_person_profile": "$process_person_profile",
    "disable_skew_correction": "$ignore_sent_at",
    "cookieless_mode": "$cookieless_mode",
    "product_tour_id": "$product_tour_id",
}
_BESIDE = {"session_id": "$session_id", "window_id": "$window_id"}


@dataclass(frozen=True, slots=True)
class Headers:
    """What the newest wire says in headers."""

    authorization: str = ""
    sdk_info: str = ""
    sent_at: str = ""


def open_v1_envelope(message: Message, headers: Headers) -> Envelope:
    """The events in the form of the older wires. Raises Refused."""
    scheme, _, token = headers.authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("missing_api_key", "No project token in the request's Authorization header.")
    body = read_document(message)
    batch = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(batch, list) or not all(isinstance(event, dict) for event in batch):
        raise invalid_payload('Send {"created_at": ..., "batch": [events]}.', attr="batch")
    if not batch:
        raise Refused("no_data", "The request holds no event.")
    library = _library(headers.sdk_info)
    sent_at = times.parse_instant(headers.sent_at) if headers.sent_at else None
    return Envelope(token.strip(), [_as_before(event, library) for event in batch], sent_at)


def _library(sdk_info: str) -> dict[str, str]:
    name, _, version = sdk_info.partition("/")
    return {"$lib": name, "$lib_version": version} if name and version else {}


def _as_before(event: Mapping[str, Any], library: Mapping[str, str]) -> dict[str, Any]:
    given = event.get("properties")
    if not isinstance(given, dict | None):
        raise invalid_payload("`properties` must be a JSON object.", attr="properties")
    options = event.get("options")
    options = options if isinstance(options, dict) else {}
    properties = {**library, **(given or {})}
    properties |= {name: options[option] for option, name in _OPTIONS.items() if option in options}
    properties |= {name: event[key] for key, name in _BESIDE.items() if event.get(key) is not None}
    return {**event, "properties": properties}
