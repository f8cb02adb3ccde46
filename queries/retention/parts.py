"""A table without a breakdown with less memory: the cells of the actors' parts added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from queries.parts import Part, added, one_by_one
from queries.plan import Plan, Result, Rows
from queries.retention.cells import cells
from queries.retention.question import Question
from queries.sql.fragment import Sql

PARTS = 8  # at first

Sums = Mapping[tuple[int, int], tuple[int, float]]  # row and column -> actors, amount


def in_parts(question: Question, shape: Callable[[Rows], Result]) -> Plan | None:
    """None with a breakdown, where an actor may count for several values."""
    if question.breakdown is not None:
        return None

    def ask(part: Part) -> Sql:
        return cells(replace(question, part=part))

    def finish(sums: Sums) -> Result:
        return shape(Rows([(1, (), *cell, *found) for cell, found in sums.items()]))

    nothing: Sums = {}
    return one_by_one(PARTS, ask, nothing, _add, finish)


def _add(sums: Sums, rows: Sequence[tuple[Any, ...]]) -> Sums:
    return added(
        sums, (((row, column), int(actors), float(amount)) for _, row, column, actors, amount in rows)
    )
