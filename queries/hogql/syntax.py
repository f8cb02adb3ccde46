"""What was written, as values. Operators are calls too: `a + b` is `plus(a, b)`.

`position` is the 1-based character at which the thing begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from queries.hogql.tokens import Token

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A column: `properties.$browser` is ("properties", "$browser")."""

    path: tuple[str, ...]
    position: int

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Call:
    """`name(parameters)(arguments)`, with DISTINCT and OVER where written."""

    name: str
    arguments: tuple[Expression, ...]
    position: int
    parameters: tuple[Expression, ...] | None = None
    is_distinct: bool = False
    over: Window | None = None


@dataclass(frozen=True, slots=True)
class Window:
    partition_by: tuple[Expression, ...]
    order_by: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    names: tuple[str, ...]
    body: Expression
    position: int


@dataclass(frozen=True, slots=True)
class Star:
    """`*`, or `table.*`."""

    table: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Hole:
    """`{filters}`, `{variables.name}` or `{name}`: filled in from the query's other fields."""

    path: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Subselect:
    query: Query
    position: int


Expression = Literal | Name | Call | Lambda | Star | Hole | Subselect


@dataclass(frozen=True, slots=True)
class Item:
    """One selected expression; `text` is how it was written, its name when there is no alias."""

    expression: Expression
    alias: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    expression: Expression
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    alias: str
    position: int


@dataclass(frozen=True, slots=True)
class Derived:
    query: Query
    alias: str
    position: int


@dataclass(frozen=True, slots=True)
class Join:
    """`kind` is our own SQL, such as LEFT JOIN; a cross join has neither `on` nor `using`."""

    kind: str
    left: Source
    right: Table | Derived
    on: Expression | None
    using: tuple[str, ...]
    position: int


Source = Table | Derived | Join


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]
    position: int
    source: Source | None = None
    is_distinct: bool = False
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    order_by: tuple[Order, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None
    limit_by: tuple[int, tuple[Expression, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """SELECTs joined by UNION ALL (or DISTINCT), and the named queries they may read from."""

    selects: tuple[Select, ...]
    position: int
    is_distinct: bool = False
    named: tuple[tuple[str, Query], ...] = field(default=())


class Stream:
    """Tokens with one look ahead, and the count of what was made of them."""

    def __init__(self, tokens: list[Token], text: str) -> None:
        self.tokens = tokens
        self.text = text
        self.place = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def after_next(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token
