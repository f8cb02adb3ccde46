"""The same edges with less memory: those of the actors' parts added up, and ranked and cut only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from sys import intern
from typing import Any

from queries.errors import QueryTooExpensive
from queries.parts import Part, added, one_by_one
from queries.paths.items import Texts
from queries.paths.node import PathsFilter
from queries.paths.question import Question
from queries.paths.steps import traversals
from queries.plan import Plan, Result, Rows
from queries.sql.fragment import Sql, number, sql

PARTS = 8  # at first
MOST_EDGES = 500_000  # different ones, which are held here: some 100 MB

Sums = Mapping[tuple[str, str], tuple[int, int]]  # source and target -> traversals, microseconds in all


def in_parts(question: Question, shape: Callable[[Sequence[Rows]], Result]) -> Plan:
    def ask(part: Part) -> Sql:
        return _edges(Texts(question.in_part(part)))

    def finish(sums: Sums) -> Result:
        return shape([Rows(_ranked(sums, question))])

    nothing: Sums = {}
    return one_by_one(PARTS, ask, nothing, _add, finish)


def _edges(form: Texts) -> Sql:
    """Rows (source, target, times, total): all edges, as the least of one part may be the heaviest of all."""
    return sql(
        "SELECT concat(toString(place), '_', item) AS source,"
        " concat(toString(place + 1), '_', next) AS target, count() AS times, sum(took) AS total"
        " FROM ({traversals}) GROUP BY place, item, next LIMIT {limit}",
        traversals=traversals(form),
        limit=number(MOST_EDGES + 1),
    )


def _add(sums: Sums, rows: Sequence[tuple[Any, ...]]) -> Sums:
    edges = added(
        sums,
        # There are far fewer nodes than edges.
        (((intern(source), intern(target)), int(times), int(total)) for source, target, times, total in rows),
    )
    if len(edges) > MOST_EDGES:
        raise QueryTooExpensive(
            "The query hit the memory limit, and for an answer in parts of the actors its paths have too many"
            f" different edges: more than {MOST_EDGES:,}. Narrow the date range, group the items or use a"
            " lower `step_limit`.",
            code="rows_limit",
        )
    return edges


def _ranked(sums: Sums, question: Question) -> list[tuple[Any, ...]]:
    """Rows as the statement of everybody gives them (semantics G15-G19)."""
    options, factor = question.options, question.node.sampling_factor
    weighed = (
        # Rounded half to even as the store rounds, divided in floating point as it divides.
        (source, target, times if factor is None else round(times / factor), float(total) / times / 1000)
        for (source, target), (times, total) in sums.items()
    )
    shown = (row for row in weighed if _is_within(row[2], options))
    limit = options.effective_edge_limit
    return nsmallest(len(sums) if limit is None else limit, shown, key=lambda row: (-row[2], row[0], row[1]))


def _is_within(weight: int, options: PathsFilter) -> bool:
    low, high = options.min_edge_weight, options.max_edge_weight
    return (low is None or weight >= low) and (high is None or weight <= high)
