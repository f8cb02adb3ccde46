"""Progress of a run as server-sent events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from insights import background, keeping, tasks
from insights.api import query_stream
from queries import registry
from tests.api_client import Api, make_project
from tests.refresh.slow import KIND, SLOW_KIND, question

SSE = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def slow_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    monkeypatch.setattr(query_stream, "PAUSE_SECONDS", 0.1)
    yield


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    return make_project()


def start(api: Api, what: str, name: str) -> Any:
    body = {"query": question(what), "refresh": "force_async", "client_query_id": name}
    assert api.post("query/", body).status == 202
    return keeping.board().get(api.project.pk, name, now=api.now)


def cancel(api: Api, name: str) -> None:
    assert replace(api, client=Client()).delete(f"query/{name}/").status == 200


def soon(call: Any, seconds: float = 0.3) -> threading.Thread:
    def later() -> None:
        time.sleep(seconds)
        call()
        connections.close_all()

    thread = threading.Thread(target=later)
    thread.start()
    return thread


def events(api: Api, name: str) -> list[tuple[str, Any]]:
    """The stream until its end, as (event, data)."""
    answer = replace(api, client=Client()).get(f"query/{name}/stream/", headers=SSE)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    found = []
    for block in answer.content.decode().strip().split("\n\n"):
        if not block.startswith(":"):
            event, data = (line.partition(": ")[2] for line in block.split("\n"))
            found.append((event, json.loads(data)))
    return found


def test_a_run_is_told_as_it_goes(shop: Api, unique: str) -> None:
    status = start(shop, f"slow 1.5 {unique}", unique)
    worker = soon(lambda: tasks.compute(background.ticket_of(status), "task"))
    told = events(shop, unique)
    worker.join()
    assert told[0][0] == "progress"
    seen = [data["query_status"]["query_progress"] for event, data in told if event == "progress"]
    rows = [progress["rows_read"] for progress in seen if progress]
    assert rows and rows == sorted(rows)
    event, data = told[-1]
    assert event == "complete"
    assert data["query_status"]["results"]["results"] == [{"count": 30}]


def test_a_run_that_has_ended_is_one_event(shop: Api, unique: str) -> None:
    tasks.compute(background.ticket_of(start(shop, f"slow 0.1 {unique}", unique)), "task")
    assert [event for event, _ in events(shop, unique)] == ["complete"]


def test_a_run_that_fails(shop: Api, unique: str) -> None:
    tasks.compute(background.ticket_of(start(shop, f"wrong {unique}", unique)), "task")
    [(event, data)] = events(shop, unique)
    assert (event, data["query_status"]["error_message"]) == ("failed", "This is wrong.")


def test_a_run_that_is_cancelled(shop: Api, unique: str) -> None:
    start(shop, f"slow 5 {unique}", unique)
    canceller = soon(lambda: cancel(shop, unique))
    told = events(shop, unique)
    canceller.join()
    assert told[-1] == ("cancelled", {})


def test_no_such_run(shop: Api, unique: str) -> None:
    assert shop.get(f"query/{unique}/stream/", headers=SSE).error == (404, "not_found", None)
    start(shop, f"slow 1 {unique}", unique)
    assert make_project().get(f"query/{unique}/stream/", headers=SSE).status == 404
    assert replace(shop, key=None).get(f"query/{unique}/stream/", headers=SSE).status == 401


def test_streams_do_not_take_all_threads(shop: Api, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only_one = threading.BoundedSemaphore(1)
    monkeypatch.setattr(query_stream, "_lines", lambda: only_one)
    start(shop, f"slow 5 {unique}", unique)
    canceller = soon(lambda: cancel(shop, unique), seconds=1)
    first = soon(lambda: events(shop, unique), seconds=0)
    time.sleep(0.4)
    assert shop.get(f"query/{unique}/stream/", headers=SSE).error == (503, "at_capacity", None)
    canceller.join()
    first.join()
    start(shop, f"slow 5 again {unique}", f"again-{unique}")
    cancel(shop, f"again-{unique}")
    assert only_one.acquire(blocking=False)  # given back
