"""What is kept of a question, and which of it still holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from queries.context import Identities, ProjectContext
from queries.dates import ResolvedRange, bucket_starts
from queries.incremental.proof import Lean, Provable
from queries.incremental.record import Bucket, Cell, Record
from queries.incremental.watermark import Watermark, newest_group, read_watermark, watermark
from queries.plan import Result, Rows, Statement, statement
from queries.sql.buckets import key_of
from queries.sql.fragment import EPOCH

# Below so many events of its names a question is computed as a whole sooner than a watermark is read.
WORTHWHILE_EVENTS = 200_000
LONGEST_BUCKET = timedelta(days=800)


@dataclass(frozen=True, slots=True)
class Refreshed(Result):
    """A result, and what to keep for the next time under which name."""

    name: str = ""
    record: Record = field(default_factory=Record)


def with_record(result: Result, name: str, record: Record) -> Refreshed:
    facts = {each.name: getattr(result, each.name) for each in fields(Result)}
    return Refreshed(**facts, name=name, record=record)


@dataclass(frozen=True, slots=True)
class Slot:
    """A bucket as far as the range holds it: key, and bounds in microseconds, half-open."""

    key: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the store has shown: the watermark, and the last revision that changed a group."""

    mark: Watermark
    newest_group: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept, and the state of persons before the question is asked again."""

    proof: Provable
    ctx: ProjectContext
    record: Record
    identities: Identities

    def bucket(self, slot: Slot) -> Bucket | None:
        """What is kept of exactly this part of a bucket."""
        found = self.record.buckets.get(slot.key)
        return found if found and (found.first, found.end) == (slot.first, slot.end) else None

    def is_worthwhile(self, slots: Iterable[Slot]) -> bool:
        """Whether what is kept of these is more than what computing it would cost."""
        return sum(bucket.events for bucket in self._buckets(slots)) >= WORTHWHILE_EVENTS

    def look(self, ranges: Sequence[Sequence[Slot]]) -> tuple[Statement, ...]:
        """Statements that show what has happened to these ranges since; `seen` reads their rows."""
        since = self._since(slot for slots in ranges for slot in slots)
        marks = [
            watermark(self.proof, self.ctx, at(slots[0].first), at(slots[-1].end), since=since)
            for slots in ranges
        ]
        groups = [newest_group(self.ctx)] if Lean.GROUPS in self.proof.leans else []
        return tuple(statement(fragment) for fragment in [*marks, *groups])

    def seen(self, found: Sequence[Rows]) -> Seen:
        """Read the rows of `look`."""
        if Lean.GROUPS not in self.proof.leans:
            return Seen(read_watermark(found), 0)
        return Seen(read_watermark(found[:-1]), int(found[-1].rows[0][0]))

    def holds(self, slot: Slot, seen: Seen) -> bool:
        """Whether the kept cells of a bucket are what asking again would give."""
        kept = self.bucket(slot)
        if kept is None or kept.events != seen.mark.of(slot.first, slot.end):
            return False
        if Lean.MEMBERS in self.proof.leans and kept.revision < self.identities.moved:
            return False
        return kept.revision >= seen.newest_group and not seen.mark.is_changed(slot.first, slot.end)

    def fresh(self, slot: Slot, cells: Sequence[Cell], mark: Watermark) -> Bucket:
        """A bucket as it has just been computed."""
        events = mark.of(slot.first, slot.end)
        return Bucket(slot.first, slot.end, events, self.identities.revision, tuple(cells))

    def _since(self, slots: Iterable[Slot]) -> int | None:
        """From which revision on changes of persons matter to what is kept; None when there were none."""
        if not self.proof.leans_on_persons:
            return None
        oldest = min((bucket.revision for bucket in self._buckets(slots)), default=self.identities.revision)
        leans_on_profiles = Lean.PROFILES in self.proof.leans
        last = self.identities.revision if leans_on_profiles else self.identities.moved
        return oldest if oldest < last else None

    def _buckets(self, slots: Iterable[Slot]) -> Iterator[Bucket]:
        return (found for slot in slots if (found := self.bucket(slot)))


def slots_of(
    starts: Sequence[datetime], period: ResolvedRange, start: datetime, end: datetime
) -> tuple[Slot, ...]:
    """These buckets, which follow each other, as far as they lie in start <= t < end."""
    first, last = micros(start), micros(end)
    edges = [micros(each) for each in [*starts, _next_start(starts[-1], period)]]
    return tuple(
        Slot(key_of(period.interval, bucket), max(edge, first), min(following, last))
        for bucket, (edge, following) in zip(starts, pairwise(edges), strict=True)
    )


def _next_start(start: datetime, period: ResolvedRange) -> datetime:
    later = (start.astimezone(UTC) + LONGEST_BUCKET).astimezone(period.zone)
    return next(islice(bucket_starts(start, later, period.interval, period.week_start), 1, None))


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def at(since_epoch: int) -> datetime:
    """The inverse of `micros`."""
    return EPOCH + timedelta(microseconds=since_epoch)
