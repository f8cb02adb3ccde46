"""The saved insights of the demo project, as data: name, description, and the query node (api U)."""

from __future__ import annotations

from typing import Any

DASHBOARD = "Shop, first half of 2024"
_RANGE = {"date_from": "2024-01-01", "date_to": "2024-06-30"}


def _event(name: str, **more: Any) -> dict[str, Any]:
    return {"kind": "EventsNode", "event": name, "name": name, **more}


def _trend(*series: dict[str, Any], interval: str = "month", **more: Any) -> dict[str, Any]:
    return {"kind": "TrendsQuery", "dateRange": _RANGE, "interval": interval, "series": list(series), **more}


def _funnel(*steps: str) -> dict[str, Any]:
    return {
        "kind": "FunnelsQuery",
        "dateRange": _RANGE,
        "series": [_event(step) for step in steps],
        "funnelsFilter": {"funnelWindowInterval": 14, "funnelWindowIntervalUnit": "day"},
    }


QUESTIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("Purchases per month", "How many purchases were made.", _trend(_event("purchase", math="total"))),
    (
        "People who viewed a product",
        "Different people per month, however often they looked.",
        _trend(_event("product_view", math="dau")),
    ),
    (
        "Purchases by channel",
        "By the channel through which a person was won.",
        _trend(
            _event("purchase", math="total"),
            breakdownFilter={"breakdown": "acquisition_channel", "breakdown_type": "person"},
        ),
    ),
    (
        "Product views by platform",
        "By the device in use.",
        _trend(
            _event("product_view", math="total"),
            interval="week",
            breakdownFilter={"breakdown": "platform", "breakdown_type": "event"},
        ),
    ),
    (
        "Purchases per cart",
        "Purchases as a percentage of carts that were looked at.",
        _trend(
            _event("purchase", math="total"),
            _event("cart", math="total"),
            trendsFilter={"formula": "A / B * 100"},
        ),
    ),
    (
        "From catalog to purchase",
        "Within 14 days, in this order.",
        _funnel("catalog", "add_to_cart", "purchase"),
    ),
    (
        "The whole way to a purchase",
        "Within 14 days, in this order, from the home page on.",
        _funnel("home", "product_view", "add_to_cart", "payment_details", "purchase"),
    ),
    (
        "Do buyers come back?",
        "People by the month of a purchase, and those who bought again in later months.",
        {
            "kind": "RetentionQuery",
            "dateRange": _RANGE,
            "retentionFilter": {
                "period": "Month",
                "totalIntervals": 6,
                "retentionType": "retention_recurring",
                "targetEntity": {"id": "purchase", "type": "events"},
                "returningEntity": {"id": "purchase", "type": "events"},
            },
        },
    ),
    (
        "Ways through the shop",
        "What people do one after another, from the home page on.",
        {
            "kind": "PathsQuery",
            "dateRange": _RANGE,
            "pathsFilter": {"includeEventTypes": ["custom_event"], "startPoint": "home", "stepLimit": 4},
        },
    ),
    (
        "In how many weeks people buy",
        "Number of different weeks with a purchase, per person.",
        {
            "kind": "StickinessQuery",
            "dateRange": _RANGE,
            "interval": "week",
            "series": [_event("purchase", math="total")],
        },
    ),
    (
        "New, returning and lost visitors",
        "By whether people were there the month before.",
        {
            "kind": "LifecycleQuery",
            "dateRange": _RANGE,
            "interval": "month",
            "series": [_event("product_view")],
        },
    ),
]
