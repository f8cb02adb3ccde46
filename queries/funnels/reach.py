"""When an attempt reaches a certain step, for every attempt at once (funnel trends, semantics E37-E39).

From the end to the beginning: beside each unit stands when the next unit of the wanted step comes, then
beside each unit of the step before what stands beside it, and so on to the first step.
"""

from __future__ import annotations

from queries.funnels.question import Question
from queries.funnels.units import NEVER, Units, u64
from queries.sql.fragment import Sql, all_of, bind, sql


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
    """State: units, goals[, ranks, the rank of the next unit of the step after]."""
    codes = [units.code_of(k) for k in range(step - 1, 0, -1)]
    last = u64(units.code_of(step))
    strict = question.is_strict
    is_code = sql("{code} = code", code=units.code("unit"))
    goals = sql(
        "arrayReverseFill((goal, unit) -> {is_code}, arrayMap(({names}) -> if({passes}, goal, {never}),"
        " state.2, state.1{columns}), state.1)",
        names=sql("goal, unit, next, at" if strict else "goal, unit"),
        is_code=is_code,
        passes=all_of([is_code, sql("next - at <= 1")]) if strict else is_code,
        never=NEVER,
        columns=sql(", state.4, state.3" if strict else ""),
    )
    first = sql(
        "arrayReverseFill(goal -> goal != {never},"
        " arrayMap(unit -> if({code} = {last}, unit, {never}), units))",
        never=NEVER,
        code=units.code("unit"),
        last=last,
    )
    ranks = sql(", state.3, arrayReverseFill((at, unit) -> {is_code}, state.3, state.1)", is_code=is_code)
    first_ranks = sql(
        ", rank, arrayReverseFill((at, unit) -> {code} = {last}, rank, units)",
        code=units.code("unit"),
        last=last,
    )
    return sql(
        "arrayFold((state, code) -> (state.1, {goals}{ranks}), {codes}, (units, {first}{first_ranks}))",
        goals=goals,
        ranks=ranks if strict else sql(""),
        codes=bind(codes, "Array(UInt64)"),
        first=first,
        first_ranks=first_ranks if strict else sql(""),
    )
