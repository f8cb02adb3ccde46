"""What a compiler hands over: statements to run, and how their rows become the result.

Compiling and shaping are pure; only `queries.execute` talks to the store. A question that must look
before it can ask (the earliest event of an all-time range) has a `shape` that returns another plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from queries.sql.fragment import Sql


@dataclass(frozen=True, slots=True)
class Statement:
    """One read-only SELECT: text with `{p0:String}` placeholders, their values, and engine settings."""

    sql: str
    params: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement gave: tuples in column order, and what reading them took."""

    rows: Sequence[tuple[Any, ...]]  # engine values: any type the columns have
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows_read: int = 0
    bytes_read: int = 0
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A shaped answer. `results` is JSON-ready; the rest are the facts of api W2 that a kind knows."""

    results: Any  # each kind has its own JSON shape (api V)
    has_more: bool | None = None
    columns: Sequence[str] | None = None
    types: Sequence[Any] | None = None
    limit: int | None = None
    offset: int | None = None
    hogql: str | None = None
    resolved_date_range: Mapping[str, str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Statements to run in order, then `shape` over their rows, one `Rows` per statement.

    `smaller` gives a plan of the same answer for when memory does not suffice, None if there is none.
    """

    statements: tuple[Statement, ...]
    shape: Callable[[Sequence[Rows]], Result | Plan]
    smaller: Callable[[], Plan | None] = lambda: None


def statement(fragment: Sql, settings: Mapping[str, object] | None = None) -> Statement:
    """A fragment rendered with its parameters."""
    rendered = fragment.render()
    return Statement(rendered.text, rendered.params, settings or {})
