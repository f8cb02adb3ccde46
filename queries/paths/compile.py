"""PathsQuery -> plan: one ordered pass over each actor's events (semantics G).

items      actor | his items in order of time
sessions   cut where the gap is 30 minutes or more, runs of one item collapsed to the last
steps      cut at the start and end points, at most step_limit items
edges      neighbours within a session, counted over all sessions and actors
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from queries.context import ProjectContext
from queries.dates import resolve_range
from queries.earliest import with_project_earliest
from queries.paths.items import included_names, is_item, item_text, point
from queries.paths.node import PathsFilter, PathsQuery
from queries.paths.shape import shape_paths
from queries.plan import Plan, Result, Rows, statement
from queries.sql.actors import actor_of
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, bind, number, sql
from queries.vocabulary import Interval

SESSION_GAP_SECONDS = 30 * 60  # semantics G9
ELLIPSIS = "..."  # semantics G14


def compile_paths(node: PathsQuery, ctx: ProjectContext) -> Plan:
    return with_project_earliest(node, ctx, lambda earliest: _plan(node, ctx, earliest))


def _plan(node: PathsQuery, ctx: ProjectContext, earliest: datetime | None) -> Plan:
    span, dates = path_span(node, ctx, earliest)

    def shape(found: Sequence[Rows]) -> Result:
        return shape_paths(node.paths_filter, found[0] if found else Rows(()), dates)

    if span is None:
        return Plan((), shape)
    return Plan((statement(edges(node, ctx, span)),), shape)


def path_span(
    node: PathsQuery, ctx: ProjectContext, earliest: datetime | None
) -> tuple[Span | None, dict[str, str]]:
    """The range of the events (semantics G1); None when it is inverted (A10)."""
    period = resolve_range(node.date_range, Interval.DAY, ctx, earliest=earliest)
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    if period.is_empty:
        return None, dates
    return Span(period.events_from, period.events_before), dates


def edges(node: PathsQuery, ctx: ProjectContext, span: Span) -> Sql:
    """Rows (source, target, traversals, mean milliseconds), heaviest first (semantics G15-G19)."""
    options = node.paths_filter
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
        steps=steps(node, ctx, span),
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


def steps(node: PathsQuery, ctx: ProjectContext, span: Span) -> Sql:
    """Rows (actor, steps): one session each, `steps` the kept (microseconds, item) in order."""
    options = node.paths_filter
    return sql(
        "SELECT actor, {cut} AS steps FROM ({sessions}) WHERE notEmpty(steps)",
        cut=_cut(options),
        sessions=sessions(node, ctx, span),
    )


def sessions(node: PathsQuery, ctx: ProjectContext, span: Span) -> Sql:
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
        gap=number(SESSION_GAP_SECONDS * 1_000_000),
        actors=actor_items(node, ctx, span),
    )


def actor_items(node: PathsQuery, ctx: ProjectContext, span: Span) -> Sql:
    """Rows (actor, seen): all items of one actor as (microseconds, item), ordered by time, then uuid (G1)."""
    options = node.paths_filter
    actor = actor_of(ctx, node.aggregation_group_type_index)
    item = item_text(options, ctx)
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    per_actor = scan(
        ctx,
        [
            sql("{actor} AS actor", actor=actor.expression),
            sql(
                "arraySort(groupArray((toUnixTimestamp64Micro(ts), uuid, {item}))) AS ordered",
                item=item,
            ),
        ],
        span=span,
        events=included_names(options),
        where=all_of([is_item(options, item), actor.present, filters]),
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
