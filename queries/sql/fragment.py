"""SQL as a value: text together with the values bound in it.

The text of a fragment is always a literal of our own source. Whatever a user wrote, property keys
included, enters as a bound value and reaches the database as a server-side parameter, typed and never
spliced (semantics J8). Fragments nest; parameters get their names once, at rendering, and equal values
share one name.

    >>> value = sql("props[{key}]", key=bind("k"))
    >>> s = sql("has({wanted}, {value})", wanted=bind(["a"], "Array(String)"), value=value)
    >>> s.render().text
    'has({p0:Array(String)}, props[{p1:String}])'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from string import Formatter

# A comment in statements that hold an expression a user wrote: what the store refuses there is their error.
USER_WRITTEN = "/* user-written */"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bound:
    """One value with its ClickHouse type. `value` is hashable: lists come as tuples."""

    value: str | int | float | bool | tuple[str | int | float, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Text with `{p0:String}` placeholders, and the values of the placeholders."""

    text: str
    params: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sql:
    """A fragment. Compose with `sql`, `join`, `all_of`, `any_of`; never with string formatting."""

    pieces: tuple[str | Bound, ...]

    def __str__(self) -> str:
        return self.render().text

    def __bool__(self) -> bool:
        return bool(self.pieces)

    @property
    def bound(self) -> tuple[Bound, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Bound))

    def render(self) -> Rendered:
        """Text and parameters, with names p0, p1, ... given in order of appearance."""
        names: dict[Bound, str] = {}
        text = []
        for piece in self.pieces:
            if isinstance(piece, str):
                text.append(piece)
                continue
            # 1, 1.0 and True are equal in Python but not in SQL: the type is part of the identity.
            name = names.setdefault(piece, f"p{len(names)}")
            text.append(f"{{{name}:{piece.type}}}")
        params = {name: _parameter(bound) for bound, name in names.items()}
        return Rendered("".join(text), params)


@lru_cache(maxsize=4096)
def _holes(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


def sql(template: str, **parts: Sql | Bound) -> Sql:
    """A fragment from literal text with `{name}` holes, each filled by a fragment or a bound value."""
    pieces: list[str | Bound] = []
    for literal, name in _holes(template):
        if literal:
            pieces.append(literal)
        if name is not None:
            part = parts[name]
            pieces.extend(part.pieces if isinstance(part, Sql) else (part,))
    return Sql(tuple(pieces))


def bind(
    value: str | int | float | Sequence[str] | Sequence[int] | Sequence[float], type: str = "String"
) -> Bound:
    """A value the user gave, with its ClickHouse type; sequences need an `Array(...)` type."""
    return Bound(value if isinstance(value, str | int | float) else tuple(value), type)


def strings(values: Iterable[str]) -> Bound:
    return Bound(tuple(values), "Array(String)")


def number(value: int) -> Bound:
    return Bound(value, "Int64")


def instant(moment: datetime) -> Sql:
    """An aware datetime as DateTime64(6), exact to the microsecond."""
    delta = moment - EPOCH
    micros = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return sql("fromUnixTimestamp64Micro({micros}, 'UTC')", micros=number(micros))


def join(separator: str, parts: Iterable[Sql]) -> Sql:
    pieces: list[str | Bound] = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(separator)
        pieces.extend(part.pieces)
    return Sql(tuple(pieces))


TRUE = sql("1")
FALSE = sql("0")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """AND of the conditions; none: true."""
    kept = [c for c in conditions if c and c != TRUE]
    if FALSE in kept:
        return FALSE
    return _combine(" AND ", kept, TRUE)


def any_of(conditions: Iterable[Sql]) -> Sql:
    """OR of the conditions; none: false."""
    kept = [c for c in conditions if c and c != FALSE]
    if TRUE in kept:
        return TRUE
    return _combine(" OR ", kept, FALSE)


def not_(condition: Sql) -> Sql:
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return sql("NOT ({condition})", condition=condition)


def _combine(operator: str, kept: Sequence[Sql], empty: Sql) -> Sql:
    distinct = list(dict.fromkeys(kept))
    if not distinct:
        return empty
    if len(distinct) == 1:
        return distinct[0]
    return join(operator, (sql("({part})", part=part) for part in distinct))


def _parameter(bound: Bound) -> object:
    return list(bound.value) if isinstance(bound.value, tuple) else bound.value
