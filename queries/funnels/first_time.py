"""Steps that only an actor's first event of a kind can take (semantics E14, D25, D26)."""

from __future__ import annotations

from datetime import datetime

from queries.context import ProjectContext
from queries.funnels.node import FunnelsQuery
from queries.nodes import GroupNode, SeriesNode
from queries.sql.actors import Actor
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, sql
from queries.sql.series import Matcher, matcher
from queries.vocabulary import Math

_UNFILTERED = {"properties": None, "fixed_properties": None}


def first_time_condition(
    step: SeriesNode, node: FunnelsQuery, actor: Actor, end: datetime | None, ctx: ProjectContext
) -> Sql | None:
    """True for the one event of each actor that may take the step; None for a step without the wish.

    All of history up to `end` is looked at. Of several events at the first instant it is the one with the
    smallest uuid, so that the answer does not depend on the order of insertion (J4).
    """
    if step.math is Math.FIRST_TIME_FOR_USER:
        pool = matcher(_unfiltered(step), ctx)
    elif step.math is Math.FIRST_TIME_FOR_USER_WITH_FILTERS:
        filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
        found = matcher(step, ctx)
        pool = Matcher(all_of([found.condition, filters]), found.names)
    else:
        return None
    firsts = scan(
        ctx,
        [sql("{actor} AS one, argMin(uuid, (ts, uuid)) AS first_uuid", actor=actor.expression)],
        span=Span(None, end),
        events=pool.names,
        where=all_of([pool.condition, actor.present]),
        tail=sql("GROUP BY one"),
    )
    return sql("uuid IN (SELECT first_uuid FROM ({firsts}))", firsts=firsts)


def _unfiltered(step: SeriesNode) -> SeriesNode:
    """The kind of the step's event whatever its properties (semantics D25)."""
    update: dict[str, object] = dict(_UNFILTERED)
    if isinstance(step, GroupNode):
        update["nodes"] = tuple(node.model_copy(update=_UNFILTERED) for node in step.nodes)
    return step.model_copy(update=update)
