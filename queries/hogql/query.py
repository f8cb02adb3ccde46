"""HogQLQuery and EventsQuery -> plan (api U4, V11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from queries.context import ProjectContext
from queries.hogql.events import understand
from queries.hogql.expression import marked_statement
from queries.hogql.holes import Holes, holes_of
from queries.hogql.select import MAX_LIMIT, Compiled, Compiler, Limits
from queries.hogql.select_parser import read_query
from queries.hogql.shape import Cell, shape_rows
from queries.hogql.syntax import Query
from queries.hogql_node import DEFAULT_LIMIT, EventsQuery, HogQLQuery
from queries.plan import Plan, Result, Rows, statement

# An outer join leaves NULL, not an empty text, where it found nothing.
SETTINGS: Mapping[str, object] = {"join_use_nulls": 1}


def compile_hogql(node: HogQLQuery, ctx: ProjectContext) -> Plan:
    """The rows of a SELECT. InvalidQuery with a position for anything that is not allowed."""
    holes = holes_of(node.filters, node.values, node.variables)
    compiler = Compiler(ctx, holes, holes.span(ctx))
    return _plan(compiler, read_query(node.query), {}, {"query": node.query, "error": None})


def compile_events(node: EventsQuery, ctx: ProjectContext) -> Plan:
    """Rows of events, or of groups of them where a column is an aggregate."""
    question = understand(node, ctx)
    compiler = Compiler(ctx, Holes(condition=question.condition), question.span)
    return _plan(compiler, question.query, question.special, {})


def _plan(compiler: Compiler, query: Query, special: Mapping[int, Cell], extra: Mapping[str, Any]) -> Plan:
    limits = Limits(DEFAULT_LIMIT, MAX_LIMIT)
    compiled = compiler.query(query, {}, outermost=limits)
    limit, offset = compiler.shown(limits)

    def shape(found: Sequence[Rows]) -> Result:
        rows = found[0].rows
        return Result(
            shape_rows(rows[:limit], compiled.columns, special),
            has_more=len(rows) > limit,
            columns=[column.name for column in compiled.columns],
            types=_types(compiled, found[0]),
            limit=limit,
            offset=offset,
            hogql=str(extra["query"]) if "query" in extra else None,
            extra=extra,
        )

    return Plan((statement(marked_statement(compiled.sql), SETTINGS),), shape)


def _types(compiled: Compiled, rows: Rows) -> list[list[str]]:
    return [[column.name, type_] for column, type_ in zip(compiled.columns, rows.types, strict=False)]
