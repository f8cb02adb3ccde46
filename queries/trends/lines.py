"""Cells put into lines: zero-filled numbers of one series, period and breakdown value (D3, D29, D40)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from queries.nodes import SeriesNode
from queries.plan import Rows
from queries.sql.breakdowns import OTHER
from queries.sql.buckets import key_of
from queries.trends.question import Question
from queries.vocabulary import Math

Value = tuple[str, ...]

# Cumulative cells of these already stand in an actor's first bucket, so adding them up counts nobody twice.
FIRST_SEEN_MATHS = frozenset({Math.DAU, Math.UNIQUE_GROUP})  # semantics D29


@dataclass(frozen=True, slots=True)
class Line:
    """`numbers` has one number per bucket; an aggregated display has exactly one.

    `value` is the breakdown value, one text per property ('' is none); () without a breakdown, and
    (OTHER,) for the merged rest. `place` orders the lines of one series; `series` indexes the request
    and is None for a formula.
    """

    series: int | None
    period: int
    value: Value
    place: int
    numbers: tuple[float, ...]

    @property
    def is_other(self) -> bool:
        return self.value == (OTHER,)

    def cumulated(self) -> Line:
        return replace(self, numbers=tuple(accumulate(self.numbers)))


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of a question in order of period, series and place; `has_more` if a limit cut values."""

    lines: tuple[Line, ...]
    has_more: bool


def read_lines(question: Question, found: Sequence[Rows]) -> Lines:
    """The lines of all periods from the rows (series, place, breakdown, bucket, value)."""
    lines: list[Line] = []
    has_more = False
    for period in range(len(question.periods)):
        read = _period_lines(question, period, found[period])
        has_more = has_more or any(line.is_other for line in read)
        lines.extend(line for line in read if not (line.is_other and _hides_other(question)))
    return Lines(tuple(lines), has_more)


def _period_lines(question: Question, period: int, found: Rows) -> list[Line]:
    positions = _positions(question, period)
    numbers: dict[tuple[int, int], list[float]] = {}
    values: dict[tuple[int, int], Value] = {}
    cohorts = _cohort_places(question)
    for series, place, breakdown, bucket, number in found.rows:
        value = tuple(breakdown)
        key = (series, cohorts.get(value, place))
        if key not in numbers:
            numbers[key] = [0.0] * len(positions)
            values[key] = value
        position = positions.get(bucket)
        if position is not None:
            numbers[key][position] = number
    _add_zero_lines(question, numbers, values, len(positions))
    last = question.limit + (question.breakdown.breakdown_offset if question.breakdown else 0)
    lines = []
    for (series, place), line in sorted(numbers.items()):
        is_other = bool(question.breakdown) and not cohorts and place > last
        value = (OTHER,) if is_other else values[series, place]
        lines.append(Line(series, period, value, place, tuple(line)))
    return [line.cumulated() for line in lines] if question.is_cumulative else lines


def _positions(question: Question, period: int) -> dict[int, int]:
    """Bucket key -> position in the answer."""
    if question.is_aggregated:
        return {0: 0}
    resolved = question.periods[period]
    return {key_of(resolved.interval, b): i for i, b in enumerate(question.buckets(resolved))}


def _cohort_places(question: Question) -> dict[Value, int]:
    """Listed cohorts keep the order asked for (semantics D42)."""
    listed = question.breakdown.cohorts if question.breakdown else ()
    return {(str(cohort),): place for place, cohort in enumerate(listed, start=1)}


def _add_zero_lines(
    question: Question,
    numbers: dict[tuple[int, int], list[float]],
    values: dict[tuple[int, int], Value],
    size: int,
) -> None:
    """A series without a breakdown, and every listed cohort, is there even without events (D40, D42)."""
    expected: dict[Value, int] = _cohort_places(question) if question.breakdown else {(): 1}
    for series, _ in question.series:
        for value, place in expected.items():
            if (series, place) not in numbers:
                numbers[series, place] = [0.0] * size
                values[series, place] = value


def _hides_other(question: Question) -> bool:
    return bool(question.breakdown and question.breakdown.breakdown_hide_other_aggregation)


def series_at(question: Question, index: int) -> SeriesNode:
    return question.node.series[index]


def json_number(number: float) -> float | int:
    """Counts as integers, as everyone prints them; other numbers as they are (semantics J6)."""
    return int(number) if float(number).is_integer() and abs(number) < 1e15 else number


JsonSeries = dict[str, Any]  # one series of the answer, ready for JSON
