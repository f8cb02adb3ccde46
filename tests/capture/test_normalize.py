"""One raw event at a time: names, ids, instants, bounds (api X4, X6, X8). No engine."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights_service.capture import times
from insights_service.capture.elements import elements_chain
from insights_service.capture.normalize import Arrival, Dropped, Event, normalize
from insights_service.capture.refusals import Refused
from insights_service.capture.wire import parse_json
from queries.clickhouse.insert import stored_texts
from tests.capture.test_wire import json_values

NOW = datetime(2024, 3, 15, 12, tzinfo=UTC)


def at(text: str) -> int:
    return times.microseconds(datetime.fromisoformat(text))


def arrival(sent_at: str | None = None, **more: Any) -> Arrival:
    return Arrival(times.microseconds(NOW), at(sent_at) if sent_at else None, **more)


def event(raw: dict[str, Any], arrived: Arrival | None = None) -> Event:
    found = normalize({"event": "A", "distinct_id": "u", **raw}, arrived or arrival())
    assert isinstance(found, Event)
    return found


@pytest.mark.parametrize(
    "timestamp, expected",
    [
        pytest.param(
            "2024-03-01T10:00:00.123456Z", "2024-03-01T10:00:00.123456Z", id="microseconds are kept"
        ),
        pytest.param(
            "2024-03-01T10:00:00.123456789Z", "2024-03-01T10:00:00.123456Z", id="nanoseconds are cut"
        ),
        pytest.param("2024-03-01T10:00:00", "2024-03-01T10:00:00Z", id="no offset is UTC"),
        pytest.param("2024-03-01 10:00:00", "2024-03-01T10:00:00Z", id="space instead of T"),
        pytest.param("2024-03-01", "2024-03-01T00:00:00Z", id="date only"),
        pytest.param("2024-03-01T10:00:00+05:30", "2024-03-01T04:30:00Z", id="offset"),
        pytest.param("2024-03-01T10:00:00-0800", "2024-03-01T18:00:00Z", id="offset without colon"),
        pytest.param("  2024-03-01T10:00:00Z ", "2024-03-01T10:00:00Z", id="spaces around"),
        pytest.param(1709287200123, "2024-03-01T10:00:00.123Z", id="epoch milliseconds"),
        pytest.param(1709287200.5, "2024-03-01T10:00:00.5Z", id="epoch seconds"),
        pytest.param("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", id="the earliest"),
        pytest.param("1969-12-31T23:59:59.999999Z", None, id="before the earliest"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before the calendar"),
        pytest.param("9999-12-31T23:59:59-14:00", None, id="after the calendar"),
        pytest.param("2024-03-16T11:00:00Z", "2024-03-16T11:00:00Z", id="23 hours ahead is kept"),
        pytest.param("2024-03-16T11:00:00.000001Z", None, id="more than 23 hours ahead is now"),
        pytest.param("2300-01-01T00:00:00Z", None, id="beyond the store"),
        pytest.param("soon", None, id="unreadable"),
        pytest.param("", None, id="empty"),
        pytest.param("2024-02-30T00:00:00Z", None, id="no such day"),
        pytest.param(True, None, id="boolean"),
        pytest.param(12345, None, id="number that is no epoch"),
        pytest.param(10**30, None, id="huge number"),
        pytest.param([], None, id="list"),
        pytest.param({}, None, id="object"),
    ],
)
def test_timestamp(timestamp: object, expected: str | None) -> None:
    """api X6: what cannot be read, and what the store cannot hold, is now."""
    assert event({"timestamp": timestamp}).instant == (at(expected) if expected else times.microseconds(NOW))


@pytest.mark.parametrize(
    "raw, sent_at, expected",
    [
        pytest.param({}, None, "2024-03-15T12:00:00Z", id="no timestamp is now"),
        pytest.param({"offset": 1500}, None, "2024-03-15T11:59:58.5Z", id="offset in milliseconds"),
        pytest.param({"offset": "1500"}, None, "2024-03-15T11:59:58.5Z", id="offset as text"),
        pytest.param(
            {"offset": 1500}, "2024-03-15T10:00:00Z", "2024-03-15T11:59:58.5Z", id="offset needs no skew"
        ),
        pytest.param({"offset": 1e300}, None, "2024-03-15T12:00:00Z", id="offset beyond time"),
        pytest.param({"offset": -(2**63)}, None, "2024-03-15T12:00:00Z", id="offset into the future"),
        pytest.param({"offset": []}, None, "2024-03-15T12:00:00Z", id="offset unreadable"),
        pytest.param(
            {"timestamp": "2024-03-15T09:00:00Z", "offset": 1}, None, "2024-03-15T09:00:00Z", id="both"
        ),
        pytest.param(
            {"timestamp": "2024-03-15T09:59:00Z"},
            "2024-03-15T10:00:00Z",
            "2024-03-15T11:59:00Z",
            id="slow clock",
        ),
        pytest.param(
            {"timestamp": "2024-03-15T13:59:00Z"},
            "2024-03-15T14:00:00Z",
            "2024-03-15T11:59:00Z",
            id="fast clock",
        ),
        pytest.param(
            {"timestamp": "2024-03-15T09:59:00Z", "properties": {"$ignore_sent_at": True}},
            "2024-03-15T10:00:00Z",
            "2024-03-15T09:59:00Z",
            id="clock to be trusted",
        ),
        pytest.param(
            {"timestamp": "1970-01-01T00:00:01Z"},
            "2024-03-15T14:00:00Z",
            "2024-03-15T12:00:00Z",
            id="out of range",
        ),
    ],
)
def test_offset_and_clock_skew(raw: dict[str, Any], sent_at: str | None, expected: str) -> None:
    """api X6."""
    assert event(raw, arrival(sent_at)).instant == at(expected)


@pytest.mark.parametrize(
    "raw, distinct_id",
    [
        ({"$distinct_id": "a", "properties": {"distinct_id": "b"}, "distinct_id": "c"}, "a"),
        ({"properties": {"distinct_id": "b"}, "distinct_id": "c"}, "b"),
        ({"$distinct_id": " ", "properties": {"distinct_id": ""}, "distinct_id": "c"}, "c"),
        ({"distinct_id": 12}, "12"),
        ({"distinct_id": 1.5}, "1.5"),
        ({"distinct_id": True}, "true"),
        ({"distinct_id": {"a": 1}}, '{"a":1}'),
        ({"distinct_id": " padded "}, " padded "),
        ({"distinct_id": "é" * 300}, "é" * 200),
        ({"distinct_id": ""}, None),
        ({"distinct_id": "  \t"}, None),
        ({"distinct_id": None}, None),
    ],
)
def test_distinct_id(raw: dict[str, Any], distinct_id: str | None) -> None:
    """api X4: three places in order, as text, 200 characters."""
    found = normalize({"event": "A", **raw}, arrival())
    if distinct_id is None:
        assert found == Dropped("event_without_distinct_id", "A")
    else:
        assert isinstance(found, Event)
        assert found.distinct_id == distinct_id


@pytest.mark.parametrize(
    "raw, default, name",
    [
        ({"event": "A"}, None, "A"),
        ({"event": 5}, None, "5"),
        ({"event": "é" * 300}, None, "é" * 200),
        ({"type": "alias"}, None, "$create_alias"),
        ({}, "$set", "$set"),
        ({"event": ""}, None, None),
        ({"event": "  "}, None, None),
        ({"event": None}, None, None),
        ({"event": ["A"]}, None, None),
        ({"type": "capture"}, None, None),
        ({"type": {}}, None, None),
    ],
)
def test_event_name(raw: dict[str, Any], default: str | None, name: str | None) -> None:
    found = normalize({"distinct_id": "u", **raw}, arrival(default_name=default))
    assert (found.name if isinstance(found, Event) else None) == name


@pytest.mark.parametrize(
    "text", ["018E1F00-0000-7000-8000-000000000001", "{018e1f00000070008000000000000001}"]
)
def test_uuid_of_the_client(text: str) -> None:
    assert uuid.UUID(int=event({"uuid": text}).uuid) == uuid.UUID("018e1f00-0000-7000-8000-000000000001")


@pytest.mark.parametrize("value", ["", "x", 5, [], {}, True, "018e1f00"])
def test_bad_uuid_refuses_the_request(value: object) -> None:
    """api X4."""
    with pytest.raises(Refused) as refusal:
        event({"uuid": value})
    assert (refusal.value.code, refusal.value.attr) == ("invalid_payload", "uuid")


def test_made_uuids_sort_by_time_and_differ() -> None:
    texts = [f"2024-03-01T10:00:00.{micro:06}Z" for micro in range(0, 5000, 7)]
    made = [uuid.UUID(int=event({"timestamp": text}).uuid) for text in texts]
    assert made == sorted(made)
    assert {found.version for found in made} == {7}
    assert len({event({"timestamp": texts[0]}).uuid for _ in range(50)}) == 50


def test_properties_beside_are_moved_in() -> None:
    raw = {
        "$set": {"a": 1},
        "$set_once": {"b": 1},
        "$unset": ["c"],
        "properties": {"$set": {"a": 0, "d": 2}},
    }
    properties = event(raw).properties
    assert properties == {"$set": {"a": 1, "d": 2}, "$set_once": {"b": 1}, "$unset": ["c"]}


@pytest.mark.parametrize("properties", [[], "a", 1, False])
def test_properties_must_be_an_object(properties: object) -> None:
    with pytest.raises(Refused) as refusal:
        event({"properties": properties})
    assert refusal.value.attr == "properties"


def test_ip_is_dropped_when_the_project_wants_so() -> None:
    sent = {"$ip": "10.0.0.1", "a": 1}
    assert event({"properties": {**sent}}, arrival(anonymize_ips=True)).properties == {"a": 1}
    assert event({"properties": {**sent}}).properties == sent


@pytest.mark.parametrize(
    "properties, kind",
    [
        ({"a": "x" * 1_000_001}, "event_too_large"),
        ({"a": json.loads("[" * 101 + "]" * 101)}, "event_too_deep"),
        ({"$set": json.loads('{"a":' * 200 + "1" + "}" * 200)}, "event_too_deep"),
    ],
)
def test_bounds(properties: dict[str, Any], kind: str) -> None:
    """api X8."""
    found = normalize({"event": "A", "distinct_id": "u", "properties": properties}, arrival())
    assert isinstance(found, Dropped)
    assert found.kind == kind


def test_a_hundred_levels_are_kept() -> None:
    assert event({"properties": {"a": json.loads("[" * 99 + "]" * 99)}})


@given(
    st.dictionaries(
        st.sampled_from(["timestamp", "uuid", "properties", "offset", "$set", "type"]), json_values
    )
)
def test_anything_becomes_an_event_or_a_refusal(raw: dict[str, Any]) -> None:
    clean = parse_json(json.dumps(raw).encode())
    try:
        found = normalize({"event": "A", "distinct_id": "u", **clean}, arrival())
    except Refused as refusal:
        assert refusal.code == "invalid_payload"
    else:
        assert isinstance(found, Event)
        assert times.EARLIEST <= found.instant <= times.LATEST


@given(st.integers(times.EARLIEST, times.LATEST))
def test_instants_are_exact(instant: int) -> None:
    assert times.microseconds(times.moment(instant)) == instant
    assert times.parse_instant(times.moment(instant).isoformat()) == instant


def test_stored_texts() -> None:
    """semantics C1-C3: null is absent, the empty string is not."""
    properties = {
        "s": "x",
        "e": "",
        "i": 1,
        "f": 1.0,
        "t": True,
        "n": None,
        "l": [1, "a"],
        "o": {"k": None},
        "": "é",
    }
    assert stored_texts(properties) == {
        "s": "x",
        "e": "\0",
        "i": "1",
        "f": "1.0",
        "t": "true",
        "l": '[1,"a"]',
        "o": '{"k":null}',
        "": "é",
    }


def test_elements_chain() -> None:
    elements = [
        {
            "tag_name": "a",
            "$el_text": 'Say "hi"',
            "attr__class": "btn big",
            "attr__href": "/x",
            "nth_child": 2,
        },
        {"tag_name": "div", "attr_id": "main"},
        "nonsense",
    ]
    chain = 'a.big.btn:attr__href="/x"href="/x"nth-child="2"text="Say \\"hi\\"";div:attr_id="main"'
    assert elements_chain({"$elements": elements}) == chain
    assert elements_chain({"$elements_chain": "a:", "$elements": elements}) == "a:"
    assert elements_chain({"$elements": "x"}) == elements_chain({}) == ""
