"""Cells as they are kept between two refreshes: by bucket, each with what it was computed from."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

# (series, breakdown value, number); see `queries.trends.cells`
Cell = tuple[int, tuple[str, ...], float]

MAX_CELLS = 20_000  # of one question; about 200 kB in the cache
_FORMAT = b"\x01"
_COMPRESSION_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """The cells of one bucket, or of the part of it that a range held.

    `first` and `end` bound the part in microseconds, half-open. `events` is how many events of the
    question's names lay in the hours around it when it was asked: events are only ever added, so as long as
    there are as many, they are the same ones. `revision` is the last change of persons it takes account of.
    """

    first: int
    end: int
    events: int
    revision: int
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Buckets by key. `is_too_large`: there are too many cells to keep; buckets are not kept then."""

    buckets: Mapping[int, Bucket] = field(default_factory=dict)
    is_too_large: bool = False

    def pack(self) -> bytes:
        buckets = [[key, b.first, b.end, b.events, b.revision, b.cells] for key, b in self.buckets.items()]
        return _FORMAT + zlib.compress(orjson.dumps([self.is_too_large, buckets]), _COMPRESSION_LEVEL)


def unpack(raw: bytes) -> Record | None:
    """The record, or None when another version of this program wrote it in a way unknown here."""
    if raw[:1] != _FORMAT:
        return None
    is_too_large, buckets = orjson.loads(zlib.decompress(raw[1:]))
    return Record(
        {
            key: Bucket(first, end, events, revision, tuple((s, tuple(b), v) for s, b, v in cells))
            for key, first, end, events, revision, cells in buckets
        },
        is_too_large,
    )


def merged(old: Mapping[int, Bucket], new: Mapping[int, Bucket]) -> Record:
    """The new buckets and, as far as there is room, the latest of the old ones beside them."""
    kept = dict(new)
    room = MAX_CELLS - sum(len(bucket.cells) + 1 for bucket in new.values())
    for key in sorted(old.keys() - new.keys(), reverse=True):
        room -= len(old[key].cells) + 1
        if room < 0:
            break
        kept[key] = old[key]
    return Record(kept)
