"""Instants on the wire -> microseconds since 1970, and ids that sort by them. Pure.

An instant is an `int` of microseconds UTC everywhere in the intake: exact, cheap to compare, and the very
number the event store keeps.
"""

from __future__ import annotations

import math
import secrets
from datetime import UTC, datetime, tzinfo

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What the event store's DateTime64(6) can hold; anything else is nonsense as an event's time.
EARLIEST = 0
LATEST = 10_413_792_000 * SECOND - 1  # the last microsecond of 2299
# A bare number is an epoch only where it can be told apart: seconds from 1973 on, milliseconds likewise.
_EPOCH_SECONDS = range(100_000_000, 10_000_000_000)
_EPOCH_MILLISECONDS = range(100_000_000_000, 10_000_000_000_000)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def moment(instant: int) -> datetime:
    """The aware UTC datetime of an instant in microseconds."""
    seconds, rest = divmod(instant, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def parse_instant(value: object, *, naive_zone: tzinfo = UTC) -> int | None:
    """Microseconds of an ISO-8601 text (without offset: in `naive_zone`) or of an epoch number.

    None when it cannot be read, or lies outside what the event store holds (1970-2299).
    """
    if type(value) is str:
        return _parse_text(value, naive_zone)
    if type(value) is int or type(value) is float:
        return _parse_epoch(value)
    return None


def _parse_text(text: str, naive_zone: tzinfo) -> int | None:
    try:
        parsed = datetime.fromisoformat(text.strip())
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=naive_zone)
        instant = microseconds(parsed)
    except (ValueError, OverflowError):
        return None
    return instant if EARLIEST <= instant <= LATEST else None


def _parse_epoch(number: int | float) -> int | None:
    if not math.isfinite(number):
        return None
    if int(number) in _EPOCH_MILLISECONDS:
        return round(number * 1000)
    if int(number) in _EPOCH_SECONDS:
        return round(number * SECOND)
    return None


def time_ordered_uuid(instant: int) -> int:
    """A fresh random uuid, as an integer, that sorts by the event's time (version 7 of RFC 9562)."""
    return with_time_prefix(instant, secrets.randbits(64))


def with_time_prefix(instant: int, bits: int) -> int:
    """The uuid made of an instant (microseconds) and 62 of 64 bits: the same in, the same out."""
    milliseconds, microsecond = divmod(instant, 1000)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | microsecond << 2
    low = bits & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return high << 64 | low
