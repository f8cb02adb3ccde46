"""Redis as something that may be away: every call either works or raises `CacheUnavailable`, and soon.

Nothing in this package must fail because the cache is down; what cannot be looked up is computed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError, RedisError, TimeoutError

log = logging.getLogger(__name__)

PREFIX = "insights"
# After a failure nobody tries again for this long, or ten times as long as the failure took to show: a host
# that swallows packets delays few callers.
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class CacheUnavailable(Exception):
    """Redis did not answer. Callers go on without it."""


class Connection:
    """A Redis client, made when first needed, with a pause after each failure. Safe between threads."""

    def __init__(self, connect: Callable[[], Redis], pause_seconds: float = PAUSE_SECONDS) -> None:
        self._connect = connect
        self._pause_seconds = pause_seconds
        self._paused_until = 0.0
        self._own = threading.local()

    @contextmanager
    def open(self) -> Iterator[Redis]:
        """The client, for a few calls. RedisError inside the block becomes `CacheUnavailable`."""
        if time.monotonic() < self._paused_until:
            raise CacheUnavailable("The cache did not answer a moment ago.")
        started = time.monotonic()
        try:
            yield self._connect()
        except RedisError as error:
            log.warning("cache_unavailable: %s: %s", type(error).__name__, error)
            if isinstance(error, ConnectionError | TimeoutError):
                self._pause(time.monotonic() - started)
            raise CacheUnavailable("The cache does not answer.") from error

    @contextmanager
    def asking(self, *command: str) -> Iterator[Callable[[], Any]]:
        """Sends a command when the block begins; call what it gives for the answer, when it is needed.

        Over a connection that this thread keeps for itself: a quarter of the cost of the client's way, which
        takes one from the pool, looks whether it is alive and gives it back. For what is asked at every
        request. An answer that was not fetched never becomes that of the next command.
        """
        with self.open() as redis:
            line = getattr(self._own, "line", None)
            if line is None:
                line = self._own.line = redis.connection_pool.make_connection()
            try:
                line.send_packed_command(line.pack_command(*command), check_health=False)
                is_open = True
            except ConnectionError:  # the server may have been started again since; the client finds out
                is_open = False

            def answer() -> Any:
                nonlocal is_open
                if is_open:
                    try:
                        found = line.read_response()
                        is_open = False
                        return found
                    except ConnectionError:  # as above
                        is_open = False
                return redis.execute_command(*command)  # type: ignore[no-untyped-call]

            try:
                yield answer
            finally:
                if is_open:
                    line.disconnect()

    def _pause(self, took_seconds: float) -> None:
        pause = min(max(self._pause_seconds, 10 * took_seconds), LONGEST_PAUSE_SECONDS)
        self._paused_until = time.monotonic() + pause


def name(kind: str, project_id: int, identifier: str) -> str:
    """The Redis key of one thing of one project; no two projects can meet."""
    return f"{PREFIX}:{kind}:{project_id}:{identifier}"


def text(raw: object) -> str:
    """What Redis gave for a text we wrote: bytes, unless the client was made to decode."""
    return raw.decode() if isinstance(raw, bytes) else str(raw)
