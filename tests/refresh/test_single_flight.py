"""Many who ask the same: one statement in the engine, whoever dies (api R11)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from insights_service import stores
from queries import registry
from queries.cache.connection import Connection, name
from queries.cache.single_flight import FlightFailed, SingleFlight
from queries.context import Limits
from queries.errors import InvalidQuery, OutOfMemory, QueryCancelled, QueryTimedOut, QueryTooExpensive
from tests.api_client import Answer, Api, make_project
from tests.refresh.slow import KIND, SLOW_KIND, question

LEASE_SECONDS = 1.5
QUEUE = Connection(stores.queue_redis)


@pytest.fixture(autouse=True)
def slow_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    yield


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    return make_project()


def at_once(count: int, call: Callable[[int], Answer]) -> list[Answer]:
    """The answers of `count` requests that start together, each on connections of its own."""
    start = threading.Barrier(count)

    def one(number: int) -> Answer:
        start.wait()
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def mine(api: Api) -> Api:
    return replace(api, client=Client())


def statements(store: Any, api: Api, key: str) -> int:
    """How many statements of this question the engine has run."""
    store.command("SYSTEM FLUSH LOGS")
    found = store.query(
        "SELECT count() FROM system.query_log WHERE type = 'QueryStart'"
        " AND JSONExtractString(log_comment, 'key') = {key:String}"
        " AND JSONExtractUInt(log_comment, 'project') = {project:UInt64}",
        parameters={"key": key, "project": api.project.pk},
    )
    return int(found.result_rows[0][0])


@pytest.mark.parametrize("mode", ["blocking", "force_blocking"])
def test_fifty_that_ask_the_same_cost_one_statement(shop: Api, store: Any, unique: str, mode: str) -> None:
    body = {"query": question(f"slow 2 {unique}"), "refresh": mode}
    answers = at_once(50, lambda _: mine(shop).post("query/", body))
    assert Counter(answer.status for answer in answers) == {200: 50}
    assert {answer.result[0]["count"] for answer in answers} == {40}
    assert Counter(answer.body["is_cached"] for answer in answers) == {False: 1, True: 49}
    assert statements(store, shop, answers[0].body["cache_key"]) == 1


def test_places_and_modes_share_one_flight(shop: Api, store: Any, unique: str) -> None:
    node = question(f"slow 1.5 {unique}")
    insight = shop.post("insights/", {"query": node}).body["id"]
    calls = [
        lambda api: api.post("query/", {"query": node}),
        lambda api: api.get(f"insights/{insight}/", {"refresh": "blocking"}),
        lambda api: api.get(f"insights/{insight}/", {"refresh": "force_blocking"}),
    ]
    answers = at_once(6, lambda number: calls[number % 3](mine(shop)))
    assert {answer.result[0]["count"] for answer in answers} == {30}
    assert statements(store, shop, shop.get(f"insights/{insight}/").body["filters_hash"]) == 1


def test_another_question_does_not_wait(shop: Api, unique: str) -> None:
    started = time.monotonic()
    answers = at_once(
        4, lambda number: mine(shop).post("query/", {"query": question(f"slow 1 {unique}{number}")})
    )
    assert not any(answer.body["is_cached"] for answer in answers)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("what", "status", "code"), [("wrong", 400, "invalid_input"), ("broken", 500, "error")]
)
def test_everybody_is_told_of_the_error(shop: Api, unique: str, what: str, status: int, code: str) -> None:
    shop.client.raise_request_exception = False
    answers = at_once(5, lambda _: _quiet(shop).post("query/", {"query": question(f"{what} {unique}")}))
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(status, code)}
    assert "secret" not in answers[0].content.decode()


def _quiet(api: Api) -> Api:
    return replace(api, client=Client(raise_request_exception=False))


# --- the lock itself -------------------------------------------------------------------------------------


@pytest.fixture
def flights(service: None) -> SingleFlight:
    return SingleFlight(QUEUE, LEASE_SECONDS)


def lead_until(event: threading.Event, outcome: Any = "led") -> Callable[[], Any]:
    def lead() -> Any:
        event.wait(30)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return lead


class Flyer:
    """Somebody who asks for the answer of `key` in a thread."""

    def __init__(
        self, flights: SingleFlight, key: str, lead: Any, follow: Any = lambda: "followed", **more: Any
    ) -> None:
        self.result: Any = None

        def fly() -> None:
            try:
                options = {"limits": Limits(30), **more}
                self.result = flights.fly(1, key, lead=lead, follow=follow, **options)
            except Exception as error:
                self.result = error

        self.thread = threading.Thread(target=fly)
        self.thread.start()
        time.sleep(0.1)

    def end(self) -> Any:
        self.thread.join(LEASE_SECONDS + 10)
        assert not self.thread.is_alive()
        return self.result


def test_the_second_follows(flights: SingleFlight, unique: str) -> None:
    landed = threading.Event()
    first, second = (Flyer(flights, unique, lead_until(landed)) for _ in range(2))
    assert flights.is_flying(1, unique)
    landed.set()
    assert (first.end(), second.end()) == ("led", "followed")
    assert not flights.is_flying(1, unique)


def test_who_finds_nothing_leads(flights: SingleFlight, unique: str) -> None:
    landed = threading.Event()
    first = Flyer(flights, unique, lead_until(landed))
    second = Flyer(flights, unique, lambda: "led too", follow=lambda: None)
    landed.set()
    assert (first.end(), second.end()) == ("led", "led too")


@pytest.mark.parametrize(
    ("error", "of_second"),
    [
        pytest.param(InvalidQuery("no", attr="x"), InvalidQuery, id="a mistake of the caller is everybody's"),
        pytest.param(ValueError("no"), FlightFailed, id="so is one of ours, without its text"),
        pytest.param(QueryTimedOut("no"), QueryTimedOut, id="and a limit that is the same for both"),
        pytest.param(QueryCancelled("no"), "led", id="who was not cancelled takes over"),
    ],
)
def test_errors_of_the_leader(flights: SingleFlight, unique: str, error: Exception, of_second: Any) -> None:
    landed = threading.Event()
    first = Flyer(flights, unique, lead_until(landed, error))
    second = Flyer(flights, unique, lambda: "led")
    landed.set()
    assert first.end() is error
    found = second.end()
    assert found == of_second if isinstance(of_second, str) else type(found) is of_second
    if isinstance(found, InvalidQuery):
        assert (found.detail, found.attr) == ("no", "x")


@pytest.mark.parametrize(
    ("of_first", "of_second", "error", "takes_over"),
    [
        pytest.param(Limits(5), Limits(600), QueryTimedOut("no"), True, id="more time"),
        pytest.param(Limits(600), Limits(5), QueryTimedOut("no"), False, id="less time"),
        pytest.param(Limits(5, 1), Limits(5, 2), OutOfMemory("no"), True, id="more memory"),
        pytest.param(Limits(5, 2), Limits(5, 2), OutOfMemory("no"), False, id="the same memory"),
        pytest.param(
            Limits(5, None, 1), Limits(5), QueryTooExpensive("no"), True, id="no limit of rows to read"
        ),
        pytest.param(
            Limits(5, None, None, 2), Limits(5, None, None, 1), QueryTooExpensive("no"), False,
            id="fewer rows of the result",
        ),
        pytest.param(Limits(5), Limits(600), InvalidQuery("no"), False, id="not about limits"),
    ],
)  # fmt: skip
def test_who_may_use_more_takes_over(
    flights: SingleFlight,
    unique: str,
    of_first: Limits,
    of_second: Limits,
    error: Exception,
    takes_over: bool,
) -> None:
    landed = threading.Event()
    first = Flyer(flights, unique, lead_until(landed, error), limits=of_first)
    second = Flyer(flights, unique, lambda: "led", limits=of_second)
    landed.set()
    assert first.end() is error
    found = second.end()
    assert found == "led" if takes_over else type(found) is type(error)


def test_waiting_has_an_end(flights: SingleFlight, unique: str) -> None:
    landed = threading.Event()
    first = Flyer(flights, unique, lead_until(landed))
    second = Flyer(flights, unique, lambda: "led", limits=Limits(0.3))
    assert isinstance(second.end(), QueryTimedOut)
    landed.set()
    assert first.end() == "led"


def test_a_dead_leader_is_replaced(flights: SingleFlight, unique: str) -> None:
    """A lock that nobody renews: its holder was killed."""
    with QUEUE.open() as redis:
        redis.set(name("flight", 1, unique), "a-dead-one", px=int(LEASE_SECONDS * 1000))
    started = time.monotonic()
    follower = Flyer(flights, unique, lambda: "led")
    assert follower.end() == "led"
    assert time.monotonic() - started < LEASE_SECONDS + 1


def test_a_long_flight_keeps_its_lock(flights: SingleFlight, unique: str) -> None:
    landed = threading.Event()
    first = Flyer(flights, unique, lead_until(landed))
    time.sleep(LEASE_SECONDS + 1)
    second = Flyer(flights, unique, lambda: "led twice")
    landed.set()
    assert (first.end(), second.end()) == ("led", "followed")
