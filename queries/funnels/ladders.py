"""Marks with sets of steps -> units of an ordered or strict funnel (semantics E8, E9).

An event alone at its instant that can take steps 1 and 3 becomes the units 3, 1, in this order: an attempt
that goes through the units from left to right can use one of them only. Several events at one instant
become *ladders*, one for each step that an attempt may have reached before, from the highest down: the
ladder of step j lists the steps after j that the events of the instant can serve together, each event
once. Whoever stands at step j climbs ladder j to its end, and no later ladder is longer, so nobody climbs
twice. Which events can serve which steps together is tried out.
"""

from __future__ import annotations

from queries.funnels.masks import Masks
from queries.funnels.units import u64
from queries.sql.fragment import Sql, bind, sql

# Beyond these a ladder may end too early, never too late: events of one actor at one instant, of those that
# can take a step, and ways to use them that are kept in mind.
MOST_EVENTS = 63
MOST_WAYS = 64


def units_of_sets(masks: Masks, marks: Sql) -> Sql:
    """Rows (actor, value, units) from rows (actor, value, marks)."""
    ordered = sql("SELECT actor, value, arraySort(marks) AS ordered FROM ({marks})", marks=marks)
    tested = sql(
        "SELECT actor, value, ordered, {is_crowded} AS is_crowded FROM ({ordered})",
        is_crowded=_is_crowded(masks),
        ordered=ordered,
    )
    # One of the two is empty: trying out is for the few who need it.
    return sql(
        "SELECT actor, value, arrayConcat({alone}, {crowded}) AS units FROM ({tested})",
        alone=_alone(masks),
        crowded=_crowded(masks),
        tested=tested,
    )


def _is_crowded(masks: Masks) -> Sql:
    """At some instant there are events that can take different steps, and one of them several.

    Neighbours suffice, equal sets being side by side. Events that all can take the same steps, or one
    each, are in the right order as they are.
    """
    return sql(
        "arrayExists((mark, following, some, others) -> {earlier} = {later} AND some != 0 AND some != others"
        " AND (bitAnd(some, some - 1) != 0 OR bitAnd(others, others - 1) != 0),"
        " arrayPopBack(ordered), arrayPopFront(ordered),"
        " arrayPopBack(arrayMap(mark -> {set}, ordered) AS sets), arrayPopFront(sets))",
        earlier=masks.moment("mark"),
        later=masks.moment("following"),
        set=masks.set("mark"),
    )


def _alone(masks: Masks) -> Sql:
    """The n-th event of an actor cannot take a step after the n-th.

    In a strict funnel it still stands between its neighbours: as a foreign event, if no step is left.
    """
    units = masks.units
    possible = sql(
        "arrayFilter(code -> code < {first} + nth, {codes})",
        first=u64(units.code_of(0)),
        codes=_codes(masks),
    )
    if masks.question.is_strict:
        possible = sql(
            "if(empty({possible} AS possible), [{foreign}], possible)",
            possible=possible,
            foreign=u64(units.foreign),
        )
    return sql(
        "arrayFlatten(arrayMap((mark, nth) -> arrayMap(code -> {unit}, {possible}),"
        " if(is_crowded, [], ordered) AS alone, arrayEnumerate(alone)))",
        unit=masks.unit("mark", sql("code")),
        possible=possible,
    )


def _codes(masks: Masks) -> Sql:
    """The codes of one event, the highest step first. Foreign events matter to strict funnels only."""
    units = masks.units
    foreign = sql("[{foreign}]", foreign=u64(units.foreign))
    return sql(
        "multiIf({passed} != 0, {codes}, {tag} != 0, [toUInt64({tag} - 1)], {foreign})",
        passed=masks.passed("mark"),
        codes=masks.codes("mark"),
        tag=masks.tag("mark"),
        foreign=foreign if masks.question.is_strict else sql("emptyArrayUInt64()"),
    )


def _crowded(masks: Masks) -> Sql:
    """Instant by instant: exclusions and foreign events, then the ladders."""
    return sql(
        "arrayFlatten(arrayMap(instant -> arrayMap(code -> {unit}, arrayConcat({others}, {ladders})),"
        " arraySplit((mark, before) -> {moment} != {moment_before},"
        " if(is_crowded, ordered, []) AS crowd, arrayShiftRight(crowd, 1))))",
        unit=masks.unit("instant[1]", sql("code")),
        others=sql(
            "arrayFlatten(arrayMap(mark -> {codes}, arrayFilter(mark -> {passed} = 0, instant)))",
            codes=_codes(masks),
            passed=masks.passed("mark"),
        ),
        ladders=_ladders(masks),
        moment=masks.moment("mark"),
        moment_before=masks.moment("before"),
    )


def _ladders(masks: Masks) -> Sql:
    """Of required steps; optional ones (semantics E51) are no rungs and come before the ladders."""
    question = masks.question
    count = u64(len(question.required))
    codes = bind([masks.units.code_of(step) for step in question.required], "Array(UInt64)")
    rungs = sql(
        "arrayFlatten(arrayMap(reached -> arraySlice({codes}, reached + 1, {top} - reached),"
        " arrayReverse(range({count}))))",
        codes=codes,
        # Step by step: how far the attempt comes, all ways to use events for that, the events.
        top=sql(
            "arrayFold((found, place) -> if(empty({ways} AS next), (found.1, next, found.3),"
            " (place + 1, next, found.3)), range(reached, {count}), (reached, [toUInt64(0)], {events})).1",
            ways=sql(_WAYS, steps=bind(question.required, "Array(UInt8)")),
            count=count,
            events=_useful_events(masks),
        ),
        count=count,
    )
    if not question.optional:
        return rungs
    optional = bind([masks.units.code_of(step) for step in question.optional], "Array(UInt64)")
    return sql(
        "arrayConcat(arrayFilter(code -> arrayExists(mark -> has({codes}, code), instant), {optional}),"
        " {rungs})",
        codes=_codes(masks),
        optional=optional,
        rungs=rungs,
    )


def _useful_events(masks: Masks) -> Sql:
    """The sets of the events of an instant; of equal ones not more than there are steps."""
    sets = sql("arrayFilter(found -> found != 0, arrayMap(mark -> {set}, instant))", set=masks.set("mark"))
    return sql(
        f"arraySlice(arrayFilter((found, copy) -> copy <= {{count}}, {{sets}}, arrayEnumerateUniq({{sets}})),"
        f" 1, {MOST_EVENTS})",
        count=u64(masks.steps),
        sets=sets,
    )


# A way is the set of events used so far; this extends each by an event that takes the step at `place`.
# Of equal events the first unused one is taken.
_WAYS = (
    "arraySlice(arrayDistinct(arrayFlatten(arrayMap(used -> arrayMap("
    "event -> bitOr(used, bitShiftLeft(toUInt64(1), toUInt8(event - 1))), arrayFilter(event ->"
    " bitAnd(bitShiftRight(found.3[event], {steps}[place + 1]), 1) != 0 AND NOT bitTest(used, event - 1)"
    " AND (found.3[event] != found.3[event - 1] OR bitTest(bitShiftLeft(used, 1), event - 1)),"
    f" arrayEnumerate(found.3))), found.2))), 1, {MOST_WAYS})"
)
