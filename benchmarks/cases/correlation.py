"""What goes along with converting in a funnel of three steps.

The floors read the events that are compared: all of the range, or for properties those of the steps.
"""

from __future__ import annotations

from typing import Any

from benchmarks.cases.case import FEBRUARY, RANGE, Case, event

STEPS = ("viewed item", "added item", "purchased")


def correlation(kind: str, **options: Any) -> dict[str, Any]:
    funnel = {"kind": "FunnelsQuery", "series": [event(name) for name in STEPS], "dateRange": FEBRUARY}
    return {
        "kind": "FunnelCorrelationQuery",
        "source": {"kind": "FunnelsActorsQuery", "source": funnel},
        "funnelCorrelationType": kind,
        **options,
    }


ALL = f"team_id = 1 AND {RANGE}"
OF_STEPS = f"{ALL} AND event IN {STEPS}"

CASES: tuple[Case, ...] = (
    Case("correlation, events", correlation("events"), ("ts", "actor_no", "event"), ALL, True),
    Case(
        "correlation, a property",
        correlation("properties", funnelCorrelationNames=["plan"]),
        ("ts", "actor_no", "event"),
        OF_STEPS,
        True,
    ),
    Case(
        "correlation, all properties",
        correlation("properties", funnelCorrelationNames=["$all"]),
        ("ts", "actor_no", "event"),
        OF_STEPS,
        True,
    ),
    Case(
        "correlation, properties of an event",
        correlation("event_with_properties", funnelCorrelationEventNames=["searched"]),
        ("ts", "actor_no", "cityHash64(mapValues(props))"),
        f"{ALL} AND event = 'searched'",
        True,
    ),
)
