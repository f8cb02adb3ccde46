"""Values of an event's person, group or session as plain expressions, for questions that cannot join.

A look-up reads the wanted pairs once per statement and probes a hash table per event. Conditions are
better written as sets (`queries.sql.filters`), breakdowns as joins; this is for values inside expressions.
"""

from __future__ import annotations

from queries.context import ProjectContext
from queries.sql.actors import GROUP_COLUMNS, person_number
from queries.sql.events import Span, project_condition
from queries.sql.fragment import Sql, bind, number, sql
from queries.sql.sessions import session_values

# Names the ids of persons without a profile; the same as in the service's persons, never to be changed.
PERSONLESS_NAMESPACE = "8f3a1f0e6f0b5d579c1e0d8f6f3f2b61"


def person_property(key: str, ctx: ProjectContext) -> Sql:
    """Stored text of the person's property under the project's mode (semantics B6); '' is not set."""
    if ctx.person_properties_mode == "on_events":
        return sql("person_props[{key}]", key=bind(key))
    return _of_person(sql("props[{key}]", key=bind(key)), ctx)


def person_created(ctx: ProjectContext) -> Sql:
    """When the person was created, as text with microseconds; '' without a profile."""
    return _of_person(sql("toString(created_at)"), ctx)


def person_json(ctx: ProjectContext) -> Sql:
    """All current properties of the person as JSON text; {} without a profile."""
    found = _of_person(sql("properties"), ctx)
    return sql("if({found} = '', '{{}}', {found})", found=found)


def person_id(ctx: ProjectContext) -> Sql:
    """The id of the event's person as text; somebody without a profile has one too (semantics B3)."""
    known = _of_person(sql("toString(uuid)"), ctx)
    return sql("if({known} != '', {known}, {own})", known=known, own=personless_id(ctx))


def known_person_id(ctx: ProjectContext, actor_no: Sql) -> Sql:
    """The id of the profile of an actor's person as text; '' without one."""
    return _of_person(sql("toString(uuid)"), ctx, person_number(ctx, actor_no))


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


def group_property(index: int, key: str, ctx: ProjectContext) -> Sql:
    """Stored text of a property of the event's group of that type; '' is not set (semantics B10)."""
    pairs = sql(
        "SELECT group_key AS k, props[{key}] AS v FROM groups FINAL"
        " WHERE {project} AND group_type_index = {index}",
        key=bind(key),
        project=project_condition(ctx),
        index=number(index),
    )
    return looked_up(sql("toString({key})", key=GROUP_COLUMNS[index]), pairs)


def session_property_of_event(key: str, ctx: ProjectContext, span: Span = Span()) -> Sql:
    """Stored text of a property of the event's session; '' is not set (semantics B13)."""
    values = session_values(key, ctx, span)
    return looked_up(sql("session_id"), sql("SELECT session_id AS k, value AS v FROM ({s})", s=values))


def _of_person(value: Sql, ctx: ProjectContext, person: Sql | None = None) -> Sql:
    pairs = sql(
        "SELECT person_no AS k, {value} AS v FROM person FINAL WHERE {project} AND is_deleted = 0",
        value=value,
        project=project_condition(ctx),
    )
    return looked_up(person or person_number(ctx), pairs)


def looked_up(key: Sql, pairs: Sql) -> Sql:
    """The text `v` of the pair whose `k` is the key; '' when there is none. `pairs` selects k and v."""
    return sql(
        "transform({key}, (SELECT groupArray(k) FROM ({pairs}) WHERE v != ''),"
        " (SELECT groupArray(v) FROM ({pairs}) WHERE v != ''), '')",
        key=key,
        pairs=pairs,
    )
