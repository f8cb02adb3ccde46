"""The statements that run now: how many may, and how one is ended when its caller has gone."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from insights_service.embedded.gateway.wire import Refused

# A text setting without effect on results: it carries our own name of a statement, because chDB gives
# statements ids of its own, and `log_comment` belongs to the caller.
TAG_SETTING = "send_logs_source_regexp"


def new_tag() -> str:
    return "insights-" + os.urandom(8).hex()


class Places:
    """At most `count` statements at once; the next ones wait a while, then are told so."""

    def __init__(self, count: int, wait_seconds: float = 10) -> None:
        self._count = count
        self._wait_seconds = wait_seconds
        self._free = threading.BoundedSemaphore(count)
        self._closed = False

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place, after waiting for one. Raises Refused when there is none in time, or no more."""
        if self._closed or not self._free.acquire(timeout=self._wait_seconds):
            reason = "The gateway is stopping." if self._closed else f"Maximum: {self._count}."
            raise Refused(202, "TOO_MANY_SIMULTANEOUS_QUERIES", f"Too many simultaneous queries. {reason}")
        try:
            yield
        finally:
            self._free.release()

    def wait_until_empty(self, seconds: float) -> bool:
        """Whether everybody left within `seconds`."""
        end = time.monotonic() + seconds
        return all(self._free.acquire(timeout=max(0, end - time.monotonic())) for _ in range(self._count))


class CallerWatch:
    """Tells when a caller hangs up while its statement runs; idle, it costs nothing.

    Linux only: elsewhere nobody is watched, and a statement ends by its own time limit.
    """

    def __init__(self, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._tags: dict[int, str] = {}
        self._poll = select.epoll() if hasattr(select, "epoll") else None
        if self._poll:
            threading.Thread(target=self._watch, name="caller-watch", daemon=True).start()

    @contextmanager
    def watching(self, caller: socket.socket, tag: str) -> Iterator[None]:
        """Inside the block, `gone(tag)` is called once if `caller` closes its side."""
        if self._poll is None:
            yield
            return
        number = caller.fileno()
        self._tags[number] = tag
        self._poll.register(number, select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLONESHOT)
        try:
            yield
        finally:
            self._tags.pop(number, None)
            self._poll.unregister(number)

    def _watch(self) -> None:
        assert self._poll is not None
        while True:
            for number, _ in self._poll.poll():
                if tag := self._tags.get(number):
                    self._gone(tag)
