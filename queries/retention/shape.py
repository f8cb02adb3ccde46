"""Rows of a retention table -> its answer (api V5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from queries.plan import Result
from queries.retention.mean import mean_row
from queries.retention.node import CellValue
from queries.retention.question import Question, Value, column_labels, incomplete_columns
from queries.sql.breakdowns import ALL_USERS, OTHER

Cell = tuple[int, float]  # distinct actors; the sum of the property
Table = dict[tuple[int, int], Cell]
JsonRow = dict[str, Any]
NOBODY: Cell = (0, 0.0)
ALL_USERS_LABEL = "all users"


def shape_retention(question: Question, values: Sequence[Value], found: Sequence[Sequence[Any]]) -> Result:
    """One row per period, square; with a breakdown the rows of each value after another (H10, H15).

    `found` are rows (place, breakdown, row, column, actors, amount), `values` the breakdown values in order.
    """
    tables = _tables(question, found)
    means: Any
    if question.breakdown is None:
        rows = _rows(question, tables.get((), {}))
        means = mean_row(question, rows)
    else:
        rows, means = [], []
        for value in _listed(question, values):
            table = tables.get(value, {})
            marks = {"breakdown_value": wire_value(question, value)}
            if question.is_by_value:
                rows.append(marks | _row(question, table, 0, label_of(question, value)))
                continue
            of_value = _rows(question, table)
            rows.extend(row | marks for row in of_value)
            means.append(marks | {"values": mean_row(question, of_value)})
    return Result(results=rows, resolved_date_range=_dates(question), extra={"mean": means})


def _dates(question: Question) -> dict[str, str] | None:
    if question.is_empty:
        return None
    return {"date_from": question.starts[0].isoformat(), "date_to": question.end.isoformat()}


def _tables(question: Question, found: Sequence[Sequence[Any]]) -> dict[Value, Table]:
    """Breakdown value -> (row, column) -> (actors, amount)."""
    factor = question.node.sampling_factor or 1
    tables: dict[Value, Table] = {}
    for _, breakdown, row, column, actors, amount in found:
        cell = round(int(actors) / factor), float(amount) / factor  # D61
        tables.setdefault(tuple(breakdown), {})[int(row), int(column)] = cell
    return tables


def _listed(question: Question, values: Sequence[Value]) -> Sequence[Value]:
    """Listed cohorts keep the order asked for, and are there even without anybody (semantics D42)."""
    assert question.breakdown is not None
    cohorts = question.breakdown.cohorts
    return [(str(cohort),) for cohort in cohorts] if cohorts else values


def wire_value(question: Question, value: Value) -> Any:
    """A value as `breakdown_value`: a text, a list of them when asked with `breakdowns`, a cohort's id."""
    assert question.breakdown is not None
    if question.breakdown.cohorts:
        return value[0] if value[0] == ALL_USERS else int(value[0])
    if value == (OTHER,):
        return OTHER
    return list(value) if question.breakdown.is_list or len(value) > 1 else value[0]


def label_of(question: Question, value: Value) -> str:
    """The value in words: several joined by `::`, a cohort by its name (semantics H15, D42)."""
    assert question.breakdown is not None
    if not question.breakdown.cohorts:
        return "::".join(value)
    if value[0] == ALL_USERS:
        return ALL_USERS_LABEL
    cohort = question.ctx.cohorts.get(int(value[0]))
    return cohort.name if cohort else value[0]


def _rows(question: Question, table: Table) -> list[JsonRow]:
    rows = []
    for place, start in enumerate(question.starts):
        row = _row(question, table, place, f"{question.options.period} {place}")
        rows.append({"date": instant_text(start), **row})
    return rows


def instant_text(moment: datetime) -> str:
    """With its offset, `Z` for UTC (api V5)."""
    return moment.isoformat().removesuffix("+00:00") + ("Z" if not moment.utcoffset() else "")


def _row(question: Question, table: Table, place: int, label: str) -> JsonRow:
    incomplete = set() if question.is_by_value else set(incomplete_columns(question, place))
    values = [
        _cell(question, table.get((place, column), NOBODY), text, column in incomplete)
        for column, text in enumerate(column_labels(question))
    ]
    return {"label": label, "values": values}


def _cell(question: Question, cell: Cell, label: str, is_incomplete: bool) -> JsonRow:
    actors, amount = cell
    shaped: JsonRow = {"count": actors, "label": label}
    if is_incomplete:
        shaped["is_incomplete"] = True  # H11: ours, so that clients need not work it out
    if question.options.aggregation_type is CellValue.SUM:
        shaped["aggregation_value"] = amount
    if question.options.aggregation_type is CellValue.AVG:
        shaped["aggregation_value"] = amount / actors if actors else 0.0  # H20
    return shaped
