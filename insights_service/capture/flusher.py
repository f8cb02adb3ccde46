"""Group commit: requests hand over their events and wait; one thread per process writes them together.

While one batch is being written the next one gathers, so a batch is as large as the load is high, and
a lone client never waits for company.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import (
    DataError,
    IntegrityError,
    close_old_connections,
    connection,
)

from insights_service import metrics
from insights_service.capture.ingest import STORE_IS_DOWN, write_batch
from insights_service.capture.normalize import Event
from insights_service.capture.refusals import Refused, invalid_payload
from insights_service.persons.values import Notice

MAX_BATCH_EVENTS = 10_000
MAX_WAITING_BYTES = 256 * 1024 * 1024
MAX_WAIT_SECONDS = 30
LINGER_SECONDS = 0.01

log = structlog.get_logger("insights.capture")


@dataclass(slots=True)
class Submission:
    """The events of one request, and the promise its thread waits for."""

    project_id: int
    now: datetime
    events: Sequence[Event]
    notices: Sequence[Notice]
    done: Future[None] = field(default_factory=Future)

    @property
    def bytes(self) -> int:
        return sum(len(event.properties_json) for event in self.events)


class Flusher:
    """The thread that writes and the queue before it. One per process, see `accept`."""

    def __init__(self) -> None:
        self._waiting: deque[Submission] = deque()
        self._waiting_bytes = 0
        self._last_size = 1
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def submit(self, submission: Submission) -> None:
        """Put it in the queue. Refused (at_capacity) when too much is waiting already."""
        with self._changed:
            size = submission.bytes
            if self._waiting and self._waiting_bytes + size > MAX_WAITING_BYTES:
                raise at_capacity()
            self._waiting.append(submission)
            self._waiting_bytes += size
            # Started on first use, so that a process which never captures has no thread.
            if self._thread is None or not self._thread.is_alive():
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name="capture-flusher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """Write what is waiting, then end the thread and its database connection."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                close_old_connections()
                flush(batch)
        finally:
            connection.close()

    def _next_batch(self) -> list[Submission]:
        """Submissions of one project, oldest first; waits for the first. Empty when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            # Those that were answered together come back together: wait for the last of them, not long.
            self._changed.wait_for(
                lambda: len(self._waiting) >= self._last_size or self._stopping, LINGER_SECONDS
            )
            batch: list[Submission] = []
            others: deque[Submission] = deque()
            room = MAX_BATCH_EVENTS
            for submission in self._waiting:
                if not batch or (room > 0 and submission.project_id == batch[0].project_id):
                    batch.append(submission)
                    room -= len(submission.events)
                    self._waiting_bytes -= submission.bytes
                else:
                    others.append(submission)
            self._waiting = others
            self._last_size = len(batch)
            return batch


def flush(batch: Sequence[Submission]) -> None:
    """Write a batch of one project and keep every promise in it, one way or the other."""
    try:
        _write(batch)
    except Exception as exc:
        if len(batch) > 1 and not isinstance(exc, STORE_IS_DOWN):
            # One of them is to blame; the others must not pay for it.
            for submission in batch:
                flush([submission])
            return
        _refuse(batch, exc)
    else:
        for submission in batch:
            submission.done.set_result(None)


def _write(batch: Sequence[Submission]) -> None:
    events = [event for submission in batch for event in submission.events]
    notices = [notice for submission in batch for notice in submission.notices]
    now = max(submission.now for submission in batch)
    stored = write_batch(batch[0].project_id, events[:MAX_BATCH_EVENTS], notices, now=now)
    for start in range(MAX_BATCH_EVENTS, len(events), MAX_BATCH_EVENTS):
        part = events[start : start + MAX_BATCH_EVENTS]
        stored += write_batch(batch[0].project_id, part, now=now)
    metrics.count_events(stored=stored, duplicate=len(events) - stored, dropped=len(notices))


def _refuse(batch: Sequence[Submission], exc: Exception) -> None:
    log.error("capture_failed", project=batch[0].project_id, error=type(exc).__name__, exc_info=exc)
    if isinstance(exc, STORE_IS_DOWN):
        exc = at_capacity()
    elif isinstance(exc, IntegrityError):
        exc = Refused("invalid_api_key", "The project of this token was deleted.")
    elif isinstance(exc, DataError):
        exc = invalid_payload("An event holds a value that cannot be stored.")
    metrics.count_events(refused=sum(len(submission.events) for submission in batch))
    for submission in batch:
        submission.done.set_exception(exc)


def at_capacity() -> Refused:
    """What a client is told when it should send the same again later (api X5)."""
    return Refused("at_capacity", "The event store is busy, send the events again shortly.")


flusher = Flusher()


def accept(project_id: int, events: Sequence[Event], notices: Sequence[Notice], *, now: datetime) -> None:
    """Return when the events are durable. Refused when they are not, or not known to be."""
    submission = Submission(project_id, now, events, notices)
    flusher.submit(submission)
    try:
        with metrics.CAPTURE_SECONDS.time():
            submission.done.result(MAX_WAIT_SECONDS)
    except WaitedTooLong as exc:
        raise at_capacity() from exc
