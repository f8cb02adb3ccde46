"""The tables that users may read: which rows of the project each one has, and its columns.

Every table carries its own condition on the project, put in by us and out of the user's reach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.hogql.columns import STAR, event_column, instant_column, property_column, session_type
from queries.hogql.syntax import Name
from queries.hogql.values import Kind, Value
from queries.sql.actors import person_number
from queries.sql.events import project_condition
from queries.sql.fragment import Sql, all_of, any_of, bind, sql
from queries.sql.lookup import PROFILE_ID, Lookup
from queries.sql.sessions import SESSION_KEYS, session_property
from queries.sql.stored import stored_property

# A column by its path; None when the table has none of this name.
Columns = Callable[[Name, ProjectContext, Lookup], Value | None]


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """`rows` follows FROM, `guard` is the condition that keeps to the project.

    `star` lists what * stands for. `group_by`: the table is made of groups of rows. `person`: the number
    of a row's person, where a row has one.
    """

    rows: Sql
    guard: Callable[[ProjectContext], Sql]
    column: Columns
    star: tuple[str, ...]
    group_by: Sql | None = None
    person: Callable[[ProjectContext], Sql] | None = None
    has_filters: bool = False


def _event(name: Name, ctx: ProjectContext, look: Lookup) -> Value | None:
    return event_column(name, ctx, look)


def _person(name: Name, ctx: ProjectContext, _: Lookup) -> Value | None:
    match name.path:
        case ("id",) | ("uuid",):
            return Value(sql("toString(uuid)"), Kind.TEXT)
        case ("created_at",):
            return instant_column(sql("created_at"), ctx)
        case ("properties",):
            return Value(sql("properties"), Kind.TEXT)
        case ("properties", key, *_):
            return property_column(stored_property(key), name.path[1:], "person", ctx)
    return None


def _group(name: Name, ctx: ProjectContext, _: Lookup) -> Value | None:
    match name.path:
        case ("index",) | ("group_type_index",):
            return Value(sql("group_type_index"), Kind.NUMBER)
        case ("key",) | ("group_key",):
            return Value(sql("group_key"), Kind.TEXT)
        case ("created_at",):
            return instant_column(sql("created_at"), ctx)
        case ("properties",):
            return Value(sql("properties"), Kind.TEXT)
        case ("properties", key, *_):
            return property_column(stored_property(key), name.path[1:], "group", ctx)
    return None


def _session(name: Name, ctx: ProjectContext, _: Lookup) -> Value | None:
    match name.path:
        case ("session_id",) | ("id",) | ("$session_id",):
            return Value(sql("session_id"), Kind.TEXT)
        case ("distinct_id",):
            return Value(sql("argMin(distinct_id, (ts, uuid))"), Kind.TEXT)
        case ("$start_timestamp",):
            return instant_column(sql("min(ts)"), ctx)
        case ("$end_timestamp",):
            return instant_column(sql("max(ts)"), ctx)
        case ("duration",):
            return _session_value("$session_duration")
        case (key,) if key in SESSION_KEYS:
            return _session_value(key)
    return None


def _session_value(key: str) -> Value:
    return Value(session_property(key), Kind.PROPERTY, is_nullable=True, declared=session_type(key))


def _cohort_person(name: Name, ctx: ProjectContext, look: Lookup) -> Value | None:
    match name.path:
        case ("cohort_id",):
            return Value(sql("cohort_id"), Kind.NUMBER)
        case ("person_id",):
            return Value(look.person(PROFILE_ID, person_number(ctx, _MEMBER)), Kind.TEXT)
    return None


_MEMBER = sql("person_no")


def _current_members(ctx: ProjectContext) -> Sql:
    """Members as of the last calculation of each cohort."""
    current = any_of(
        sql(
            "cohort_id = {cohort} AND version = {version}",
            cohort=bind(cohort.id, "UInt32"),
            version=bind(cohort.version, "UInt32"),
        )
        for cohort in ctx.cohorts.values()
        if cohort.version is not None
    )
    return all_of([project_condition(ctx), current])


def _living(ctx: ProjectContext) -> Sql:
    return all_of([project_condition(ctx), sql("is_deleted = 0")])


def _in_sessions(ctx: ProjectContext) -> Sql:
    return all_of([project_condition(ctx), sql("session_id != ''")])


TABLES: Mapping[str, TableDefinition] = {
    "events": TableDefinition(
        sql("events"), project_condition, _event, STAR, person=person_number, has_filters=True
    ),
    "persons": TableDefinition(
        sql("person FINAL"), _living, _person, ("id", "created_at", "properties"), person=lambda _: _MEMBER
    ),
    "groups": TableDefinition(
        sql("groups FINAL"), project_condition, _group, ("index", "key", "created_at", "properties")
    ),
    "sessions": TableDefinition(
        sql("events"),
        _in_sessions,
        _session,
        ("session_id", "distinct_id", "$start_timestamp", "$end_timestamp", *sorted(SESSION_KEYS)),
        group_by=sql("session_id"),
    ),
    "cohort_people": TableDefinition(
        sql("cohort_member"),
        _current_members,
        _cohort_person,
        ("cohort_id", "person_id"),
        person=lambda ctx: person_number(ctx, _MEMBER),
    ),
}
ALIASES = {
    "event": "events",
    "person": "persons",
    "raw_cohort_people": "cohort_people",
    "raw_sessions": "sessions",
}
