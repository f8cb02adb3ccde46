"""What follows FROM: tables and subqueries, joined or alone, and what their columns are called there.

A table that stands alone is read directly. One that is joined becomes a subquery of our own that holds
the project's condition and exports, as `k0`, `k1`..., exactly the columns the statement mentions: so that
names of two tables never meet, and every part keeps to its project by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from queries.context import ProjectContext
from queries.hogql.syntax import Name
from queries.hogql.tables import TableDefinition
from queries.hogql.values import Kind, Value
from queries.sql.events import Span
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, sql
from queries.sql.lookup import Joined


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a finished SELECT: the name shown, and its value as `c0`, `c1`... of the subquery."""

    name: str
    value: Value


class SourceLike(Protocol):
    """One thing in FROM, under its alias. `may_be_missing`: an outer join can leave its columns empty."""

    alias: str
    may_be_missing: bool

    def column(self, name: Name) -> Value | None:
        """The column by a path without the alias; None when there is none."""

    def star(self) -> Iterator[tuple[str, Value]]:
        """All columns with their names."""

    def person(self) -> Sql | None:
        """The number of the row's person."""

    def filtered(self, condition: Sql) -> Sql | None:
        """A condition on the table's own columns, as it reads in the statement; None where it cannot be."""

    def rows(self) -> Sql:
        """What to print after FROM; to be asked last, when all columns have been mentioned."""

    def guard(self) -> Sql:
        """What the statement's WHERE has to begin with."""


@dataclass
class TableSource:
    """A table of the allow-list."""

    definition: TableDefinition
    alias: str
    ctx: ProjectContext
    span: Span
    printed: str  # our own name for it
    is_alone: bool = True
    may_be_missing: bool = False
    exported: list[Sql] = field(default_factory=list)
    look: Joined = field(init=False)

    def __post_init__(self) -> None:
        self.look = Joined(self.ctx, self.span, f"{self.printed}_of")

    @property
    def is_direct(self) -> bool:
        return self.is_alone and self.definition.group_by is None

    def column(self, name: Name) -> Value | None:
        found = self.definition.column(name, self.ctx, self.look)
        return found if found is None or self.is_direct else self._outside(found)

    def star(self) -> Iterator[tuple[str, Value]]:
        for name in self.definition.star:
            value = self.column(Name((name,), 0))
            assert value is not None  # a test walks through all tables
            yield name, value

    def person(self) -> Sql | None:
        if self.definition.person is None:
            return None
        number = self.definition.person(self.ctx)
        return number if self.is_direct else self._export(number)

    def filtered(self, condition: Sql) -> Sql | None:
        if not self.definition.has_filters:
            return None
        return condition if self.is_direct else self._export(condition)

    def guard(self) -> Sql:
        return self.definition.guard(self.ctx) if self.is_direct else TRUE

    def rows(self) -> Sql:
        rows = join(" ", [self.definition.rows, *self.look.joins()])
        if self.is_direct:
            return rows
        columns = [sql(f"{{c}} AS k{place}", c=column) for place, column in enumerate(self.exported)]
        inner = sql(
            "SELECT {columns} FROM {rows} WHERE {guard}",
            columns=join(", ", columns or [sql("1")]),
            rows=rows,
            guard=self.definition.guard(self.ctx),
        )
        if self.definition.group_by is not None:
            inner = sql("{inner} GROUP BY {by}", inner=inner, by=self.definition.group_by)
        return sql(f"({{inner}}) AS {self.printed}", inner=inner)

    def _outside(self, value: Value) -> Value:
        """The value of an exported column as the statement around it reads it."""
        if value.moment is not None:
            moment = self._export(value.moment)
            zoned = sql("toTimeZone({m}, {zone})", m=moment, zone=bind(self.ctx.timezone))
            found = replace(value, sql=zoned, moment=moment)
        else:
            found = replace(value, sql=self._export(value.sql))
        return _missing(found) if self.may_be_missing else found

    def _export(self, fragment: Sql) -> Sql:
        if fragment not in self.exported:
            self.exported.append(fragment)
        return sql(f"{self.printed}.k{self.exported.index(fragment)}")


@dataclass
class DerivedSource:
    """A SELECT in FROM."""

    query: Sql
    columns: Sequence[Column]
    alias: str
    printed: str
    may_be_missing: bool = False

    def column(self, name: Name) -> Value | None:
        if len(name.path) != 1:
            return None
        return next((value for column, value in self.star() if column == name.path[0]), None)

    def star(self) -> Iterator[tuple[str, Value]]:
        for place, column in enumerate(self.columns):
            value = replace(column.value, sql=sql(f"{self.printed}.c{place}"))
            yield column.name, _missing(value) if self.may_be_missing else value

    def person(self) -> Sql | None:
        return None

    def filtered(self, condition: Sql) -> Sql | None:
        return None

    def guard(self) -> Sql:
        return TRUE

    def rows(self) -> Sql:
        return sql(f"({{query}}) AS {self.printed}", query=self.query)


def _missing(value: Value) -> Value:
    """A column that an outer join may leave empty; a property is then not set."""
    if value.kind is Kind.PROPERTY:
        return replace(value, sql=sql("ifNull({p}, '')", p=value.sql))
    return replace(value, is_nullable=True)


@dataclass(frozen=True, slots=True)
class Sources:
    """All of FROM: the single things, and the text that joins them."""

    every: tuple[SourceLike, ...] = ()

    def guard(self) -> Sql:
        return all_of(source.guard() for source in self.every)
