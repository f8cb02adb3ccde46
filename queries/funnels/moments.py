"""When an actor was at a step of a funnel (semantics E48, G23)."""

from __future__ import annotations

from queries.funnels.people import required_until
from queries.funnels.question import Question
from queries.sql.fragment import Sql, number, sql


def taken_before(question: Question, step: int) -> Sql:
    """On a row of runs: the times of the steps that were taken and come before `step` (0-based), in order."""
    required = sql("arraySlice(times, 1, {stood})", stood=number(required_until(question, step)))
    places = [place for place, other in enumerate(question.optional, start=1) if other < step]
    if not places:
        return required
    # Optional steps are numbered in the order of the funnel, so those before a step come first.
    return sql(
        "arraySort(arrayConcat({required}, arrayFilter(at -> at > 0, arraySlice(optional, 1, {last}))))",
        required=required,
        last=number(places[-1]),
    )


def taken_at(question: Question, step: int) -> Sql:
    """On a row of runs that took `step` (0-based): when."""
    if step in question.optional:
        return sql("optional[{place}]", place=number(question.optional.index(step) + 1))
    return sql("times[{place}]", place=number(required_until(question, step) + 1))
