"""The only place that knows what time it is.

Normally the wall clock. A test may hold time still for one request (`insights_service.middleware`) and
for the background tasks that request starts (`insights_service.celery`), or for a block of code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_held: ContextVar[datetime | None] = ContextVar("held_instant", default=None)


def now() -> datetime:
    """This instant, aware and in UTC."""
    return _held.get() or datetime.now(UTC)


def held() -> datetime | None:
    """The instant time is held at here; None when it runs."""
    return _held.get()


@contextmanager
def frozen(instant: datetime | None) -> Iterator[None]:
    """Hold time at `instant` inside the block, in this thread only. None lets it run.

    ValueError when the instant has no offset from UTC.
    """
    if instant is not None and instant.tzinfo is None:
        raise ValueError("An instant needs an offset from UTC.")
    token = _held.set(instant.astimezone(UTC) if instant is not None else None)
    try:
        yield
    finally:
        _held.reset(token)


def read_instant(text: str) -> datetime:
    """ISO 8601 text as an instant; without an offset it is UTC. ValueError when it is neither."""
    instant = datetime.fromisoformat(text.strip())
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
