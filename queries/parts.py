"""A question answered in parts of its actors, one statement after the other, for when memory is short.

Whatever is counted or summed over actors adds up. Where a part is still too large, it and those after it are
halved; what has been added up already stays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from queries.plan import Plan, Result, Rows, statement
from queries.sql.actors import Actor
from queries.sql.fragment import TRUE, Sql, bind, sql

Part = tuple[int, int]  # which one, of how many
EVERYBODY: Part = (0, 1)
MOST_PARTS = 512

Sums = TypeVar("Sums")
Key = TypeVar("Key", bound=Hashable)
Number = TypeVar("Number", int, float)


def within(part: Part, actor: Actor) -> Sql:
    """Whether the event's actor is in the part of all actors."""
    which, parts = part
    if parts == 1:
        return TRUE
    return sql(
        "sipHash64({actor}) % {parts} = {part}",
        actor=actor.expression,
        parts=bind(parts, "UInt32"),
        part=bind(which, "UInt32"),
    )


def one_by_one(
    parts: int,
    ask: Callable[[Part], Sql],
    nothing: Sums,
    add: Callable[[Sums, Sequence[tuple[Any, ...]]], Sums],
    finish: Callable[[Sums], Result],
) -> Plan:
    """The rows of every part that `ask` asks for, added up from `nothing` on; `finish` makes the answer.

    `add` is pure: a part whose statement fails has added nothing.
    """

    def rest(left: Sequence[Part], sums: Sums) -> Plan:
        first, *others = left

        def shape(found: Sequence[Rows]) -> Result | Plan:
            added = add(sums, found[0].rows)
            return rest(others, added) if others else finish(added)

        def smaller() -> Plan | None:
            halves = [half for part in left for half in _halves(part)]
            return rest(halves, sums) if halves[0][1] <= MOST_PARTS else None

        return Plan((statement(ask(first)),), shape, smaller)

    return rest([(part, parts) for part in range(parts)], nothing)


def added(
    sums: Mapping[Key, tuple[int, Number]], rows: Iterable[tuple[Key, int, Number]]
) -> dict[Key, tuple[int, Number]]:
    """The sums with rows (key, count, amount) added to them."""
    found = dict(sums)
    for key, count, amount in rows:
        if key in found:
            count_before, amount_before = found[key]
            count, amount = count_before + count, amount_before + amount
        found[key] = count, amount
    return found


def _halves(part: Part) -> tuple[Part, Part]:
    which, parts = part
    return (which, 2 * parts), (which + parts, 2 * parts)
