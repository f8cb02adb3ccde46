"""A raw event -> the row it becomes, as far as the event alone decides it (api X2, X4, X6, X8). Pure.

Who did it (persons, groups) is decided afterwards in `identity`, from what is collected here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import Enum
from typing import Any
from uuid import UUID

import orjson

from insights_service.capture import times
from insights_service.capture.elements import elements_chain
from insights_service.capture.refusals import invalid_payload
from insights_service.persons.values import Notice
from queries.clickhouse.insert import stored_texts

MAX_NAME_LENGTH = 200
MAX_DISTINCT_ID_LENGTH = 200  # api X4
MAX_EVENT_BYTES = 1_000_000  # api X8
MAX_DEPTH = 100  # api X8
FUTURE_ALLOWED = 23 * 3600 * times.SECOND  # api X6

# Old libraries send a type instead of a name.
_NAMES_BY_TYPE = {
    "identify": "$identify",
    "alias": "$create_alias",
    "screen": "$screen",
    "page": "$pageview",
}
# What libraries put beside the properties and means a property.
_BESIDE = frozenset({"$set", "$set_once", "$unset"})
# Compared with type(): JSON gives exactly these, and this runs for every value of every event.
_CONTAINERS = frozenset({dict, list})


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of the request an event came in; instants in microseconds."""

    now: int
    sent_at: int | None = None
    anonymize_ips: bool = False
    # The name of an event that has none, on endpoints that are only about persons.
    default_name: str | None = None
    # How to read times without offset; and whether an event without a good time is dropped, or is now.
    naive_zone: tzinfo = UTC
    needs_time: bool = False
    make_uuid: Callable[[int], int] = times.time_ordered_uuid


class UuidOrigin(Enum):
    """Where an event's uuid is from, which decides how it can be stored already."""

    GIVEN = "given by the client: any stored event may have it"
    MADE = "made just now: no other event has it"
    DERIVED = "follows from the event: only one at the same instant may have it"


@dataclass(slots=True)
class Event:
    """A readable event; instants in microseconds, the uuid as its integer.

    `has_profile` false: it must leave no profile of its person (semantics B3, I19). `properties_json` and
    `texts` are `properties` in the store's two forms.
    """

    uuid: int
    name: str
    distinct_id: str
    instant: int
    properties: dict[str, Any]
    properties_json: bytes
    texts: dict[str, str]
    elements_chain: str
    has_profile: bool
    arrived: int
    uuid_origin: UuidOrigin = UuidOrigin.GIVEN

    def add_properties(self, more: Mapping[str, str]) -> None:
        """Add texts to the properties, in all their forms."""
        self.properties.update(more)
        self.properties_json = orjson.dumps(self.properties)
        self.texts.update(stored_texts(more))


class Dropped(Notice):
    """An event that is not stored though its request is accepted (api X4)."""

    __slots__ = ()


# One object for all of them: a hostile body can hold millions.
_NAMELESS = Dropped("event_without_name")


def normalize(raw: Mapping[str, Any], arrival: Arrival) -> Event | Dropped:
    """The event, or why it is dropped. Raises Refused when the whole request must be turned away."""
    name = _name(raw) or arrival.default_name
    if not name:
        return _NAMELESS
    properties = _properties(raw)
    distinct_id = _distinct_id(raw, properties)
    if distinct_id is None:
        return Dropped("event_without_distinct_id", name)
    event_uuid = _uuid(raw)
    if is_any_too_deep(properties.values()):
        return Dropped("event_too_deep", name, {"distinct_id": distinct_id, "limit": MAX_DEPTH})
    instant = _instant(raw, properties, arrival)
    if instant is None:
        if arrival.needs_time:
            return Dropped("event_without_time", name, {"timestamp": raw.get("timestamp")})
        instant = arrival.now
    if arrival.anonymize_ips:
        properties.pop("$ip", None)
    text = orjson.dumps(properties)
    if len(text) > MAX_EVENT_BYTES:
        return Dropped("event_too_large", name, {"distinct_id": distinct_id, "bytes": len(text)})
    return Event(
        uuid=arrival.make_uuid(instant) if event_uuid is None else event_uuid,
        name=name,
        distinct_id=distinct_id,
        instant=instant,
        properties=properties,
        properties_json=text,
        texts=stored_texts(properties),
        elements_chain=elements_chain(properties),
        has_profile=properties.get("$process_person_profile") is not False,
        arrived=arrival.now,
        uuid_origin=UuidOrigin.MADE if event_uuid is None else UuidOrigin.GIVEN,
    )


def text_of(value: object) -> str:
    """A value used as an id: text as it is, anything else as its JSON text; nothing, or an abyss, as ''."""
    if isinstance(value, str):
        return value
    if value is None or is_any_too_deep((value,)):
        return ""
    return orjson.dumps(value).decode()


def _name(raw: Mapping[str, Any]) -> str:
    name = raw.get("event")
    if name is None:
        return _NAMES_BY_TYPE.get(text_of(raw.get("type")), "")
    if type(name) in _CONTAINERS:
        return ""
    text = text_of(name)
    return "" if text.isspace() else text[:MAX_NAME_LENGTH]


def _properties(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The properties, with what libraries put beside them moved in. Changes the raw event."""
    given = raw.get("properties")
    if given is not None and type(given) is not dict:
        raise invalid_payload("`properties` must be a JSON object.", attr="properties")
    properties: dict[str, Any] = given or {}
    if _BESIDE.isdisjoint(raw):
        return properties
    for key in _BESIDE:
        if beside := raw.get(key):
            inside = properties.get(key)
            if isinstance(inside, dict) and isinstance(beside, dict):
                properties[key] = {**inside, **beside}
            else:
                properties[key] = inside or beside
    return properties


def _distinct_id(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    """The first non-blank of the three places (api X4)."""
    for value in (raw.get("$distinct_id"), properties.get("distinct_id"), raw.get("distinct_id")):
        if value is not None:
            distinct_id = text_of(value)[:MAX_DISTINCT_ID_LENGTH]
            if distinct_id and not distinct_id.isspace():
                return distinct_id
    return None


def _uuid(raw: Mapping[str, Any]) -> int | None:
    given = raw.get("uuid")
    if given is None:
        return None
    try:
        return UUID(given).int
    except (ValueError, TypeError, AttributeError) as exc:
        raise invalid_payload("`uuid` must be the text of a UUID.", attr="uuid") from exc


def _instant(raw: Mapping[str, Any], properties: Mapping[str, Any], arrival: Arrival) -> int | None:
    """When it happened (api X6): `timestamp` by our clock, else now less `offset`; None for nonsense."""
    given = raw.get("timestamp")
    if given is None:
        instant = _by_offset(raw.get("offset"), arrival.now)
    else:
        instant = times.parse_instant(given, naive_zone=arrival.naive_zone)
        if instant is not None and arrival.sent_at is not None and not _trusts_own_clock(raw, properties):
            instant += arrival.now - arrival.sent_at
    if instant is None or not times.EARLIEST <= instant <= arrival.now + FUTURE_ALLOWED:
        return None
    return instant


def _by_offset(offset: object, now: int) -> int | None:
    """Milliseconds ago; one that leads out of the readable times is nonsense."""
    if isinstance(offset, str):
        offset = float(offset) if offset.replace(".", "", 1).isdecimal() and len(offset) < 20 else None
    if not isinstance(offset, int | float) or isinstance(offset, bool):
        return None
    return now - round(offset * 1000)


def _trusts_own_clock(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    return raw.get("$ignore_sent_at") is True or properties.get("$ignore_sent_at") is True


def is_any_too_deep(values: Iterable[Any]) -> bool:
    """Whether one of the values nests containers deeper than MAX_DEPTH."""
    return any(map(_is_too_deep, [value for value in values if type(value) in _CONTAINERS]))


def _is_too_deep(value: Any) -> bool:
    """Goes level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
    return bool(level)
