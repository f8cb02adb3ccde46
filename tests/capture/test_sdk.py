"""The real Python SDK sends to a real server, unchanged but for the host (api X)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import posthog
import pytest
from posthog.capture_compression import CaptureCompression
from posthog.capture_mode import CaptureMode

from tests.api_client import Api
from tests.browser import serving
from tests.persons.conftest import seen_people

Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def url(service: None) -> Iterator[str]:
    with serving() as site:
        yield site


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"sync_mode": True}, id="one by one"),
        pytest.param({"gzip": True}, id="gzipped batches"),
        pytest.param({"capture_mode": CaptureMode.V1}, id="newest wire"),
        pytest.param(
            {"capture_mode": CaptureMode.V1, "capture_compression": CaptureCompression.DEFLATE}, id="deflate"
        ),
    ],
)
def test_the_python_sdk(api: Api, store: Any, rows: Rows, url: str, options: dict[str, Any]) -> None:
    errors: list[Exception] = []
    client = posthog.Posthog(
        api.project.api_token, host=url, on_error=lambda error, batch: errors.append(error), **options
    )
    event_uuid, when = str(uuid.uuid4()), datetime(2024, 1, 10, 10, 0, 0, 250000, tzinfo=UTC)
    client.capture("A", distinct_id="a", properties={"x": 1}, timestamp=when, uuid=event_uuid)
    client.capture(
        "$identify", distinct_id="u", properties={"$anon_distinct_id": "a", "$set": {"plan": "pro"}}
    )
    client.alias("u", "other name")
    client.group_identify("org", "acme", {"size": 5}, distinct_id="u")
    client.capture("B", distinct_id="u", groups={"org": "acme"})
    client.shutdown()

    assert errors == []
    assert rows("event") == [("$create_alias",), ("$groupidentify",), ("$identify",), ("A",), ("B",)]
    stored = rows("uuid, toString(toStartOfMinute(ts)), props['x']", where="event = 'A'")
    assert stored == [(uuid.UUID(event_uuid), "2024-01-10 10:00:00", "1")]
    assert rows("group_0", where="event = 'B'") == [("acme",)]
    assert seen_people(store, api.project.pk) == {frozenset("au")}
    assert rows("props", "groups") == [({"size": "5"},)]
    assert rows("props['plan']", "person", "is_deleted = 0") == [("pro",)]
