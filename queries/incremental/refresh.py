"""The plan of a trend that asks only for what is not known.

    nothing kept    cells and watermark in one statement, then what remains of the usual plan
    something kept  watermark; then the cells of the buckets it does not vouch for; then the same

A cell comes from the events its watermark counted, or from more: the watermark is read before it, or from
the same snapshot. More is harmless, the next watermark shows it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson

from queries.context import Identities, ProjectContext
from queries.dates import ResolvedRange, bucket_starts
from queries.earliest import with_earliest
from queries.incremental.known import Known, Seen, Slot, at, slots_of, with_record
from queries.incremental.proof import Provable, is_in_reach
from queries.incremental.record import MAX_CELLS, Bucket, Cell, Record, merged
from queries.incremental.watermark import Watermark, read_watermark, watermark
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.sql.events import Span
from queries.sql.fragment import Sql, bind, join, number, sql
from queries.trends.cells import cells as cells_of
from queries.trends.compile import plan_of
from queries.trends.node import TrendsQuery
from queries.trends.question import Question, understand
from queries.trends.ranking import is_ranked, placed
from queries.trends.request import cell_request
from queries.trends.shape import shape_trends

MAX_STRETCHES = 8  # of missing buckets, each a statement; the nearest ones are joined beyond that
CELLS_PER_VALUE = 500  # servers take at most 128 kB in one bound value
MARK = 255  # in place of a series: this row belongs to the watermark
# All subqueries of a statement read the same parts.
ONE_SNAPSHOT = "enable_shared_storage_snapshot_in_query"


Found = dict[int, list[Cell]]  # bucket key -> cells


@dataclass(frozen=True, slots=True)
class Refresh:
    """A question that is understood, and what is known of it before it is asked.

    `has_one_snapshot`: the store can read all parts of a statement from one snapshot.
    """

    question: Question
    known: Known
    has_one_snapshot: bool
    slots: tuple[tuple[Slot, ...], ...] = field(default=())  # by period

    @property
    def proof(self) -> Provable:
        return self.known.proof

    @property
    def ctx(self) -> ProjectContext:
        return self.question.ctx

    def every_slot(self) -> Iterator[Slot]:
        return (slot for of_period in self.slots for slot in of_period)


def refresh_plan(
    proof: Provable,
    node: TrendsQuery,
    ctx: ProjectContext,
    kept: Record | None,
    identities: Identities,
    *,
    has_one_snapshot: bool,
) -> Plan:
    """The plan of a provable trend. Its result is a `Refreshed`, equal to the one of the usual plan."""

    def begin(earliest: datetime | None) -> Plan:
        question = understand(node, ctx, earliest)
        known = Known(proof, question.ctx, kept or Record(), identities)
        refresh = Refresh(question, known, has_one_snapshot)
        return _begun(replace(refresh, slots=tuple(_slots(question, p) for p in question.periods)))

    return with_earliest(node, ctx, begin)


def _begun(refresh: Refresh) -> Plan:
    if not all(is_in_reach(at(slot.first), at(slot.end)) for slot in refresh.every_slot()):
        return plan_of(refresh.question)
    is_kept = any(refresh.known.bucket(slot) for slot in refresh.every_slot())
    if is_kept and not refresh.known.is_worthwhile(refresh.every_slot()):
        return plan_of(refresh.question)
    return _look(refresh) if is_kept or not refresh.has_one_snapshot else _everything(refresh)


# --- nothing kept ----------------------------------------------------------------------------------------


def _everything(refresh: Refresh) -> Plan:
    """Cells and watermark of each period out of one snapshot."""
    asked = [place for place, slots in enumerate(refresh.slots) if slots]
    statements = tuple(_marked_cells(refresh, place) for place in asked)

    def shape(found: Sequence[Rows]) -> Result | Plan:
        fresh = [Found() for _ in refresh.slots]
        marks: list[Rows] = []
        for place, rows in zip(asked, found, strict=True):
            marks.append(Rows([(key, n, 0) for series, _, key, n in rows.rows if series == MARK]))
            fresh[place] = _by_bucket(row for row in rows.rows if row[0] != MARK)
        return _put_together(refresh, fresh, read_watermark(marks))

    return Plan(statements, shape)


def _marked_cells(refresh: Refresh, place: int) -> Statement:
    slots = refresh.slots[place]
    mark = watermark(refresh.proof, refresh.ctx, at(slots[0].first), at(slots[-1].end))
    fragment = sql(
        "SELECT * FROM ({cells}) UNION ALL SELECT toUInt8({mark}), emptyArrayString(), toUInt32(hour),"
        " toFloat64(events) FROM ({watermark})",
        cells=_limited_cells(refresh, place, slots),
        mark=number(MARK),
        watermark=mark,
    )
    return statement(fragment, {ONE_SNAPSHOT: 1})


def _limited_cells(refresh: Refresh, place: int, slots: Sequence[Slot]) -> Sql:
    """The cells of a stretch of buckets, one more than can be kept at most."""
    within = Span(at(slots[0].first), at(slots[-1].end))
    question = replace(refresh.question, within=within)
    found = cells_of(cell_request(question, refresh.question.periods[place]))
    assert found is not None
    return sql(
        "SELECT series, breakdown, bucket, value FROM ({cells}) LIMIT {limit}",
        cells=found,
        limit=number(MAX_CELLS + 1),
    )


# --- something kept --------------------------------------------------------------------------------------


def _look(refresh: Refresh) -> Plan:
    """First what has happened since."""
    statements = refresh.known.look([slots for slots in refresh.slots if slots])
    return Plan(statements, lambda found: _ask_for_missing(refresh, refresh.known.seen(found)))


def _ask_for_missing(refresh: Refresh, seen: Seen) -> Result | Plan:
    fresh = [Found() for _ in refresh.slots]
    asked: list[tuple[int, Sequence[Slot]]] = []
    for place, slots in enumerate(refresh.slots):
        missing = [not refresh.known.holds(slot, seen) for slot in slots]
        fresh[place] = {
            slot.key: list(bucket.cells)
            for slot, is_missing in zip(slots, missing, strict=True)
            if not is_missing and (bucket := refresh.known.bucket(slot))
        }
        asked.extend((place, slots[first:end]) for first, end in stretches(missing))
    if not asked:
        return _put_together(refresh, fresh, seen.mark)

    def shape(found: Sequence[Rows]) -> Result | Plan:
        for (place, slots), rows in zip(asked, found, strict=True):
            for slot in slots:
                fresh[place].pop(slot.key, None)
            fresh[place].update(_by_bucket(rows.rows))
        return _put_together(refresh, fresh, seen.mark)

    return Plan(tuple(statement(_limited_cells(refresh, place, slots)) for place, slots in asked), shape)


def stretches(missing: Sequence[bool]) -> list[tuple[int, int]]:
    """The runs of true as half-open ranges; those with the smallest gaps joined until few enough remain."""
    edges = [place for place, (a, b) in enumerate(pairwise([False, *missing, False])) if a != b]
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    while len(runs) > MAX_STRETCHES:
        gaps = [after[0] - before[1] for before, after in pairwise(runs)]
        nearest = gaps.index(min(gaps))
        runs[nearest : nearest + 2] = [(runs[nearest][0], runs[nearest + 1][1])]
    return runs


# --- together --------------------------------------------------------------------------------------------


def _put_together(refresh: Refresh, found: Sequence[Found], mark: Watermark) -> Result | Plan:
    """The answer from all cells of all periods, in the store where values have to be ranked."""
    if any(sum(map(len, cells.values())) > MAX_CELLS for cells in found):
        return _given_up(plan_of(refresh.question), refresh.proof.name)
    record = _record(refresh, found, mark)
    if not is_ranked(refresh.question):
        return _refreshed(refresh, [_placed_rows(cells) for cells in found], record)
    asked = [place for place, slots in enumerate(refresh.slots) if slots]
    statements = tuple(
        statement(placed(given_cells(found[place]), refresh.question, refresh.question.periods[place]))
        for place in asked
    )

    def shape(ranked: Sequence[Rows]) -> Result:
        by_period: list[Rows] = [Rows(()) for _ in refresh.slots]
        for place, rows in zip(asked, ranked, strict=True):
            by_period[place] = rows
        return _refreshed(refresh, by_period, record)

    return Plan(statements, shape)


def _record(refresh: Refresh, found: Sequence[Found], mark: Watermark) -> Record:
    new: dict[int, Bucket] = {}
    for slots, cells in zip(refresh.slots, found, strict=True):
        if not cells.keys() <= {slot.key for slot in slots}:
            continue  # the store and the calendar disagree about a bucket: then it is not for keeping
        for slot in slots:
            new.setdefault(slot.key, refresh.known.fresh(slot, cells.get(slot.key, []), mark))
    return merged(refresh.known.record.buckets, new)


def _refreshed(refresh: Refresh, by_period: Sequence[Rows], record: Record) -> Result:
    return with_record(shape_trends(refresh.question, by_period), refresh.proof.name, record)


def _given_up(plan: Plan, name: str) -> Plan:
    """The usual plan, and a note for the next time that there is too much to keep."""

    def shape(found: Sequence[Rows]) -> Result | Plan:
        shaped = plan.shape(found)
        if isinstance(shaped, Plan):
            return _given_up(shaped, name)
        return with_record(shaped, name, Record(is_too_large=True))

    return Plan(plan.statements, shape)


def _by_bucket(rows: Iterable[tuple[Any, ...]]) -> Found:  # values of the engine
    found: Found = {}
    for series, breakdown, key, value in rows:
        found.setdefault(key, []).append((series, tuple(breakdown), value))
    return found


def _placed_rows(cells: Mapping[int, Sequence[Cell]]) -> Rows:
    """As `unranked` gives them."""
    return Rows(
        [(series, 1, value, key, n) for key, of_bucket in cells.items() for series, value, n in of_bucket]
    )


def given_cells(cells: Mapping[int, Sequence[Cell]]) -> Sql:
    """A SELECT of cells that are known, as `cells` would give them; numbers travel as their bits."""
    flat = [
        (series, value, key, _bits(n)) for key, of_bucket in cells.items() for series, value, n in of_bucket
    ]
    parts = [flat[start : start + CELLS_PER_VALUE] for start in range(0, len(flat), CELLS_PER_VALUE)] or [[]]
    selects = [
        sql(
            "SELECT cell.1 AS series, cell.2 AS breakdown, cell.3 AS bucket,"
            " reinterpretAsFloat64(cell.4) AS value FROM (SELECT arrayJoin(JSONExtract({cells},"
            " 'Array(Tuple(UInt8, Array(String), UInt32, UInt64))')) AS cell)",
            cells=bind(orjson.dumps(part).decode()),
        )
        for part in parts
    ]
    return join(" UNION ALL ", selects)


def _bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


# --- buckets ---------------------------------------------------------------------------------------------


def _slots(question: Question, period: ResolvedRange) -> tuple[Slot, ...]:
    """All buckets of a period in order, weekends and the running one included."""
    if period.is_empty:
        return ()
    span = question.span(period)
    assert span.start is not None and span.end is not None
    starts = list(bucket_starts(period.date_from, period.date_to, period.interval, period.week_start))
    return slots_of(starts, period, span.start, span.end)
