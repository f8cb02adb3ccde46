"""HogQLQuery and EventsQuery -> plan (api U4, V11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.sql.fragment import Sql, bind, join, sql

# An outer join leaves NULL, not an empty text, where it found nothing.
SETTINGS: Mapping[str, object] = {"join_use_nulls": 1}


NO_LIMIT = Limits(2**40, 2**40, extra=0)


def compile_hogql(node: HogQLQuery, ctx: ProjectContext) -> Plan:
    """The rows of a SELECT. InvalidQuery with a position for anything that is not allowed."""
    return _plan(node, ctx, {"query": node.query, "error": None})


def compile_events(node: EventsQuery, ctx: ProjectContext) -> Plan:
    """Rows of events, or of groups of them where a column is an aggregate."""
    return _plan(node, ctx, {})


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a question, for reading as a stream. `shape` makes JSON cells of a block of rows."""

    statement: Statement
    columns: Sequence[str]
    shape: Callable[[Sequence[Sequence[Any]]], list[list[Any]]]


def compile_table(node: HogQLQuery | EventsQuery, ctx: ProjectContext, *, named: bool = False) -> Table:
    """The question without a ceiling: as many rows as its own LIMIT says, else all.

    With `named` the columns of the statement itself are called as the caller calls them.
    """
    asked = _asked(node, ctx)
    compiled = asked.compiler.query(asked.query, {}, outermost=NO_LIMIT)
    rows = _renamed(compiled) if named else compiled.sql
    return Table(
        statement(marked_statement(rows), SETTINGS),
        [column.name for column in compiled.columns],
        lambda block: shape_rows(block, compiled.columns, asked.special),
    )


def _renamed(compiled: Compiled) -> Sql:
    names = _distinct([column.name for column in compiled.columns])
    columns = (
        sql(f"c{place} AS {{name}}", name=bind(name, "Identifier")) for place, name in enumerate(names)
    )
    return sql("SELECT {columns} FROM ({rows})", columns=join(", ", columns), rows=compiled.sql)


def _distinct(names: Sequence[str]) -> list[str]:
    """A file may not have two columns of one name: the second `x` becomes `x_2`."""
    found: dict[str, None] = {}
    for name in names:
        given, number = name or "column", 2
        while given in found:
            given, number = f"{name}_{number}", number + 1
        found[given] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question understood: its SELECT, its compiler, and cells of a form of their own."""

    compiler: Compiler
    query: Query
    special: Mapping[int, Cell] = field(default_factory=dict)


def _asked(node: HogQLQuery | EventsQuery, ctx: ProjectContext) -> _Asked:
    if isinstance(node, HogQLQuery):
        holes = holes_of(node.filters, node.values, node.variables)
        return _Asked(Compiler(ctx, holes, holes.span(ctx)), read_query(node.query))
    question = understand(node, ctx)
    compiler = Compiler(ctx, Holes(condition=question.condition), question.span)
    return _Asked(compiler, question.query, question.special)


def _plan(node: HogQLQuery | EventsQuery, ctx: ProjectContext, extra: Mapping[str, Any]) -> Plan:
    asked = _asked(node, ctx)
    limits = Limits(DEFAULT_LIMIT, MAX_LIMIT)
    compiled = asked.compiler.query(asked.query, {}, outermost=limits)
    limit, offset = asked.compiler.shown(limits)

    def shape(found: Sequence[Rows]) -> Result:
        rows = found[0].rows
        return Result(
            shape_rows(rows[:limit], compiled.columns, asked.special),
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
