"""The shared parts of answering, wired to this service's stores: one set per process.

Redis clients are made when first used; none of these calls touches a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from insights_service import stores
from insights_service.config import get_config
from queries.cache.active import ActiveRuns
from queries.cache.connection import Connection, name
from queries.cache.fair_queue import FairQueue
from queries.cache.places import Places
from queries.cache.reads import PropertyReads
from queries.cache.single_flight import SingleFlight
from queries.cache.status import StatusBoard
from queries.cache.store import AnswerStore, CellStore


@cache
def _queue() -> Connection:
    return Connection(stores.queue_redis)


@cache
def _cache() -> Connection:
    return Connection(stores.cache_redis)


@cache
def answers() -> AnswerStore:
    """Finished answers."""
    return AnswerStore(_cache())


@cache
def cells() -> CellStore:
    """Parts of answers, for the next refresh."""
    return CellStore(_cache())


@contextmanager
def comparing(project_id: int, key: str, raw: bytes) -> Iterator[Callable[[], bool]]:
    """What it gives says whether the answer in the cache is these bytes still, and no run for it has begun.

    The question is on its way while the block runs: one round trip where cache and queue are the same Redis.
    Both may raise `CacheUnavailable`.
    """
    answer, run = name("answer", project_id, key), name("running", project_id, key)
    config = get_config()
    if config.effective_cache_url == config.redis_url:
        with _queue().asking("MGET", answer, run) as found:
            yield lambda: bool(found() == [raw, None])
    else:
        with _queue().asking("EXISTS", run) as runs, _cache().asking("GET", answer) as found:
            yield lambda: bool((runs(), found()) == (0, raw))


@cache
def flights() -> SingleFlight:
    """Who is computing what."""
    return SingleFlight(_queue())


@cache
def board() -> StatusBoard:
    """Runs in the background."""
    return StatusBoard(_queue())


@cache
def places() -> Places:
    """Whose query may ask the event store now."""
    return Places(_queue())


@cache
def waiting_runs() -> FairQueue:
    """Runs in the background that no worker has yet."""
    return FairQueue(_queue())


@cache
def property_reads() -> PropertyReads:
    """Which properties queries read."""
    return PropertyReads(_queue())


@cache
def active_runs() -> ActiveRuns:
    """Runs that can be cancelled by name."""
    return ActiveRuns(_queue())
