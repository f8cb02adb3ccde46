"""The breakdown value of an event, and the names of "none" and "other" (semantics D34-D37, D42-D47)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.nodes import Breakdown, BreakdownFilter
from queries.sql.actors import GROUP_COLUMNS, person_number
from queries.sql.cohorts import cohort_condition
from queries.sql.events import Span
from queries.sql.filters import METADATA, stored_event_property
from queries.sql.fragment import Sql, bind, join, number, sql
from queries.sql.hogql import joined_value
from queries.sql.operators import clean_path
from queries.sql.owners import group_values, owner_join, person_values
from queries.sql.sessions import session_values
from queries.vocabulary import BreakdownType

NONE = "$$_posthog_breakdown_null_$$"  # D35
OTHER = "$$_posthog_breakdown_other_$$"  # D37
ALL_USERS = "all"  # D42
MAX_VALUE_LENGTH = 400  # D34


@dataclass(frozen=True, slots=True)
class BreakdownValue:
    """`value` is an Array(String), one text per property, '' for none. `joins` follow the events in FROM.

    `texts` are the same texts one by one, for grouping: LowCardinality where the column is. Empty where the
    array lists alternatives, each a value of its own (`several`).
    """

    value: Sql
    joins: tuple[Sql, ...] = ()
    several: bool = False  # cohorts
    texts: tuple[Sql, ...] = ()


def breakdown_value(breakdown: BreakdownFilter, ctx: ProjectContext, span: Span) -> BreakdownValue:
    """The value of one event. `span` is the query's range (sessions read a little around it, B12)."""
    if breakdown.cohorts:
        return _cohort_values(breakdown.cohorts, ctx)
    texts, joins = [], []
    for position, part in enumerate(breakdown.parts):
        read = _READERS.get(part.type)
        if read is None:
            raise InvalidQuery(f'A breakdown by "{part.type}" is not possible here.', attr="breakdownFilter")
        text, join_ = read(part, position, ctx, span)
        texts.append(text)
        if join_ is not None:
            joins.append(join_)
    return of_texts(tuple(texts), tuple(joins))


def value_of_person(breakdown: BreakdownFilter, ctx: ProjectContext, person: Sql) -> BreakdownValue | None:
    """The same for rows that stand for a person, whose number is `person`; None where a value depends on
    more than who it is."""
    parts = breakdown.parts
    if breakdown.cohorts or ctx.person_properties_mode == "on_events":
        return None
    if any(part.type is not BreakdownType.PERSON for part in parts):
        return None
    read = [_person_side(part, position, ctx, person) for position, part in enumerate(parts)]
    return of_texts(tuple(text for text, _ in read), tuple(side for _, side in read))


def of_texts(texts: tuple[Sql, ...], joins: tuple[Sql, ...] = ()) -> BreakdownValue:
    """The value made of one text per property."""
    plain = join(", ", (sql("CAST({text}, 'String')", text=text) for text in texts))
    return BreakdownValue(sql("[{plain}]", plain=plain), joins, texts=texts)


def _presented(text: Sql, part: Breakdown, ctx: ProjectContext) -> Sql:
    if part.path_cleaning:
        text = clean_path(text, ctx.path_cleaning)
    if part.normalize_url:  # D44
        trimmed = sql("trim(TRAILING '/?#' FROM {text})", text=text)
        text = sql("if({text} != '' AND {trimmed} = '', '/', {trimmed})", text=text, trimmed=trimmed)
    return sql("leftUTF8({text}, {length})", text=text, length=number(MAX_VALUE_LENGTH))


def _cohort_values(cohorts: Sequence[int | str], ctx: ProjectContext) -> BreakdownValue:
    """One entry per listed cohort the person is in: a person in two counts in both (semantics D42)."""
    entries = []
    for cohort in cohorts:
        label = bind(str(cohort))
        if cohort == ALL_USERS:
            entries.append(sql("[{label}]", label=label))
        else:
            inside = cohort_condition(cohort, ctx, member=True)
            entries.append(sql("if({inside}, [{label}], [])", inside=inside, label=label))
    value = sql("arrayConcat({entries})", entries=join(", ", entries))
    return BreakdownValue(value, several=True)


Reader = Callable[[Breakdown, int, ProjectContext, Span], tuple[Sql, Sql | None]]


def _event(part: Breakdown, _: int, ctx: ProjectContext, __: Span) -> tuple[Sql, None]:
    return _presented(_text(stored_event_property(part.property, ctx)), part, ctx), None


def _person(part: Breakdown, position: int, ctx: ProjectContext, _: Span) -> tuple[Sql, Sql | None]:
    if ctx.person_properties_mode == "on_events":  # B6
        return _presented(_text(sql("person_props[{key}]", key=bind(part.property))), part, ctx), None
    return _person_side(part, position, ctx, person_number(ctx))


def _person_side(part: Breakdown, position: int, ctx: ProjectContext, person: Sql) -> tuple[Sql, Sql]:
    return _joined(person_values(part.property, ctx), person, part, position, ctx)


def _group(part: Breakdown, position: int, ctx: ProjectContext, _: Span) -> tuple[Sql, Sql | None]:
    if part.group_type_index is None:
        raise InvalidQuery(
            "A group breakdown needs a group type index.", code="required", attr="breakdownFilter"
        )
    side = group_values(part.property, part.group_type_index, ctx)
    key = sql("toString({column})", column=GROUP_COLUMNS[part.group_type_index])
    return _joined(side, key, part, position, ctx)


def _session(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    side = sql(
        "SELECT session_id AS owner, value AS stored FROM ({values})",
        values=session_values(part.property, ctx, span),
    )
    return _joined(side, sql("session_id"), part, position, ctx)


def _joined(side: Sql, key: Sql, part: Breakdown, position: int, ctx: ProjectContext) -> tuple[Sql, Sql]:
    """The text is made once an owner, not once an event. Path cleaning comes after: its rules may make
    something of a missing value too."""
    alias = f"side_{position}"
    text, shown = _text(sql("stored")), sql(f"{alias}.shown")
    if part.path_cleaning:
        shown = _presented(shown, part, ctx)
    else:
        text = _presented(text, part, ctx)
    texts = sql("SELECT owner, {text} AS shown FROM ({side})", text=text, side=side)
    return shown, owner_join(texts, key, alias)


def _text(stored: Sql) -> Sql:
    """The text of a stored value. Unlike an `if`, this leaves a LowCardinality column one: grouping by a
    dictionary's numbers takes three quarters of the time."""
    return sql("replaceOne({stored}, '\\0', '')", stored=stored)


def _hogql(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    value, joins = joined_value(part.property, ctx, span, f"side_{position}")
    return _presented(value, part, ctx), join(" ", joins) if joins else None


def _metadata(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    if part.property not in METADATA:
        raise InvalidQuery(f'"{part.property}" is not a metadata field of events.', attr="breakdownFilter")
    if part.property == "person_id":
        return _hogql(part, position, ctx, span)
    return _presented(METADATA[part.property](ctx), part, ctx), None


_READERS: dict[BreakdownType, Reader] = {
    BreakdownType.EVENT: _event,
    BreakdownType.PERSON: _person,
    BreakdownType.GROUP: _group,
    BreakdownType.SESSION: _session,
    BreakdownType.HOGQL: _hogql,
    BreakdownType.EVENT_METADATA: _metadata,
}
