"""Files of events -> stored events, in bulk; plain or gzipped.

Running it again, also after it was cut off, stores nothing twice: a row without a uuid gets one that
follows from its content, so the store recognises it. One thread reads and parses while the other writes.
"""

from __future__ import annotations

import gc
import gzip
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

import orjson

from insights_service import clock
from insights_service.capture import times
from insights_service.capture.import_formats import FORMATS, Row, detect
from insights_service.capture.ingest import write_batch
from insights_service.capture.normalize import Arrival, Dropped, Event, UuidOrigin, normalize
from insights_service.capture.refusals import Refused

DEFAULT_BATCH_SIZE = 20_000
# Batches parsed ahead of the writer.
_AHEAD = 2
_REASONS = {
    "event_without_name": "The event has no name.",
    "event_without_distinct_id": "The event has no distinct_id.",
    "event_without_time": "The timestamp is missing, cannot be read, or is out of range (1970 to tomorrow).",
    "event_too_large": "The event is larger than 1 MB.",
    "event_too_deep": "The properties are nested more than 100 levels deep.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to read and write. `format` is a key of FORMATS, or None to tell it from the file."""

    project_id: int
    format: str | None = None
    naive_zone: tzinfo = UTC
    batch_size: int = DEFAULT_BATCH_SIZE
    dry_run: bool = False


@dataclass(slots=True)
class Report:
    """What became of the rows so far. `already_there`: stored before, or twice in this file."""

    read: int = 0
    stored: int = 0
    already_there: int = 0
    rejected: int = 0

    def __iadd__(self, other: Report) -> Report:
        self.read += other.read
        self.stored += other.stored
        self.already_there += other.already_there
        self.rejected += other.rejected
        return self


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out."""

    file: Path
    line: int
    reason: str


@dataclass(slots=True)
class Batch:
    """Some rows of a file: what can be stored, what cannot, and how far the file was read.

    `position` is in bytes of the file as it is on disk.
    """

    events: list[Event] = field(default_factory=list)
    rejected: list[tuple[Row, str]] = field(default_factory=list)
    position: int = 0

    def __len__(self) -> int:
        return len(self.events) + len(self.rejected)


class DamagedFile(Exception):
    """The file ends in the middle of its compressed data, or is none of the formats."""


def import_file(
    path: Path,
    options: Options,
    *,
    on_progress: Callable[[Report, int], None] = lambda report, bytes_read: None,
    on_rejected: Callable[[Rejected], None] = lambda rejected: None,
) -> Report:
    """Store the events of a file and tell what became of its rows.

    Bad rows are told to `on_rejected` and kept in `<file>.rejected.ndjson`. Raises OSError when the file
    cannot be read, DamagedFile when it ends too early (what came before is stored), and the stores'
    errors; in each case the same import can simply be run again.
    """
    report = Report()
    with ExitStack() as stack:
        stack.enter_context(_collecting_by_hand())
        batches = stack.enter_context(_Ahead(read_batches(path, options)))
        bad_rows = stack.enter_context(_BadRows(path))
        for batch in batches:
            for row, reason in batch.rejected:
                bad_rows.add(row, reason)
                on_rejected(Rejected(path, row.line, reason))
            report += _store(batch, options)
            on_progress(report, batch.position)
            gc.collect()
    return report


def _store(batch: Batch, options: Options) -> Report:
    """Write what can be stored, and count the rows of the batch."""
    report = Report(read=len(batch), rejected=len(batch.rejected))
    if batch.events and not options.dry_run:
        report.stored = write_batch(options.project_id, batch.events, now=clock.now())
        report.already_there = len(batch.events) - report.stored
    return report


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """Left alone, the garbage collector looks at each event dozens of times: a third of all work."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_batches(path: Path, options: Options) -> Iterator[Batch]:
    """The rows of a file, read and parsed. Raises as `import_file` does; writes nothing."""
    with path.open("rb") as raw, _unpacked(raw) as stream:
        beginning = stream.peek(64)[:64]
        rows = FORMATS[options.format or detect(path.name, beginning)](cast(IO[bytes], stream))
        reader = _RowReader(options)
        batch = Batch()
        try:
            for row in rows:
                reader.add(row, batch)
                if len(batch) >= options.batch_size:
                    batch.position = raw.tell()
                    yield batch
                    batch = Batch()
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            yield batch
            raise DamagedFile(f"{path} is damaged: {exc}") from exc
        batch.position = path.stat().st_size
        yield batch


def _unpacked(raw: BufferedReader) -> BufferedReader | gzip.GzipFile:
    """The stream of what is inside a gzipped file, or the file's own."""
    if raw.peek(2).startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    return raw


class _RowReader:
    """Rows of one file -> events with their uuids."""

    def __init__(self, options: Options) -> None:
        self._arrival = Arrival(
            now=times.microseconds(clock.now()),
            naive_zone=options.naive_zone,
            needs_time=True,
            make_uuid=lambda _: 0,  # see _ContentUuids
        )
        self._uuids = _ContentUuids(options.project_id)

    def add(self, row: Row, batch: Batch) -> None:
        """Put the row's event into the batch, or the row with the reason why not."""
        if row.event is None:
            batch.rejected.append((row, row.reason))
            return
        try:
            found = normalize(row.event, self._arrival)
        except Refused as refusal:
            batch.rejected.append((row, refusal.detail))
            return
        if isinstance(found, Dropped):
            batch.rejected.append((row, _REASONS[found.kind]))
            return
        if found.uuid_origin is UuidOrigin.MADE:
            self._uuids.give(found)
        batch.events.append(found)


class _ContentUuids:
    """Uuids that follow from what an event says, so that the same row always gets the same one.

    Rows of one file that say exactly the same are different events; the n-th of them gets the n-th uuid.
    Costs about 70 bytes of memory a row.
    """

    def __init__(self, project_id: int) -> None:
        self._project = project_id.to_bytes(8, "big")
        self._seen: set[int] = set()
        self._repeated: dict[int, int] = {}

    def give(self, event: Event) -> None:
        """Set the event's uuid."""
        said = orjson.dumps(
            [event.name, event.distinct_id, event.instant, event.properties], option=orjson.OPT_SORT_KEYS
        )
        bits = int.from_bytes(blake2b(said, digest_size=8, person=self._project).digest(), "big")
        if bits in self._seen:
            bits = self._of_repetition(bits)
        else:
            self._seen.add(bits)
        event.uuid = times.with_time_prefix(event.instant, bits)
        event.uuid_origin = UuidOrigin.DERIVED

    def _of_repetition(self, bits: int) -> int:
        count = self._repeated[bits] = self._repeated.get(bits, 0) + 1
        said = f"{bits}:{count}".encode()
        return int.from_bytes(blake2b(said, digest_size=8, person=self._project).digest(), "big")


class _BadRows:
    """The file beside the imported one that keeps its bad rows; made only when there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.rejected.ndjson")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _BadRows:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Row, reason: str) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
        kept = {"line": row.line, "reason": reason, "row": row.source or row.event}
        self._file.write(orjson.dumps(kept, default=str, option=orjson.OPT_APPEND_NEWLINE))


class _Ahead:
    """Runs an iterator in a thread of its own, a few items ahead; its exceptions come out at the end."""

    def __init__(self, items: Iterator[Batch]) -> None:
        self._items = items
        self._queue: queue.Queue[Batch | BaseException | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="import-reader", daemon=True)

    def __enter__(self) -> Iterator[Batch]:
        self._thread.start()
        return self._take()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        while self._thread.is_alive():
            # Makes room for an item that the thread is about to put.
            while not self._queue.empty():
                self._queue.get_nowait()
            self._thread.join(0.01)

    def _run(self) -> None:
        end: BaseException | None = None
        try:
            for item in self._items:
                self._queue.put(item)
                if self._stopping.is_set():
                    return
        except Exception as exc:
            end = exc
        self._queue.put(end)

    def _take(self) -> Iterator[Batch]:
        while not isinstance(item := self._queue.get(), BaseException | None):
            yield item
        if item is not None:
            raise item
