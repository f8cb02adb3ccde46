"""Logging in with e-mail and password, a limited number of wrong tries at a time (api M12).

Both doors, `/api/login` and the page `/login/`, come through here. Wrong tries are counted in the shared
cache: per account and address together, and more generously per address and per account, so that neither
many accounts from one place nor one account from many places can be tried for long. Whoever waits is let
in again; nobody is locked out by what others do for longer than a window.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import authenticate, login
from django.core.cache import cache
from rest_framework.exceptions import Throttled

from insights_service.accounts.models import User
from insights_service.errors import InvalidInput
from insights_service.throttling import address_of

WINDOW_SECONDS = 300
TRIES_AT_ONCE = 10  # wrong passwords of one account from one address
TRIES_OF_ADDRESS = 50
TRIES_ON_ACCOUNT = 100
PREFIX = "login-tries"


@dataclass(frozen=True, slots=True)
class Counter:
    """Wrong tries of one kind within the window."""

    key: str
    most: int

    def take(self) -> bool:
        """Count a try; False when there were enough. The first one opens the window."""
        cache.add(self.key, 0, timeout=WINDOW_SECONDS)
        try:
            return int(cache.incr(self.key)) <= self.most
        except ValueError:  # the window ended between the two steps
            return True

    def give_back(self) -> None:
        """The try was a right one."""
        try:
            cache.decr(self.key)
        except ValueError:
            return


def log_in(request: Any, email: str, password: str) -> User:
    """Start a session on Django's request. InvalidInput for a wrong pair, Throttled after too many.

    Counted before the password is looked at: tries sent at the same moment are no way around.
    """
    email = email.strip()
    counters = _counters(email.lower(), address_of(request))
    if not all(counter.take() for counter in counters):
        raise Throttled(wait=WINDOW_SECONDS, detail="Too many wrong passwords.")
    user = authenticate(request, username=email, password=password)
    if user is None:
        raise InvalidInput("Invalid email or password.", code="invalid_credentials")
    for counter in counters:
        counter.give_back()
    login(request, user)
    return user


def _counters(email: str, address: str) -> list[Counter]:
    account = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return [
        Counter(f"{PREFIX}:both:{account}:{address}", TRIES_AT_ONCE),
        Counter(f"{PREFIX}:address:{address}", TRIES_OF_ADDRESS),
        Counter(f"{PREFIX}:account:{account}", TRIES_ON_ACCOUNT),
    ]
