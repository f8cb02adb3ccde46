"""A store is away: what still works, and what it says (api R14, P13, N)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from clickhouse_connect.driver.exceptions import OperationalError

from insights import compute, keeping
from insights_service import stores
from queries import registry
from queries.cache.connection import CacheUnavailable, Connection
from queries.errors import AtCapacity
from queries.plan import Plan
from tests.engines import _free_port
from tests.refresh.conftest import Scene, in_background

MODES = [
    "force_cache",
    "blocking",
    "async",
    "lazy_async",
    "force_blocking",
    "force_async",
    "async_except_on_cache_miss",
]


def forget() -> None:
    for each in (keeping._queue, keeping.answers, keeping.flights, keeping.board, keeping.active_runs):
        each.cache_clear()


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    gone = stores._connect(f"redis://127.0.0.1:{_free_port()}/0")
    monkeypatch.setattr(stores, "queue_redis", lambda: gone)
    monkeypatch.setattr(stores, "cache_redis", lambda: gone)
    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture
def no_clickhouse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Any:
        raise OperationalError("Error executing HTTP request: connection refused")

    monkeypatch.setattr(compute, "event_store", refused)


# --- Redis -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "force_cache"])
@pytest.mark.parametrize("place", ["retrieve", "list", "query"])
def test_without_redis_everything_is_computed(scene: Scene, no_redis: None, place: str, mode: str) -> None:
    answer = scene.ask(place, mode)
    body = scene.shown(place, answer)
    assert (answer.status, scene.count(body), body["is_cached"]) == (200, 1.0, False)
    assert body["query_status"] is None


def test_without_redis_the_cache_is_empty(scene: Scene, no_redis: None) -> None:
    assert scene.ask("retrieve", None).body["result"] is None
    assert scene.shown("list", scene.ask("list", None))["result"] is None


def test_without_redis_nothing_is_known_of_runs(scene: Scene, no_redis: None) -> None:
    assert scene.api.get("query/some/").status == 404
    assert scene.api.delete("query/some/").status == 200
    assert scene.api.post("insights/cancel/", {"client_query_id": "some"}).status == 200


def test_without_redis_a_kept_response_goes_its_way(
    own_scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was away from the beginning or went while its connection was open, and again and again."""
    own_scene.keep()
    path = f"insights/{own_scene.insight_id}/"
    for _ in range(3):
        assert own_scene.api.get(path).body["is_cached"] is True
    gone = stores._connect(f"redis://127.0.0.1:{_free_port()}/0")
    monkeypatch.setattr(keeping._queue(), "_connect", lambda: gone)
    monkeypatch.setattr(keeping._queue(), "_pause_seconds", 0.0)
    monkeypatch.setattr(keeping._queue(), "_pause", lambda took_seconds: None)
    keeping._queue()._own.line.disconnect()
    keeping._queue()._own.line.port = _free_port()
    try:
        assert [own_scene.api.get(path).status for _ in range(3)] == [200, 200, 200]
    finally:
        del keeping._queue()._own.line


@pytest.mark.parametrize("is_open", [True, False])
def test_a_line_of_its_own_is_made_again(engines: Any, is_open: bool) -> None:
    """The server hung up, noticed or not: the answer comes all the same, and the line is used again."""
    connection = Connection(stores.queue_redis)
    with connection.asking("ECHO", "one") as answer:
        assert answer() == b"one"
    line = connection._own.line
    if is_open:
        line._sock.shutdown(socket.SHUT_RDWR)
    else:
        line.disconnect()
    for text in (b"two", b"three"):
        with connection.asking("ECHO", text.decode()) as answer:
            assert answer() == text


def test_an_answer_that_nobody_fetched_is_not_the_next_one(engines: Any) -> None:
    connection = Connection(stores.queue_redis)
    with connection.asking("ECHO", "one"):
        pass
    with connection.asking("ECHO", "two") as answer:
        assert answer() == b"two"


def test_a_line_to_a_redis_that_is_away(engines: Any) -> None:
    gone = stores._connect(f"redis://127.0.0.1:{_free_port()}/0")
    connection = Connection(lambda: gone, pause_seconds=0.0)
    with pytest.raises(CacheUnavailable), connection.asking("ECHO", "one") as answer:
        answer()


def test_redis_comes_back(engines: Any) -> None:
    """No restart: after a pause the next call tries again."""
    gone, there = stores._connect(f"redis://127.0.0.1:{_free_port()}/0"), stores.queue_redis()
    clients = [gone]
    connection = Connection(lambda: clients[0], pause_seconds=1)
    for _ in range(2):
        with pytest.raises(CacheUnavailable), connection.open() as client:
            client.ping()
    clients[0] = there
    with pytest.raises(CacheUnavailable), connection.open() as client:
        client.ping()
    deadline = time.monotonic() + 10
    while True:
        try:
            with connection.open() as client:
                assert client.ping()
            break
        except CacheUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_redis_that_is_away_is_not_asked_again_and_again(engines: Any) -> None:
    asked = []

    def connect() -> redis.Redis:
        asked.append(1)
        raise redis.ConnectionError("gone")

    connection = Connection(connect)
    for _ in range(20):
        with pytest.raises(CacheUnavailable), connection.open():
            pass
    assert len(asked) == 1


# --- ClickHouse ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["blocking", "async", "lazy_async", "async_except_on_cache_miss"])
@pytest.mark.parametrize("place", ["retrieve", "list", "query"])
def test_an_old_answer_is_better_than_none(
    scene: Scene, no_clickhouse: None, monkeypatch: pytest.MonkeyPatch, place: str, mode: str
) -> None:
    monkeypatch.undo()
    scene.keep()
    monkeypatch.setattr(compute, "event_store", _refused)
    scene.pass_time(timedelta(hours=13))
    answer = scene.ask(place, mode)
    body = scene.shown(place, answer)
    assert (answer.status, scene.count(body), body["is_cached"]) == (
        202 if place == "query" and mode != "blocking" else 200,
        1.0,
        True,
    )
    status = body["query_status"]
    if mode == "blocking":
        assert (status["complete"], status["error"]) == (True, True)
        assert "does not answer" in status["error_message"]


def _refused() -> Any:
    raise OperationalError("Error executing HTTP request: connection refused")


@pytest.mark.parametrize("mode", ["blocking", "force_blocking"])
def test_nothing_kept_and_nobody_to_ask(scene: Scene, no_clickhouse: None, mode: str) -> None:
    query = scene.ask("query", mode)
    assert query.error == (503, "at_capacity", None)
    assert int(query.headers["Retry-After"]) > 0
    trend = scene.api.post("insights/trend/", {"events": [{"id": "A"}], "refresh": mode})
    assert trend.error == (503, "at_capacity", None)
    for place in ("retrieve", "list"):  # the metadata stay reachable: api P13, N6
        answer = scene.ask(place, mode)
        body = scene.shown(place, answer)
        assert (answer.status, body["result"], body["is_cached"]) == (200, None, False)
        assert (body["query_status"]["complete"], body["query_status"]["error"]) == (True, True)


def test_a_background_run_fails_and_says_so(scene: Scene, no_clickhouse: None) -> None:
    started = scene.ask("query", "async").body["query_status"]
    in_background(scene.api, started["id"])
    answer = scene.api.get(f"query/{started['id']}/")
    assert answer.status == 400
    assert "does not answer" in answer.body["query_status"]["error_message"]


def test_crud_goes_on(scene: Scene, no_clickhouse: None, no_redis: None) -> None:
    changed = scene.api.patch(f"insights/{scene.insight_id}/", {"name": "still here"})
    assert (changed.status, changed.body["name"]) == (200, "still here")
    assert scene.ask("list", None).status == 200


# --- failures of single insights -------------------------------------------------------------------------


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def compile_(node: Any, ctx: Any) -> Plan:
        raise error

    kind = registry.Kind("TrendsQuery", compile_)
    monkeypatch.setitem(registry.KINDS, "TrendsQuery", kind)  # type: ignore[arg-type]


def test_a_saturated_store(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # api R14
    fail_with(monkeypatch, AtCapacity("busy"))
    assert scene.ask("query", "blocking").error == (503, "at_capacity", None)
    for place in ("retrieve", "list"):
        body = scene.shown(place, scene.ask(place, "blocking"))
        assert body["query_status"]["error_message"] == "concurrency_limit_exceeded"


def test_our_own_failure_keeps_the_metadata_reachable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, ZeroDivisionError("secret"))
    for place in ("retrieve", "list"):
        answer = scene.ask(place, "blocking")
        body = scene.shown(place, answer)
        assert (answer.status, body["result"], body["query_status"]["error_message"]) == (200, None, None)
        assert b"secret" not in answer.content


def test_one_bad_insight_does_not_spoil_a_list(own_scene: Scene) -> None:  # api N6
    action = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A", "math": "sum",
              "math_property": "x"}], "trendsFilter": {"formula": "A/Q"}}  # fmt: skip
    api = own_scene.api
    bad = api.post("insights/", {"filters": {"insight": "TRENDS", "events": [{"id": "A"}]}}).body
    from insights.models import Insight

    Insight.objects.filter(pk=bad["id"]).update(query=action)
    answer = api.get("insights/", {"refresh": "blocking"})
    by_id = {row["id"]: row for row in answer.body["results"]}
    assert own_scene.count(by_id[own_scene.insight_id]) == 1.0
    assert by_id[bad["id"]]["result"] is None
    assert by_id[bad["id"]]["query_status"]["error"] is True
    assert api.get(f"insights/{bad['id']}/", {"refresh": "blocking"}).status == 400
    assert api.get(f"insights/{bad['id']}/").status == 200
