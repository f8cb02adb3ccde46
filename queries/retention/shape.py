"""Rows of a retention table -> its answer (api V5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.plan import Result, Rows
from queries.retention.node import CellValue
from queries.retention.question import Question, column_labels, incomplete_columns
from queries.sql.breakdowns import OTHER

Value = tuple[str, ...]
Cell = tuple[int, float]  # distinct actors; the sum of the property
Table = dict[tuple[int, int], Cell]


def shape_retention(question: Question, found: Rows) -> Result:
    """One row per period, square; with a breakdown the rows of each value after another (H10, H15)."""
    tables = read_tables(question, found)
    if question.breakdown is None:
        rows = _rows(question, tables.get((), {}))
    else:
        shown = _shown(question, tables)
        rows = [
            row | {"breakdown_value": _wire_value(question, value)}
            for value, table in shown.items()
            for row in _rows(question, table)
        ]
    dates = {"date_from": question.starts[0].isoformat(), "date_to": question.end.isoformat()}
    return Result(results=rows, resolved_date_range=dates)


def read_tables(question: Question, found: Rows) -> dict[Value, Table]:
    """Breakdown value -> (row, column) -> (actors, amount)."""
    tables: dict[Value, Table] = {}
    for breakdown, row, column, actors, amount in found.rows:
        if row < len(question.starts) and column < question.columns:
            tables.setdefault(tuple(breakdown), {})[row, column] = (int(actors), float(amount))
    return tables


def _shown(question: Question, tables: Mapping[Value, Table]) -> dict[Value, Table]:
    """The values with most actors at the start, the rest added up as "other" (semantics H15)."""
    assert question.breakdown is not None
    ranked = sorted(tables, key=lambda value: (-_size(tables[value]), value))
    limit = question.breakdown.limit()
    shown = {value: tables[value] for value in ranked[:limit]}
    if len(ranked) > limit:
        shown[OTHER,] = _added([tables[value] for value in ranked[limit:]])
    return shown


def _size(table: Table) -> int:
    return sum(actors for (_, column), (actors, _) in table.items() if column == 0)


def _added(tables: list[Table]) -> Table:
    total: Table = {}
    for table in tables:
        for cell, (actors, amount) in table.items():
            before = total.get(cell, (0, 0.0))
            total[cell] = (before[0] + actors, before[1] + amount)
    return total


def _wire_value(question: Question, value: Value) -> Any:
    assert question.breakdown is not None
    if value == (OTHER,):
        return OTHER
    return list(value) if question.breakdown.is_list else value[0]


def _rows(question: Question, table: Table) -> list[dict[str, Any]]:
    labels = column_labels(question)
    rows = []
    for row, start in enumerate(question.starts):
        incomplete = set(incomplete_columns(question, row))
        values = [
            _cell(question, table.get((row, column), (0, 0.0)), label, column in incomplete)
            for column, label in enumerate(labels)
        ]
        label = f"{question.options.period} {row}"
        rows.append({"date": start.isoformat(), "label": label, "values": values})
    return rows


def _cell(question: Question, cell: Cell, label: str, is_incomplete: bool) -> dict[str, Any]:
    actors, amount = cell
    shaped: dict[str, Any] = {"count": actors, "label": label}
    if is_incomplete:
        shaped["is_incomplete"] = True  # H11: ours, so that clients need not work it out
    if question.options.aggregation_type is CellValue.SUM:
        shaped["aggregation_value"] = amount
    if question.options.aggregation_type is CellValue.AVG:
        shaped["aggregation_value"] = amount / actors if actors else 0.0  # H20
    return shaped
