"""The same funnel with less memory: the actors in parts, a statement each, and the rows added up.

Whatever is counted or summed over actors adds up. A median does not: the gaps of all parts are counted in
cells of nearly equal ones first, and a second pass looks into the cells where the middle lies. So the answer
is the same to the last digit, for about as many passes more as it saves memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from queries.funnels.attribution import attributed
from queries.funnels.node import FunnelVizType
from queries.funnels.question import Question
from queries.funnels.steps import timed_runs, value_limit
from queries.funnels.times import EMPTY_WIDTH, MOST_BINS, conversion_times
from queries.funnels.trends import counted_entrances
from queries.funnels.units import u64
from queries.parts import MOST_PARTS
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.sql.fragment import Sql, bind, join, number, sql

Value = tuple[str, ...]
Cell = tuple[int, int, int]  # place, step, cell
Shape = Callable[[Rows], Result]
SMALLER = 8  # each time the memory does not suffice


def in_parts(question: Question, parts: int, shape: Shape) -> Plan | None:
    """The plan of the question in so many parts; None where actors count for several values, whose ranks
    would have to be known first, and where parts are small enough already."""
    if parts > MOST_PARTS or not (question.breakdown is None or attributed(question).is_single):
        return None
    split = [replace(question, part=(part, parts)) for part in range(parts)]
    plan = _VIEWS[question.options.funnel_viz_type](split, shape)
    return _with_smaller(plan, lambda: in_parts(question, parts * SMALLER, shape))


def _with_smaller(plan: Plan, smaller: Callable[[], Plan | None]) -> Plan:
    """The plan, and the plans it leads to, with a way out if the memory does not suffice either."""

    def shape(found: Sequence[Rows]) -> Result | Plan:
        following = plan.shape(found)
        return _with_smaller(following, smaller) if isinstance(following, Plan) else following

    return Plan(plan.statements, shape, smaller)


def _asked(split: Sequence[Question], ask: Callable[[Question], Sql]) -> tuple[Statement, ...]:
    return tuple(statement(ask(part)) for part in split)


def _all(found: Sequence[Rows]) -> Iterable[tuple[Any, ...]]:
    return (row for rows in found for row in rows.rows)


def _places(ranked: Sequence[Value], limit: int | None) -> dict[Value, int]:
    """Places from 1; those beyond the limit are all one (semantics E27)."""
    last = len(ranked) if limit is None else limit + 1
    return {value: min(place, last) for place, value in enumerate(ranked, start=1)}


# --- steps ------------------------------------------------------------------------------------------------


def _steps(split: Sequence[Question], shape: Shape) -> Plan:
    """Rows of the first pass: (value, step, cell, found, total)."""

    def ask(part: Question) -> Sql:
        return sql(
            "SELECT value, step, cell, count() AS found, sum(gap) AS total FROM ({gaps})"
            " GROUP BY value, step, cell",
            gaps=_gaps(part),
        )

    def look_closer(found: Sequence[Rows]) -> Plan:
        return _medians(split, list(_all(found)), shape)

    return Plan(_asked(split, ask), look_closer)


def _gaps(part: Question) -> Sql:
    """Rows (value, step, gap, cell), one per step that somebody took; steps from 1.

    The leading bits of a number as it is written with a floating point grow with the number.
    """
    return sql(
        "SELECT value, step, toInt64(assumeNotNull(one)) AS gap,"
        " bitShiftRight(reinterpretAsUInt32(toFloat32(gap)), 18) AS cell"
        " FROM ({rows}) ARRAY JOIN gaps AS one, arrayEnumerate(gaps) AS step WHERE isNotNull(one)",
        rows=timed_runs(part),
    )


def _medians(split: Sequence[Question], cells: Sequence[tuple[Any, ...]], shape: Shape) -> Plan:
    question = split[0]
    steps = range(1, len(question.steps) + 1)
    reached: dict[Value, list[int]] = defaultdict(lambda: [0] * len(steps))
    for value, step, _, found, _ in cells:
        reached[tuple(value)][step - 1] += found
    ranked = sorted(reached, key=lambda value: ([-count for count in reversed(reached[value])], value))
    places = _places(ranked, value_limit(question))
    counts: dict[Cell, int] = defaultdict(int)
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for value, step, cell, found, total in cells:
        counts[places[tuple(value)], step, cell] += found
        sums[places[tuple(value)], step] += total
    middles = _middles(counts)
    wanted = sorted({cell for around in middles.values() for cell, _ in around})

    def ask(part: Question) -> Sql:
        return sql(
            "SELECT place, step, cell, gap, count() AS found FROM (SELECT {place} AS place, * FROM ({gaps}))"
            " WHERE has({wanted}, (place * 256 + step) * 65536 + cell) GROUP BY place, step, cell, gap",
            place=_place_of_value(ranked, places),
            gaps=_gaps(part),
            wanted=bind(
                [(place * 256 + step) * 65_536 + cell for place, step, cell in wanted], "Array(UInt64)"
            ),
        )

    def merge(found: Sequence[Rows]) -> Result:
        gaps: dict[Cell, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for place, step, cell, gap, times in _all(found):
            gaps[place, step, cell][gap] += times
        medians = {key: _median(around, gaps) for key, around in middles.items()}
        rows = [
            (
                place,
                list(ranked[place - 1]),
                [sum(n for (p, s, _), n in counts.items() if (p, s) == (place, step)) for step in steps],
                [sums[place, step] for step in steps],
                [medians.get((place, step), 0.0) for step in steps],
            )
            for place in sorted(set(places.values()))
        ]
        return shape(Rows(rows))

    return Plan(_asked(split, ask) if wanted else (), merge)


def _middles(counts: Mapping[Cell, int]) -> dict[tuple[int, int], list[tuple[Cell, int]]]:
    """(place, step) -> the cells of the two middle gaps, and which of the cell's gaps they are, from 0."""
    by_step: dict[tuple[int, int], list[tuple[Cell, int]]] = defaultdict(list)
    for cell in sorted(counts):
        by_step[cell[:2]].append((cell, counts[cell]))
    found = {}
    for key, cells in by_step.items():
        size = sum(count for _, count in cells)
        found[key] = [_at(cells, (size - 1) // 2), _at(cells, size // 2)]
    return found


def _at(cells: Sequence[tuple[Cell, int]], rank: int) -> tuple[Cell, int]:
    for cell, count in cells:
        if rank < count:
            return cell, rank
        rank -= count
    raise AssertionError("a rank beyond the gaps")


def _median(around: Sequence[tuple[Cell, int]], gaps: Mapping[Cell, Mapping[int, int]]) -> float:
    """semantics E36: the mean of the two middle ones."""
    low, high = (_nth(gaps[cell], rank) for cell, rank in around)
    return (low + high) / 2


def _nth(gaps: Mapping[int, int], rank: int) -> int:
    for gap in sorted(gaps):
        if rank < gaps[gap]:
            return gap
        rank -= gaps[gap]
    raise AssertionError("a rank beyond the gaps")


def _place_of_value(ranked: Sequence[Value], places: Mapping[Value, int]) -> Sql:
    """The place of the column `value`: all but the last one's are listed."""
    last = max(places.values(), default=1)
    pairs = [
        sql("value = {value}, {place}", value=bind(value, "Array(String)"), place=u64(places[value]))
        for value in ranked
        if places[value] < last
    ]
    if not pairs:
        return sql("{last}", last=u64(last))
    return sql("multiIf({pairs}, {last})", pairs=join(", ", pairs), last=u64(last))


# --- trends -----------------------------------------------------------------------------------------------


def _trends(split: Sequence[Question], shape: Shape) -> Plan:
    """Rows of each part: (value, bucket, entered, converted)."""

    def merge(found: Sequence[Rows]) -> Result:
        totals: dict[Value, int] = defaultdict(int)
        for value, _, entered, _ in _all(found):
            totals[tuple(value)] += entered
        ranked = sorted(totals, key=lambda value: (-totals[value], value))
        places = _places(ranked, value_limit(split[0]))
        counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        for value, bucket, entered, converted in _all(found):
            cell = counts[places[tuple(value)], bucket]
            cell[0] += entered
            cell[1] += converted
        rows = [(place, list(ranked[place - 1]), bucket, *cell) for (place, bucket), cell in counts.items()]
        return shape(Rows(rows))

    return Plan(_asked(split, counted_entrances), merge)


# --- times ------------------------------------------------------------------------------------------------


def _times(split: Sequence[Question], shape: Shape) -> Plan:
    """Rows of the first pass: (least, most, found, total), microseconds."""

    def ask(part: Question) -> Sql:
        return sql(
            "SELECT min(sample), max(sample), count() AS found, sum(sample) FROM ({samples})"
            " HAVING found > 0",
            samples=conversion_times(part),
        )

    def count_bins(found: Sequence[Rows]) -> Plan:
        ranges = list(_all(found))
        return _bins(split, ranges, shape) if ranges else Plan((), lambda _: shape(Rows([])))

    return Plan(_asked(split, ask), count_bins)


def _bins(split: Sequence[Question], ranges: Sequence[tuple[Any, ...]], shape: Shape) -> Plan:
    low = min(least for least, _, _, _ in ranges) // 1_000_000
    high = -(-max(most for _, most, _, _ in ranges) // 1_000_000)
    samples = sum(found for _, _, found, _ in ranges)
    mean = sum(total for _, _, _, total in ranges) / samples / 1e6
    bins = split[0].options.bin_count or next(
        (n for n in range(1, MOST_BINS + 1) if n**3 >= samples), MOST_BINS
    )
    width = -(-(high - low) // bins) or EMPTY_WIDTH

    def ask(part: Question) -> Sql:
        return sql(
            "SELECT intDiv(sample - {low}, {width}) AS bin, count() FROM ({samples}) GROUP BY bin",
            low=number(low * 1_000_000),
            width=number(width * 1_000_000),
            samples=conversion_times(part),
        )

    def merge(found: Sequence[Rows]) -> Result:
        counts: dict[int, int] = defaultdict(int)
        for bin_, times in _all(found):
            counts[bin_] += times
        return shape(Rows([(low, width, bins, samples, mean, bin_, n) for bin_, n in counts.items()]))

    return Plan(_asked(split, ask), merge)


_VIEWS: Mapping[FunnelVizType, Callable[[Sequence[Question], Shape], Plan]] = {
    FunnelVizType.STEPS: _steps,
    FunnelVizType.TRENDS: _trends,
    FunnelVizType.TIME_TO_CONVERT: _times,
}
