"""What is shown of each session, from the events on (semantics G9-G14).

sessions    each actor's items in order of time, cut where the gap is 30 minutes or more, runs of one item
            collapsed to the last
steps       cut at the start and end points, at most step_limit items
traversals  neighbours within a session
"""

from __future__ import annotations

from queries.paths.items import Texts, point
from queries.sql.fragment import Bound, Sql, number, sql


def traversals(form: Texts) -> Sql:
    """Rows (place, item, next, took): every pair of neighbours, and the microseconds between them."""
    return sql(
        "SELECT place, item, next, took FROM (SELECT times, items FROM ({steps}) WHERE length(items) > 1)"
        " ARRAY JOIN arrayEnumerate(arrayPopBack(items)) AS place, arrayPopBack(items) AS item,"
        " arrayPopFront(items) AS next, arrayPopFront(arrayDifference(times)) AS took",
        steps=steps(form),
    )


# --- what is shown of a session -----------------------------------------------------------------------------


def steps(form: Texts) -> Sql:
    """Rows (actor, times, items): of each session at most `step_limit` items, renumbered from one (G11-G14).

    Sessions without a wanted point are left out.
    """
    options, rows = form.question.options, sessions(form)
    limit = number(options.step_limit)
    if options.start_point:
        rows = _cut(rows, form.of(point(options.start_point)), "arraySlice({column}, at)")
    if options.end_point:
        rows = _cut(rows, form.of(point(options.end_point)), "arraySlice({column}, 1, at)")
    if options.start_point and options.end_point:
        return _with_ellipsis(rows, form.ellipsis, options.step_limit)
    if options.end_point:
        return _both(rows, "arraySlice({column}, -{limit})", limit=limit)
    return _both(rows, "arraySlice({column}, 1, {limit})", limit=limit)


def _cut(rows: Sql, item: Sql, part: str) -> Sql:
    """Sessions with the item, cut at its first place: `at` in the template `part`."""
    placed = sql(
        "SELECT actor, times, items, indexOf(items, {item}) AS at FROM ({rows}) WHERE at > 0",
        item=item,
        rows=rows,
    )
    return _both(placed, part)


def _with_ellipsis(rows: Sql, ellipsis: Sql, limit: int) -> Sql:
    """A long middle becomes an ellipsis, which stands where the last of the items it hides was (G14)."""
    half = number(limit // 2)
    template = (
        "if(length({column}) <= {limit}, {column}, arrayConcat(arraySlice({column}, 1, {half}), [{middle}],"
        " arraySlice({column}, length({column}) - {half} + 1)))"
    )
    middles = {"times": sql("times[-{half} - 1]", half=half), "items": ellipsis}
    times, found = (
        sql(template, column=sql(column), middle=middle, limit=number(limit), half=half)
        for column, middle in middles.items()
    )
    return sql(
        "SELECT actor, {times} AS times, {found} AS items FROM ({rows})", times=times, found=found, rows=rows
    )


def _both(rows: Sql, template: str, **parts: Bound) -> Sql:
    """Rows (actor, times, items) with the same done to both arrays, `column` in the template."""
    times, found = (sql(template, column=sql(column), **parts) for column in ("times", "items"))
    return sql(
        "SELECT actor, {times} AS times, {found} AS items FROM ({rows})", times=times, found=found, rows=rows
    )


# --- sessions -----------------------------------------------------------------------------------------------


def sessions(form: Texts) -> Sql:
    """Rows (actor, times, items): one session each, runs of one item collapsed to the last (G9, G10)."""
    split = sql(
        "SELECT actor, arrayJoin(arraySplit((entry, gap) -> gap >= {gap}, arrayZip(times, items),"
        " arrayDifference(times))) AS session FROM ({actors})",
        gap=number(form.question.gap * 1_000_000),
        actors=_actors(form),
    )
    # The last of a run is kept; an empty item at the end of a session is none (G5).
    return sql(
        "SELECT actor, arrayFilter((at, is_kept) -> is_kept, all_times, kept) AS times,"
        " arrayFilter((item, is_kept) -> is_kept, all_items, kept) AS items FROM"
        " (SELECT actor, session.1 AS all_times, session.2 AS all_items,"
        " arrayPushBack(arrayMap((item, next) -> item != next,"
        " arrayPopBack(all_items), arrayPopFront(all_items)), all_items[-1] != {empty}) AS kept"
        " FROM ({split}))",
        empty=form.empty,
        split=split,
    )


def _actors(form: Texts) -> Sql:
    """Rows (actor, times, items): all items of one actor in order."""
    return sql(
        "SELECT actor, {times} AS times, {items} AS items FROM"
        " (SELECT actor, {ordered} AS ordered FROM ({rows}) GROUP BY actor)",
        times=form.times,
        items=form.items,
        ordered=form.ordered,
        rows=form.rows(),
    )
