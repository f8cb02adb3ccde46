"""Values of an event's person, group or session as expressions, for questions of the user's own making.

Two ways to the same values. `InPlace` needs nothing but the expression: the wanted pairs are read once per
statement and each event probes a hash table; a million owners with the property is the most that can hold.
`Joined` puts one join per kind of owner behind FROM and is several times faster; whoever uses it prints
`joins()` there. Conditions on persons alone are better still as sets (`queries.sql.filters`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from queries.context import ProjectContext
from queries.sql.actors import GROUP_COLUMNS, person_number
from queries.sql.events import Span, project_condition, scan
from queries.sql.fragment import Sql, all_of, bind, join, number, sql
from queries.sql.sessions import session_property, widened

# Names the ids of persons without a profile; the same as in the service's persons, never to be changed.
PERSONLESS_NAMESPACE = "8f3a1f0e6f0b5d579c1e0d8f6f3f2b61"

_SESSION_ID = sql("session_id")


class Lookup(Protocol):
    """Stored texts of what an event belongs to; '' where there is no owner or nothing is set."""

    def person(self, value: Sql, person_no: Sql) -> Sql:
        """A text over the row of the person with that number."""

    def group(self, index: int, value: Sql) -> Sql:
        """A text over the row of the event's group."""

    def session(self, key: str) -> Sql:
        """A property of the event's session."""


@dataclass(frozen=True, slots=True)
class InPlace:
    """Each value by itself, without any join."""

    ctx: ProjectContext
    span: Span = Span()

    def person(self, value: Sql, person_no: Sql) -> Sql:
        return _looked_up(person_no, person_rows(sql("person_no AS k, {v} AS v", v=value), self.ctx))

    def group(self, index: int, value: Sql) -> Sql:
        rows = group_rows(sql("group_key AS k, {v} AS v", v=value), index, self.ctx)
        return _looked_up(group_key(index), rows)

    def session(self, key: str) -> Sql:
        values = sql("session_id AS k, {v} AS v", v=session_property(key))
        return _looked_up(_SESSION_ID, session_rows(values, self.ctx, self.span))


@dataclass(slots=True)
class _Side:
    """One join: the event's key, and the values wanted of the rows it finds."""

    kind: str
    key: Sql
    index: int = 0
    values: list[Sql] = field(default_factory=list)


@dataclass(slots=True)
class Joined:
    """Values out of joins; `prefix` begins their names, which no other join of the statement may have."""

    ctx: ProjectContext
    span: Span = Span()
    prefix: str = "side"
    sides: list[_Side] = field(default_factory=list)

    def person(self, value: Sql, person_no: Sql) -> Sql:
        return self._value("person", person_no, value)

    def group(self, index: int, value: Sql) -> Sql:
        return self._value("group", group_key(index), value, index)

    def session(self, key: str) -> Sql:
        return self._value("session", _SESSION_ID, session_property(key))

    def joins(self) -> tuple[Sql, ...]:
        """What follows FROM, once every value has been asked for."""
        return tuple(self._join(place, side) for place, side in enumerate(self.sides))

    def _value(self, kind: str, key: Sql, value: Sql, index: int = 0) -> Sql:
        side = next((s for s in self.sides if (s.kind, s.key, s.index) == (kind, key, index)), None)
        if side is None:
            side = _Side(kind, key, index)
            self.sides.append(side)
        if value not in side.values:
            side.values.append(value)
        name = f"{self.prefix}_{self.sides.index(side)}"
        return sql(f"ifNull({name}.v{side.values.index(value)}, '')")

    def _join(self, place: int, side: _Side) -> Sql:
        name = f"{self.prefix}_{place}"
        values = join(", ", (sql(f"{{v}} AS v{i}", v=value) for i, value in enumerate(side.values)))
        return sql(
            f"ANY LEFT JOIN ({{rows}}) AS {name} ON {name}.owner = {{key}}",
            rows=self._rows(side, values),
            key=side.key,
        )

    def _rows(self, side: _Side, values: Sql) -> Sql:
        match side.kind:
            case "person":
                return person_rows(sql("person_no AS owner, {v}", v=values), self.ctx)
            case "group":
                return group_rows(sql("group_key AS owner, {v}", v=values), side.index, self.ctx)
        return session_rows(sql("session_id AS owner, {v}", v=values), self.ctx, self.span)


def _looked_up(key: Sql, pairs: Sql) -> Sql:
    """The text `v` of the pair whose `k` is the key; '' when there is none. `pairs` selects k and v."""
    return sql(
        "transform({key}, (SELECT groupArray(k) FROM ({pairs}) WHERE v != ''),"
        " (SELECT groupArray(v) FROM ({pairs}) WHERE v != ''), '')",
        key=key,
        pairs=pairs,
    )


# --- rows of owners ---------------------------------------------------------------------------------


def person_rows(columns: Sql, ctx: ProjectContext) -> Sql:
    """Current profiles."""
    return sql(
        "SELECT {columns} FROM person FINAL WHERE {project} AND is_deleted = 0",
        columns=columns,
        project=project_condition(ctx),
    )


def group_rows(columns: Sql, index: int, ctx: ProjectContext) -> Sql:
    """Groups of one kind."""
    return sql(
        "SELECT {columns} FROM groups FINAL WHERE {project} AND group_type_index = {index}",
        columns=columns,
        project=project_condition(ctx),
        index=number(index),
    )


def session_rows(columns: Sql, ctx: ProjectContext, span: Span) -> Sql:
    """Sessions around a range (semantics B12)."""
    in_a_session = sql("session_id != ''")
    tail = sql("GROUP BY session_id")
    return scan(ctx, [columns], span=widened(span), where=all_of([in_a_session]), tail=tail)


def group_key(index: int) -> Sql:
    return sql("toString({column})", column=GROUP_COLUMNS[index])


# --- what persons are called ------------------------------------------------------------------------


def person_id(ctx: ProjectContext, look: Lookup | None = None) -> Sql:
    """The id of the event's person as text; somebody without a profile has one too (semantics B3)."""
    known = (look or InPlace(ctx)).person(PROFILE_ID, person_number(ctx))
    return sql("if({known} != '', {known}, {own})", known=known, own=personless_id(ctx))


PROFILE_ID = sql("toString(uuid)")


def personless_id(ctx: ProjectContext, distinct_id: Sql = sql("distinct_id")) -> Sql:
    """The id of the person that a distinct id without a profile counts as: a UUID of version 5 (RFC 4122)."""
    digest = sql(
        "lower(hex(SHA1(concat(unhex({namespace}), {project}, ':', {distinct_id}))))",
        namespace=bind(PERSONLESS_NAMESPACE),
        project=bind(str(ctx.project_id)),
        distinct_id=distinct_id,
    )
    return sql(
        "concat(substring({d}, 1, 8), '-', substring({d}, 9, 4), '-5', substring({d}, 14, 3), '-',"
        " substring('89ab89ab89ab89ab', position('0123456789abcdef', substring({d}, 17, 1)), 1),"
        " substring({d}, 18, 3), '-', substring({d}, 21, 12))",
        d=digest,
    )
