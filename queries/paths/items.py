"""Which events are items of a path, and their text (semantics G2-G8).

Each change of the text is a SELECT of its own around the one before, so that it is written, read and
computed once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from queries.context import ProjectContext
from queries.errors import QueryError, join_path
from queries.paths.node import PathsFilter, PathType
from queries.paths.question import Question
from queries.sql.events import scan
from queries.sql.filters import event_condition, stored_event_property
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, join, sql, strings
from queries.sql.hogql import value_expression
from queries.sql.operators import clean_path, text_of
from queries.sql.sampling import sample

IS_PAGEVIEW = sql("event = '$pageview'")
IS_SCREEN = sql("event = '$screen'")
IS_CUSTOM = sql("NOT startsWith(event, '$')")

_INCLUDES = {
    PathType.PAGEVIEW: IS_PAGEVIEW,
    PathType.SCREEN: IS_SCREEN,
    PathType.CUSTOM_EVENT: IS_CUSTOM,
    PathType.HOGQL: TRUE,  # the expression names every event
}


def items(question: Question) -> Sql:
    """Rows (actor, at, tie, item): every item of the question, in microseconds since 1970; `tie` orders
    those of one instant (semantics G1)."""
    found = _texts(question)
    for text in _changes(question.options, question.ctx):
        found = sql("SELECT actor, at, tie, {text} AS item FROM ({found})", text=text, found=found)
    excluded = question.options.exclude_events
    if not excluded:
        return found
    # Final items are excluded, so that the neighbours of an excluded one become adjacent (semantics G8).
    names = strings(map(point, excluded))
    return sql("SELECT * FROM ({found}) WHERE item NOT IN {names}", found=found, names=names)


def point(text: str) -> str:
    """A start point, end point or exclusion as items are written (semantics G4, G12)."""
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


# --- events -----------------------------------------------------------------------------------------------


def _texts(question: Question) -> Sql:
    """Rows (actor, at, tie, item) with items as the events have them."""
    node, ctx, options, actor = question.node, question.ctx, question.options, question.actor
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    within = TRUE if question.funnel is None else question.funnel.condition
    return scan(
        ctx,
        [
            sql("{actor} AS actor", actor=actor.expression),
            sql("toUnixTimestamp64Micro(ts) AS at"),
            sql("toUInt128(uuid) AS tie"),  # as a number, because UUIDs sort by their second half
            sql("{text} AS item", text=_raw_text(options, ctx)),
        ],
        span=question.span,
        events=included_names(options),
        where=all_of(
            [included(options), actor.present, filters, within, sample(node.sampling_factor, actor)]
        ),
        joins=question.joins,
    )


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


def _raw_text(options: PathsFilter, ctx: ProjectContext) -> Sql:
    """The item of an event that is included. The last case needs no condition."""
    kinds, custom = set(options.include_event_types), sql("toString(event)")
    is_open = not kinds and not options.include_custom_events
    cases: list[tuple[Sql, Sql]] = []
    if is_open or PathType.PAGEVIEW in kinds:
        cases.append((IS_PAGEVIEW, _property("$current_url", ctx)))
    if is_open or PathType.SCREEN in kinds:
        cases.append((IS_SCREEN, _property("$screen_name", ctx)))
    if is_open or PathType.CUSTOM_EVENT in kinds or options.include_custom_events:
        cases.append((_is_named_by_event(options), custom))
    if PathType.HOGQL in kinds:
        cases.append((TRUE, _expression(options, ctx)))
    *others, (_, last) = cases
    if not others:
        return last
    tests = join(", ", (sql("{test}, {text}", test=test, text=text) for test, text in others))
    return sql("multiIf({tests}, {last})", tests=tests, last=last)


def _expression(options: PathsFilter, ctx: ProjectContext) -> Sql:
    try:
        return value_expression(options.paths_hogql_expression or "event", ctx)
    except QueryError as error:
        place = join_path(("pathsFilter", "pathsHogQLExpression"))
        raise error.spelled(lambda _: place) from error


def _is_named_by_event(options: PathsFilter) -> Sql:
    names = options.include_custom_events
    if PathType.CUSTOM_EVENT in options.include_event_types:
        return IS_CUSTOM
    return sql("event IN {names}", names=strings(names))


def _property(key: str, ctx: ProjectContext) -> Sql:
    return sql("toString({text})", text=text_of(stored_event_property(key, ctx)))


# --- changes of the text ----------------------------------------------------------------------------------

ITEM = sql("item")
WITHOUT_SLASH = sql(
    "if(length(item) > 1 AND endsWith(item, '/'), substring(item, 1, length(item) - 1), item)"
)


def _changes(options: PathsFilter, ctx: ProjectContext) -> Iterator[Sql]:
    """What is done to an item, in this order: no slash at its end, cleaned, grouped (semantics G4, G6)."""
    yield WITHOUT_SLASH
    cleaned = _cleaned(options, ctx)
    if cleaned != ITEM:
        yield cleaned
    if options.path_groupings:
        yield _grouped(options.path_groupings)
    if cleaned != ITEM or options.path_groupings:
        yield WITHOUT_SLASH


def _cleaned(options: PathsFilter, ctx: ProjectContext) -> Sql:
    """The rules of the project if they are wanted, then those of the question."""
    text = clean_path(ITEM, ctx.path_cleaning) if options.path_replacements else ITEM
    return clean_path(text, options.cleaning_rules)


def _grouped(groupings: tuple[str, ...]) -> Sql:
    """The first grouping that matches replaces the whole item by its own text (semantics G6, G7)."""
    cases = [
        sql("match(item, {pattern}), {grouping}", pattern=bind(wildcard(text)), grouping=bind(text))
        for text in groupings
    ]
    return sql("multiIf({cases}, item)", cases=join(", ", cases))


def wildcard(grouping: str) -> str:
    """`*` is any text, every other character itself; not anchored (semantics G6, G7)."""
    return "(?s)" + ".*".join(re.escape(part) for part in grouping.split("*"))
