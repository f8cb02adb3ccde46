"""Conditions that are only about persons, as sets: looked up per person instead of worked out per event.

Somebody without a profile has every property missing; what the condition says of such a person is worked
out once, as a constant.
"""

from __future__ import annotations

from typing import NoReturn

from queries.context import ProjectContext
from queries.hogql.columns import instant_column, property_column
from queries.hogql.forms import lowering
from queries.hogql.syntax import Call, Expression, Hole, Literal, Name, Subselect
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, Value
from queries.sql.actors import person_number
from queries.sql.events import project_condition
from queries.sql.fragment import Sql, sql
from queries.sql.stored import stored_property


def person_set(node: Expression, ctx: ProjectContext) -> Sql | None:
    """The condition on the event's person; None when it is about something else as well."""
    if ctx.person_properties_mode == "on_events" or not _is_about_persons(node):
        return None
    known = sql("SELECT person_no FROM person FINAL WHERE {p} AND is_deleted = 0", p=project_condition(ctx))
    return sql(
        "({person} IN ({known} AND ({holds})) OR (({holds_for_nobody}) AND {person} NOT IN ({known})))",
        person=person_number(ctx),
        known=known,
        holds=lowering(_Profile(ctx), ctx).condition(node),
        holds_for_nobody=lowering(_Nobody(ctx), ctx).condition(node),
    )


def _is_about_persons(node: Expression) -> bool:
    """All its columns are of persons, and there is one; nothing else in it depends on the event."""
    found = False
    waiting = [node]
    while waiting:
        part = waiting.pop()
        match part:
            case Name(path=("person", "properties", _, *_) | ("person", "created_at")):
                found = True
            case Call(name=name) if name != "inCohort":
                waiting.extend(part.arguments)
            case Literal():
                continue
            case _:
                return False
    return found


class _Profile:
    """Names are columns of the table of persons."""

    def __init__(self, ctx: ProjectContext) -> None:
        self.ctx = ctx

    def column(self, name: Name) -> Value:
        """`_is_about_persons` lets no other name through."""
        if name.path == ("person", "created_at"):
            return self.created_at()
        stored, path = self.stored(name.path[2]), name.path[2:]
        return property_column(stored, path, "person", self.ctx)

    def created_at(self) -> Value:
        return instant_column(sql("created_at"), self.ctx)

    def stored(self, key: str) -> Sql:
        return stored_property(key)

    def whole(self, node: Expression) -> None:
        return None

    def person_number(self, position: int) -> NoReturn:
        refuse("There is no person here", position)

    def hole(self, hole: Hole) -> NoReturn:
        refuse("Braces are not allowed here", hole.position)

    def subselect(self, node: Subselect) -> NoReturn:
        refuse("Subqueries are not allowed here", node.position)


class _Nobody(_Profile):
    """The same names for somebody without a profile: nothing is set."""

    def created_at(self) -> Value:
        nothing = sql("CAST(NULL AS Nullable(DateTime64(6, 'UTC')))")
        return Value(nothing, Kind.INSTANT, is_nullable=True)

    def stored(self, key: str) -> Sql:
        return sql("''")
