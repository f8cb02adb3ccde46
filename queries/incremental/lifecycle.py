"""The plan of a lifecycle that asks only for what is not known.

A bucket tells persons apart by the bucket before it, by when they were created, and by whether they were
active in the range before that (semantics I11). So it leans on all buckets before it: a change in one is
taken as a change in all that follow, and what is kept belongs to one beginning of the range. From the first
bucket that has changed on everything is asked anew, beginning with the bucket before. What such a question
cannot see is whether somebody who was created in its buckets had been active before them; the hourly
projection tells whether there is any such person, and if there is, the whole range is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from queries.context import Identities, ProjectContext
from queries.earliest import with_earliest
from queries.incremental.known import Known, Slot, at, slots_of, with_record
from queries.incremental.proof import (
    Provable,
    is_in_reach,
    leans_on,
    made_up_range,
    name_of,
    tables_of,
)
from queries.incremental.record import MAX_CELLS, Cell, Record
from queries.incremental.watermark import Watermark, whole_hours
from queries.lifecycle.compile import (
    Question,
    counts,
    plan_of,
    question_over,
    shape_lifecycle,
    understand,
)
from queries.lifecycle.node import LifecycleQuery
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.sql.events import project_condition, rollup
from queries.sql.fragment import number, sql
from queries.sql.series import matcher, names_of

# The only cell of the bucket before the range: what is kept belongs to a range that begins there.
BEGINNING: tuple[Cell, ...] = ((0, ("beginning",), 0.0),)

Numbers = Mapping[tuple[str, int], int]  # (status, place of the bucket) -> actors


@dataclass(frozen=True, slots=True)
class Refresh:
    """A question that is understood, and what is known of it. `slots[0]` is the bucket before the range."""

    question: Question
    known: Known
    slots: tuple[Slot, ...]


def provable_lifecycle(node: LifecycleQuery, ctx: ProjectContext) -> Provable | None:
    """The proof for a lifecycle of persons; None when there is none. Raises what compiling it raises.

    The range as it was written is part of the name: ranges with different beginnings share nothing.
    """
    question = question_over(node, ctx, made_up_range(node.interval, ctx))
    if question.series is None or node.aggregation_group_type_index is not None:
        return None
    counted = counts(question)
    tables = tables_of(counted)
    if tables is None or tables["events"] != 1:  # the scan of the range is one
        return None
    name = name_of(counted, node.to_wire().get("dateRange"))
    return Provable(name, leans_on(tables), names_of([matcher(question.series, ctx)]))


def refresh_lifecycle(
    proof: Provable, node: LifecycleQuery, ctx: ProjectContext, kept: Record | None, identities: Identities
) -> Plan:
    """The plan of a provable lifecycle. Its result is a `Refreshed`, equal to the one of the usual plan."""

    def begin(earliest: datetime | None) -> Plan:
        question = understand(node, ctx, earliest)
        if not question.buckets:
            return plan_of(question)
        period = question.period
        slots = slots_of(question.buckets, period, question.buckets[0], period.events_before)
        return _look(Refresh(question, Known(proof, ctx, kept or Record(), identities), slots))

    return with_earliest(node, ctx, begin)


def _look(refresh: Refresh) -> Plan:
    """First what has happened since: the watermark is read before the numbers."""
    known, slots = refresh.known, refresh.slots
    if not all(is_in_reach(at(slot.first), at(slot.end)) for slot in slots):
        return plan_of(refresh.question)
    if any(known.bucket(slot) for slot in slots) and not known.is_worthwhile(slots):
        return plan_of(refresh.question)

    def shape(found: Sequence[Rows]) -> Result | Plan:
        seen = known.seen(found)
        beginning = known.bucket(slots[0])
        if beginning is None or beginning.cells != BEGINNING:
            return _ask_for_everything(refresh, seen.mark)
        changed = (place for place, slot in enumerate(slots) if not known.holds(slot, seen))
        return _ask_from(refresh, next(changed, len(slots)), seen.mark)

    return Plan(known.look([slots]), shape)


def _ask_from(refresh: Refresh, first: int, mark: Watermark) -> Result | Plan:
    """Ask for the buckets from this place on; those before it hold."""
    if first == len(refresh.slots):
        return _refreshed(refresh, _kept_numbers(refresh, first), mark)
    if first <= 1:
        return _ask_for_everything(refresh, mark)

    def shape(found: Sequence[Rows]) -> Result | Plan:
        is_hidden = bool(found[0].rows[0][0])
        return _ask_for_everything(refresh, mark) if is_hidden else _ask_for_tail(refresh, first, mark)

    return Plan((_earlier_activity(refresh, first),), shape)


def _ask_for_tail(refresh: Refresh, first: int, mark: Watermark) -> Plan:
    """The buckets from this place on, by a question whose range begins with the first of them."""
    tail = replace(refresh.question, buckets=refresh.question.buckets[first - 1 :])

    def shape(found: Sequence[Rows]) -> Result:
        return _refreshed(refresh, {**_kept_numbers(refresh, first), **_read(found[0], first - 1)}, mark)

    return Plan((statement(counts(tail)),), shape)


def _ask_for_everything(refresh: Refresh, mark: Watermark) -> Plan:
    def shape(found: Sequence[Rows]) -> Result:
        return _refreshed(refresh, _read(found[0]), mark)

    return Plan((statement(counts(refresh.question)),), shape)


def _earlier_activity(refresh: Refresh, first: int) -> Statement:
    """One row: whether anybody created in the buckets from `first` on may have acted before the tail.

    Those who acted in its hours without meeting the question's filters count as well.
    """
    ctx, slots = refresh.question.ctx, refresh.slots
    created = sql(
        "{project} AND created_at >= fromUnixTimestamp64Micro({first}, 'UTC')",
        project=project_condition(ctx),
        first=number(slots[first].first),
    )
    # Old versions of a row may say otherwise; only what they suggest is read as it is now.
    persons = sql(
        "SELECT person_no AS no FROM person FINAL WHERE {created}"
        " AND person_no IN (SELECT person_no FROM person WHERE {created})",
        created=created,
    )
    others = sql(
        "SELECT actor_no AS no FROM actor_override WHERE {project} AND person_no IN ({persons})",
        project=project_condition(ctx),
        persons=persons,
    )
    first_hour, last_hour = whole_hours(at(slots[0].first), at(slots[first - 1].first))
    acted = rollup(
        ctx,
        [sql("groupBitmapState(actor_no) AS actors")],
        first_hour=first_hour,
        last_hour=last_hour,
        events=refresh.known.proof.events,
        tail=sql(""),
    )
    return statement(
        sql(
            "SELECT bitmapHasAny(actors, (SELECT groupBitmapState(no) FROM ({persons} UNION ALL {others})))"
            " FROM ({acted})",
            persons=persons,
            others=others,
            acted=acted,
        )
    )


def _read(rows: Rows, first: int = 0) -> dict[tuple[str, int], int]:
    """What `counts` has found in buckets from place `first` on; its own first one is not asked for."""
    return {(status, first + place): int(actors) for status, place, actors in rows.rows if place > 0}


def _kept_numbers(refresh: Refresh, end: int) -> dict[tuple[str, int], int]:
    """Of the buckets of the range before this place."""
    return {
        (status, place): int(actors)
        for place, slot in enumerate(refresh.slots[1:end], start=1)
        if (bucket := refresh.known.bucket(slot))
        for _, (status,), actors in bucket.cells
    }


def _refreshed(refresh: Refresh, numbers: Numbers, mark: Watermark) -> Result:
    cells: dict[int, tuple[Cell, ...]] = {0: BEGINNING}
    for (status, place), actors in numbers.items():
        cells[place] = (*cells.get(place, ()), (0, (status,), float(actors)))
    new = {
        slot.key: refresh.known.fresh(slot, cells.get(place, ()), mark)
        for place, slot in enumerate(refresh.slots)
    }
    is_too_large = len(numbers) + len(new) > MAX_CELLS
    record = Record(is_too_large=True) if is_too_large else Record(new)
    return with_record(shape_lifecycle(refresh.question, numbers), refresh.known.proof.name, record)
