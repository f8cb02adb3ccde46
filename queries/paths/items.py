"""Which events are items of a path, and their text (semantics G2-G8).

Each change of the text is a SELECT of its own around the one before, so that it is written and computed
once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from queries.context import ProjectContext
from queries.errors import QueryError, join_path
from queries.parts import within
from queries.paths.node import PathsFilter, PathType
from queries.paths.question import Question
from queries.sql.events import scan
from queries.sql.filters import event_condition, stored_event_property
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, join, number, sql, strings
from queries.sql.hogql import value_expression
from queries.sql.operators import clean_path, text_of
from queries.sql.sampling import sample

IS_PAGEVIEW = sql("event = '$pageview'")
IS_SCREEN = sql("event = '$screen'")
IS_CUSTOM = sql("NOT startsWith(event, '$')")

ELLIPSIS = "..."  # semantics G14
MOST_NUMBERS = 20_000  # beyond that half a million events take longer than with texts

_INCLUDES = {
    PathType.PAGEVIEW: IS_PAGEVIEW,
    PathType.SCREEN: IS_SCREEN,
    PathType.CUSTOM_EVENT: IS_CUSTOM,
    PathType.HOGQL: TRUE,  # the expression names every event
}


def point(text: str) -> str:
    """A start point, end point or exclusion as items are written (semantics G4, G12)."""
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


# --- two forms of an item ---------------------------------------------------------------------------------


class Texts:
    """Items as what they are, however many there are."""

    ordered = sql("arraySort(groupArray((at, tie, item)))")  # all of an actor, and what is read of that:
    times, items = sql("ordered.1"), sql("ordered.3")
    empty, ellipsis = sql("''"), sql("{text}", text=bind(ELLIPSIS))

    def __init__(self, question: Question) -> None:
        self.question = question

    def rows(self) -> Sql:
        """Rows (actor, at, tie, item): every item of the question, in microseconds since 1970; `tie` orders
        those of one instant (semantics G1)."""
        found = sql("SELECT actor, at, tie, raw AS item FROM ({events})", events=_events(self.question))
        return sql(
            "SELECT * FROM ({changed}) WHERE {kept}",
            changed=_changed(self.question, sql("actor, at, tie"), found),
            kept=_kept(self.question.options),
        )

    def of(self, text: str) -> Sql:
        """The item of this text."""
        return sql("{text}", text=bind(text))

    def text(self, item: Sql) -> Sql:
        return item

    def complete(self, rows: Sql) -> Sql:
        """What makes a statement of rows that hold items."""
        return rows


class Numbers(Texts):
    """Items as numbers, for up to MOST_NUMBERS of them: half the time and a third of the memory, and a text
    is changed once, not once an event. Events are read once more for it.

    `raws` are the texts that events have, `numbers` those of the items as which they are shown; `texts` are
    these items, by number.
    """

    # One number of the time, the tie and the item, in 64, 128 and 64 bits, is ordered in half the time of
    # a tuple. No item is what is excluded, and what came after the numbers were given.
    ordered = sql(
        "arraySort(groupArrayIf(bitOr(bitShiftLeft(toInt256(at), 192),"
        " bitOr(bitShiftLeft(toInt256(tie), 64), toInt256(item))), item != 0))"
    )
    times = sql("arrayMap(entry -> toInt64(bitShiftRight(entry, 192)), ordered)")
    items = sql("arrayMap(entry -> toUInt32(entry), ordered)")
    empty, ellipsis = sql("1"), sql("2")

    def rows(self) -> Sql:
        return sql(
            "SELECT actor, at, tie, transform(raw, raws, numbers, toUInt32(0)) AS item FROM ({events})",
            events=_events(self.question),
        )

    def of(self, text: str) -> Sql:
        return sql("(SELECT toUInt32(indexOf(texts, {text})))", text=bind(text))

    def text(self, item: Sql) -> Sql:
        return sql("texts[{item}]", item=item)

    def complete(self, rows: Sql) -> Sql:
        raws = _scan(
            self.question,
            [sql("DISTINCT {raw} AS raw", raw=_raw_text(self.question.options, self.question.ctx))],
            tail=sql("LIMIT {limit}", limit=number(MOST_NUMBERS + 1)),
        )
        # Constants one by one: a part of a constant would be copied for every block of rows.
        return sql(
            "WITH (SELECT (groupArrayIf(raw, {kept}),"
            " arrayConcat(['', {ellipsis}], groupArrayIf(item, {kept})),"
            " throwIf(count() > {most}, 'too many items')) FROM ({changed})) AS known,"
            " (SELECT known.1) AS raws,"
            " (SELECT arraySlice(arrayEnumerateDense(known.2), 3)) AS numbers,"
            " (SELECT arrayFilter((text, nth) -> nth = 1, known.2, arrayEnumerateUniq(known.2))) AS texts"
            " {rows}",
            ellipsis=bind(ELLIPSIS),
            most=number(MOST_NUMBERS),
            changed=_changed(
                self.question, sql("raw"), sql("SELECT raw, raw AS item FROM ({raws})", raws=raws)
            ),
            kept=_kept(self.question.options),
            rows=rows,
        )


def _changed(question: Question, others: Sql, rows: Sql) -> Sql:
    """Rows (others, item) with items as they are shown."""
    for text in _changes(question.options, question.ctx):
        rows = sql("SELECT {others}, {text} AS item FROM ({rows})", others=others, text=text, rows=rows)
    return rows


def _kept(options: PathsFilter) -> Sql:
    """Final items are excluded, so that the neighbours of an excluded one become adjacent (semantics G8)."""
    if not options.exclude_events:
        return TRUE
    return sql("item NOT IN {names}", names=strings(map(point, options.exclude_events)))


# --- events -----------------------------------------------------------------------------------------------


def _events(question: Question) -> Sql:
    """Rows (actor, at, tie, raw), the item as the event has it."""
    columns = [
        sql("{actor} AS actor", actor=question.actor.expression),
        sql("toUnixTimestamp64Micro(ts) AS at"),
        sql("toUInt128(uuid) AS tie"),  # as a number, because UUIDs sort by their second half
        sql("{raw} AS raw", raw=_raw_text(question.options, question.ctx)),
    ]
    in_funnel = TRUE if question.funnel is None else question.funnel.condition
    return _scan(question, columns, where=in_funnel, joins=question.joins)


def _scan(
    question: Question,
    columns: Sequence[Sql],
    *,
    where: Sql = TRUE,
    joins: Sequence[Sql] = (),
    tail: Sql | None = None,
) -> Sql:
    """Columns of the events that are items, whatever a funnel says."""
    node, ctx, options, actor = question.node, question.ctx, question.options, question.actor
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    return scan(
        ctx,
        columns,
        span=question.span,
        events=included_names(options),
        where=all_of(
            [
                included(options),
                actor.present,
                filters,
                where,
                sample(node.sampling_factor, actor),
                within(question.part, actor),
            ]
        ),
        joins=joins,
        tail=tail,
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
