"""What a request spent its time on and which question it was about, told in the answer's headers.

Kept beside the request in a context variable; outside of requests nothing is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

QUERY_ID_HEADER = "X-Query-Id"
TIMING_HEADER = "Server-Timing"
CACHE_HEADER = "Cache-Status"  # RFC 9211


@dataclass(slots=True)
class Spent:
    """Seconds by part of the work, and the ids under which questions were answered."""

    seconds: dict[str, float] = field(default_factory=dict)
    query_ids: list[str] = field(default_factory=list)
    cache: str = ""  # what the last question found

    def headers(self, total_seconds: float) -> dict[str, str]:
        """`Server-Timing` in milliseconds; the query's id and what the cache had of it when there was one."""
        parts = {"total": total_seconds, **self.seconds}
        named = {QUERY_ID_HEADER: self.query_ids[0]} if len(self.query_ids) == 1 else {}
        found = {CACHE_HEADER: f"insights; {self.cache}"} if named and self.cache else {}
        return {TIMING_HEADER: told(parts), **named, **found}


def told(parts: Mapping[str, float]) -> str:
    """Seconds by part as `Server-Timing` says them."""
    return ", ".join(f"{part};dur={seconds * 1000:.1f}" for part, seconds in parts.items())


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


def begin() -> Spent:
    """Start noting for a request."""
    spent = Spent()
    _spent.set(spent)
    return spent


def spend(part: str, seconds: float) -> None:
    """Add to a part of the running request."""
    if spent := _spent.get():
        spent.seconds[part] = spent.seconds.get(part, 0.0) + seconds


def answered(query_id: str) -> None:
    """The running request has answered a question under this id."""
    if spent := _spent.get():
        spent.query_ids.append(query_id)


def found(cache: str) -> None:
    """What the cache had of the question that the running request has answered, as RFC 9211 says it."""
    if spent := _spent.get():
        spent.cache = cache
