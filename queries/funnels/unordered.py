"""Unordered funnels: the most steps that an actor took within one window, in any order (semantics E18-E20).

Every event is tried as the earliest of an attempt: its window begins there. What an attempt collects is
counted kind by kind (`windows`), or where events are shared or excluded found for all events of all actors
together, step by step (`sweep`). An exclusion within the window voids the attempt unless it was complete by
then (semantics E26).

Rows in: (actor, value, units[, sets][, anchors]). Rows out of `attempts`: (actor, value, level, times,
optional) as in `ordered`, of the first attempt that collects most.
"""

from __future__ import annotations

from queries.funnels import windows
from queries.funnels.sweep import Sweep
from queries.funnels.units import NEVER, u64
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, sql


def attempts(sweep: Sweep, rows: Sql) -> Sql:
    if sweep.is_plain:
        return windows.attempts(sweep, rows)
    best = sql(
        "SELECT *, toUInt8(arrayMax(levels)) AS level, indexOf(levels, level) AS at FROM ({levels})",
        levels=levels(sweep, rows),
    )
    ahead = (sql(f"arraySlice({name}, at) AS {name}") for name in sweep.inputs)
    return sql(
        "SELECT actor, value, level, {times} AS times, emptyArrayUInt64() AS optional"
        " FROM (SELECT actor, value, level, {ahead} FROM ({best}) WHERE level > 0)",
        times=_times_of_sharing(sweep) if sweep.shares else _times(sweep),
        ahead=join(", ", ahead),
        best=best,
    )


def _times(sweep: Sweep) -> Sql:
    """Of each kind the first events within the window, as many as are wanted."""
    code = sweep.units.code("unit")
    wanted = bind([sweep.kinds.count(kind) for kind in range(len(set(sweep.kinds)))], "Array(UInt8)")
    return sql(
        "if(level = 1, [{entered}], arrayMap(unit -> {time}, arrayFilter((unit, nth) ->"
        " nth <= {wanted}[{code} - {foreign}], (arrayFilter(unit -> unit <= {end}, units) AS within),"
        " arrayEnumerateUniq(arrayMap(unit -> {code}, within)))))",
        entered=sweep.units.time("units[1]"),
        time=sweep.units.time("unit"),
        wanted=wanted,
        code=code,
        foreign=u64(sweep.units.foreign),
        end=sweep.end_of_window("units[1]"),
    )


def _times_of_sharing(sweep: Sweep) -> Sql:
    return sql(
        "arraySort(arrayMap(unit -> {time}, arrayFilter(unit -> unit <= {end}, {collected})))",
        time=sweep.units.time("unit"),
        end=sweep.end_of_window("units[1]"),
        collected=sweep.collected(),
    )


def levels(sweep: Sweep, rows: Sql) -> Sql:
    """Rows (actor, value, units[, sets], levels): beside each unit how many steps an attempt collects that
    begins there; 0 if it is void or may not begin there."""
    if sweep.is_plain:
        return windows.levels(sweep, rows)
    swept = sql(
        "SELECT *, {fold} AS swept FROM ({prepared})",
        fold=sweep.fold(),
        prepared=_prepared(sweep, rows),
    )
    return sql(
        "SELECT actor, value, {inputs}, {levels} AS levels FROM ({swept})",
        inputs=sql(", ".join(sweep.inputs)),
        levels=_levels(sweep),
        swept=swept,
    )


def _levels(sweep: Sweep) -> Sql:
    counts = f"swept.{sweep.counts}"
    complete = f"swept.{sweep.complete}" if sweep.has_bar else counts
    # No exclusion strictly after the first event of the attempt and within its window, or only after all
    # steps were taken (semantics E24, E26).
    is_valid = sql(
        "(bar > {end} OR (count = {all} AND complete <= bar))",
        end=sweep.end_of_window("unit"),
        all=u64(len(sweep.question.steps)),
    )
    may_begin = sql("has(anchors, {time})", time=sweep.units.time("unit"))  # semantics E30
    tests = all_of([is_valid if sweep.has_bar else TRUE, may_begin if sweep.is_anchored else TRUE])
    if tests == TRUE:
        return sql(counts)
    return sql(
        f"arrayMap((count, complete, unit, bar) -> if({{tests}}, count, 0), {counts}, {complete}, units,"
        f" {'bars' if sweep.has_bar else 'units'})",
        tests=tests,
    )


def _prepared(sweep: Sweep, rows: Sql) -> Sql:
    """Units of steps only, and `bars`: beside each the first excluded event strictly later."""
    if not sweep.has_bar:
        return rows
    is_step = sweep.units.is_step("unit")
    columns = [
        sql("actor, value"),
        sql("anchors") if sweep.is_anchored else None,
        sql("arrayFilter(unit -> {is_step}, all_units) AS units", is_step=is_step),
        sql("arrayFilter((set, unit) -> {is_step}, all_sets, all_units) AS sets", is_step=is_step)
        if sweep.shares
        else None,
        sql(
            "arrayFilter((bar, unit) -> {is_step}, arrayReverseFill(bar -> bar != {never},"
            " arrayMap(unit -> if({is_step}, {never}, {end}), all_units)), all_units) AS bars",
            is_step=is_step,
            never=NEVER,
            end=sweep.units.end_of("unit"),
        ),
    ]
    renamed = [sql("actor, value, units AS all_units")]
    renamed += [sql("sets AS all_sets")] if sweep.shares else []
    renamed += [sql("anchors")] if sweep.is_anchored else []
    return sql(
        "SELECT {columns} FROM (SELECT {renamed} FROM ({rows}))",
        columns=join(", ", (column for column in columns if column is not None)),
        renamed=join(", ", renamed),
        rows=rows,
    )
