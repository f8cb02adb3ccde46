"""Many questions at once: nobody is refused, nobody waits for another project's pile (places, fair queue)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from insights import compute, keeping
from insights_service import stores
from queries import registry
from queries.cache.connection import Connection
from queries.cache.fair_queue import FairQueue, Ticket
from queries.cache.places import _KEYS, Places, Room
from queries.errors import AtCapacity, QueryCancelled
from tests.api_client import Answer, Api, make_project
from tests.refresh.slow import KIND, SLOW_KIND, question

QUEUE = Connection(stores.queue_redis)


@pytest.fixture
def places(service: None) -> Places:
    with QUEUE.open() as redis:
        redis.delete(*_KEYS)
    return Places(QUEUE)


class Visitor:
    """Somebody who wants a place; `order` collects who got one, in turn."""

    def __init__(
        self, places: Places, project: int, room: Room, order: list[str], name: str = "", **more: Any
    ) -> None:
        self.may_leave, self.is_in, self.error = threading.Event(), threading.Event(), None
        options = {"patience_seconds": 20, **more}

        def visit() -> None:
            try:
                with places.held(project, room, **options):
                    order.append(name or str(project))
                    self.is_in.set()
                    self.may_leave.wait(30)
            except Exception as error:
                self.error = error

        self.thread = threading.Thread(target=visit)
        self.thread.start()
        time.sleep(0.05)

    def leave(self) -> None:
        self.may_leave.set()
        self.thread.join(10)


def test_the_line_is_fair_between_projects(places: Places) -> None:
    room, order = Room(1), []  # type: tuple[Room, list[str]]
    first = Visitor(places, 1, room, order, "one-a")
    waiting = [Visitor(places, 1, room, order, f"one-{letter}") for letter in "bcd"]
    late = Visitor(places, 2, room, order, "two-a")
    # With one place nobody holds two: who came first is next, whatever his project.
    everybody = [first, *waiting, late]
    for visitor in everybody:
        assert visitor.is_in.wait(5)
        visitor.leave()
    assert order == ["one-a", "one-b", "one-c", "one-d", "two-a"]


def test_a_project_with_fewer_places_goes_first(places: Places) -> None:
    room, order = Room(2), []  # type: tuple[Room, list[str]]
    holders = [Visitor(places, 1, room, order, f"one-{letter}") for letter in "ab"]
    waiting = [Visitor(places, 1, room, order, f"one-{letter}") for letter in "cd"]
    late = Visitor(places, 2, room, order, "two-a")
    holders[0].leave()
    assert late.is_in.wait(5)
    assert not any(visitor.is_in.is_set() for visitor in waiting)
    for visitor in [holders[1], *waiting, late]:
        visitor.may_leave.set()
    for visitor in waiting:
        visitor.leave()
    assert order[:3] == ["one-a", "one-b", "two-a"]


def test_a_project_has_a_limit_of_its_own(places: Places) -> None:
    room, order = Room(3, per_project=1), []  # type: tuple[Room, list[str]]
    visitors = [Visitor(places, project, room, order, str(project)) for project in (1, 1, 2)]
    assert visitors[2].is_in.wait(5)
    assert [visitor.is_in.is_set() for visitor in visitors] == [True, False, True]
    visitors[0].leave()
    assert visitors[1].is_in.wait(5)
    for visitor in visitors:
        visitor.leave()


def test_patience_has_an_end(places: Places) -> None:
    holder = Visitor(places, 1, Room(1), [])
    late = Visitor(places, 1, Room(1), [], patience_seconds=0.2)
    late.thread.join(5)
    assert isinstance(late.error, AtCapacity)
    holder.leave()
    last = Visitor(places, 1, Room(1), [])
    assert last.is_in.wait(1)
    last.leave()


def test_waiting_can_be_cancelled(places: Places) -> None:
    def stop() -> None:
        raise QueryCancelled("stop")

    holder = Visitor(places, 1, Room(1), [])
    late = Visitor(places, 1, Room(1), [], check=stop)
    late.thread.join(5)
    assert isinstance(late.error, QueryCancelled)
    holder.leave()


def test_who_died_holds_no_place(places: Places) -> None:
    with QUEUE.open() as redis:
        now = int(time.time() * 1000)
        redis.zadd(_KEYS[0], {"1:dead": now + 300})
        redis.zadd(_KEYS[1], {"1:gone": now - 1000})
        redis.zadd(_KEYS[2], {"1:gone": now - 1})
    visitor = Visitor(places, 1, Room(1), [])
    assert visitor.is_in.wait(2)
    visitor.leave()


def test_no_limit(places: Places) -> None:
    visitors = [Visitor(places, 1, Room(0), []) for _ in range(5)]
    assert all(visitor.is_in.wait(1) for visitor in visitors)
    for visitor in visitors:
        visitor.leave()


# --- the queue of background runs ------------------------------------------------------------------------


def test_projects_take_turns(service: None) -> None:
    queue = FairQueue(QUEUE)
    while queue.pop() is not None:
        pass
    for project, run in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")]:
        queue.push(Ticket(project, run, "token", "2024-01-01T00:00:00+00:00"))
    assert not queue.is_empty()
    popped = []
    while (ticket := queue.pop()) is not None:
        popped.append(ticket.run_id)
    assert popped == ["a", "x", "y", "b", "z", "c"]
    assert queue.is_empty()


# --- over HTTP -------------------------------------------------------------------------------------------


@pytest.fixture
def four_places(monkeypatch: pytest.MonkeyPatch, places: Places) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    monkeypatch.setattr(compute, "room", lambda: Room(4))
    yield


def at_once(apis: list[Api], unique: str) -> list[tuple[Answer, float]]:
    """A different question from each, all together; with the seconds each took."""

    def one(numbered: tuple[int, Api]) -> tuple[Answer, float]:
        number, api = numbered
        started = time.monotonic()
        try:
            body = {"query": question(f"slow 0.4 {unique}-{number}"), "refresh": "blocking"}
            return replace(api, client=Client()).post("query/", body), time.monotonic() - started
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(apis)) as pool:
        return list(pool.map(one, enumerate(apis)))


def test_fifty_different_questions_of_two_projects(four_places: None, unique: str) -> None:
    many, few = make_project(), make_project()
    asked = [many] * 46 + [few] * 4  # the few come last
    answers = at_once(asked, unique)
    assert Counter(answer.status for answer, _ in answers) == {200: 50}
    seconds = [took for _, took in answers]
    # 46 x 0.4 s on four places are 4.6 s; the few are through long before.
    assert max(seconds[46:]) < max(seconds[:46]) / 2
    with QUEUE.open() as redis:
        assert [redis.zcard(key) for key in _KEYS] == [0, 0, 0]


def test_who_finds_no_place_is_told_so(
    four_places: None, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = make_project()
    holders = [Visitor(keeping.places(), 999, Room(4), []) for _ in range(4)]
    monkeypatch.setattr("insights.compute.PATIENCE", 0.01)
    insight = api.post("insights/", {"query": question(f"slow 0.1 {unique}")}).body["id"]
    query = api.post("query/", {"query": question(f"slow 0.1 {unique}")})
    assert query.error == (503, "at_capacity", None)
    assert "4 queries are running" in query.body["detail"] and query.headers["Retry-After"]
    shown = api.get(f"insights/{insight}/", {"refresh": "blocking"})
    assert shown.body["query_status"]["error_message"] == "concurrency_limit_exceeded"  # api R14
    for holder in holders:
        holder.leave()
