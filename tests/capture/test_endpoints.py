"""The capture endpoints over HTTP, down to the row in the event store (api X1-X9)."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insights_service.capture import flusher, ingest
from insights_service.persons.models import EventDefinition, IngestionWarning, PropertyDefinition
from insights_service.persons.warnings import MAX_WARNINGS
from queries.clickhouse.client import connect
from tests.api_client import Answer, Api, make_project
from tests.capture.test_wire import json_values

Rows = Callable[..., list[tuple[Any, ...]]]
Send = Callable[..., Answer]
EVENT = {"event": "A", "distinct_id": "u"}
NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)  # what `api` calls now
RESERVED = ["$set", "$set_once", "$unset", "$groups", "$group_type", "$group_key", "$group_set", "alias"]
RESERVED += ["$anon_distinct_id", "$elements", "$process_person_profile", "$ip"]


@pytest.mark.parametrize(
    "path, answer",
    [
        ("/capture/", {"status": 1}),
        ("/e/", {"status": 1}),
        ("/track/", {"status": 1}),
        ("/batch/", {"status": 1}),
        ("/engage/", {"status": 1}),
        ("/i/v0/e/", {"status": "Ok"}),
    ],
)
@pytest.mark.parametrize("slash", ["/", ""])
def test_every_endpoint_takes_every_body(
    send: Send, rows: Rows, path: str, slash: str, answer: object
) -> None:
    """api X1, X2, X5: one event, or a batch, wherever it is sent."""
    path = path.rstrip("/") + slash
    single = send(path, **EVENT)
    batch = send(path, batch=[{**EVENT, "event": "B"}, {**EVENT, "event": "C"}])
    assert [(found.status, found.body) for found in (single, batch)] == [(200, answer), (200, answer)]
    assert rows("event, distinct_id, ts") == [(name, "u", NOW.replace(tzinfo=None)) for name in "ABC"]


def test_a_list_of_events_and_a_get_with_data(api: Api, rows: Rows) -> None:
    token = api.project.api_token
    listed = api.post("/e/", [{**EVENT, "api_key": token}, {**EVENT, "event": "B"}])
    data = base64.b64encode(json.dumps({**EVENT, "event": "C"}).encode()).decode()
    asked = api.get(f"/e/?token={token}&data={quote(data)}")
    packed = api.post(
        f"/e/?compression=gzip-js&token={token}",
        gzip.compress(json.dumps({**EVENT, "event": "D"}).encode()),
        content_type="text/plain",
    )
    assert [listed.status, asked.status, packed.status] == [200, 200, 200]
    assert rows("event") == [("A",), ("B",), ("C",), ("D",)]


def test_what_is_stored_of_an_event(send: Send, rows: Rows) -> None:
    """api X6, X8; semantics C1-C3."""
    properties = {"n": 1.5, "s": "", "t": True, "o": {"a": [1]}, "nothing": None, "$session_id": "s1"}
    send(
        event="A",
        distinct_id="é",
        uuid="018E1F00-0000-7000-8000-000000000001",
        timestamp="2024-01-10T10:00:00.123456+02:00",
        properties=properties,
    )
    assert rows(
        "uuid, toString(ts), distinct_id, properties, props, session_id, has_profile, toString(ingested_at)"
    ) == [
        (
            uuid.UUID("018e1f00-0000-7000-8000-000000000001"),
            "2024-01-10 08:00:00.123456",
            "é",
            '{"n":1.5,"s":"","t":true,"o":{"a":[1]},"nothing":null,"$session_id":"s1"}',
            {"n": "1.5", "s": "\0", "t": "true", "o": '{"a":[1]}', "$session_id": "s1"},
            "s1",
            1,
            "2024-01-15 12:00:00.000000",
        )
    ]


def test_an_event_counts_once_however_often_it_arrives(send: Send, rows: Rows) -> None:
    """semantics J5: the first arrival is kept, whatever a later one says."""
    same = {"uuid": str(uuid.uuid4()), "distinct_id": "u"}
    send("/batch/", batch=[{**same, "event": "first"}, {**same, "event": "second"}])
    for _ in range(3):
        assert send(**same, event="third", timestamp="2023-05-05T00:00:00Z").status == 200
    assert rows("event") == [("first",)]


def test_the_same_uuid_in_two_projects_is_two_events(send: Send, rows: Rows) -> None:
    same = {"uuid": str(uuid.uuid4()), **EVENT}
    other = make_project()
    other.capture([same])
    send(**same)
    assert rows("uuid") == [(uuid.UUID(same["uuid"]),)]


def test_events_without_name_or_id_are_dropped(api: Api, send: Send, rows: Rows) -> None:
    """api X4: the answer stays 200 and says how many."""
    answer = send(
        "/batch/", batch=[EVENT, {"event": "B"}, {"distinct_id": "u"}, {"event": " ", "distinct_id": "u"}]
    )
    assert (answer.status, answer.body) == (200, {"status": 1, "dropped": 3})
    assert rows("event") == [("A",)]
    warnings = IngestionWarning.objects.filter(project=api.project).values_list("kind", "subject", "count")
    assert set(warnings) == {("event_without_distinct_id", "B", 1), ("event_without_name", "", 2)}


@pytest.mark.parametrize(
    "path, body, status, code, attr",
    [
        ("/e/", b"", 400, "no_data", None),
        ("/e/", b"nonsense", 400, "invalid_payload", None),
        (
            "/e/",
            b'{"token": "T", "event": "A", "distinct_id": "u", "uuid": 1}',
            400,
            "invalid_payload",
            "uuid",
        ),
        ("/e/", b'{"token": "T", "event": "A", "properties": []}', 400, "invalid_payload", "properties"),
        ("/batch/", b'{"token": "T", "batch": [{}], "sent_at": "x"}', 400, "invalid_payload", "sent_at"),
        ("/batch/", b'{"token": "T", "batch": []}', 400, "no_data", None),
        ("/e/", b'{"event": "A", "distinct_id": "u"}', 401, "missing_api_key", None),
        ("/e/", b'{"token": "phc_no", "event": "A", "distinct_id": "u"}', 401, "invalid_api_key", None),
        ("/e/", b'{"token": "a\\u0000b", "event": "A", "distinct_id": "u"}', 401, "invalid_api_key", None),
        ("/e/", b'[{"token": "T"}, {"token": "U"}]', 401, "invalid_api_key", None),
        ("/e/", b"x" * (20 * 2**20 + 1), 413, "request_too_large", None),
        ("/e/", gzip.compress(b" " * (21 * 2**20)), 413, "request_too_large", None),
        ("/i/v1/analytics/events", b'{"batch": [{}]}', 401, "missing_api_key", None),
    ],
)
def test_refusals(
    api: Api, rows: Rows, path: str, body: bytes, status: int, code: str, attr: str | None
) -> None:
    api.key = None
    answer = api.post(path, body.replace(b'"T"', f'"{api.project.api_token}"'.encode()))
    assert answer.error == (status, code, attr)
    assert rows("event") == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_not_allowed(api: Api, method: str) -> None:
    answer = api.call(method, "/e/")
    assert answer.error == (405, "method_not_allowed", None)
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_personal_keys_are_no_project_tokens(api: Api) -> None:
    assert api.post("/e/", {**EVENT, "token": api.key}).error == (401, "invalid_api_key", None)


def test_pages_of_any_origin_may_send(api: Api) -> None:
    """api X1; a preflight asks for exactly the headers that SDKs send."""
    preflight = Client().options(
        "/e/",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,posthog-sdk-info",
        },
    )
    assert preflight.status_code == 200
    assert preflight["Access-Control-Allow-Origin"] == "https://shop.example"
    assert preflight["Access-Control-Allow-Headers"] == "content-type,posthog-sdk-info"
    assert "Access-Control-Allow-Credentials" not in preflight
    for token, status in ((api.project.api_token, 200), ("phc_no", 401)):
        answer = api.post("/e/", {**EVENT, "token": token}, headers={"Origin": "https://shop.example"})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_no_csrf_token_is_asked_for(api: Api) -> None:
    strict = Client(enforce_csrf_checks=True)
    body = json.dumps({**EVENT, "token": api.project.api_token})
    assert strict.post("/e/", body, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    "method, path, key",
    [
        ("POST", "/flags/?v=2", "featureFlags"),
        ("POST", "/decide/?v=3", "featureFlags"),
        ("POST", "/flags", "errorsWhileComputingFlags"),
        ("GET", "/array/phc_x/config", "supportedCompression"),
        ("POST", "/s/", "status"),
    ],
)
def test_harmless_answers(api: Api, method: str, path: str, key: str) -> None:
    """api X9."""
    answer = api.call(method, path, b"whatever")
    assert answer.status == 200
    assert key in answer.body


def test_the_configuration_script_cannot_be_broken_out_of(api: Api) -> None:
    answer = api.get("/array/%3Cscript%3E%22/config.js")
    assert answer.headers["Content-Type"] == "application/javascript"
    assert b"<" not in answer.content


def test_the_newest_wire(api: Api, rows: Rows) -> None:
    """Bearer token, options beside the properties, an answer for each event."""
    event_uuid = str(uuid.uuid4())
    event = {
        "event": "A",
        "uuid": event_uuid,
        "distinct_id": "u",
        "timestamp": "2024-01-10T10:00:00+00:00",
        "options": {"process_person_profile": False},
        "session_id": "s1",
        "properties": {"a": 1},
    }
    nameless = {**event, "uuid": str(uuid.uuid4()), "event": ""}
    headers = {"Authorization": f"Bearer {api.project.api_token}", "PostHog-Sdk-Info": "posthog-python/7.0"}
    answer = api.post("/i/v1/analytics/events", {"batch": [event, nameless]}, headers=headers)
    assert answer.status == 200
    assert answer.body == {
        "results": {
            event_uuid: {"result": "ok"},
            nameless["uuid"]: {"result": "drop", "details": "event_without_name"},
        }
    }
    props = {
        "a": "1",
        "$lib": "posthog-python",
        "$lib_version": "7.0",
        "$process_person_profile": "false",
        "$session_id": "s1",
    }
    assert rows("uuid, props, has_profile") == [(uuid.UUID(event_uuid), props, 0)]


def test_names_are_learnt(api: Api, send: Send) -> None:
    """api W18: the inferred type is a hint only."""
    properties = {"price": 1, "day": "2024-01-01", "plan": "pro", "ok": True, "list": [], "$set": {"age": 3}}
    send(event="bought", distinct_id="u", properties={"price": None})
    send(event="bought", distinct_id="u", properties=properties)
    names = EventDefinition.objects.filter(project=api.project).values_list("name", "last_seen_at")
    assert list(names) == [("bought", NOW)]
    found = PropertyDefinition.objects.filter(project=api.project)
    assert {(row.type, row.name): (row.property_type, row.declared_type) for row in found} == {
        ("event", "price"): ("Numeric", None),
        ("event", "day"): ("DateTime", None),
        ("event", "plan"): ("String", None),
        ("event", "ok"): ("Boolean", None),
        ("event", "list"): (None, None),
        ("person", "age"): ("Numeric", None),
    }


def test_warnings_are_bounded(api: Api, send: Send) -> None:
    for part in range(3):
        send("/batch/", batch=[{"event": f"no id {part}-{number}"} for number in range(MAX_WARNINGS // 2)])
    kept = IngestionWarning.objects.filter(project=api.project)
    assert kept.count() == MAX_WARNINGS
    assert not kept.filter(subject__startswith="no id 0-").exists()


def test_a_store_that_is_down_is_a_503(
    api: Api, send: Send, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """api X5: the SDK sends the same again, and nothing is lost or doubled."""
    event = {**EVENT, "uuid": str(uuid.uuid4())}
    with monkeypatch.context() as closed:
        closed.setattr(ingest, "RETRY_AFTER_SECONDS", (0.01,))
        closed.setattr(ingest, "event_store", lambda: connect("http://default@127.0.0.1:9/none"))
        answer = send(**event)
        assert answer.error == (503, "at_capacity", None)
        assert answer.headers["Retry-After"] == "5"
    assert send(**event).status == 200
    assert rows("event") == [("A",)]


def test_too_much_waiting_is_a_503(api: Api, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flusher, "MAX_WAITING_BYTES", 10)
    crowded = flusher.Flusher()
    first, second = (
        flusher.Submission(api.project.pk, NOW, [], []),
        flusher.Submission(api.project.pk, NOW, [], []),
    )
    assert first.bytes == second.bytes == 0
    crowded._waiting.append(first)
    crowded._waiting_bytes = 11
    with pytest.raises(flusher.Refused) as refusal:
        crowded.submit(second)
    assert refusal.value.code == "at_capacity"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    raw=st.dictionaries(
        st.sampled_from(
            ["event", "distinct_id", "timestamp", "uuid", "properties", "$set", "offset", "type"]
        ),
        json_values,
    ),
    path=st.sampled_from(["/batch/", "/e/", "/engage/", "/i/v0/e/"]),
    name=st.sampled_from(["A", "$identify", "$create_alias", "$merge_dangerously", "$groupidentify"]),
    reserved=st.dictionaries(st.sampled_from(RESERVED), json_values),
)
def test_no_event_is_a_500(
    api: Api, raw: dict[str, Any], path: str, name: str, reserved: dict[str, Any]
) -> None:
    events = [raw, {"event": name, "distinct_id": "u", "properties": reserved}]
    answer = api.post(path, json.dumps({"api_key": api.project.api_token, "batch": events}).encode())
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        assert answer.error[1] == "invalid_payload"
