"""Rows of time bins -> the answer (api S15, V3, semantics E46, E47)."""

from __future__ import annotations

from queries.funnels.question import Question
from queries.funnels.shape_steps import scaled
from queries.plan import Result, Rows


def shape_times(question: Question, found: Rows | None) -> Result:
    """One bin more than asked for: the last holds the largest sample. No sample: no bins."""
    if found is None or not found.rows:
        return Result(results={"bins": [], "average_conversion_time": None})
    low, width, bins, _, mean, *_ = found.rows[0]
    counts = {int(row[5]): int(row[6]) for row in found.rows}
    return Result(
        results={
            "bins": [
                [int(low) + place * int(width), scaled(question, counts.get(place, 0))]
                for place in range(int(bins) + 1)
            ],
            "average_conversion_time": mean,
        }
    )
