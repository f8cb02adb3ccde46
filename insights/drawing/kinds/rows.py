"""Rows under columns: SQL, events, actors, correlation (api V8, V9, V11)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from insights.drawing.asked import Asked
from insights.drawing.drawing import Cell, Sketch, Table
from insights.drawing.numbers import exact, is_number
from insights.drawing.tables import table_sketch

MOST_ROWS = 500
CORRELATION = ["Event", "Converted", "Dropped", "Odds ratio"]


def rows_table(asked: Asked) -> Sketch | None:
    """The rows as they came, the first ones."""
    rows = [list(row.values()) if isinstance(row, Mapping) else row for row in asked.result[:MOST_ROWS]]
    rows = [row if isinstance(row, list) else [row] for row in rows]
    if not rows:
        return None
    columns = list(asked.columns or [f"column {number + 1}" for number in range(len(rows[0]))])
    return _sketch(asked, columns, rows, len(asked.result))


def correlation_table(asked: Asked) -> Sketch | None:
    """What people did who converted more, or less, often."""
    result = asked.result
    found = result.get("events") if isinstance(result, Mapping) else result
    if not found:
        return None
    return _sketch(asked, CORRELATION, list(_correlations(found[:MOST_ROWS])), len(found))


def _sketch(asked: Asked, columns: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> Sketch:
    cells = [[cell_of(value) for value in row] for row in rows]
    table = Table(columns, cells, heads=0, left_out=count - len(rows))
    plural = "" if count == 1 else "s"
    return table_sketch(asked, table, f"{count:,} row{plural}: {', '.join(map(str, columns[:6]))}.")


def cell_of(value: Any) -> Cell:
    """Any value of a row."""
    if is_number(value):
        return Cell(exact(value), is_number=True)
    if value is None:
        return Cell("–")
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    return Cell(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _correlations(found: Sequence[Any]) -> Iterable[list[Any]]:
    for row in found:
        event = row.get("event")
        name = event.get("event") if isinstance(event, Mapping) else event
        yield [name, row.get("success_count"), row.get("failure_count"), row.get("odds_ratio")]
