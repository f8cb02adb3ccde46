"""The columns of one event, by the names users write. Everything else is an InvalidQuery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from queries.context import DeclaredType, ProjectContext, PropertyScope
from queries.hogql.syntax import Name
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, Value
from queries.sql.actors import GROUP_COLUMNS
from queries.sql.events import Span
from queries.sql.fragment import Sql, bind, sql
from queries.sql.lookup import (
    group_property,
    person_created,
    person_id,
    person_json,
    person_property,
    session_property_of_event,
)
from queries.sql.sessions import SESSION_KEYS
from queries.sql.stored import stored_event_property

MAX_PATH = 8
TEXTUAL_SESSION_KEYS = frozenset({"$entry_current_url", "$exit_current_url", "$channel_type"})


def event_column(name: Name, ctx: ProjectContext, span: Span = Span()) -> Value | None:
    """`event`, `properties.x`, `person.properties.x`, `group_0.properties.x`, `session.$session_duration`...

    None when events have no such column. `span` is the query's range, in which sessions are looked for.
    """
    head, rest = name.path[0], name.path[1:]
    if len(name.path) > MAX_PATH:
        return None
    if not rest and head in COLUMNS:
        return COLUMNS[head](ctx)
    if head == "properties" and rest:
        stored = stored_event_property(rest[0], ctx)
        return _property(stored, rest, ctx.property_types.get(("event", rest[0])))
    if head == "person" and rest:
        return _person_column(rest, ctx)
    if head == "session" and len(rest) == 1:
        return _session_column(rest[0], ctx, span)
    if head in _GROUPS and rest:
        return _group_column(_GROUPS[head], rest, ctx)
    return None


def unknown_column(name: Name) -> NoReturn:
    if name.path[0] == "team_id":
        refuse("team_id is not allowed: a query sees its own project only", name.position)
    refuse(f'There is no column "{str(name)[:80]}" here', name.position)


def instant_column(moment: Sql, ctx: ProjectContext) -> Value:
    """An instant as it is stored, shown in the project's zone."""
    zoned = sql("toTimeZone({moment}, {zone})", moment=moment, zone=bind(ctx.timezone))
    return Value(zoned, Kind.INSTANT, moment=moment)


def property_column(stored: Sql, path: tuple[str, ...], scope: PropertyScope, ctx: ProjectContext) -> Value:
    """A property of `props` and what lies inside it; `path` begins with its key."""
    return _property(stored, path, ctx.property_types.get((scope, path[0])))


def _property(stored: Sql, path: tuple[str, ...], declared: DeclaredType | None = None) -> Value:
    if len(path) > 1:
        return Value(_inside(stored, path[1:]), Kind.PROPERTY, is_nullable=True)
    return Value(stored, Kind.PROPERTY, is_nullable=True, declared=declared)


def _inside(stored: Sql, path: tuple[str, ...]) -> Sql:
    """What lies inside a property that is a JSON object, in the stored form of a property."""
    raw = sql("JSONExtractRaw({stored}, {keys})", stored=stored, keys=_keys(path))
    text = sql("JSONExtractString({stored}, {keys})", stored=stored, keys=_keys(path))
    return sql(
        "multiIf({raw} IN ('', 'null'), '', {raw} = '\"\"', '\\0', startsWith({raw}, '\"'), {text}, {raw})",
        raw=raw,
        text=text,
    )


def _keys(path: tuple[str, ...]) -> Sql:
    template = ", ".join(f"{{k{place}}}" for place in range(len(path)))
    return sql(template, **{f"k{place}": bind(key) for place, key in enumerate(path)})


def _person_column(rest: tuple[str, ...], ctx: ProjectContext) -> Value | None:
    match rest:
        case ("id",):
            return Value(person_id(ctx), Kind.TEXT)
        case ("created_at",):
            text = Value(sql("nullIf({t}, '')", t=person_created(ctx)), Kind.TEXT, is_nullable=True)
            moment = sql("parseDateTime64BestEffortOrNull({t}, 6, 'UTC')", t=text.sql)
            zoned = sql("toTimeZone({m}, {zone})", m=moment, zone=bind(ctx.timezone))
            return Value(zoned, Kind.INSTANT, is_nullable=True, moment=moment)
        case ("properties",):
            return Value(person_json(ctx), Kind.TEXT)
        case ("properties", *_):
            return property_column(person_property(rest[1], ctx), rest[1:], "person", ctx)
    return None


def _session_column(key: str, ctx: ProjectContext, span: Span) -> Value | None:
    key = {"id": "$session_id", "session_id": "$session_id", "duration": "$session_duration"}.get(key, key)
    if key == "$session_id":
        return COLUMNS[key](ctx)
    if key not in SESSION_KEYS:
        return None
    declared = session_type(key)
    return Value(
        session_property_of_event(key, ctx, span), Kind.PROPERTY, is_nullable=True, declared=declared
    )


def session_type(key: str) -> DeclaredType:
    if key in TEXTUAL_SESSION_KEYS:
        return "String"
    return "Boolean" if key == "$is_bounce" else "Numeric"


def _group_column(index: int, rest: tuple[str, ...], ctx: ProjectContext) -> Value | None:
    if rest in (("key",), ("id",)):
        return _property(sql("toString({key})", key=GROUP_COLUMNS[index]), ("key",))
    if rest[0] == "properties" and len(rest) > 1:
        return property_column(group_property(index, rest[1], ctx), rest[1:], "group", ctx)
    return None


_GROUPS = {f"group_{index}": index for index in range(5)}


def _text(column: str) -> Callable[[ProjectContext], Value]:
    return lambda _: Value(sql(column), Kind.TEXT)


def _instant(column: str) -> Callable[[ProjectContext], Value]:
    return lambda ctx: instant_column(sql(column), ctx)


def _stored(key: str) -> Callable[[ProjectContext], Value]:
    return lambda ctx: _property(stored_event_property(key, ctx), (key,))


COLUMNS: Mapping[str, Callable[[ProjectContext], Value]] = {
    "event": _text("event"),
    "timestamp": _instant("ts"),
    "distinct_id": _text("distinct_id"),
    "uuid": _text("toString(uuid)"),
    "properties": _text("properties"),
    "person_id": lambda ctx: Value(person_id(ctx), Kind.TEXT),
    "elements_chain": _text("elements_chain"),
    "created_at": _instant("ingested_at"),
    "$session_id": _stored("$session_id"),
    **{f"$group_{index}": _stored(f"$group_{index}") for index in range(5)},
}

# What * stands for.
STAR = (
    "uuid",
    "event",
    "properties",
    "timestamp",
    "distinct_id",
    "elements_chain",
    "created_at",
    "person_id",
)
