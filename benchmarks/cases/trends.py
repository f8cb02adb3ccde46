"""Trends, stickiness and lifecycle."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.case import CHROME, FEBRUARY, PAGEVIEW, RANGE, WEEK, Case, event

FILTERED = f"{PAGEVIEW} AND p_browser = 'Chrome'"
ALL_90 = {"date_from": "2024-01-01", "date_to": "2024-03-30"}
NINETY_DAYS = "ts >= '2024-01-01 00:00:00' AND ts < '2024-03-31 00:00:00'"
EVERY_FILTER = [
    *CHROME,
    {"key": "$current_url", "value": "/1", "operator": "icontains", "type": "event"},
    {"key": "$screen_width", "value": 800, "operator": "gt", "type": "event"},
    {"key": "plan", "value": ["pro", "team"], "operator": "exact", "type": "person"},
]


def trends(*series: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"kind": "TrendsQuery", "series": list(series), "dateRange": FEBRUARY, **fields}


CASES: tuple[Case, ...] = (
    Case("trends total (rollup)", trends(event("$pageview")), ("ts",), PAGEVIEW),
    Case("trends dau (rollup)", trends(event("$pageview", math="dau")), ("ts", "actor_no"), PAGEVIEW, True),
    Case(
        "trends total, filtered", trends(event("$pageview"), properties=CHROME), ("ts", "p_browser"), FILTERED
    ),
    Case(
        "trends dau, filtered",
        trends(event("$pageview", math="dau"), properties=CHROME),
        ("ts", "actor_no", "p_browser"),
        FILTERED,
        True,
    ),
    Case(
        "trends weekly active, filtered",
        trends(event("$pageview", math="weekly_active"), properties=CHROME),
        ("ts", "actor_no", "p_browser"),
        FILTERED,
        True,
    ),
    Case(
        "trends weekly active",
        trends(event("$pageview", math="weekly_active")),
        ("ts", "actor_no"),
        PAGEVIEW,
        True,
    ),
    Case(
        "breakdown top 25, event property",
        trends(event("$pageview"), breakdownFilter={"breakdown": "$geoip_country_code"}),
        ("ts", "p_country"),
        PAGEVIEW,
    ),
    Case(
        "breakdown top 25, unpromoted property",
        trends(event("$pageview"), breakdownFilter={"breakdown": "campaign"}),
        ("ts", "props['campaign']"),
        PAGEVIEW,
    ),
    Case(
        "breakdown top 25, person property",
        trends(event("$pageview"), breakdownFilter={"breakdown": "plan", "breakdown_type": "person"}),
        ("ts", "actor_no"),
        PAGEVIEW,
        True,
    ),
    Case(
        "sum of a property",
        trends(event("purchased", math="sum", math_property="amount")),
        ("ts", "props['amount']"),
        f"team_id = 1 AND event = 'purchased' AND {RANGE}",
    ),
    Case(
        "formula of two, filtered",
        trends(event("purchased"), event("viewed item"), properties=CHROME, trendsFilter={"formula": "A/B"}),
        ("ts", "p_browser"),
        f"team_id = 1 AND event IN ('purchased', 'viewed item') AND {RANGE} AND p_browser = 'Chrome'",
    ),
    Case(
        "formula of two (rollup)",
        trends(event("purchased"), event("viewed item"), trendsFilter={"formula": "A/B"}),
        ("ts",),
        f"team_id = 1 AND event IN ('purchased', 'viewed item') AND {RANGE}",
    ),
    Case(
        "90 days, filters on event, page, person and number",
        trends(event("$pageview", math="dau"), properties=EVERY_FILTER, dateRange=ALL_90),
        ("ts", "actor_no", "p_browser", "p_current_url", "props['$screen_width']"),
        f"team_id = 1 AND event = '$pageview' AND {NINETY_DAYS}",
        True,
    ),
    Case(
        "by hour, 7 days, filtered",
        trends(
            event("$pageview", math="dau"),
            properties=CHROME,
            interval="hour",
            dateRange={"date_from": "2024-02-11", "date_to": "2024-02-17T23:59:59"},
        ),
        ("ts", "actor_no", "p_browser"),
        f"team_id = 1 AND event = '$pageview' AND {WEEK} AND p_browser = 'Chrome'",
        True,
    ),
    Case(
        "lifecycle",
        {"kind": "LifecycleQuery", "series": [event("$pageview")], "dateRange": FEBRUARY},
        ("ts", "actor_no", "has_profile"),
        PAGEVIEW,
        True,
    ),
    Case(
        "stickiness",
        {"kind": "StickinessQuery", "series": [event("$pageview")], "dateRange": FEBRUARY},
        ("ts", "actor_no"),
        PAGEVIEW,
        True,
    ),
)
