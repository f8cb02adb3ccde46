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
from queries.sql.operators import clean_path, text_of
from queries.sql.owners import group_values, owner_join, person_values
from queries.sql.sessions import session_values
from queries.vocabulary import BreakdownType

NONE = "$$_posthog_breakdown_null_$$"  # D35
OTHER = "$$_posthog_breakdown_other_$$"  # D37
ALL_USERS = "all"  # D42
MAX_VALUE_LENGTH = 400  # D34


@dataclass(frozen=True, slots=True)
class BreakdownValue:
    """`value` is an Array(String), one text per property, '' for none. `joins` follow the events in FROM."""

    value: Sql
    joins: tuple[Sql, ...] = ()
    several: bool = False  # the array lists alternatives, each a value of its own (cohorts)


def breakdown_value(breakdown: BreakdownFilter, ctx: ProjectContext, span: Span) -> BreakdownValue:
    """The value of one event. `span` is the query's range (sessions read a little around it, B12)."""
    if breakdown.cohorts:
        return _cohort_values(breakdown.cohorts, ctx)
    values, joins = [], []
    for position, part in enumerate(breakdown.parts):
        read = _READERS.get(part.type)
        if read is None:
            raise InvalidQuery(f'A breakdown by "{part.type}" is not possible here.', attr="breakdownFilter")
        text, join_ = read(part, position, ctx, span)
        values.append(_presented(text, part, ctx))
        if join_ is not None:
            joins.append(join_)
    return BreakdownValue(sql("[{values}]", values=join(", ", values)), tuple(joins))


def _presented(text: Sql, part: Breakdown, ctx: ProjectContext) -> Sql:
    if part.path_cleaning:
        text = clean_path(text, ctx)
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
    return text_of(stored_event_property(part.property, ctx)), None


def _person(part: Breakdown, position: int, ctx: ProjectContext, _: Span) -> tuple[Sql, Sql | None]:
    if ctx.person_properties_mode == "on_events":  # B6
        return text_of(sql("person_props[{key}]", key=bind(part.property))), None
    return _joined(person_values(part.property, ctx), person_number(ctx), position)


def _group(part: Breakdown, position: int, ctx: ProjectContext, _: Span) -> tuple[Sql, Sql | None]:
    if part.group_type_index is None:
        raise InvalidQuery(
            "A group breakdown needs a group type index.", code="required", attr="breakdownFilter"
        )
    side = group_values(part.property, part.group_type_index, ctx)
    return _joined(side, sql("toString({column})", column=GROUP_COLUMNS[part.group_type_index]), position)


def _session(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    side = sql(
        "SELECT session_id AS owner, value AS stored FROM ({values})",
        values=session_values(part.property, ctx, span),
    )
    return _joined(side, sql("session_id"), position)


def _joined(side: Sql, key: Sql, position: int) -> tuple[Sql, Sql]:
    alias = f"side_{position}"
    return text_of(sql(f"{alias}.stored")), owner_join(side, key, alias)


def _hogql(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    value, joins = joined_value(part.property, ctx, span, f"side_{position}")
    return value, join(" ", joins) if joins else None


def _metadata(part: Breakdown, position: int, ctx: ProjectContext, span: Span) -> tuple[Sql, Sql | None]:
    if part.property not in METADATA:
        raise InvalidQuery(f'"{part.property}" is not a metadata field of events.', attr="breakdownFilter")
    if part.property == "person_id":
        return _hogql(part, position, ctx, span)
    return METADATA[part.property](ctx), None


_READERS: dict[BreakdownType, Reader] = {
    BreakdownType.EVENT: _event,
    BreakdownType.PERSON: _person,
    BreakdownType.GROUP: _group,
    BreakdownType.SESSION: _session,
    BreakdownType.HOGQL: _hogql,
    BreakdownType.EVENT_METADATA: _metadata,
}
