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
    if node.breakdown_filter is not None and not node.breakdown_filter.is_empty:
        return _by_value(result, facts)
    rows = result.results
    return [_row(row, place, len(rows), facts) for place, row in enumerate(rows)]


def _row(row: Mapping[str, Any], place: int, count: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    shown = row["values"][: max(1, count - place)]
    return {
        "values": [_value(value, place, column, facts) for column, value in enumerate(shown)],
        "label": row["label"],
        "date": row["date"],
        "people_url": people_url(facts, "retention", {"selected_interval": place, "display": "ActionsTable"}),
    }


def _value(value: Mapping[str, Any], row: int, column: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    # The echo's display would ask for rows with appearances (semantics H22).
    coordinates = {"selected_interval": row, "returning_interval": column, "display": None}
    rest = {key: found for key, found in value.items() if key not in ("count", "label")}
    return {
        "count": value["count"],
        "people": [],
        "people_url": people_url(facts, "retention", coordinates),
        **rest,
    }


def _by_value(result: Result, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per breakdown value: its cohorts of all periods added up, column by column (H15)."""
    totals: dict[tuple[str, ...], list[int]] = {}
    for row in result.results:
        value = row["breakdown_value"]
        texts = tuple(value) if isinstance(value, list) else (str(value),)
        counts = totals.setdefault(texts, [0] * len(row["values"]))
        for column, cell in enumerate(row["values"]):
            counts[column] += cell["count"]
    return [_value_row(texts, counts, facts) for texts, counts in totals.items()]


def _value_row(texts: tuple[str, ...], counts: list[int], facts: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {"breakdown_values": list(texts)}
    return {
        "values": [
            {
                "count": count,
                "people": [],
                "people_url": people_url(
                    facts, "retention", {**chosen, "returning_interval": column, "display": None}
                ),
            }
            for column, count in enumerate(counts)
        ],
        "label": "::".join(texts),
        "breakdown_values": list(texts),
        "people_url": people_url(facts, "retention", {**chosen, "display": "ActionsTable"}),
    }
