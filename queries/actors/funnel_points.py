"""The points of a funnel and of its correlations, as their links name them (api W20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.actors.asked import Asked, Json, text_of, whole_of
from queries.legacy.entities import read_entity
from queries.legacy.params import boolean, listed, number, structured


def funnel_point(asked: Asked) -> Json:
    given = asked.parameters
    return {
        "kind": "FunnelsActorsQuery",
        "source": asked.legacy.node.to_wire(),
        "funnelStep": whole_of(asked, "funnel_step"),
        "funnelCustomSteps": listed("funnel_custom_steps", given["funnel_custom_steps"])
        if asked.given("funnel_custom_steps")
        else None,
        "funnelStepBreakdown": _step_breakdown(asked),
        "funnelTrendsDropOff": boolean("drop_off", given["drop_off"]) if asked.given("drop_off") else None,
        "funnelTrendsEntrancePeriodStart": text_of(asked, "entrance_period_start"),
        "funnelTimeFrom": _number(asked, "funnel_time_from"),
        "funnelTimeTo": _number(asked, "funnel_time_to"),
    }


def _number(asked: Asked, name: str) -> float | None:
    return number(name, asked.parameters[name]) if asked.given(name) else None


def _step_breakdown(asked: Asked) -> Any:
    """In links the value is a list, written as JSON; by hand it may be one text."""
    raw = asked.parameters.get("funnel_step_breakdown")
    if isinstance(raw, str) and raw.startswith("["):
        return listed("funnel_step_breakdown", raw)
    return raw


def correlation_point(asked: Asked) -> Json:
    given = asked.parameters
    converted = "funnel_correlation_person_converted"
    return {
        "kind": "FunnelCorrelationActorsQuery",
        "source": asked.legacy.node.to_wire(),
        "funnelCorrelationPersonConverted": boolean(converted, given[converted])
        if asked.given(converted)
        else None,
        "funnelCorrelationPersonEntity": _correlated_entity(asked),
        "funnelCorrelationPropertyValues": structured(
            "funnel_correlation_property_values", given.get("funnel_correlation_property_values") or None
        ),
    }


def _correlated_entity(asked: Asked) -> Any:
    name = "funnel_correlation_person_entity"
    if not asked.given(name):
        return None
    raw = structured(name, asked.parameters[name])
    is_action = isinstance(raw, Mapping) and raw.get("type") == "actions"
    return read_entity(raw, "actions" if is_action else "events", (name,))
