"""The people behind an edge, a node or a drop-off of a path (semantics G22)."""

from __future__ import annotations

from queries.actors.actor_set import NOBODY, ActorSet
from queries.paths.compile import EDGES, steps
from queries.paths.node import PathsFilter
from queries.paths.question import Question
from queries.sql.fragment import Sql, all_of, bind, sql


def path_people(question: Question) -> ActorSet:
    """Everybody with a session through the asked nodes, once each, with the number of `matches`."""
    if question.period.is_empty:
        return NOBODY
    rows = sql(
        "SELECT actor, sum(traversals) AS matches FROM"
        " (SELECT actor, {traversals} AS traversals FROM ({steps})) WHERE traversals > 0 GROUP BY actor",
        traversals=_traversals(question.options),
        steps=steps(question),
    )
    index = question.node.aggregation_group_type_index
    return ActorSet(rows, question.actor.kind, index, extra=("matches",))


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
