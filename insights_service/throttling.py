"""How often one caller may ask (api M16): requests per minute and per hour, computed questions per hour.

All off by default. Counted in fixed windows of the clock, in the shared cache, so that all web processes
count together; requests per user and key, computed questions per user and key and per project. An answer
that was kept costs no question. Every counted answer says in `RateLimit-*` headers what is left. Without
the cache nothing is counted and nobody refused.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.core.cache import cache
from redis import RedisError
from rest_framework.throttling import BaseThrottle

from insights_service import clock
from insights_service.budgets import Credential
from insights_service.config import Config, get_config
from queries.errors import TooManyQueries

HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Count:
    """Where a caller stands in one window."""

    limit: int
    used: int
    seconds_left: int

    def headers(self) -> dict[str, str]:
        """The answer's `RateLimit-*` headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.seconds_left),
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends the running request, and where he stands in each limit that has counted it."""

    name: str
    credential: Credential
    counts: list[Count] = field(default_factory=list)


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def note_caller(request: Any) -> None:
    """From here on the running request is this caller's."""
    _caller.set(Caller(caller_of(request), credential_of(request)))


def forget_caller() -> None:
    """A new request begins, whose caller is not known yet."""
    _caller.set(None)


def counts() -> list[Count]:
    """Where the caller of the running request stands."""
    caller = _caller.get()
    return caller.counts if caller else []


def credential() -> Credential:
    """In what capacity the caller of the running request asks; pages have sessions."""
    caller = _caller.get()
    return caller.credential if caller else Credential.SESSION


def charge_question(project_id: int) -> None:
    """Count a question that is to be computed for the running request.

    TooManyQueries when the caller, or everybody in the project together, had more than allowed this hour.
    What nobody asks for right now (background runs, warming) is not counted.
    """
    config, caller = get_config(), _caller.get()
    if caller is None:
        return
    limits = (
        ("key", caller.name, config.throttle_key_queries),
        ("project", str(project_id), config.throttle_project_queries),
    )
    for name, who, limit in limits:
        count = counted(f"{name}_queries", who, limit, HOUR_SECONDS)
        if count is not None and count.used > limit:
            error = TooManyQueries(
                f"This {name} had {limit} questions computed in this hour, which is the limit."
                " Kept answers are free: ask with refresh=force_cache."
            )
            error.wait = count.seconds_left
            raise error


def counted(name: str, who: str, limit: int, window_seconds: int) -> Count | None:
    """One more in the window that is running; None when there is no limit, or no cache to count in."""
    # A clock that stands still would never end a window.
    if not limit or get_config().test_clock:
        return None
    window, passed = divmod(int(clock.now().timestamp()), window_seconds)
    key = f"throttle:{name}:{who}:{window}"
    try:
        # Two steps, of which the second is atomic: whoever comes first makes the counter.
        cache.add(key, 0, timeout=window_seconds)
        count = Count(limit, cache.incr(key), window_seconds - passed)
    except (RedisError, ValueError):  # ValueError: the counter vanished in between
        return None
    counts().append(count)
    return count


class WindowThrottle(BaseThrottle):
    """A limit per window; 0 is no limit."""

    name: ClassVar[str]
    window_seconds: ClassVar[int]

    def limit(self, config: Config) -> int:
        """How many requests a window may hold."""
        raise NotImplementedError

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request; False when there were more than allowed in this window."""
        limit = self.limit(get_config())
        count = counted(self.name, caller_of(request), limit, self.window_seconds)
        if count is None:
            return True
        self.count = count
        return count.used <= limit

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.count.seconds_left


class BurstThrottle(WindowThrottle):
    """Requests per minute."""

    name = "burst"
    window_seconds = 60

    def limit(self, config: Config) -> int:
        """THROTTLE_BURST."""
        return config.throttle_burst


class SustainedThrottle(WindowThrottle):
    """Requests per hour."""

    name = "sustained"
    window_seconds = 3600

    def limit(self, config: Config) -> int:
        """THROTTLE_SUSTAINED."""
        return config.throttle_sustained


def caller_of(request: Any) -> str:
    """Whose requests are counted together: a key of a user, his sessions, or a guest's address."""
    if not request.user.is_authenticated:
        return f"guest:{address_of(request)}"
    return f"{request.user.pk}:{getattr(request.auth, 'pk', 'session')}"


def credential_of(request: Any) -> Credential:
    """The kind of credential that came with a request."""
    if not request.user.is_authenticated:
        return Credential.SHARED
    return Credential.SESSION if request.auth is None else Credential.KEY


def address_of(request: Any) -> str:
    """Where a request comes from; what the proxy in front says counts only when it is to be believed."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if get_config().trust_proxy else ""
    # The last address is the one our own proxy has seen; those before it are the caller's claims.
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def tightest(counts: list[Count]) -> Count | None:
    """The limit that will be hit first; its numbers go into the headers."""
    return min(counts, key=lambda count: count.limit - count.used, default=None)
