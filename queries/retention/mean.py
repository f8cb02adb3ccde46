"""The mean line of a retention table (semantics H21): ours, beside the rows, so that clients need not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from queries.retention.question import Question, column_labels

Row = Mapping[str, Any]


def mean_row(question: Question, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per column: `simple` and `weighted` percentages of the cohort, and the same of the column
    before (`retentionReference: previous`). Unfinished cells and empty cohorts are left out; a column
    without any other cell has None.
    """
    return [_mean(rows, column, label) for column, label in enumerate(column_labels(question))]


def _mean(rows: Sequence[Row], column: int, label: str) -> dict[str, Any]:
    finished = [
        [cell["count"] for cell in row["values"]]
        for row in rows
        if row["values"][0]["count"] and not row["values"][column].get("is_incomplete")
    ]
    before = max(column - 1, 0)
    return {
        "label": label,
        "simple": _simple(finished, column, 0),
        "weighted": _weighted(finished, column, 0),
        "simple_of_previous": _simple(finished, column, before),
        "weighted_of_previous": _weighted(finished, column, before),
    }


def _simple(rows: Sequence[Sequence[int]], column: int, base: int) -> float | None:
    return fmean(_percent(row[column], row[base]) for row in rows) if rows else None


def _weighted(rows: Sequence[Sequence[int]], column: int, base: int) -> float | None:
    return _percent(sum(row[column] for row in rows), sum(row[base] for row in rows)) if rows else None


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0  # semantics H21
