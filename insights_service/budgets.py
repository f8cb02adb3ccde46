"""What one query may use, by who asks for it: narrower than the server's limits, never wider.

The server has one table (`QUERY_BUDGETS`), each project one of its own (`Project.query_budgets`, set in the
admin). Both have a row for each kind of credential and one for `all`; the narrowest number holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from queries.context import Limits

ALL = "all"
LEAST_MEMORY_BYTES = 64 * 1024**2
_MOST = 2**53


class Credential(StrEnum):
    """In what capacity somebody asks."""

    KEY = "key"
    SESSION = "session"
    SHARED = "shared"  # guests of public links and embedded pages
    BACKGROUND = "background"  # runs that no request waits for, on top of what the asker may use


@dataclass(frozen=True, slots=True)
class Budget:
    """One row of a table. None: what the server allows."""

    seconds: float | None = None
    memory_bytes: int | None = None
    rows_to_read: int | None = None
    result_rows: int | None = None


Budgets = tuple[tuple[str, Budget], ...]  # row by row
ROWS = (ALL, *Credential)
LEAST = {"seconds": 1, "memory_bytes": LEAST_MEMORY_BYTES, "rows_to_read": 1, "result_rows": 1}


def read_budgets(value: Any) -> Budgets:
    """The table from its JSON form. ValueError with the end of a sentence."""
    if not isinstance(value, Mapping):
        raise ValueError('must be an object such as {"shared": {"seconds": 10}}')
    return tuple((row, _budget(row, value[row])) for row in value)


def read_budgets_text(text: str) -> Budgets:
    """The same from text."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError("must be JSON") from error
    return read_budgets(value)


def narrowed(limits: Limits, tables: Iterable[Budgets], credentials: Iterable[Credential]) -> Limits:
    """The limits, or less where one of the tables says so for all or for one of the credentials."""
    rows = (ALL, *credentials)
    for budget in (budget for table in tables for row, budget in table if row in rows):
        limits = replace(
            limits,
            timeout_seconds=min(limits.timeout_seconds, budget.seconds or limits.timeout_seconds),
            memory_bytes=_least(limits.memory_bytes, budget.memory_bytes),
            rows_to_read=_least(limits.rows_to_read, budget.rows_to_read),
            result_rows=_least(limits.result_rows, budget.result_rows),
        )
    return limits


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _budget(row: str, value: Any) -> Budget:
    if row not in ROWS:
        raise ValueError(f"has a row {row!r}; rows are {', '.join(ROWS)}")
    if not isinstance(value, Mapping):
        raise ValueError(f"must have an object in {row}")
    for name, number in value.items():
        if name not in LEAST:
            raise ValueError(f"has {row}.{name}; there are {', '.join(LEAST)}")
        if type(number) is not int or not LEAST[name] <= number <= _MOST:
            raise ValueError(f"must have a whole number from {LEAST[name]} in {row}.{name}")
    return Budget(**value)
