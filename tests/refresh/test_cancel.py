"""Stopping a run by its name: the statement is gone, and who waits is told (api Q21, R13, W4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from insights import background, keeping, tasks
from insights_service import clock
from queries import registry
from queries.execute import progress
from tests.api_client import Answer, Api, make_project
from tests.refresh.slow import KIND, SLOW_KIND, question


@pytest.fixture(autouse=True)
def slow_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    yield


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    return make_project()


class Waiting:
    """A call in a thread; `ended_at` says when it was over."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.answer: Any = None
        self.ended_at = 0.0

        def work() -> None:
            try:
                self.answer = call()
            finally:
                self.ended_at = time.monotonic()
                connections.close_all()

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def end(self) -> Any:
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.answer


def ask(api: Api, what: str, run_id: str | None, mode: str = "blocking") -> Waiting:
    own = replace(api, client=Client())
    body = {"query": question(what), "refresh": mode, **({"client_query_id": run_id} if run_id else {})}
    return Waiting(lambda: own.post("query/", body))


def until_running(store: Any, api: Api, run_id: str) -> None:
    deadline = time.monotonic() + 10
    while progress(store, project_id=api.project.pk, query_id=run_id) is None:
        assert time.monotonic() < deadline, "it never ran"
        time.sleep(0.02)


def until_gone(store: Any, api: Api, run_id: str) -> float:
    """Seconds until no statement of the run is left in the engine."""
    started = time.monotonic()
    while progress(store, project_id=api.project.pk, query_id=run_id) is not None:
        assert time.monotonic() < started + 10, "it was not stopped"
        time.sleep(0.02)
    return time.monotonic() - started


def cancel(api: Api, run_id: str) -> Answer:
    return api.post("insights/cancel/", {"client_query_id": run_id})


CANCELLED = (400, "query_cancelled", None)


def test_a_request_that_waits_is_cancelled(shop: Api, store: Any, unique: str) -> None:
    waiting = ask(shop, f"slow 20 {unique}", unique)
    until_running(store, shop, unique)
    asked_at = time.monotonic()
    answer = cancel(shop, unique)
    assert (answer.status, answer.content) == (200, b"")
    assert until_gone(store, shop, unique) < 1
    assert waiting.end().error == CANCELLED
    assert waiting.ended_at - asked_at < 2


def test_a_cancelled_query_leaves_nothing_in_the_cache(shop: Api, store: Any, unique: str) -> None:  # R9
    insight = shop.post("insights/", {"query": question(f"slow 20 {unique}")}).body["id"]
    waiting = ask(shop, f"slow 20 {unique}", unique)
    until_running(store, shop, unique)
    cancel(shop, unique)
    waiting.end()
    assert shop.get(f"insights/{insight}/").body["result"] is None


def test_who_waits_under_the_same_name_is_told(shop: Api, store: Any, unique: str) -> None:
    both = [ask(shop, f"slow 20 {unique}", unique) for _ in range(2)]
    until_running(store, shop, unique)
    time.sleep(0.3)
    cancel(shop, unique)
    assert [waiting.end().error for waiting in both] == [CANCELLED, CANCELLED]


def test_who_waits_under_another_name_goes_on(shop: Api, store: Any, unique: str) -> None:
    mine = ask(shop, f"slow 2 {unique}", f"mine-{unique}")
    until_running(store, shop, f"mine-{unique}")
    yours = ask(shop, f"slow 2 {unique}", f"yours-{unique}")
    time.sleep(0.3)
    cancel(shop, f"mine-{unique}")
    assert mine.end().error == CANCELLED
    assert yours.end().result == [{"count": 40}]


def test_a_follower_alone_can_be_cancelled(shop: Api, store: Any, unique: str) -> None:
    leader = ask(shop, f"slow 3 {unique}", f"leader-{unique}")
    until_running(store, shop, f"leader-{unique}")
    follower = ask(shop, f"slow 3 {unique}", f"follower-{unique}")
    time.sleep(0.5)
    asked_at = time.monotonic()
    cancel(shop, f"follower-{unique}")
    assert follower.end().error == CANCELLED
    assert follower.ended_at - asked_at < 1
    assert leader.end().result == [{"count": 60}]


def test_a_name_can_be_used_again_after_a_cancel(shop: Api, store: Any, unique: str) -> None:
    waiting = ask(shop, f"slow 20 {unique}", unique)
    until_running(store, shop, unique)
    cancel(shop, unique)
    waiting.end()
    assert ask(shop, f"slow 0.1 {unique}", unique).end().result == [{"count": 2}]


@pytest.mark.parametrize("run_id", ["unknown", "x" * 128, "%", "_", "a'b", "ü"])
def test_an_unknown_name(shop: Api, run_id: str) -> None:
    assert cancel(shop, run_id).status == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "required"), ({"client_query_id": None}, "null"), ({"client_query_id": "x" * 129}, "max_length")],
)
def test_a_name_is_needed(shop: Api, body: dict[str, Any], code: str) -> None:
    assert shop.post("insights/cancel/", body).error == (400, code, "client_query_id")


def test_neither_wildcards_nor_other_projects(shop: Api, store: Any, unique: str) -> None:
    waiting = ask(shop, f"slow 1.5 {unique}", unique)
    until_running(store, shop, unique)
    other = make_project()
    for run_id in (unique, "%", unique[:-1] + "_"):
        cancel(other, run_id)
        if run_id != unique:
            cancel(shop, run_id)
    assert waiting.end().result == [{"count": 30}]


# --- in the background -----------------------------------------------------------------------------------


def start(api: Api, what: str, run_id: str) -> Any:
    """A run that nobody has picked up."""
    assert ask(api, what, run_id, "force_async").end().status == 202
    return keeping.board().get(api.project.pk, run_id, now=api.now or clock.now())


def test_a_run_in_the_background_is_cancelled(shop: Api, store: Any, unique: str) -> None:
    with clock.frozen(shop.now):
        status = start(shop, f"slow 20 {unique}", unique)
    worker = Waiting(lambda: work(status))
    until_running(store, shop, unique)
    watched = shop.get(f"query/{unique}/", {"show_progress": "true"})
    progress_ = watched.body["query_status"]["query_progress"]
    assert (watched.status, set(progress_)) == (
        202,
        {"bytes_read", "rows_read", "estimated_rows_total", "time_elapsed", "active_cpu_time"},
    )
    assert all(isinstance(value, int) for value in progress_.values())
    assert shop.get(f"query/{unique}/").body["query_status"]["query_progress"] is None

    stopped = shop.delete(f"query/{unique}/")

    assert (stopped.status, stopped.body) == (200, {"message": background.Stopped.CANCELLED.value})
    assert until_gone(store, shop, unique) < 1
    worker.end()
    assert shop.get(f"query/{unique}/").status == 404


def work(status: Any) -> None:
    """What a worker does with a run."""
    tasks.compute(background.ticket_of(status), "some-task")


def test_a_queued_run_is_removed(shop: Api, store: Any, unique: str) -> None:
    status = start(shop, f"slow 20 {unique}", unique)
    assert cancel(shop, unique).status == 200
    assert shop.get(f"query/{unique}/").status == 404
    started = time.monotonic()
    work(status)  # the message comes late
    assert time.monotonic() - started < 1


def test_who_waits_for_a_cancelled_run_in_the_background(shop: Api, store: Any, unique: str) -> None:
    status = start(shop, f"slow 2 {unique}", unique)
    worker = Waiting(lambda: work(status))
    until_running(store, shop, unique)
    follower = ask(shop, f"slow 2 {unique}", f"other-{unique}")
    time.sleep(0.3)
    cancel(shop, unique)
    worker.end()
    assert follower.end().result == [{"count": 40}]


def test_only_what_waits_in_the_queue(shop: Api, store: Any, unique: str) -> None:  # api W4
    def dequeue(run_id: str) -> str:
        return str(shop.delete(f"query/{run_id}/?dequeue_only=true").body["message"])

    status = start(shop, f"slow 0.5 {unique}", unique)
    assert dequeue(unique) == background.Stopped.DEQUEUED
    assert dequeue(unique) == background.Stopped.UNKNOWN

    status = start(shop, f"slow 1 {unique}", unique)
    worker = Waiting(lambda: work(status))
    until_running(store, shop, unique)
    assert dequeue(unique) == background.Stopped.ALREADY_STARTED
    worker.end()
    assert shop.get(f"query/{unique}/").status == 200
    assert dequeue(unique) == background.Stopped.COMPLETE
    assert shop.delete(f"query/{unique}/").body["message"] == background.Stopped.COMPLETE
    assert shop.get(f"query/{unique}/").status == 200


@pytest.mark.parametrize(
    ("what", "status", "message"),
    [
        pytest.param("wrong", 400, "This is wrong.", id="a mistake of the caller is told"),
        pytest.param("broken", 500, None, id="one of ours is not"),
        pytest.param("many", 400, "The query hit the limit", id="a limit is told"),
    ],
)
def test_how_a_run_fails(shop: Api, unique: str, what: str, status: int, message: str | None) -> None:
    work(start(shop, f"{what} {unique}", unique))
    answer = shop.get(f"query/{unique}/")
    shown = answer.body["query_status"]
    assert (answer.status, shown["complete"], shown["error"], shown["results"]) == (status, True, True, None)
    assert shown["error_message"] == message or shown["error_message"].startswith(message)


def test_a_failing_query_is_not_hammered(shop: Api, unique: str) -> None:  # api R11
    work(start(shop, f"wrong {unique}", unique))
    again = ask(shop, f"wrong {unique}", None, "async").end()
    assert (again.status, again.body["query_status"]["id"]) == (200, unique)
    assert again.body["query_status"]["error"] is True
    forced = ask(shop, f"wrong {unique}", None, "force_async").end()
    assert (forced.status, forced.body["query_status"]["complete"]) == (202, False)


def test_a_failed_run_leaves_the_old_answer(shop: Api, unique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    what = f"slow 0.1 {unique}"
    ask(shop, what, None).end()
    status = start(shop, what, unique)
    monkeypatch.setitem(
        registry.KINDS,
        KIND,
        replace(SLOW_KIND, compile=lambda node, ctx: 1 / 0),  # type: ignore[arg-type]
    )
    work(status)
    assert shop.get(f"query/{unique}/").status == 500
    kept = ask(shop, what, None).end()
    assert (kept.result, kept.body["is_cached"]) == ([{"count": 2}], True)
