"""Funnel steps: how many actors took each step and how long it took them (semantics E12, E27, E33-E36).

Rows out: (place, value, counts, sums, medians). `place` ranks breakdown values from 1; the one after the
last shown holds all others (semantics E27). The arrays have an element per step, as far as anybody got:
`sums` adds up the microseconds from the step before, `medians` is their median.
"""

from __future__ import annotations

from queries.funnels.attribution import attributed
from queries.funnels.question import Question
from queries.funnels.runs import runs
from queries.sql.fragment import Sql, bind, number, sql


def step_counts(question: Question) -> Sql:
    if question.breakdown is None:
        return sql(
            "SELECT 1 AS place, emptyArrayString() AS value, {columns} FROM ({rows})",
            columns=_COLUMNS,
            rows=timed_runs(question),
        )
    if attributed(question).is_single:
        return _ranked(question)
    return sql(
        "SELECT place, any(value) AS value, {columns} FROM ({placed}) GROUP BY place ORDER BY place",
        columns=_COLUMNS,
        placed=placed_runs(question),
    )


_COLUMNS = sql(
    "countForEach(gaps) AS counts, sumForEach(gaps) AS sums,"
    " quantileExactInclusiveForEach(0.5)(gaps) AS medians"
)


def timed_runs(question: Question) -> Sql:
    """Rows (actor, value, level, optional, done, gaps), one per actor and value; `done` is when the last
    step was taken."""
    return sql(
        "SELECT actor, value, level, optional, times[-1] AS done, {gaps} AS gaps FROM ({runs})",
        gaps=_gaps(question),
        runs=runs(question),
    )


def _gaps(question: Question) -> Sql:
    """Microseconds from the step before, for every step taken; the first has none and counts as 0.

    An optional step is measured from the required one before it, and measures nothing for the next
    (semantics E51); NULL where it was not taken.
    """
    between = sql("arrayMap(gap -> toInt64(gap), arrayDifference(times))")
    if not question.optional:
        return between
    steps = range(len(question.steps))
    required = [int(step in question.required) for step in steps]
    places = [(question.required if required[step] else question.optional).index(step) + 1 for step in steps]
    before = [sum(required[:step]) for step in steps]
    return sql(
        "arrayMap((is_required, place, before) -> multiIf(is_required AND place <= level, {between}[place],"
        " NOT is_required AND optional[place] > 0, toInt64(optional[place] - times[before]), NULL),"
        " {required}, {places}, {befores})",
        between=between,
        required=bind(required, "Array(UInt8)"),
        places=bind(places, "Array(UInt8)"),
        befores=bind(before, "Array(UInt8)"),
    )


def _ranked(question: Question) -> Sql:
    """Everybody counts for one value, so what is merged is added up."""
    per_value = sql(
        "SELECT value, countForEach(gaps) AS reached, sumForEach(gaps) AS summed,"
        " quantileExactInclusiveForEachState(0.5)(gaps) AS spread FROM ({rows}) GROUP BY value",
        rows=timed_runs(question),
    )
    return sql(
        "SELECT place, any(value) AS value, sumForEach(reached) AS counts, sumForEach(summed) AS sums,"
        " quantileExactInclusiveForEachMerge(0.5)(spread) AS medians"
        " FROM (SELECT *, {place} AS place FROM ({per_value})) GROUP BY place ORDER BY place",
        place=place_of_value(question),
        per_value=per_value,
    )


def placed_runs(question: Question) -> Sql:
    """Rows (place, actor, value, level, optional, gaps), one per place and actor.

    Somebody who counts for several values counts once among those merged, where he got furthest.
    """
    per_value = sql(
        "SELECT value, countForEach(gaps) AS reached,"
        " groupArray((actor, (level, -toInt64(done)), gaps, optional)) AS found FROM ({rows}) GROUP BY value",
        rows=timed_runs(question),
    )
    return sql(
        "SELECT place, one.1 AS actor, any(value) AS value, max(one.2.1) AS level,"
        " argMax(one.4, one.2) AS optional, argMax(one.3, one.2) AS gaps"
        " FROM (SELECT value, found, {place} AS place FROM ({per_value})) ARRAY JOIN found AS one"
        " GROUP BY place, actor",
        place=place_of_value(question),
        per_value=per_value,
    )


def place_of_value(question: Question) -> Sql:
    """Values by the actors at the last step, then the one before ... (semantics E27), ties by the value.

    Needs the columns `value` and `reached`; places beyond the limit are all one.
    """
    rank = sql(
        "toUInt32(row_number() OVER (ORDER BY arrayReverse(arrayResize(reached, {steps})) DESC, value))",
        steps=number(len(question.steps)),
    )
    limit = value_limit(question)
    return rank if limit is None else sql("least({rank}, {last} + 1)", rank=rank, last=number(limit))


def value_limit(question: Question) -> int | None:
    """How many values are shown before the rest is merged; None for cohorts, which never are."""
    chosen = question.breakdown
    return None if chosen is None or chosen.cohorts else chosen.limit()
