"""At most one computation of the same answer at a time, over all processes (api R11).

Whoever sets the lock computes and keeps the lock alive from a thread; the others wait for its outcome. A
leader that dies stops renewing: the lock lapses and one of those waiting takes over. Times are those of the
machine, never the clock of a request, which tests may hold.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TypeVar

import orjson

from queries import errors
from queries.cache.connection import CacheUnavailable, Connection, name, text
from queries.context import Limits
from queries.errors import OutOfMemory, QueryCancelled, QueryError, QueryTimedOut, QueryTooExpensive

T = TypeVar("T")

LEASE_SECONDS = 8.0
BEAT_SECONDS = 0.5
OUTCOME_SECONDS = 60  # how long followers can still learn how a flight ended
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.01, 0.15

# KEYS: lock, outcome. ARGV: own token, outcome JSON, seconds. The outcome is told, then the lock is free.
_LAND = """
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
# KEYS: lock. ARGV: own token, milliseconds. Somebody else's lock is left alone.
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""


class FlightFailed(Exception):
    """The run that was waited for failed for a reason of our own; it is in the log of whoever ran it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a flight ended. `error` is the name of a class of `queries.errors`, or empty for our own fault."""

    is_success: bool
    error: str = ""
    detail: str = ""
    code: str = ""
    attr: str | None = None
    limits: Mapping[str, float | None] | None = None  # what the leader could use

    def raised(self) -> Exception:
        """The error of the leader, for a follower to raise."""
        kind = ERROR_CLASSES.get(self.error)
        if kind is None:
            return FlightFailed("The run that was waited for failed.")
        return kind(self.detail, code=self.code, attr=self.attr)


ERROR_CLASSES: Mapping[str, type[QueryError]] = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, QueryError)
}


HIT_A_LIMIT = frozenset(kind.__name__ for kind in (QueryTimedOut, QueryTooExpensive, OutOfMemory))


class SingleFlight:
    """The lock of every answer that is being computed."""

    def __init__(self, connection: Connection, lease_seconds: float = LEASE_SECONDS) -> None:
        self._connection = connection
        self._lease = str(int(lease_seconds * 1000))

    def fly(
        self,
        project_id: int,
        key: str,
        *,
        lead: Callable[[], T],
        follow: Callable[[], T | None],
        limits: Limits,
        check: Callable[[], None] = lambda: None,
        beat: Callable[[], None] = lambda: None,
    ) -> T:
        """What `lead` returns, or what `follow` finds after somebody else led.

        `follow` returns None when the leader's answer is not to be found; then we lead. `check` is called
        while waiting and raises to give up; `beat` is called from a thread while leading.

        Errors of a leader reach its followers, except for those that concern the leader alone: that it
        was cancelled, or hit a limit and could use less than we can. Raises `CacheUnavailable` when no
        lock can be had, before anything was computed.
        """
        deadline = time.monotonic() + limits.timeout_seconds
        while True:
            holder = self._take(project_id, key)
            if holder.is_ours:
                return self._lead(_Flight(project_id, key, holder.token, limits), lead, beat)
            outcome = self._await(project_id, key, holder.token, deadline, check)
            if outcome is None or self._is_leaders_own(outcome, limits):
                continue
            if not outcome.is_success:
                raise outcome.raised()
            found = follow()
            if found is not None:
                return found
            return lead()

    def is_flying(self, project_id: int, key: str) -> bool:
        """Whether somebody is computing this answer."""
        with self._connection.open() as redis:
            return bool(redis.exists(name("flight", project_id, key)))

    # --- leading -----------------------------------------------------------------------------------------

    def _take(self, project_id: int, key: str) -> _Holder:
        token = uuid.uuid4().hex
        with self._connection.open() as redis:
            held_by = redis.set(
                name("flight", project_id, key), token, nx=True, get=True, px=int(self._lease)
            )
        return _Holder(token, True) if held_by is None else _Holder(text(held_by), False)

    def _lead(self, flight: _Flight, lead: Callable[[], T], beat: Callable[[], None]) -> T:
        def keep() -> None:
            self._renew(flight)
            beat()

        outcome = Outcome(False)
        try:
            with beating(keep):
                result = lead()
            outcome = Outcome(True)
            return result
        except QueryError as error:
            kind = type(error).__name__
            outcome = Outcome(False, kind, error.detail, error.code, error.attr, asdict(flight.limits))
            raise
        finally:
            self._land(flight, outcome)

    def _renew(self, flight: _Flight) -> None:
        with self._connection.open() as redis:
            redis.eval(_RENEW, 1, flight.lock, flight.token, self._lease)

    def _land(self, flight: _Flight, outcome: Outcome) -> None:
        told = orjson.dumps(outcome)
        place = name("outcome", flight.project_id, flight.token)
        # Without the cache the lock lapses by itself, and followers notice that.
        with suppress(CacheUnavailable), self._connection.open() as redis:
            redis.eval(_LAND, 2, flight.lock, place, flight.token, told, str(OUTCOME_SECONDS))

    # --- following ---------------------------------------------------------------------------------------

    def _await(
        self, project_id: int, key: str, leader: str, deadline: float, check: Callable[[], None]
    ) -> Outcome | None:
        """How the leader's flight ended; None when it ended without saying so."""
        wait = FIRST_WAIT_SECONDS
        while True:
            with self._connection.open() as redis:
                told, holder = redis.mget(
                    name("outcome", project_id, leader), name("flight", project_id, key)
                )
            if told is not None:
                return Outcome(**orjson.loads(told))
            if holder is None or text(holder) != leader:
                return None
            check()
            if time.monotonic() > deadline:
                raise QueryTimedOut("The same query is still running. Try again shortly.")
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST_WAIT_SECONDS)

    @staticmethod
    def _is_leaders_own(outcome: Outcome, limits: Limits) -> bool:
        if outcome.error in HIT_A_LIMIT and outcome.limits is not None:
            return not Limits(**outcome.limits).cover(limits)  # type: ignore[arg-type]  # read from JSON
        return outcome.error == QueryCancelled.__name__


@dataclass(frozen=True, slots=True)
class _Flight:
    project_id: int
    key: str
    token: str
    limits: Limits

    @property
    def lock(self) -> str:
        return name("flight", self.project_id, self.key)


@dataclass(frozen=True, slots=True)
class _Holder:
    token: str
    is_ours: bool


@contextmanager
def beating(beat: Callable[[], None], every_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Call `beat` now and then from a thread while the block runs. An absent cache is tried again."""
    ended = threading.Event()

    def keep_beating() -> None:
        while not ended.wait(every_seconds):
            with suppress(CacheUnavailable):
                beat()

    thread = threading.Thread(target=keep_beating, name="beating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
