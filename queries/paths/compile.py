"""PathsQuery -> plan: one ordered pass over each actor's events (semantics G).

items      actor | his items in order of time
sessions   cut where the gap is 30 minutes or more, runs of one item collapsed to the last
steps      cut at the start and end points, at most step_limit items
edges      neighbours within a session, counted over all sessions and actors
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.paths.items import included_names, is_item, item_text, point
from queries.paths.node import PathsFilter, PathsQuery
from queries.paths.question import Question, with_question
from queries.paths.shape import shape_paths
from queries.plan import Plan, Result, Rows, statement
from queries.sql.events import scan
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, bind, number, sql

ELLIPSIS = "..."  # semantics G14


def compile_paths(node: PathsQuery, ctx: ProjectContext) -> Plan:
    return with_question(node, ctx, _plan)


def _plan(question: Question) -> Plan:
    def shape(found: Sequence[Rows]) -> Result:
        return shape_paths(question.options, found[0] if found else Rows(()), question.dates)

    if question.period.is_empty:  # semantics A10
        return Plan((), shape)
    return Plan((statement(edges(question)),), shape)


def edges(question: Question) -> Sql:
    """Rows (source, target, traversals, mean milliseconds), heaviest first (semantics G15-G19)."""
    options = question.options
    bounds = all_of(
        [
            *_weight_bound(">=", options.min_edge_weight),
            *_weight_bound("<=", options.max_edge_weight),
        ]
    )
    limit = options.effective_edge_limit
    return sql(
        "SELECT edge.1 AS source, edge.2 AS target, count() AS traversals, avg(edge.3) AS milliseconds"
        " FROM (SELECT {edges} AS edges FROM ({steps})) ARRAY JOIN edges AS edge"
        " GROUP BY source, target HAVING {bounds} ORDER BY traversals DESC, source, target {limit}",
        edges=EDGES,
        steps=steps(question),
        bounds=bounds,
        limit=sql("LIMIT {limit}", limit=number(limit)) if limit is not None else sql(""),
    )


def _weight_bound(symbol: str, weight: int | None) -> list[Sql]:
    return [] if weight is None else [sql(f"traversals {symbol} {{weight}}", weight=number(weight))]


# (source node, target node, milliseconds) of every pair of neighbours in `steps`.
EDGES = sql(
    "arrayMap((step, following, place) -> (concat(toString(place), '_', step.2),"
    " concat(toString(place + 1), '_', following.2), (following.1 - step.1) / 1000),"
    " arrayPopBack(steps), arrayPopFront(steps), arrayEnumerate(arrayPopBack(steps)))"
)


def steps(question: Question) -> Sql:
    """Rows (actor, steps): one session each, `steps` the kept (microseconds, item) in order."""
    options = question.options
    return sql(
        "SELECT actor, {cut} AS steps FROM ({sessions}) WHERE notEmpty(steps)",
        cut=_cut(options),
        sessions=sessions(question),
    )


def sessions(question: Question) -> Sql:
    """Rows (actor, items): one session each, runs of one item collapsed to their last event (G9, G10)."""
    return sql(
        "SELECT actor, {collapsed} AS collapsed, {trimmed} AS items FROM"
        " (SELECT actor, arrayJoin(arraySplit((entry, gap) -> gap >= {gap}, seen,"
        " arrayDifference(arrayMap(entry -> entry.1, seen)))) AS session FROM ({actors}))",
        collapsed=sql(
            "arrayFilter((entry, following, place) -> place = length(session) OR entry.2 != following.2,"
            " session, arrayShiftLeft(session, 1), arrayEnumerate(session))"
        ),
        # G5: an empty item at the end of a session is none
        trimmed=sql("if(collapsed[-1].2 = '', arrayPopBack(collapsed), collapsed)"),
        gap=number(question.gap * 1_000_000),
        actors=actor_items(question),
    )


def actor_items(question: Question) -> Sql:
    """Rows (actor, seen): all items of one actor as (microseconds, item), ordered by time, then uuid (G1)."""
    node, ctx, options, actor = question.node, question.ctx, question.options, question.actor
    item = item_text(options, ctx)
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    within = TRUE if question.funnel is None else question.funnel.condition
    per_actor = scan(
        ctx,
        [
            sql("{actor} AS actor", actor=actor.expression),
            sql(
                "arraySort(groupArray((toUnixTimestamp64Micro(ts), toUInt128(uuid), {item}))) AS ordered",
                item=item,
            ),
        ],
        span=question.span,
        events=included_names(options),
        where=all_of([is_item(options, item), actor.present, filters, within]),
        joins=question.joins,
        tail=sql("GROUP BY actor"),
    )
    return sql(
        "SELECT actor, arrayMap(entry -> (entry.1, entry.3), ordered) AS seen FROM ({per_actor})",
        per_actor=per_actor,
    )


def _cut(options: PathsFilter) -> Sql:
    """The items of a session that are shown, renumbered from one; none when a wanted point is missing."""
    limit = options.step_limit
    if options.start_point and options.end_point:
        return _between(point(options.start_point), point(options.end_point), limit)
    if options.start_point:  # G12
        return sql(
            "if({at} = 0, [], arraySlice(items, {at}, {limit}))",
            at=_first(sql("items"), point(options.start_point)),
            limit=number(limit),
        )
    if options.end_point:  # G13
        at = _first(sql("items"), point(options.end_point))
        return sql(
            "if({at} = 0, [], arraySlice(arraySlice(items, 1, {at}), -least({limit}, toInt64({at}))))",
            at=at,
            limit=number(limit),
        )
    return sql("arraySlice(items, 1, {limit})", limit=number(limit))  # G11


def _first(items: Sql, text: str) -> Sql:
    return sql("arrayFirstIndex(entry -> entry.2 = {text}, {items})", text=bind(text), items=items)


def _between(start: str, end: str, limit: int) -> Sql:
    """From the first start to the first end after it; a long middle becomes an ellipsis (semantics G14).

    The ellipsis stands where the last of the items it hides was.
    """
    from_start = sql("arraySlice(items, greatest(1, {at}))", at=_first(sql("items"), start))
    run = sql(
        "if({start_at} = 0 OR {end_at} = 0, [], arraySlice({from_start}, 1, {end_at}))",
        start_at=_first(sql("items"), start),
        end_at=_first(from_start, end),
        from_start=from_start,
    )
    half = number(limit // 2)
    return sql(
        "if(length({run}) <= {limit}, {run}, arrayConcat(arraySlice({run}, 1, {half}),"
        " [({run}[-{half} - 1].1, {ellipsis})], arraySlice({run}, -{half})))",
        run=run,
        limit=number(limit),
        half=half,
        ellipsis=bind(ELLIPSIS),
    )
