"""Who came back: a row per cohort, a column per interval (api V5); or the same as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from insights.drawing.asked import Asked
from insights.drawing.buckets import axis_labels
from insights.drawing.drawing import Cell, Sketch, Table
from insights.drawing.kinds.line import lines
from insights.drawing.numbers import PERCENT, exact, percent
from insights.drawing.series import human
from insights.drawing.tables import table_sketch

SHADES = 10
LINES = ("ActionsLineGraph", "ActionsLineGraphCumulative")
AMOUNT = "aggregation_value"
Row = Mapping[str, Any]


def retention(asked: Asked) -> Sketch | None:
    """The table with its shades; lines when `retentionFilter.display` wants them."""
    rows = [row for row in asked.result if isinstance(row, Mapping) and row.get("values")]
    if not any(_size(row) for row in rows):
        return None
    if asked.wishes.get("display") in LINES:
        return lines(replace(asked, numbers=PERCENT, result=[_as_series(asked, row) for row in rows]))
    return table_sketch(asked, _table(asked, rows), _summary(rows))


def _size(row: Row) -> int:
    """Actors of the cohort (semantics H7)."""
    return int(row["values"][0]["count"])


def _table(asked: Asked, rows: Sequence[Row]) -> Table:
    names = _names(asked, rows)
    columns = [str(cell.get("label") or place) for place, cell in enumerate(rows[0]["values"])]
    mean = [] if AMOUNT in rows[0]["values"][0] else [_mean_row(asked, rows)]
    body = [
        [
            Cell(name),
            Cell(exact(_size(row)), is_number=True),
            *(_cell(asked, row, at) for at in range(len(columns))),
        ]
        for name, row in zip(names, rows, strict=True)
    ]
    return Table(["Cohort", "Size", *columns], [*mean, *body], heads=1)


def _names(asked: Asked, rows: Sequence[Row]) -> list[str]:
    """The period of each cohort, and the value it belongs to."""
    unit = str(asked.wishes.get("period") or "Day").lower()
    dates = axis_labels([str(row.get("date")) for row in rows], [str(row.get("label")) for row in rows], unit)
    return [
        f"{human(row['breakdown_value'])} · {date}" if "breakdown_value" in row else date
        for row, date in zip(rows, dates, strict=True)
    ]


def _cell(asked: Asked, row: Row, at: int) -> Cell:
    """One interval of one cohort; what has not happened yet is empty (semantics H10, H11)."""
    cell = row["values"][at]
    if _is_ahead(cell) or not _size(row):
        return Cell("", is_number=True)
    so_far = "*" if cell.get("is_incomplete") else ""
    if AMOUNT in cell:
        return Cell(f"{exact(cell[AMOUNT])}{so_far}", is_number=True)
    share = _share(asked, row, at)
    return Cell(f"{percent(share)}{so_far}", is_number=True, shade=min(SHADES, round(share * SHADES)))


def _share(asked: Asked, row: Row, at: int) -> float:
    """Part of the cohort, or of the interval before (semantics H21)."""
    before = at - 1 if asked.wishes.get("retentionReference") == "previous" and at else 0
    divisor = row["values"][before]["count"]
    return float(row["values"][at]["count"] / divisor) if divisor else 0.0


def _mean_row(asked: Asked, rows: Sequence[Row]) -> list[Cell]:
    """The weighted mean of the finished cells of a column (semantics H21)."""
    cells = [Cell("All"), Cell(exact(sum(map(_size, rows))), is_number=True)]
    for at in range(len(rows[0]["values"])):
        whole = [row for row in rows if not row["values"][at].get("is_incomplete")]
        size = sum(map(_size, whole))
        if not size:
            cells.append(Cell("", is_number=True))
            continue
        share = sum(row["values"][at]["count"] for row in whole) / size
        cells.append(Cell(percent(share), is_number=True, shade=min(SHADES, round(share * SHADES))))
    return cells


def _is_ahead(cell: Row) -> bool:
    return bool(cell.get("is_incomplete")) and not cell["count"]


def _as_series(asked: Asked, row: Row) -> Row:
    """A cohort as a line of percentages over its intervals."""
    cells = row["values"]
    shown = [at for at, cell in enumerate(cells) if not _is_ahead(cell)] if _size(row) else []
    labels = [str(cells[at].get("label") or at) for at in shown]
    return {
        "label": _names(asked, [row])[0],
        "data": [_share(asked, row, at) * 100 for at in shown],
        "labels": labels,
        "days": list(range(len(labels))),
    }


def _summary(rows: Sequence[Row]) -> str:
    people, count = sum(map(_size, rows)), len(rows)
    return f"{count} cohort{'' if count == 1 else 's'}, {people:,} entries in all."
