"""Finished answers in Redis: compressed once when they are made, passed on as the JSON they are.

An entry is a header (what has to be known to judge the answer) and a body (its `results` as JSON). Readers
of a list look at headers only; a body is unpacked when somebody wants it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from queries.cache.connection import CacheUnavailable, Connection, name
from queries.plan import Result

LIFE = timedelta(days=7)  # api R9
FORMAT = b"\x01"  # first byte of an entry: how the rest is written
COMPRESSION_LEVEL = 1  # a sixth of the size in 70 microseconds for 20 kB; higher levels gain little
JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Header:
    """Everything about an answer but its `results`; the names are those of `queries.plan.Result`.

    `seconds`, `rows_read` and `bytes_read` are what computing it took.
    """

    last_refresh: datetime
    has_more: bool | None = None
    columns: Sequence[str] | None = None
    types: Sequence[Any] | None = None
    limit: int | None = None
    offset: int | None = None
    hogql: str | None = None
    resolved_date_range: Mapping[str, str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    rows_read: int = 0
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer. `packed` is its body as it lies in Redis, `raw` all that was read there."""

    header: Header
    packed: bytes
    raw: bytes | None = None

    @property
    def body(self) -> bytes:
        """`results` as JSON."""
        return zlib.decompress(self.packed)


def entry_of(
    result: Result, *, last_refresh: datetime, seconds: float = 0.0, rows_read: int = 0, bytes_read: int = 0
) -> Entry:
    """The entry of a result that was computed just now."""
    header = Header(
        last_refresh=last_refresh,
        has_more=result.has_more,
        columns=result.columns,
        types=result.types,
        limit=result.limit,
        offset=result.offset,
        hogql=result.hogql,
        resolved_date_range=result.resolved_date_range,
        extra=result.extra,
        seconds=seconds,
        rows_read=rows_read,
        bytes_read=bytes_read,
    )
    return Entry(header, zlib.compress(_json(result.results), COMPRESSION_LEVEL))


class AnswerStore:
    """Answers by project and cache key. Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, project_id: int, key: str, *, now: datetime) -> Entry | None:
        """The answer of that key, or None."""
        return self.get_many(project_id, [key], now=now)[0]

    def get_many(self, project_id: int, keys: Sequence[str], *, now: datetime) -> list[Entry | None]:
        """The answers of all keys in one round trip, None where there is none or it is a week old."""
        if not keys:
            return []
        with self._connection.open() as redis:
            found = redis.mget([name("answer", project_id, key) for key in keys])
        entries = [_unpack(raw) if isinstance(raw, bytes) else None for raw in found]
        return [entry if entry and now - entry.header.last_refresh <= LIFE else None for entry in entries]

    def put(self, project_id: int, key: str, entry: Entry) -> None:
        """Keep an answer for a week, in place of the one before."""
        with self._connection.open() as redis:
            redis.set(name("answer", project_id, key), _pack(entry), ex=int(LIFE.total_seconds()))

    def drop(self, project_id: int, key: str) -> None:
        """Forget one answer."""
        with self._connection.open() as redis:
            redis.delete(name("answer", project_id, key))


class CellStore:
    """Packed cells by project and name (`queries.incremental`). Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, project_id: int, cells: str) -> bytes | None:
        with self._connection.open() as redis:
            found = redis.get(name("cells", project_id, cells))
        return found if isinstance(found, bytes) else None

    def put(self, project_id: int, cells: str, packed: bytes) -> None:
        """Keep them for a week, in place of those before."""
        with self._connection.open() as redis:
            redis.set(name("cells", project_id, cells), packed, ex=int(LIFE.total_seconds()))


def _pack(entry: Entry) -> bytes:
    header = _json(asdict(entry.header))
    return b"".join((FORMAT, len(header).to_bytes(4, "big"), header, entry.packed))


def _unpack(raw: bytes) -> Entry | None:
    """The entry, or None when another version of this program wrote it in a way unknown here."""
    if raw[:1] != FORMAT:
        return None
    end = 5 + int.from_bytes(raw[1:5], "big")
    fields = orjson.loads(raw[5:end])
    fields["last_refresh"] = datetime.fromisoformat(fields["last_refresh"])
    return Entry(Header(**fields), raw[end:], raw)


def _json(value: Any) -> bytes:
    """JSON of anything a compiler's `shape` may return. NaN and infinities become null (semantics J6).

    The fast writer refuses whole numbers beyond 64 bits, which SQL can produce; the slow one writes them.
    """
    try:
        return orjson.dumps(value, default=str, option=JSON_OPTIONS)
    except TypeError:
        return json.dumps(value, default=str, separators=(",", ":")).encode()


__all__ = ["AnswerStore", "CacheUnavailable", "CellStore", "Entry", "Header", "entry_of"]
