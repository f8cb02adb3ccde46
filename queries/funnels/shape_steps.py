"""Rows of a funnel -> its steps: counts and conversion times (api S13, V3; semantics E12, E27, E33)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queries.dates import ResolvedRange
from queries.errors import UnknownReference
from queries.funnels.chain import FunnelScan
from queries.nodes import ActionsNode, EventsNode, SeriesNode
from queries.plan import Result
from queries.vocabulary import BreakdownType

Value = tuple[str, ...]
OTHER: Value = ("Other",)
LISTED = frozenset({BreakdownType.EVENT, BreakdownType.PERSON})  # E27: values of these are lists


def rank_values(funnel: FunnelScan, rows: Sequence[tuple[Any, ...]]) -> list[Value] | None:
    """The values to show when there are more than the limit; None when all fit, or nothing is broken down."""
    breakdown = funnel.node.breakdown_filter
    if breakdown is None or breakdown.is_empty or breakdown.cohorts:
        return None
    counts = _counts(funnel, rows)
    if len(counts) <= breakdown.limit():
        return None
    return _ranked(counts)[: breakdown.limit()]


def shape_steps(
    funnel: FunnelScan,
    period: ResolvedRange,
    rows: Sequence[tuple[Any, ...]],
    shown: Sequence[Value] | None = None,
) -> Result:
    """A list of steps, or with a breakdown a list of such lists, most converted first, Other last (E32)."""
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    found = {(tuple(value), int(step)): (int(n), mean, median) for value, step, n, mean, median in rows}
    if funnel.node.breakdown_filter is None or funnel.node.breakdown_filter.is_empty:
        return Result(results=_steps(funnel, (), found), resolved_date_range=dates)
    values = _ranked(_counts(funnel, rows))
    if OTHER in values and shown is not None:
        values = [value for value in values if value != OTHER] + [OTHER]
    results = [_with_value(funnel, value, _steps(funnel, value, found)) for value in values]
    return Result(results=results, has_more=shown is not None, resolved_date_range=dates)


def _counts(funnel: FunnelScan, rows: Sequence[tuple[Any, ...]]) -> dict[Value, list[int]]:
    counts: dict[Value, list[int]] = {}
    for value, step, actors, *_ in rows:
        counts.setdefault(tuple(value), [0] * len(funnel.node.series))[int(step) - 1] = int(actors)
    return counts


def _ranked(counts: dict[Value, list[int]]) -> list[Value]:
    """By actors at the last step, then the step before, and so on; ties by value (E27)."""
    return sorted(counts, key=lambda value: ([-n for n in reversed(counts[value])], value))


def _steps(funnel: FunnelScan, value: Value, found: dict[tuple[Value, int], Any]) -> list[dict[str, Any]]:
    return [
        _step(funnel, place, step, found.get((value, place + 1), (0, None, None)))
        for place, step in enumerate(funnel.node.series)
    ]


def _step(funnel: FunnelScan, place: int, step: SeriesNode, numbers: tuple[int, Any, Any]) -> dict[str, Any]:
    actors, mean, median = numbers
    timed = place > 0 and actors > 0
    return {
        "action_id": _action_id(step),
        "name": _name(funnel, step),
        "custom_name": step.custom_name,
        "order": place,
        "people": [],
        "count": actors,
        "type": "actions" if isinstance(step, ActionsNode) else "events",
        "average_conversion_time": float(mean) if timed else None,
        "median_conversion_time": float(median) if timed else None,
    }


def _action_id(step: SeriesNode) -> str | None:
    if isinstance(step, ActionsNode):
        return str(step.id)
    return step.event if isinstance(step, EventsNode) else step.name


def _name(funnel: FunnelScan, step: SeriesNode) -> str:
    if isinstance(step, ActionsNode):
        action = funnel.ctx.actions.get(step.id)
        if action is None:
            raise UnknownReference(f"There is no action {step.id}.", attr="series")
        return action.name
    return (step.event if isinstance(step, EventsNode) else step.name) or "All events"


def _with_value(funnel: FunnelScan, value: Value, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wire = wire_value(funnel, value)
    return [{**step, "breakdown": wire, "breakdown_value": wire} for step in steps]


def wire_value(funnel: FunnelScan, value: Value) -> Any:
    """A list for event and person properties, else the plain value; a cohort by its id (E27)."""
    breakdown = funnel.node.breakdown_filter
    if breakdown is None or (breakdown.parts and breakdown.parts[0].type in LISTED):
        return list(value)
    if breakdown.cohorts:
        return value[0] if value[0] == "all" else int(value[0])
    return value[0] if len(value) == 1 else list(value)
