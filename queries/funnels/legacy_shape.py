"""The answer of a funnel in the older shape: the same steps, with links to their people (api S13-S15)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import LEGACY_LABELS
from queries.funnels.node import FunnelsQuery, FunnelVizType
from queries.people import people_url
from queries.plan import Result


def funnels_legacy(result: Result, node: FunnelsQuery, ctx: ProjectContext, facts: Mapping[str, Any]) -> Any:
    match node.funnels_filter.funnel_viz_type:
        case FunnelVizType.TIME_TO_CONVERT:
            return result.results
        case FunnelVizType.TRENDS:
            return [_trend(series, node) for series in result.results]
    if result.results and isinstance(result.results[0], list):
        return [[_step(step, node, facts) for step in steps] for steps in result.results]
    return [_step(step, node, facts) for step in result.results]


def _trend(series: Mapping[str, Any], node: FunnelsQuery) -> dict[str, Any]:
    label = LEGACY_LABELS[node.interval]
    return {**series, "labels": [label(_start(text)) for text in series["days"]]}


def _start(text: str) -> datetime:
    return (
        datetime.fromisoformat(text)
        if " " in text
        else datetime.combine(date.fromisoformat(text), datetime.min.time())
    )


def _step(step: Mapping[str, Any], node: FunnelsQuery, facts: Mapping[str, Any]) -> dict[str, Any]:
    """One-element lists are unwrapped when asked with `breakdown`; the links keep the list."""
    shaped = dict(step)
    chosen: dict[str, Any] = {}
    if "breakdown_value" in step:
        chosen = {"funnel_step_breakdown": step["breakdown_value"]}
        plain = node.breakdown_filter is not None and not node.breakdown_filter.is_list
        if plain and isinstance(step["breakdown_value"], list) and len(step["breakdown_value"]) == 1:
            shaped["breakdown"] = shaped["breakdown_value"] = step["breakdown_value"][0]
    number = step["order"] + 1
    dropped = None if number == 1 else people_url(facts, "funnel", {"funnel_step": -number, **chosen})
    return shaped | {
        "converted_people_url": people_url(facts, "funnel", {"funnel_step": number, **chosen}),
        "dropped_people_url": dropped,
    }
