"""Unordered funnels whose steps share no events, without exclusions: steps counted by window.

An attempt that begins at a unit collects of each kind what lies within its window, as many as are wanted.
Most actors did all that could take a step within the window of their first event, so that is the attempt
that counts. For the others units and ends of windows are merged into one list: beside the end of a window
stands how often a kind had happened by then, beside the unit how often before.
"""

from __future__ import annotations

from queries.funnels.sweep import Sweep
from queries.funnels.units import NOTHING, u64
from queries.sql.fragment import Bound, Sql, bind, sql

WRITTEN_OUT = 8  # kinds; of more a fold is made


def attempts(sweep: Sweep, rows: Sql) -> Sql:
    """Rows (actor, value, level, times, optional) from rows (actor, value, units[, anchors])."""
    taken = sql("SELECT *, {taken} AS taken FROM ({rows})", taken=_taken(sweep, "units"), rows=rows)
    spans = sql("taken[-1] > {end}", end=sweep.end_of_window("units[1]"))
    best = sql(
        "SELECT *, arrayMax(levels) AS most, wide[indexOf(levels, most)] AS entry FROM ({counted}){possible}",
        counted=_counted(sweep, taken, spans),
        possible=sql(" WHERE most > 0" if sweep.is_anchored else ""),
    )
    within = sql(
        "SELECT actor, value, if(spans, [], taken) AS taken,"
        " arrayFilter(unit -> unit >= entry AND unit <= {end}, wide) AS within FROM ({best})",
        end=sweep.end_of_window("entry"),
        best=best,
    )
    return sql(
        "SELECT actor, value, toUInt8(length(times)) AS level, arrayMap(unit -> {time},"
        " arrayConcat(taken, {later})) AS times, emptyArrayUInt64() AS optional FROM ({within})",
        time=sweep.units.time("unit"),
        later=_taken(sweep, "within"),
        within=within,
    )


def levels(sweep: Sweep, rows: Sql) -> Sql:
    """Rows (actor, value, units, levels) as those of `unordered.levels`."""
    # Of those who span no more than a window: what is wanted, counted from the end.
    narrow = sql(
        "arrayReverse(arrayCumSum((code, nth) -> nth <= {wanted}[code - {foreign}], codes,"
        " arrayEnumerateUniq(arrayMap(unit -> {code}, arrayReverse(if(spans, [], units))) AS codes)))",
        wanted=_wanted(sweep),
        code=sweep.units.code("unit"),
        foreign=u64(sweep.units.foreign),
    )
    spans = sql("units[-1] > {end}", end=sweep.end_of_window("units[1]"))
    return sql(
        "SELECT actor, value, units, arrayConcat({narrow}, levels_of_wide) AS levels"
        " FROM (SELECT actor, value, units, spans, levels AS levels_of_wide FROM ({counted}))",
        narrow=narrow,
        counted=_counted(sweep, rows, spans),
    )


def _taken(sweep: Sweep, units: str) -> Sql:
    """Of each kind the first units, as many as are wanted."""
    return sql(
        f"arrayFilter((unit, nth) -> nth <= {{wanted}}[{{code}} - {{foreign}}], {units},"
        f" arrayEnumerateUniq(arrayMap(unit -> {{code}}, {units})))",
        wanted=_wanted(sweep),
        code=sweep.units.code("unit"),
        foreign=u64(sweep.units.foreign),
    )


def _wanted(sweep: Sweep) -> Bound:
    """How many steps each kind can take."""
    return bind([sweep.kinds.count(kind) for kind in range(len(sweep.conditions))], "Array(UInt64)")


def _counted(sweep: Sweep, rows: Sql, spans: Sql) -> Sql:
    """The rows with `spans`, `wide`, which are the units of those who span more than is simple, and `levels`
    beside these: how many steps an attempt collects that begins there; 0 if it may not (semantics E30)."""
    divided = sql(
        "SELECT *, {spans} AS spans, if(spans, units, []) AS wide FROM ({rows})",
        spans=sql("1") if sweep.is_anchored else spans,
        rows=rows,
    )
    # The lowest bit tells an end, so that it comes after a unit of the same instant.
    merged = sql(
        "SELECT *, arraySort(arrayConcat(arrayMap(unit -> unit * 2, wide),"
        " arrayMap(unit -> {end} * 2 + 1, wide))) AS merged FROM ({divided})",
        end=sweep.end_of_window("unit"),
        divided=divided,
    )
    levels = _of_kinds(sweep)
    if sweep.is_anchored:
        levels = sql(
            "arrayMap((count, unit) -> if(has(anchors, {time}), count, 0), {levels}, wide)",
            time=sweep.units.time("unit"),
            levels=levels,
        )
    return sql("SELECT *, {levels} AS levels FROM ({merged})", levels=levels, merged=merged)


def _of_kinds(sweep: Sweep) -> Sql:
    levels = sql("arrayMap(unit -> {nothing}, wide)", nothing=NOTHING)
    codes = [sweep.units.code_of(kind) for kind in range(len(sweep.conditions))]
    if len(codes) > WRITTEN_OUT:
        return sql(
            "arrayFold((levels, kind, most) -> {more},"
            " if(spans, {codes}, []), if(spans, {wanted}, []), {levels})",
            more=_of_kind(sweep, sql("levels"), sql("kind"), sql("most")),
            codes=bind(codes, "Array(UInt64)"),
            wanted=_wanted(sweep),
            levels=levels,
        )
    for kind, code in enumerate(codes):
        levels = _of_kind(sweep, levels, u64(code), u64(sweep.kinds.count(kind)))
    return levels


def _of_kind(sweep: Sweep, levels: Sql, kind: Sql | Bound, most: Sql | Bound) -> Sql:
    """`levels` and what is collected of one kind."""
    is_kind = sql("(bitAnd(mark, {low}) = {kind} * 2)", low=u64(2 * sweep.units.mask + 1), kind=kind)
    happened = sql("arrayCumSum(mark -> {is_kind}, merged)", is_kind=is_kind)
    return sql(
        "arrayMap((level, unit, by_end, by_unit) -> level + least({most}, toUInt64(by_end - by_unit +"
        " ({code} = {kind}))), {levels}, wide,"
        " arrayFilter((count, mark) -> bitAnd(mark, 1) = 1, {happened}, merged),"
        " arrayFilter((count, mark) -> bitAnd(mark, 1) = 0, {happened}, merged))",
        most=most,
        code=sweep.units.code("unit"),
        kind=kind,
        levels=levels,
        happened=happened,
    )
