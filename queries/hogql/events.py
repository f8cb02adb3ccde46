"""Single events: an EventsQuery as a SELECT over events (api U4).

`*` is the whole event, `person` the person behind it; aggregates group by the other columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from queries.context import ProjectContext
from queries.date_text import read_date
from queries.errors import InvalidQuery
from queries.hogql import aggregates
from queries.hogql.columns import STAR
from queries.hogql.functions import ALIASES
from queries.hogql.select_parser import read_column, read_order
from queries.hogql.shape import Cell, plain
from queries.hogql.syntax import (
    Call,
    Expression,
    Hole,
    Item,
    Lambda,
    Literal,
    Name,
    Order,
    Query,
    Select,
    Table,
)
from queries.hogql_node import EventsQuery
from queries.properties import PropertyFilter
from queries.properties import all_of as all_trees
from queries.sql.actions import action_condition
from queries.sql.events import Span, event_names
from queries.sql.filters import event_condition, filter_condition
from queries.sql.fragment import TRUE, Sql, all_of
from queries.vocabulary import PropertyType

DEFAULT_AFTER = "-24h"
PERSON = ("person_id", "person.created_at", "person.properties", "distinct_id")


@dataclass(frozen=True, slots=True)
class EventsQuestion:
    """The SELECT, the condition that `{filters}` means in it, its range, and cells of a form of their own."""

    query: Query
    condition: Sql
    span: Span
    special: Mapping[int, Cell]


def understand(node: EventsQuery, ctx: ProjectContext) -> EventsQuestion:
    """InvalidQuery at `select__0` and the like for what is not allowed."""
    items = [_item(text, place) for place, text in enumerate(node.select)]
    if not items:
        raise InvalidQuery("At least one column is needed.", code="required", attr="select")
    span = Span(_at(node.after or DEFAULT_AFTER, "after", ctx), _at(node.before, "before", ctx))
    where = [_expression(text, "where", place) for place, text in enumerate(node.where)]
    plain_items = [item.expression for item in items if not _has_aggregate(item.expression)]
    has_aggregates = len(plain_items) < len(items)
    select = Select(
        items=tuple(items),
        position=1,
        source=Table("events", "events", 1),
        where=Call("and", (Hole(("filters",), 1), *where), 1),
        group_by=tuple(plain_items) if has_aggregates else (),
        order_by=_order(node, items, has_aggregates),
        limit=Literal(node.limit, 1),
        offset=Literal(node.offset, 1),
    )
    special = {
        place: _SPECIAL[text.strip()] for place, text in enumerate(node.select) if text.strip() in _SPECIAL
    }
    return EventsQuestion(Query((select,), 1), _condition(node, ctx, span), span, special)


def _condition(node: EventsQuery, ctx: ProjectContext, span: Span) -> Sql:
    trees = all_trees(node.properties, node.fixed_properties)
    action = action_condition(node.action_id, ctx) if node.action_id is not None else TRUE
    return all_of(
        [
            event_names(None if node.event is None else [node.event]),
            action,
            span.condition(),
            _person(node.person_id, ctx),
            event_condition(ctx, trees, test_accounts=node.filter_test_accounts, span=span),
        ]
    )


def _person(person_id: str | None, ctx: ProjectContext) -> Sql:
    if person_id is None:
        return TRUE
    leaf = PropertyFilter(key="person_id", value=person_id, type=PropertyType.EVENT_METADATA)
    return filter_condition(leaf, ctx)


def _at(text: str | None, attr: str, ctx: ProjectContext) -> Any:
    return None if text in (None, "all") else read_date(str(text), ctx, attr=attr).at


# --- columns ---------------------------------------------------------------------------------------------


def _item(text: str, place: int) -> Item:
    if text.strip() in _WHOLE:
        names = _WHOLE[text.strip()]
        return Item(_tuple_of(names), text.strip(), text.strip())
    try:
        expression, label = read_column(text)
    except InvalidQuery as error:
        raise InvalidQuery(error.detail, code=error.code, attr=f"select__{place}") from error
    return Item(expression, None, label)


def _tuple_of(names: Sequence[str]) -> Expression:
    return Call("tuple", tuple(Name(tuple(name.split(".")), 1) for name in names), 1)


def _expression(text: str, field: str, place: int) -> Expression:
    try:
        return read_column(text)[0]
    except InvalidQuery as error:
        raise InvalidQuery(error.detail, code=error.code, attr=f"{field}__{place}") from error


def _order(node: EventsQuery, items: Sequence[Item], has_aggregates: bool) -> tuple[Order, ...]:
    """As asked; else the newest first, or grouped rows by their first column."""
    if node.order_by:
        return tuple(order for text in node.order_by for order in read_order(text))
    if has_aggregates:
        return (Order(items[0].expression),)
    return (Order(Name(("timestamp",), 1), is_descending=True), Order(Name(("uuid",), 1)))


def _has_aggregate(node: Expression) -> bool:
    waiting = [node]  # no recursion: long chains of operators are deep trees
    while waiting:
        part = waiting.pop()
        if isinstance(part, Lambda):
            waiting.append(part.body)
        elif isinstance(part, Call):
            name = ALIASES.get(part.name.lower(), part.name.lower())
            if aggregates.find(name) is not None and part.over is None:
                return True
            waiting.extend(part.arguments)
    return False


def _event_cell(value: Sequence[Any]) -> dict[str, Any]:
    event = dict(zip(STAR, plain(value), strict=True))
    event["properties"] = orjson.loads(event["properties"] or "{}")
    return event


def _person_cell(value: Sequence[Any]) -> dict[str, Any]:
    uuid, created_at, properties, distinct_id = plain(value)
    return {
        "id": uuid,
        "created_at": created_at,
        "properties": orjson.loads(properties or "{}"),
        "distinct_id": distinct_id,
    }


_WHOLE: Mapping[str, Sequence[str]] = {"*": STAR, "person": PERSON}
_SPECIAL: Mapping[str, Cell] = {"*": _event_cell, "person": _person_cell}
