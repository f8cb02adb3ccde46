"""How often one caller may ask (api M16): a number per minute and a number per hour, off by default.

Counted per user and key in fixed windows of the clock, in the shared cache, so that all web processes
count together. Every counted answer says in `RateLimit-*` headers what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

from insights_service import clock
from insights_service.config import Config, get_config


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


class WindowThrottle(BaseThrottle):
    """A limit per window; 0 is no limit."""

    name: ClassVar[str]
    window_seconds: ClassVar[int]

    def limit(self, config: Config) -> int:
        """How many requests a window may hold."""
        raise NotImplementedError

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request; False when there were more than allowed in this window."""
        config = get_config()
        limit = self.limit(config)
        if not limit or config.test_clock:  # a clock that stands still would never end a window
            return True
        self.count = self._counted(caller_of(request), limit)
        request.rate_limits = [*getattr(request, "rate_limits", []), self.count]
        return self.count.used <= limit

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.count.seconds_left

    def _counted(self, caller: str, limit: int) -> Count:
        seconds = int(clock.now().timestamp())
        window, passed = divmod(seconds, self.window_seconds)
        key = f"throttle:{self.name}:{caller}:{window}"
        # Two steps, of which the second is atomic: whoever comes first makes the counter.
        cache.add(key, 0, timeout=self.window_seconds)
        return Count(limit, cache.incr(key), self.window_seconds - passed)


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


def address_of(request: Any) -> str:
    """Where a request comes from; what the proxy in front says counts only when it is to be believed."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if get_config().trust_proxy else ""
    # The last address is the one our own proxy has seen; those before it are the caller's claims.
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


def tightest(counts: list[Count]) -> Count | None:
    """The limit that will be hit first; its numbers go into the headers."""
    return min(counts, key=lambda count: count.limit - count.used, default=None)
