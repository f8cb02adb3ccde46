"""How far each actor gets: the ground that steps, trends, times, people and correlation all stand on.

scan        events that matter, as integers              marks (marking, masks, attribution)
units       one per event and step it can take           units, ladders
attempts    the one that counts                          ordered (walk), unordered (windows, sweep)
"""

from __future__ import annotations

from queries.funnels import ordered, unordered
from queries.funnels.ladders import units_of_sets
from queries.funnels.marking import coded
from queries.funnels.marks import marks
from queries.funnels.masks import Masks
from queries.funnels.node import Attribution
from queries.funnels.overlap import may_share_events
from queries.funnels.question import Question
from queries.funnels.sweep import Sweep, sweep_of
from queries.funnels.units import Units, u64, units_of
from queries.sql.fragment import Sql, sql


def runs(question: Question) -> Sql:
    """Rows (actor, value, level, times, optional), one per actor and value the funnel was run for.

    `level` is how many required steps were taken, `times` when, in microseconds since `origin`;
    `optional` when each optional step was, 0 for not.
    """
    if question.is_unordered:
        sweep = sweep_of(question)
        return unordered.attempts(sweep, sweep_rows(question, sweep))
    units = units_of(question)
    return ordered.attempts(question, units, unit_rows(question, units))


def origin(question: Question) -> int:
    """Where the times of `runs` begin, in microseconds since 1970."""
    return units_of(question).origin


def unit_rows(question: Question, units: Units) -> Sql:
    """Rows (actor, value, units): the units of each run in the order in which an attempt meets them."""
    conditions = [step.condition for step in question.steps]
    if may_share_events(question):
        masks = Masks(question, units, *_tested(question))
        return units_of_sets(masks, marks(question, masks.marking()))
    marking = coded(question, units, conditions, range(len(conditions)))
    return sql(
        "SELECT actor, value, arraySort(marks) AS units FROM ({marks})", marks=marks(question, marking)
    )


def _tested(question: Question) -> tuple[list[Sql], list[list[int]]]:
    """The different conditions of the steps, and for each the steps that have it. Where a breakdown value
    is that of one step, each step has its own: an event must be able to lose just that one."""
    conditions = [step.condition for step in question.steps]
    if question.breakdown is not None and question.attribution is Attribution.STEP:
        return conditions, [[step] for step in range(len(conditions))]
    taken: dict[Sql, list[int]] = {}
    for step, condition in enumerate(conditions):
        taken.setdefault(condition, []).append(step)
    return list(taken), list(taken.values())


def sweep_rows(question: Question, sweep: Sweep) -> Sql:
    """Rows (actor, value, units[, sets][, anchors]) in order of time; `anchors` are times.

    Who may begin with one event of an instant may begin with all of that instant (semantics E9).
    """
    if not sweep.shares:
        anchors = _anchors(sweep, sweep.units.time("anchor"))
        marking = coded(question, sweep.units, sweep.conditions, sweep.kinds)
        units = sql("arraySort(marks)")
        if question.exclusions:  # an excluded event that takes no step has a mark of its own
            units = sql(
                "arrayFilter(unit -> {code} != {foreign}, {units})",
                code=sweep.units.code("unit"),
                foreign=u64(sweep.units.foreign),
                units=units,
            )
        return sql(
            "SELECT actor, value, {units} AS units{anchors} FROM ({marks})",
            units=units,
            anchors=anchors,
            marks=marks(question, marking),
        )
    kinds = range(len(sweep.conditions))
    masks = Masks(question, sweep.units, sweep.conditions, [[kind] for kind in kinds])
    unit = masks.plain_unit("mark")
    return sql(
        "SELECT actor, value, arrayMap(mark -> {unit}, ordered) AS units, arrayMap(mark -> {set}, ordered)"
        " AS sets{anchors} FROM (SELECT *, arraySort(arrayFilter(mark -> {is_known}, marks)) AS ordered"
        " FROM ({marks}))",
        unit=unit,
        set=masks.set("mark"),
        anchors=_anchors(sweep, masks.moment("anchor")),
        is_known=masks.is_known("mark"),
        marks=marks(question, masks.marking()),
    )


def _anchors(sweep: Sweep, time: Sql) -> Sql:
    if not sweep.is_anchored:
        return sql("")
    return sql(", arrayMap(anchor -> {time}, anchors) AS anchors", time=time)
