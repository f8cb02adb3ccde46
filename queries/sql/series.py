"""Which events belong to a series, a step or an entity: name or action, and its own filters (D1, E3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.nodes import ActionsNode, EventsNode, GroupNode, SeriesNode
from queries.sql.actions import action_condition, action_events
from queries.sql.events import event_names
from queries.sql.filters import filter_condition
from queries.sql.fragment import Sql, all_of, any_of


@dataclass(frozen=True, slots=True)
class Matcher:
    """`condition` is the whole test of one event; `names` the only event names it can match, None: any."""

    condition: Sql
    names: tuple[str, ...] | None


def matcher(series: SeriesNode, ctx: ProjectContext) -> Matcher:
    """The matcher of a series. UnknownReference when its action is not in the project (B16)."""
    entity = _entity(series, ctx)
    return Matcher(all_of([entity.condition, filter_condition(series.filters, ctx)]), entity.names)


def _entity(series: SeriesNode, ctx: ProjectContext) -> Matcher:
    match series:
        case EventsNode(event=None):
            return Matcher(event_names(None), None)
        case EventsNode(event=str(name)):
            return Matcher(event_names([name]), (name,))
        case ActionsNode(id=id_):
            return Matcher(action_condition(id_, ctx), action_events(id_, ctx))
        case GroupNode(nodes=nodes):
            parts = [matcher(node, ctx) for node in nodes]
            return Matcher(any_of(part.condition for part in parts), names_of(parts))
    raise TypeError(f"{type(series).__name__} is no series.")


def names_of(matchers: Iterable[Matcher]) -> tuple[str, ...] | None:
    """The event names any of the matchers can match; None when one of them takes every event."""
    names: set[str] = set()
    for part in matchers:
        if part.names is None:
            return None
        names.update(part.names)
    return tuple(sorted(names))
