"""When an attempt reaches a certain step, for every attempt at once (funnel trends, semantics E37-E39).

From the end to the beginning: beside each unit stands when the next unit of the wanted step comes, then
beside each unit of the step before what stands beside it, and so on to the first step.
"""

from __future__ import annotations

from queries.funnels.question import Question
from queries.funnels.units import NEVER, Units, u64
from queries.sql.fragment import Bound, Sql, all_of, bind, sql


def reaches(question: Question, units: Units, step: int) -> Sql:
    """Over a row's `units` (and `rank`, if strict): beside each unit of the first step whether the attempt
    that begins there reaches `step`, 0-based, within the window. Beside other units it means nothing."""
    if step == 0:
        return sql("arrayMap(unit -> 1, units)")
    reached = sql("({fold} AS {name})", fold=_fold(question, units, step), name=sql(f"ahead_{step}"))
    tests = [sql("goal <= unit + {reach}", reach=u64(units.reach))]
    if not question.is_strict:
        return sql(
            "arrayMap((goal, unit) -> {test}, {reached}.2, units)", test=all_of(tests), reached=reached
        )
    return sql(
        f"arrayMap((goal, unit, next, at) -> {{test}}, {{reached}}.2, units, ahead_{step}.4, rank)",
        test=all_of([*tests, sql("next - at <= 1")]),
        reached=reached,
    )


def _fold(question: Question, units: Units, step: int) -> Sql:
    return (_strict_fold if question.is_strict else _plain_fold)(question, units, step)


def _plain_fold(_: Question, units: Units, step: int) -> Sql:
    """State: units, goals."""
    is_code = sql("{code} = code", code=units.code("unit"))
    return sql(
        "arrayFold((state, code) -> (state.1, arrayReverseFill((goal, unit) -> {is_code},"
        " arrayMap((goal, unit) -> if({is_code}, goal, {never}), state.2, state.1), state.1)),"
        " {codes}, (units, {first}))",
        is_code=is_code,
        never=NEVER,
        codes=_codes_before(units, step),
        first=_goals(units, step),
    )


def _strict_fold(_: Question, units: Units, step: int) -> Sql:
    """State: units, goals, ranks, the rank of the next unit of the step after.

    Units that lead nowhere are passed over: another one of the same step may come at the next instant.
    """
    return sql(
        "arrayFold((state, code) -> (state.1, arrayReverseFill(goal -> goal != {never},"
        " arrayMap((goal, unit, next, at) -> if({passes}, goal, {never}), state.2, state.1, state.4, state.3)"
        " AS able), state.3, arrayReverseFill((at, goal) -> goal != {never}, state.3, able)),"
        " {codes}, (units, {first}, rank,"
        " arrayReverseFill((at, unit) -> {code} = {last}, rank, units)))",
        passes=sql("{code} = code AND next - at <= 1", code=units.code("unit")),
        never=NEVER,
        codes=_codes_before(units, step),
        first=_goals(units, step),
        code=units.code("unit"),
        last=u64(units.code_of(step)),
    )


def _codes_before(units: Units, step: int) -> Bound:
    """Of the steps between the first and this one, backwards."""
    return bind([units.code_of(k) for k in range(step - 1, 0, -1)], "Array(UInt64)")


def _goals(units: Units, step: int) -> Sql:
    """Beside each unit the next one of the step."""
    return sql(
        "arrayReverseFill(goal -> goal != {never},"
        " arrayMap(unit -> if({code} = {last}, unit, {never}), units))",
        never=NEVER,
        code=units.code("unit"),
        last=u64(units.code_of(step)),
    )
