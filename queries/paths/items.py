"""Which events are items of a path, and their text (semantics G2-G8)."""

from __future__ import annotations

import re

from queries.context import ProjectContext
from queries.paths.node import PathsFilter, PathType
from queries.sql.filters import stored_event_property
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, join, sql, strings
from queries.sql.hogql import value_expression
from queries.sql.operators import clean_path, is_pattern, text_of

IS_PAGEVIEW = sql("event = '$pageview'")
IS_SCREEN = sql("event = '$screen'")
IS_CUSTOM = sql("NOT startsWith(event, '$')")

_INCLUDES = {
    PathType.PAGEVIEW: IS_PAGEVIEW,
    PathType.SCREEN: IS_SCREEN,
    PathType.CUSTOM_EVENT: IS_CUSTOM,
    PathType.HOGQL: TRUE,  # the expression names every event
}


def included(options: PathsFilter) -> Sql:
    """Events of the asked types and names; without any, all events (semantics G2)."""
    wanted = [_INCLUDES[kind] for kind in options.include_event_types]
    if options.include_custom_events:
        wanted.append(sql("event IN {names}", names=strings(options.include_custom_events)))
    return any_of(wanted) if wanted else TRUE


def included_names(options: PathsFilter) -> tuple[str, ...] | None:
    """The only event names that can be items, None when any can."""
    if {PathType.CUSTOM_EVENT, PathType.HOGQL} & set(options.include_event_types):
        return None
    names = [str(kind) for kind in options.include_event_types] + list(options.include_custom_events)
    return tuple(names) or None


def item_text(options: PathsFilter, ctx: ProjectContext) -> Sql:
    """The item of one event: its address, screen or name, cleaned, grouped, without a trailing slash."""
    text = without_slash(_raw_text(options, ctx))
    if options.path_replacements:
        text = clean_path(text, ctx)
    for rule in options.cleaning_rules:
        if is_pattern(rule.regex):
            text = sql(
                "replaceRegexpAll({text}, {regex}, {alias})",
                text=text,
                regex=bind(rule.regex),
                alias=bind(rule.alias),
            )
    return without_slash(_grouped(text, options.path_groupings))


def not_excluded(item: Sql, options: PathsFilter) -> Sql:
    """Excluded are final items, so that neighbours of an excluded one become adjacent (semantics G8)."""
    if not options.exclude_events:
        return TRUE
    return sql("{item} NOT IN {names}", item=item, names=strings(map(point, options.exclude_events)))


def point(text: str) -> str:
    """A start point, end point or exclusion as items are written (semantics G4, G12)."""
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


def without_slash(text: Sql) -> Sql:
    return sql(
        "if(length({text}) > 1 AND endsWith({text}, '/'), substring({text}, 1, length({text}) - 1), {text})",
        text=text,
    )


def _raw_text(options: PathsFilter, ctx: ProjectContext) -> Sql:
    kinds = set(options.include_event_types)
    is_open = not kinds and not options.include_custom_events
    cases = []
    if is_open or PathType.PAGEVIEW in kinds:
        cases.append(sql("{is}, {text}", **{"is": IS_PAGEVIEW}, text=_property("$current_url", ctx)))
    if is_open or PathType.SCREEN in kinds:
        cases.append(sql("{is}, {text}", **{"is": IS_SCREEN}, text=_property("$screen_name", ctx)))
    last = sql("toString(event)")
    if PathType.HOGQL in kinds:
        if PathType.CUSTOM_EVENT in kinds:
            cases.append(sql("{is}, toString(event)", **{"is": IS_CUSTOM}))
        last = value_expression(options.paths_hogql_expression or "event", ctx)
    if not cases:
        return last
    return sql("multiIf({cases}, {last})", cases=join(", ", cases), last=last)


def _property(key: str, ctx: ProjectContext) -> Sql:
    return sql("toString({text})", text=text_of(stored_event_property(key, ctx)))


def _grouped(text: Sql, groupings: tuple[str, ...]) -> Sql:
    """The first grouping that matches replaces the whole item by its own text (semantics G6, G7)."""
    if not groupings:
        return text
    cases = [
        sql("match({text}, {pattern}), {grouping}", text=text, pattern=bind(wildcard(g)), grouping=bind(g))
        for g in groupings
    ]
    return sql("multiIf({cases}, {text})", cases=join(", ", cases), text=text)


def wildcard(grouping: str) -> str:
    """`*` is any text, every other character itself; not anchored (semantics G6, G7)."""
    return "(?s)" + ".*".join(re.escape(part) for part in grouping.split("*"))


def is_item(options: PathsFilter, item: Sql) -> Sql:
    return all_of([included(options), not_excluded(item, options)])
