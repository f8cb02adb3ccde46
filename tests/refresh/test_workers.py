"""Real workers, killed without warning: every status ends, and ends right (api R13)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from insights import keeping, tasks
from insights_service import stores
from insights_service.celery import app
from queries.cache import status as status_module
from tests.api_client import Api, make_project
from tests.engines import URLS, _die_with_parent
from tests.refresh.slow import question

CHECKOUT = Path(__file__).resolve().parents[2]


class Workers:
    """Worker processes of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        number = len(self.processes)
        database = URLS["DATABASE_URL"].rsplit("/", 1)[0] + "/" + settings.DATABASES["default"]["NAME"]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.refresh.slow", str(self.folder / f"schedule{number}")],
            env={**os.environ, "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", database)},
            cwd=CHECKOUT,
            stdout=(self.folder / f"worker{number}.log").open("wb"),
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """All of them, the children of those that a test has killed included."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def workers(service: None, tmp_path: Path) -> Iterator[Workers]:
    app.control.purge()  # what other tests have put into the queue
    while keeping.waiting_runs().pop() is not None:
        pass
    stores.queue_redis().delete(status_module.WAITING)  # nobody is to find their tickets missing
    found = Workers(tmp_path)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.now = None  # workers live in real time
    return api


def start(api: Api, what: str, run_id: str) -> None:
    body = {"query": question(what), "refresh": "force_async", "client_query_id": run_id}
    assert api.post("query/", body).status == 202


def until(api: Api, run_id: str, condition: Any, seconds: float = 40) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        found = api.get(f"query/{run_id}/").body["query_status"]
        if condition(found):
            return dict(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def is_picked_up(found: dict[str, Any]) -> bool:
    return found["pickup_time"] is not None


def is_complete(found: dict[str, Any]) -> bool:
    return bool(found["complete"])


def test_a_worker_works(shop: Api, workers: Workers, unique: str) -> None:
    workers.start()
    start(shop, f"slow 0.5 {unique}", unique)
    ended = until(shop, unique, is_complete)
    assert (ended["error"], ended["results"]["results"]) == (False, [{"count": 10}])


def test_the_run_of_a_killed_worker_is_taken_over(
    shop: Api, workers: Workers, store: Any, unique: str
) -> None:
    first = workers.start()
    start(shop, f"slow 6 {unique}", unique)
    until(shop, unique, is_picked_up)
    first.send_signal(signal.SIGKILL)
    workers.start()
    ended = until(shop, unique, is_complete)
    assert (ended["error"], ended["results"]["results"]) == (False, [{"count": 120}])


def test_a_run_that_kills_its_workers_fails(shop: Api, workers: Workers, unique: str) -> None:
    start(shop, f"slow 20 {unique}", unique)
    victims: list[str] = []
    for _ in range(2):
        victim = workers.start()
        seen = until(shop, unique, lambda s: is_picked_up(s) and s["task_id"] not in victims)
        victims.append(seen["task_id"])
        victim.send_signal(signal.SIGKILL)
    workers.start()
    ended = until(shop, unique, is_complete)
    assert (ended["error"], ended["error_message"], ended["results"]) == (True, None, None)
    assert shop.get(f"query/{unique}/").status == 500


def test_a_ticket_that_was_lost_is_written_again(
    shop: Api, workers: Workers, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies after taking a run from the line and before saying so leaves no trace."""
    start(shop, f"slow 0.1 {unique}", unique)
    lost = keeping.waiting_runs().pop()
    assert lost is not None
    tasks.sweep()
    assert keeping.waiting_runs().pop() is None  # it may still be about to be picked up
    monkeypatch.setattr(status_module, "LOST_SECONDS", -1.0)
    for _ in range(2):  # once is enough
        tasks.sweep()
    assert keeping.waiting_runs().pop() == lost
    assert keeping.waiting_runs().pop() is None


def test_without_any_worker_left_the_run_has_failed(
    shop: Api, workers: Workers, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = workers.start()
    start(shop, f"slow 30 {unique}", unique)
    until(shop, unique, is_picked_up)
    only.send_signal(signal.SIGKILL)
    monkeypatch.setattr(status_module, "GONE_SECONDS", 3.0)
    ended = until(shop, unique, is_complete, seconds=10)
    assert (ended["error"], ended["error_message"]) == (True, None)


def test_a_run_that_nobody_picks_up_has_failed(
    shop: Api, workers: Workers, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "QUEUE_GRACE_SECONDS", -600.0 - status_module.GONE_SECONDS)
    start(shop, f"slow 1 {unique}", unique)
    ended = until(shop, unique, is_complete, seconds=5)
    assert (ended["error"], ended["pickup_time"]) == (True, None)
    monkeypatch.undo()
    start(shop, f"slow 0.1 {unique}", unique)  # it stands in nobody's way
    workers.start()
    assert until(shop, unique, is_complete)["error"] is False
