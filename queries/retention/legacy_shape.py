"""The answer of a retention table in the older, triangular shape (api S23, semantics H10, H15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.context import ProjectContext
from queries.people import people_url
from queries.plan import Result
from queries.retention.node import RetentionQuery


def retention_legacy(
    result: Result, node: RetentionQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Row i has as many values as periods are left; every value and row links to its people."""
    by_value = node.breakdown_filter is not None and not node.breakdown_filter.is_empty
    if by_value and node.retention_filter.by_value:
        return _by_value(result, facts)
    rows = result.results
    return [_row(row, place, len(rows), facts) for place, row in enumerate(rows)]


def _row(row: Mapping[str, Any], place: int, count: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = row["values"][: max(1, count - place)]
    return {
        "values": [
            _shown(cell, {"selected_interval": place, "returning_interval": column}, facts)
            for column, cell in enumerate(shown)
        ],
        "label": row["label"],
        "date": row["date"],
        "people_url": people_url(facts, "retention", {"selected_interval": place, "display": "ActionsTable"}),
    }


def _by_value(result: Result, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per breakdown value, with whoever is in any of its cohorts (H15)."""
    return [_value_row(row, facts) for row in result.results]


def _value_row(row: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    value = row["breakdown_value"]
    chosen = {"breakdown_values": value if isinstance(value, list) else [value]}
    return {
        "values": [
            _shown(cell, {**chosen, "returning_interval": column}, facts)
            for column, cell in enumerate(row["values"])
        ],
        "label": row["label"],
        **chosen,
        "people_url": people_url(facts, "retention", {**chosen, "display": "ActionsTable"}),
    }


def _shown(
    cell: Mapping[str, Any], coordinates: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    # The echo's display would ask for rows with appearances (semantics H22).
    url = people_url(facts, "retention", {**coordinates, "display": None})
    rest = {key: found for key, found in cell.items() if key not in ("count", "label")}
    return {"count": cell["count"], "people": [], "people_url": url, **rest}
