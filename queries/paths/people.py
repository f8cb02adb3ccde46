"""The people behind an edge, a node or a drop-off of a path (semantics G22)."""

from __future__ import annotations

from datetime import datetime

from queries.actors.actor_set import NOBODY, ActorSet
from queries.context import ProjectContext
from queries.paths.compile import EDGES, path_span, steps
from queries.paths.node import PathsFilter, PathsQuery
from queries.sql.actors import actor_of
from queries.sql.fragment import Sql, all_of, bind, sql


def path_people(node: PathsQuery, ctx: ProjectContext, earliest: datetime | None = None) -> ActorSet:
    """Everybody with a session through the asked nodes, once each, with the number of `matches`."""
    span, _ = path_span(node, ctx, earliest)
    if span is None:
        return NOBODY
    index = node.aggregation_group_type_index
    rows = sql(
        "SELECT actor, sum(traversals) AS matches FROM"
        " (SELECT actor, {traversals} AS traversals FROM ({steps})) WHERE traversals > 0 GROUP BY actor",
        traversals=_traversals(node.paths_filter),
        steps=steps(node, ctx, span),
    )
    return ActorSet(rows, actor_of(ctx, index).kind, index, extra=("matches",))


def _traversals(options: PathsFilter) -> Sql:
    """How often a session does what is asked; every edge when nothing is."""
    if options.path_dropoff_key is not None:
        last = sql("concat(toString(length(steps)), '_', steps[-1].2)")
        return sql("toUInt64({last} = {node})", last=last, node=bind(options.path_dropoff_key))
    conditions = []
    if options.path_start_key is not None:
        conditions.append(sql("edge.1 = {node}", node=bind(options.path_start_key)))
    if options.path_end_key is not None:
        conditions.append(sql("edge.2 = {node}", node=bind(options.path_end_key)))
    return sql("arrayCount(edge -> {test}, {edges})", test=all_of(conditions), edges=EDGES)
