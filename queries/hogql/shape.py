"""Rows of the event store -> JSON: instants with their offset, booleans, no infinities (J6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from queries.hogql.sources import Column
from queries.hogql.values import Kind

# A cell as the store gives it -> JSON; engine values may be of any type its columns have.
Cell = Callable[[Any], Any]


def shape_rows(
    rows: Sequence[Sequence[Any]], columns: Sequence[Column], special: Mapping[int, Cell]
) -> list[list[Any]]:
    """Lists in the order of the columns. `special` are cells with a form of their own, by position."""
    cells = [special.get(place) or _cell_of(column) for place, column in enumerate(columns)]
    return [[cell(value) for cell, value in zip(cells, row, strict=True)] for row in rows]


def _cell_of(column: Column) -> Cell:
    return _boolean if column.value.kind is Kind.BOOLEAN else plain


def _boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


def plain(value: Any) -> Any:
    """A value as JSON: instants and dates as ISO texts, what is not finite as null."""
    match value:
        case datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)  # the driver leaves UTC unsaid
            return aware.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case bytes():
            return value.decode(errors="replace")
        case list() | tuple():
            return [plain(item) for item in value]
    return value
