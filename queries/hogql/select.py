"""SELECT statements of users -> SQL of ours, with their columns (api U4, V11).

Clauses are lowered in the order in which they need each other; FROM is printed last, when it is known
which columns of each table the statement mentions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from queries.context import ProjectContext
from queries.hogql.columns import unknown_column
from queries.hogql.comparisons import comparable
from queries.hogql.forms import lowering
from queries.hogql.holes import Holes
from queries.hogql.lowering import Aggregation
from queries.hogql.sources import Column, DerivedSource, SourceLike, TableSource
from queries.hogql.syntax import (
    Call,
    Derived,
    Expression,
    Hole,
    Item,
    Join,
    Literal,
    Name,
    Order,
    Query,
    Select,
    Source,
    Star,
    Subselect,
    Table,
)
from queries.hogql.tables import ALIASES, TABLES
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, Value, as_number, as_text, condition, settled
from queries.sql.events import Span
from queries.sql.fragment import TRUE, Sql, all_of, join, number, sql

MAX_COMPILED = 100
MAX_COLUMNS = 500
MAX_LIMIT = 50_000
ANYWHERE = Aggregation(is_allowed=True)
NOT_IN_WHERE = Aggregation(reason="Aggregates are not allowed in WHERE, GROUP BY and ON; use HAVING")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A SELECT whose columns are called `c0`, `c1`... in the text."""

    sql: Sql
    columns: tuple[Column, ...]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(column.value.kind for column in self.columns)


class Compiler:
    """One question with all its subqueries. `span` is where sessions are looked for."""

    def __init__(self, ctx: ProjectContext, holes: Holes, span: Span = Span()) -> None:
        self.ctx = ctx
        self.holes = holes
        self.span = span
        self.limit: int | None = None  # as written in the outermost SELECT
        self.offset: int | None = None
        self.compiled = 0
        self.sources = 0

    def query(self, query: Query, named: Mapping[str, Query], *, outermost: Limits | None = None) -> Compiled:
        """`named` are the queries of WITH that can be read from here."""
        known = dict(named)
        for name, inner in query.named:
            known[name] = replace(inner, named=(*known.items(), *inner.named))
        if len(query.selects) == 1:
            return SelectCompiler(self, query.selects[0], known).compile(outermost)
        parts = [SelectCompiler(self, select, known).compile(None) for select in query.selects]
        return self._union(query, parts, outermost)

    def shown(self, limits: Limits) -> tuple[int, int]:
        """How many rows the question gives at most, and how many it leaves out before them."""
        return min(limits.default if self.limit is None else self.limit, limits.most), self.offset or 0

    def _union(self, query: Query, parts: Sequence[Compiled], outermost: Limits | None) -> Compiled:
        first = parts[0]
        for part, select in zip(parts, query.selects, strict=True):
            if len(part.columns) != len(first.columns):
                refuse("The parts of a UNION have different numbers of columns", select.position)
        kinds = [_common(kinds) for kinds in zip(*(part.kinds for part in parts), strict=True)]
        word = " UNION DISTINCT " if query.is_distinct else " UNION ALL "
        union = join(word, (self._brought(part, kinds) for part in parts))
        columns = tuple(
            Column(column.name, Value(sql(f"c{place}"), kind, is_nullable=True))
            for place, (column, kind) in enumerate(zip(first.columns, kinds, strict=True))
        )
        if outermost is not None:
            union = sql("SELECT * FROM ({union}){limit}", union=union, limit=outermost.clause(None, None))
        return Compiled(union, columns)

    def _brought(self, part: Compiled, kinds: Sequence[Kind]) -> Sql:
        """A part with its columns as kinds that all parts have."""
        columns = []
        for place, (column, kind) in enumerate(zip(part.columns, kinds, strict=True)):
            value = replace(column.value, sql=sql(f"c{place}"))
            if kind is Kind.NUMBER:
                value = replace(value, sql=sql("toFloat64({n})", n=as_number(value, self.ctx).sql))
            elif kind is Kind.TEXT:
                value = as_text(value, self.ctx)
            columns.append(sql(f"{{v}} AS d{place}", v=value.sql))
        renamed = join(", ", (sql(f"d{place} AS c{place}") for place in range(len(columns))))
        return sql(
            "SELECT {renamed} FROM (SELECT {columns} FROM ({part}))",
            renamed=renamed,
            columns=join(", ", columns),
            part=part.sql,
        )


def _common(kinds: Sequence[Kind]) -> Kind:
    """Columns of different kinds become text."""
    distinct = set(kinds) - {Kind.NULL}
    if distinct <= {Kind.NUMBER, Kind.BOOLEAN} and distinct != {Kind.BOOLEAN}:
        return Kind.NUMBER
    return distinct.pop() if len(distinct) == 1 else Kind.TEXT


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows the outermost SELECT gives; one more is read to know whether there are more."""

    default: int
    most: int
    extra: int = 1

    def clause(self, limit: int | None, offset: int | None) -> Sql:
        rows = min(self.default if limit is None else limit, self.most) + self.extra
        return sql(" LIMIT {rows} OFFSET {offset}", rows=number(rows), offset=number(offset or 0))


class SelectCompiler:
    """One SELECT: the scope of its expressions, and its clauses."""

    def __init__(self, compiler: Compiler, select: Select, named: Mapping[str, Query]) -> None:
        self.compiler = compiler
        self.ctx = compiler.ctx
        self.select = select
        self.named = named
        self.aliases = {item.alias: item.expression for item in select.items if item.alias}
        self.aliases_first = False
        self.resolving: set[str] = set()
        self.low = lowering(self, self.ctx, NOT_IN_WHERE)
        compiler.compiled += 1
        if compiler.compiled > MAX_COMPILED:
            refuse("There are too many subqueries", select.position)
        self.sources: list[SourceLike] = []
        self.joins: dict[int, Sql] = {}
        if select.source is not None:
            self._open(select.source, is_alone=not isinstance(select.source, Join))

    # --- the statement ------------------------------------------------------------------------------

    def compile(self, outermost: Limits | None) -> Compiled:
        columns = self._columns()
        where = self.low.condition(self.select.where) if self.select.where is not None else TRUE
        if len(columns) > MAX_COLUMNS:
            refuse(f"There are more than {MAX_COLUMNS} columns", self.select.position)
        group_by = [self._grouped(node).sql for node in self.select.group_by]
        rest = [*self._having(), *self._ordered(), *self._limit_by()]
        selected = join(
            ", ", (sql(f"{{v}} AS c{place}", v=column.value.sql) for place, column in enumerate(columns))
        )
        clauses = [sql("SELECT DISTINCT" if self.select.is_distinct else "SELECT"), selected]
        if self.select.source is not None:
            rows = iter([source.rows() for source in self.sources])
            clauses += [sql("FROM"), self._printed(self.select.source, rows)]
        guarded = all_of([*(source.guard() for source in self.sources), where])
        if guarded != TRUE:
            clauses += [sql("WHERE"), guarded]
        if group_by:
            clauses.append(sql("GROUP BY {by}", by=join(", ", group_by)))
        clauses += rest
        statement = sql("{s}{limit}", s=join(" ", clauses), limit=self._limit(outermost))
        return Compiled(statement, tuple(columns))

    def _columns(self) -> list[Column]:
        with self.low.within(ANYWHERE):
            return [column for item in self.select.items for column in self._item(item)]

    def _item(self, item: Item) -> list[Column]:
        if isinstance(item.expression, Star):
            return self._star(item.expression)
        value = settled(self.low.value(item.expression), self.ctx)
        return [Column(item.alias or item.text, replace(value, moment=None, is_literal=False))]

    def _star(self, star: Star) -> list[Column]:
        wanted = [source for source in self.sources if star.table in (None, source.alias)]
        if not wanted:
            refuse("There is nothing that * could stand for", star.position)
        return [
            Column(name, replace(settled(value, self.ctx), moment=None))
            for source in wanted
            for name, value in source.star()
        ]

    def _grouped(self, node: Expression) -> Value:
        self.aliases_first = True
        found = self.low.settled(self._by_place(node))
        self.aliases_first = False
        return found

    def _by_place(self, node: Expression) -> Expression:
        """`GROUP BY 1` and `ORDER BY 1` name a selected expression."""
        if not isinstance(node, Literal) or type(node.value) is not int:
            return node
        assert isinstance(node.value, int)
        if not 1 <= node.value <= len(self.select.items):
            refuse(f"There is no column number {node.value}", node.position)
        return self.select.items[node.value - 1].expression

    def _having(self) -> list[Sql]:
        if self.select.having is None:
            return []
        self.aliases_first = True
        with self.low.within(ANYWHERE):
            condition = self.low.condition(self.select.having)
        self.aliases_first = False
        return [sql("HAVING {condition}", condition=condition)]

    def _ordered(self) -> list[Sql]:
        if not self.select.order_by:
            return []
        with self.low.within(ANYWHERE):
            terms = [self._order(order) for order in self.select.order_by]
        return [sql("ORDER BY {terms}", terms=join(", ", terms))]

    def _order(self, order: Order) -> Sql:
        value = self._grouped(order.expression)
        return sql(f"{{v}} {'DESC' if order.is_descending else 'ASC'} NULLS LAST", v=value.sql)

    def _limit_by(self) -> list[Sql]:
        if self.select.limit_by is None:
            return []
        count, nodes = self.select.limit_by
        by = join(", ", (self._grouped(node).sql for node in nodes))
        return [sql("LIMIT {count} BY {by}", count=number(count), by=by)]

    def _limit(self, outermost: Limits | None) -> Sql:
        limit, offset = self._whole(self.select.limit), self._whole(self.select.offset)
        if outermost is not None:
            self.compiler.limit, self.compiler.offset = limit, offset
            return outermost.clause(limit, offset)
        if limit is None and offset is None:
            return Sql(())
        return Limits(2**31, 2**31, extra=0).clause(limit, offset)

    def _whole(self, node: Expression | None) -> int | None:
        if node is None:
            return None
        value = self.low.value(node)
        if not value.is_literal or type(value.literal) is not int or value.literal < 0:
            refuse("A whole number is needed here", node.position)
        assert isinstance(value.literal, int)
        return value.literal

    # --- FROM ---------------------------------------------------------------------------------------

    def _open(self, source: Source, *, is_alone: bool, may_be_missing: bool = False) -> None:
        """Make everything in FROM known, from left to right."""
        if isinstance(source, Join):
            is_outer = source.kind in ("RIGHT JOIN", "FULL JOIN")
            self._open(source.left, is_alone=False, may_be_missing=may_be_missing or is_outer)
            is_outer = source.kind in ("LEFT JOIN", "FULL JOIN")
            self._open(source.right, is_alone=False, may_be_missing=may_be_missing or is_outer)
            on = self._using(source) if source.using else TRUE
            self.joins[source.position] = self._join_condition(source.on) if source.on is not None else on
            return
        opened = self._derived(source, self.named) if isinstance(source, Derived) else self._table(source)
        if isinstance(opened, TableSource):
            opened.is_alone = is_alone
        opened.may_be_missing = may_be_missing
        if any(known.alias == opened.alias for known in self.sources):
            refuse(f'The name "{opened.alias[:50]}" stands twice in FROM', source.position)
        self.sources.append(opened)

    def _table(self, table: Table) -> SourceLike:
        if table.name in self.named:
            # It sees the queries named before it, and neither itself nor those after it.
            derived = Derived(self.named[table.name], table.alias, table.position)
            return self._derived(derived, {})
        name = table.name.lower()
        definition = TABLES.get(ALIASES.get(name, name))
        if definition is None:
            refuse(f'There is no table "{table.name[:50]}"', table.position)
        return TableSource(definition, table.alias, self.ctx, self.compiler.span, self._printed_name())

    def _derived(self, derived: Derived, named: Mapping[str, Query]) -> SourceLike:
        inner = self.compiler.query(derived.query, named)
        return DerivedSource(inner.sql, inner.columns, derived.alias, self._printed_name())

    def _printed_name(self) -> str:
        self.compiler.sources += 1
        return f"t{self.compiler.sources}"

    def _printed(self, source: Source, rows: Iterator[Sql]) -> Sql:
        """The text of FROM; `rows` are those of the sources from left to right."""
        if not isinstance(source, Join):
            return next(rows)
        left = self._printed(source.left, rows)
        right = self._printed(source.right, rows)
        on = self.joins[source.position]
        if on == TRUE:
            return sql("{left} CROSS JOIN {right}", left=left, right=right)
        return sql(f"{{left}} {source.kind} {{right}} ON {{on}}", left=left, right=right, on=on)

    def _join_condition(self, node: Expression) -> Sql:
        """Equalities stay bare, so that the store can join by them; NULL equals nothing there."""
        if isinstance(node, Call) and node.name == "and":
            return all_of(self._join_condition(part) for part in node.arguments)
        if isinstance(node, Call) and node.name == "equals":
            left, right = (self.low.value(part) for part in node.arguments)
            a, b = comparable(left, right, self.ctx, node.position)
            return sql("{a} = {b}", a=a.sql, b=b.sql)
        return self.low.condition(node)

    def _using(self, join_: Join) -> Sql:
        """Columns of the same name on both sides."""
        *left, right = self.sources
        conditions = []
        for text in join_.using:
            name = Name((text,), join_.position)
            found = [value for source in left if (value := source.column(name)) is not None]
            other = right.column(name)
            if not found or other is None:
                refuse(f'Both sides need a column "{text[:50]}"', join_.position)
            a, b = comparable(found[0], other, self.ctx, join_.position)
            conditions.append(sql("{a} = {b}", a=a.sql, b=b.sql))
        return all_of(conditions)

    # --- the scope of its expressions ---------------------------------------------------------------

    def column(self, name: Name) -> Value:
        """A column of what stands in FROM, or a selected expression by its alias."""
        readers = [self._of_sources, self._of_alias]
        for read in reversed(readers) if self.aliases_first else readers:
            found = read(name)
            if found is not None:
                return found
        unknown_column(name)

    def _of_sources(self, name: Name) -> Value | None:
        if len(name.path) > 1:
            for source in self.sources:
                if source.alias == name.path[0]:
                    found = source.column(Name(name.path[1:], name.position))
                    if found is not None:
                        return found
        several = [value for source in self.sources if (value := source.column(name)) is not None]
        if len(several) > 1:
            refuse(f'"{str(name)[:50]}" could be of several tables; write which', name.position)
        return several[0] if several else None

    def _of_alias(self, name: Name) -> Value | None:
        alias = name.path[0]
        if len(name.path) > 1 or alias not in self.aliases or alias in self.resolving:
            return None
        self.resolving.add(alias)
        found = self.low.value(self.aliases[alias])
        self.resolving.remove(alias)
        return found

    def whole(self, node: Expression) -> None:
        return None

    def person_number(self, position: int) -> Sql:
        for source in self.sources:
            number_ = source.person()
            if number_ is not None:
                return number_
        refuse("There is no person here", position)

    def hole(self, hole: Hole) -> Value:
        if hole.path != ("filters",):
            return self.compiler.holes.value(hole, self.ctx)
        condition_ = self.compiler.holes.filters(self.ctx)
        if condition_ == TRUE:
            return condition(TRUE, hole.position)
        for source in self.sources:
            found = source.filtered(condition_)
            if found is not None:
                return condition(found, hole.position)
        refuse("{filters} needs the table events in FROM", hole.position)

    def subselect(self, node: Subselect) -> tuple[Sql, tuple[Kind, ...]]:
        inner = self.compiler.query(node.query, self.named)
        return inner.sql, inner.kinds
