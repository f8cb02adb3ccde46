"""Whose breakdown value an actor counts for (semantics E27-E31).

A way to attribute says what a scan must select, how an actor's events are grouped, and how the groups
become rows (actor, value, marks): one row per actor, or one per value the funnel is run for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queries.funnels.marking import Marking
from queries.funnels.node import Attribution
from queries.funnels.question import Question
from queries.nodes import BreakdownFilter
from queries.sql.breakdowns import BreakdownValue, breakdown_value
from queries.sql.fragment import Sql, bind, sql
from queries.vocabulary import BreakdownType

NO_VALUE = sql("emptyArrayString()")


@dataclass(frozen=True, slots=True)
class Attributed:
    """`columns` and `joins` are for the scan; `keys` group beside the actor; `aggregates` and `kept` give
    the columns of a group, `step_marks` among the first only; `spread` makes the rows of it.

    `is_single`: an actor counts for one value only. `is_anchored`: the rows have a column `anchors`, the
    marks at which an unordered attempt may begin.
    """

    aggregates: Callable[[Marking], list[Sql]]
    spread: Callable[[Sql, Sequence[Sql]], Sql]
    columns: tuple[Sql, ...] = ()
    keys: tuple[Sql, ...] = ()
    kept: tuple[Sql, ...] = ()
    joins: tuple[Sql, ...] = ()
    is_single: bool = True
    is_anchored: bool = False


def attributed(question: Question) -> Attributed:
    chosen = question.breakdown
    if chosen is None:
        return UNDIVIDED
    value = breakdown_value(chosen, question.ctx, question.span)
    if value.several:
        return _alternatives(value)
    if is_of_actor(question, chosen):
        return _touched("any({value})", value, chosen)
    if len(chosen.parts) == 1 and question.attribution in _EXTREMES:
        return _touched_text(question, value, _EXTREMES[question.attribution])
    return _WAYS[question.attribution](question, value, chosen)


def is_of_actor(question: Question, chosen: BreakdownFilter) -> bool:
    """The value is a property of whoever is counted: the same on all of the actor's events (E31)."""
    actor, ctx = question.actor, question.ctx
    if actor.kind == "person":
        types = {part.type for part in chosen.parts}
        return types == {BreakdownType.PERSON} and ctx.person_properties_mode == "current"
    index = question.node.aggregation_group_type_index
    return actor.kind == "group" and all(
        part.type is BreakdownType.GROUP and part.group_type_index == index for part in chosen.parts
    )


# --- the ways ----------------------------------------------------------------------------------------


def _marks_of(marking: Marking) -> Sql:
    return sql("groupArray({mark}) AS step_marks", mark=marking.mark)


def _undivided_rows(grouped: Sql, _: Sequence[Sql]) -> Sql:
    return sql(
        "SELECT actor, {none} AS value, step_marks AS marks FROM ({grouped})", none=NO_VALUE, grouped=grouped
    )


UNDIVIDED = Attributed(lambda marking: [_marks_of(marking)], _undivided_rows)


def _touched(template: str, value: BreakdownValue, chosen: BreakdownFilter) -> Attributed:
    """One value per actor; somebody without any counts for '' in each place (semantics E28)."""
    size = bind(len(chosen.parts), "UInt8")

    def aggregates(marking: Marking) -> list[Sql]:
        touched = sql(template, value=sql("event_value"), step=marking.step)
        return [_marks_of(marking), sql("{touched} AS touched", touched=touched)]

    def spread(grouped: Sql, _: Sequence[Sql]) -> Sql:
        return sql(
            "SELECT actor, arrayResize(touched, {size}) AS value, step_marks AS marks FROM ({grouped})",
            size=size,
            grouped=grouped,
        )

    return Attributed(
        aggregates, spread, columns=_event_value(value), kept=(sql("touched"),), joins=value.joins
    )


_HAS_VALUE = "{step} AND arrayExists(part -> part != '', {value})"


def _first_touch(_: Question, value: BreakdownValue, chosen: BreakdownFilter) -> Attributed:
    # Of two values at the same instant the one first in the order of text, so that the answer does not
    # depend on the order of insertion (J4).
    return _touched(f"minIf((moment, {{value}}), {_HAS_VALUE}).2", value, chosen)


def _last_touch(_: Question, value: BreakdownValue, chosen: BreakdownFilter) -> Attributed:
    return _touched(f"maxIf((moment, {{value}}), {_HAS_VALUE}).2", value, chosen)


def _touched_text(question: Question, value: BreakdownValue, extreme: str) -> Attributed:
    """The same for one property, a few times faster: time and text as one text in the order of both."""
    since = sql("toUInt64(toUnixTimestamp64Micro(ts) - {start})", start=bind(question.start, "Int64"))
    touch = sql(
        "concat(reinterpretAsFixedString(byteSwap({since})), {value}[1]) AS touch",
        since=since,
        value=value.value,
    )

    def aggregates(marking: Marking) -> list[Sql]:
        found = sql(f"{extreme}If(touch, {{step}} AND length(touch) > 8)", step=marking.step)
        return [_marks_of(marking), sql("substring({found}, 9) AS touched", found=found)]

    def spread(grouped: Sql, _: Sequence[Sql]) -> Sql:
        return sql("SELECT actor, [touched] AS value, step_marks AS marks FROM ({grouped})", grouped=grouped)

    return Attributed(aggregates, spread, columns=(touch,), kept=(sql("touched"),), joins=value.joins)


def _all_events(_: Question, value: BreakdownValue, __: BreakdownFilter) -> Attributed:
    """The funnel is run for each value, on the events with that value (semantics E29)."""

    def spread(grouped: Sql, _: Sequence[Sql]) -> Sql:
        return sql(
            "SELECT actor, event_value AS value, step_marks AS marks FROM ({grouped})", grouped=grouped
        )

    return Attributed(
        lambda marking: [sql("event_value"), _marks_of(marking)],
        spread,
        columns=_event_value(value),
        keys=(sql("event_value"),),
        kept=(sql("event_value"),),
        joins=value.joins,
        is_single=False,
    )


def _of_step(question: Question, value: BreakdownValue, _: BreakdownFilter) -> Attributed:
    """The funnel is run for each value that an event of the step has; only such an event takes the step
    then (semantics E30). In an unordered funnel that is the first event of the attempt, whichever step."""
    step = question.options.breakdown_attribution_value or 0
    condition = question.any_step() if question.is_unordered else question.steps[step].condition

    def aggregates(marking: Marking) -> list[Sql]:
        return [
            sql("groupArrayIf({mark}, NOT takes_step) AS step_marks", mark=marking.mark),
            sql("groupArrayIf(({mark}, event_value), takes_step) AS valued_marks", mark=marking.mark),
        ]

    def spread(grouped: Sql, without_step: Sequence[Sql]) -> Sql:
        return sql(
            "SELECT actor, value, {marks} FROM ({grouped}) ARRAY JOIN arrayDistinct(valued_marks.2) AS value",
            marks=_ANCHORED if question.is_unordered else sql(_WITHOUT_STEP, without=without_step[step]),
            grouped=grouped,
        )

    return Attributed(
        aggregates,
        spread,
        columns=(*_event_value(value), sql("({condition}) AS takes_step", condition=condition)),
        kept=(sql("valued_marks"),),
        joins=value.joins,
        is_single=False,
        is_anchored=question.is_unordered,
    )


_WITHOUT_STEP = (
    "arrayConcat(step_marks, arrayMap(found -> if(found.2 = value, found.1, {without}), valued_marks))"
    " AS marks"
)
_ANCHORED = sql(
    "arrayConcat(step_marks, valued_marks.1) AS marks,"
    " arrayMap(found -> found.1, arrayFilter(found -> found.2 = value, valued_marks)) AS anchors"
)


def _alternatives(value: BreakdownValue) -> Attributed:
    """Cohorts: an actor counts for each one he is in."""

    def spread(grouped: Sql, _: Sequence[Sql]) -> Sql:
        return sql(
            "SELECT actor, [alternative] AS value, step_marks AS marks FROM ({grouped})"
            " ARRAY JOIN alternatives AS alternative",
            grouped=grouped,
        )

    return Attributed(
        lambda marking: [_marks_of(marking), sql("groupUniqArrayArray(event_value) AS alternatives")],
        spread,
        columns=_event_value(value),
        kept=(sql("alternatives"),),
        joins=value.joins,
        is_single=False,
    )


def _event_value(value: BreakdownValue) -> tuple[Sql, ...]:
    return (sql("{value} AS event_value", value=value.value),)


_EXTREMES = {Attribution.FIRST_TOUCH: "min", Attribution.LAST_TOUCH: "max"}
_WAYS: dict[Attribution, Callable[[Question, BreakdownValue, BreakdownFilter], Attributed]] = {
    Attribution.FIRST_TOUCH: _first_touch,
    Attribution.LAST_TOUCH: _last_touch,
    Attribution.ALL_EVENTS: _all_events,
    Attribution.STEP: _of_step,
}
