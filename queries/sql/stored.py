"""Where an event's or owner's property is read: its stored text, '' when it is not set."""

from __future__ import annotations

from queries.context import ProjectContext
from queries.sql.fragment import Sql, bind, sql


def stored_property(key: str) -> Sql:
    """A property of `props`."""
    return sql("props[{key}]", key=bind(key))


def stored_event_property(key: str, ctx: ProjectContext) -> Sql:
    """The same for an event, through the key's own column where there is one."""
    column = ctx.promoted.get(key)
    return stored_property(key) if column is None else sql(column)
