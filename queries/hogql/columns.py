"""The columns of one event, by the names users write. Everything else is an InvalidQuery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from queries.context import DeclaredType, ProjectContext, PropertyScope
from queries.hogql.syntax import Name
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, Value
from queries.sql.actors import GROUP_COLUMNS, person_number
from queries.sql.fragment import Sql, bind, sql
from queries.sql.lookup import Lookup, person_id
from queries.sql.sessions import SESSION_KEYS
from queries.sql.stored import stored_event_property, stored_property

MAX_PATH = 8
TEXTUAL_SESSION_KEYS = frozenset({"$entry_current_url", "$exit_current_url", "$channel_type"})


def event_column(name: Name, ctx: ProjectContext, look: Lookup) -> Value | None:
    """`event`, `properties.x`, `person.properties.x`, `group_0.properties.x`, `session.$session_duration`...

    None when events have no such column. `look` finds what is not in the event itself.
    """
    head, rest = name.path[0], name.path[1:]
    if len(name.path) > MAX_PATH:
        return None
    if name.path in (("person_id",), ("person", "id")):
        return Value(person_id(ctx, look), Kind.TEXT)
    if not rest and head in COLUMNS:
        return COLUMNS[head](ctx)
    if head == "properties" and rest:
        stored = stored_event_property(rest[0], ctx)
        return _property(stored, rest, ctx.property_types.get(("event", rest[0])))
    if head == "person" and rest:
        return _person_column(rest, ctx, look)
    if head == "session" and len(rest) == 1:
        return _session_column(rest[0], ctx, look)
    if head in _GROUPS and rest:
        return _group_column(_GROUPS[head], rest, ctx, look)
    return None


def unknown_column(name: Name) -> NoReturn:
    """The error for a name that means nothing here."""
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


def _person_column(rest: tuple[str, ...], ctx: ProjectContext, look: Lookup) -> Value | None:
    if rest == ("created_at",):
        return _created_at(look.person(sql("toString(created_at)"), person_number(ctx)), ctx)
    if rest == ("properties",):
        found = look.person(sql("properties"), person_number(ctx))
        return Value(sql("if({found} = '', '{{}}', {found})", found=found), Kind.TEXT)
    if rest[0] != "properties":
        return None
    if ctx.person_properties_mode == "on_events":  # semantics B6
        stored = sql("person_props[{key}]", key=bind(rest[1]))
    else:
        stored = look.person(stored_property(rest[1]), person_number(ctx))
    return property_column(stored, rest[1:], "person", ctx)


def _created_at(text: Sql, ctx: ProjectContext) -> Value:
    moment = sql("parseDateTime64BestEffortOrNull({t}, 6, 'UTC')", t=text)
    zoned = sql("toTimeZone({m}, {zone})", m=moment, zone=bind(ctx.timezone))
    return Value(zoned, Kind.INSTANT, is_nullable=True, moment=moment)


def _session_column(key: str, ctx: ProjectContext, look: Lookup) -> Value | None:
    key = {"id": "$session_id", "session_id": "$session_id", "duration": "$session_duration"}.get(key, key)
    if key == "$session_id":
        return COLUMNS[key](ctx)
    if key not in SESSION_KEYS:
        return None
    return Value(look.session(key), Kind.PROPERTY, is_nullable=True, declared=session_type(key))


def session_type(key: str) -> DeclaredType:
    """What the values of a session's property are."""
    if key in TEXTUAL_SESSION_KEYS:
        return "String"
    return "Boolean" if key == "$is_bounce" else "Numeric"


def _group_column(index: int, rest: tuple[str, ...], ctx: ProjectContext, look: Lookup) -> Value | None:
    if rest in (("key",), ("id",)):
        return _property(sql("toString({key})", key=GROUP_COLUMNS[index]), ("key",))
    if rest[0] == "properties" and len(rest) > 1:
        return property_column(look.group(index, stored_property(rest[1])), rest[1:], "group", ctx)
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
