"""Which people a cell of a table stands for: coordinates of a point, as a page's address has them (api V9).

Rows and columns are those of `insights.api.tables.result_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Point = dict[str, Any]
# Row and column of the table -> coordinates, or None for a cell that nobody is behind.
Finder = Callable[[int, int], Point | None]


def points_of(kind: str, result: Any) -> Finder:
    """The people behind the cells of a result; behind none of them for kinds that have no people."""
    make = FINDERS.get(kind)
    return make(result) if make and isinstance(result, list) and result else _nobody


def _nobody(row: int, column: int) -> Point | None:
    return None


def _trends(result: Sequence[Row]) -> Finder:
    return _series(result, _coordinates_of_series)


def _lifecycle(result: Sequence[Row]) -> Finder:
    return _series(result, lambda row: {"status": row.get("status")} if row.get("status") else None)


def _series(result: Sequence[Row], about: Callable[[Row], Point | None]) -> Finder:
    """A row per series; one column per bucket after those that name it."""
    names = 2 if any("breakdown_value" in row for row in result) else 1

    def find(row: int, column: int) -> Point | None:
        series = result[row]
        known = about(series) if column >= names else None
        if known is None or "aggregated_value" in series:
            return known
        days = series.get("days") or []
        place = column - names
        return {**known, "day": days[place]} if place < len(days) else None

    return find


def _coordinates_of_series(row: Row) -> Point | None:
    """None for a formula, which nobody is behind, and for values that an address cannot hold."""
    action, value = row.get("action"), row.get("breakdown_value")
    if not isinstance(action, Mapping) or not isinstance(value, str | None):
        return None
    point = {"series": action.get("order"), "breakdown": value, "compare": row.get("compare_label")}
    return {name: text for name, text in point.items() if text is not None}


def _retention(result: Sequence[Row]) -> Finder:
    """A row per cohort; name, size, then the columns."""

    def find(row: int, column: int) -> Point | None:
        values = result[row].get("values") or []
        place = max(column - 2, 0)
        if column == 0 or place >= len(values) or not values[place].get("count"):
            return None
        return {"interval": row, "returningInterval": place}

    has_breakdown = any("breakdown_value" in row or "breakdown_values" in row for row in result)
    return _nobody if has_breakdown else find


def _funnel(result: Sequence[Any]) -> Finder:
    """A row per step, breakdown by breakdown; the count is in the fourth column."""
    steps = [step for each in result for step in (each if isinstance(each, list) else [each])]

    def find(row: int, column: int) -> Point | None:
        step = steps[row]
        if column != 3 or not step.get("count"):
            return None
        value = step.get("breakdown_value")
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        return {"funnelStep": step.get("order", row) + 1} | (
            {"funnelStepBreakdown": value} if isinstance(value, str) else {}
        )

    return _nobody if any("data" in step for step in steps) else find


FINDERS: Mapping[str, Callable[[Any], Finder]] = {
    "TrendsQuery": _trends,
    "StickinessQuery": _trends,
    "LifecycleQuery": _lifecycle,
    "RetentionQuery": _retention,
    "FunnelsQuery": _funnel,
}
