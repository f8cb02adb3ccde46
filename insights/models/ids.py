"""Identifiers the app makes up: short ids, share tokens, ids that sort by time. No database here."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

from insights_service.accounts.tokens import random_base62

SHORT_ID_LENGTH = 8
# Routes that stand where a short id stands in a path; they win over ids (api M6).
RESERVED_WORDS = frozenset(
    ("activity", "cancel", "funnel", "my_last_viewed", "path", "retention", "timing", "trend", "viewed")
)
# 32 bytes are 43 URL-safe characters; the contract asks for at least 22 (api Q3).
ACCESS_TOKEN_BYTES = 32


def new_short_id() -> str:
    """Eight random letters and digits that are neither a route nor a plain number (api M5, M6)."""
    while True:
        candidate = random_base62(SHORT_ID_LENGTH)
        if candidate not in RESERVED_WORDS and not candidate.isdigit():
            return candidate


def new_access_token() -> str:
    """Text that opens a shared insight or dashboard to whoever has it (api Q3)."""
    return secrets.token_urlsafe(ACCESS_TOKEN_BYTES)


_lock = threading.Lock()
_last_ticks = 0


def time_ordered_uuid() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): ids made later sort later, strictly so within one process.

    48 bits of milliseconds, 12 bits of the fraction below (244 ns each), 62 random bits. It is
    an identity, not a "now": records made under one frozen clock still keep their order.
    """
    global _last_ticks
    with _lock:
        _last_ticks = max(_last_ticks + 1, time.time_ns() * 4096 // 1_000_000)
        milliseconds, fraction = divmod(_last_ticks, 4096)
    head = (milliseconds << 16) | (7 << 12) | fraction
    tail = (0b10 << 62) | secrets.randbits(62)
    return uuid.UUID(int=(head << 64) | tail)
