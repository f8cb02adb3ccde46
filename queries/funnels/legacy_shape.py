"""The answer of a funnel in the older shape of the calculation endpoint (api S13-S15).

The numbers are those of the other shapes; steps keep the names of the request and link to the people
behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import MONTHS
from queries.funnels.node import FunnelsQuery, FunnelVizType
from queries.funnels.shape_steps import described_step
from queries.funnels.values import unwrapped
from queries.people import people_url
from queries.plan import Result

Json = dict[str, Any]


def funnels_legacy(result: Result, node: FunnelsQuery, ctx: ProjectContext, facts: Mapping[str, Any]) -> Any:
    """`result` of the funnel endpoint. `facts`: `filter` (the echo, api S5) and `project_path`."""
    found = result.results
    match node.funnels_filter.funnel_viz_type:
        case FunnelVizType.TIME_TO_CONVERT:
            return found
        case FunnelVizType.TRENDS:
            return [_trend(series, node) for series in found]
    if found and isinstance(found[0], list):
        return [_steps(steps, node, ctx, facts) for steps in found]
    return _steps(found, node, ctx, facts)


def _trend(series: Mapping[str, Any], node: FunnelsQuery) -> Json:
    """Labels are days, also of hours (semantics E40)."""
    starts = [datetime.fromisoformat(text) for text in series["days"]]
    labels = [f"{at.day}-{MONTHS[at.month - 1]}-{at.year}" for at in starts]
    return _unwrapped({**series, "labels": labels}, node)


def _steps(
    steps: Sequence[Mapping[str, Any]], node: FunnelsQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> list[Json]:
    return [
        _unwrapped({**step, **described_step(node.series[order], ctx), **_people(step, order, facts)}, node)
        for order, step in enumerate(steps)
    ]


def _people(step: Mapping[str, Any], order: int, facts: Mapping[str, Any]) -> Json:
    """Links to who took the step, and to who took the one before and not this one (semantics E50)."""
    value = {"funnel_step_breakdown": step["breakdown_value"]} if "breakdown_value" in step else {}
    dropped = people_url(facts, "funnel", {"funnel_step": -(order + 1), **value}) if order else None
    return {
        "converted_people_url": people_url(facts, "funnel", {"funnel_step": order + 1, **value}),
        "dropped_people_url": dropped,
    }


def _unwrapped(shown: Json, node: FunnelsQuery) -> Json:
    """Lists of one value are the value itself, unless asked for as a list (api S13)."""
    if node.breakdown_filter is None:
        return shown
    keys = [key for key in ("breakdown", "breakdown_value") if key in shown]
    return shown | {key: unwrapped(node.breakdown_filter, shown[key]) for key in keys}
