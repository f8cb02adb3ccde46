"""PathsQuery -> plan: one ordered pass over each actor's events (semantics G).

items      what an event is called, as a number; see `queries.paths.items`
sessions   each actor's items in order of time, cut where the gap is 30 minutes or more, runs of one item
           collapsed to the last
steps      cut at the start and end points, at most step_limit items
edges      neighbours within a session, counted over all sessions and actors
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.paths.items import Numbers, Texts, point
from queries.paths.node import PathsQuery
from queries.paths.question import Question, with_question
from queries.paths.shape import shape_paths
from queries.plan import Plan, Result, Rows, statement
from queries.sql.fragment import Bound, Sql, all_of, bind, number, sql


def compile_paths(node: PathsQuery, ctx: ProjectContext) -> Plan:
    return with_question(node, ctx, _plan)


def _plan(question: Question) -> Plan:
    def shape(found: Sequence[Rows]) -> Result:
        return shape_paths(question.options, found[0] if found else Rows(()), question.dates)

    if question.period.is_empty:  # semantics A10
        return Plan((), shape)
    return Plan(
        (statement(edges(Numbers(question))),),
        shape,
        smaller=lambda: Plan((statement(edges(Texts(question))),), shape),
    )


def edges(form: Texts) -> Sql:
    """Rows (source, target, traversals, mean milliseconds), heaviest first (semantics G15-G19).

    Nodes get their names once the edges are counted: there are far fewer of those than traversals.
    """
    options = form.question.options
    limit = options.effective_edge_limit
    found = sql(
        "SELECT concat(toString(place), '_', {item}) AS source,"
        " concat(toString(place + 1), '_', {next}) AS target,"
        " traversals, milliseconds"
        " FROM (SELECT place, item, next, {weight} AS traversals, avg(took) / 1000 AS milliseconds"
        " FROM ({traversals}) GROUP BY place, item, next)"
        " WHERE {bounds} ORDER BY traversals DESC, source, target {limit}",
        item=form.text(sql("item")),
        next=form.text(sql("next")),
        weight=_weight(form.question.node.sampling_factor),
        traversals=_traversals(form),
        bounds=all_of(
            [
                *_weight_bound(">=", options.min_edge_weight),
                *_weight_bound("<=", options.max_edge_weight),
            ]
        ),
        limit=sql("LIMIT {limit}", limit=number(limit)) if limit is not None else sql(""),
    )
    return form.complete(found)


def _weight(factor: float | None) -> Sql:
    """How often an edge was traversed; what a sample of the actors did is scaled up (D61)."""
    if factor is None:
        return sql("count()")
    return sql("toUInt64(round(count() / {factor}))", factor=bind(factor, "Float64"))


def _weight_bound(symbol: str, weight: int | None) -> list[Sql]:
    return [] if weight is None else [sql(f"traversals {symbol} {{weight}}", weight=number(weight))]


def _traversals(form: Texts) -> Sql:
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
