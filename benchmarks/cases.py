"""What is measured: a question, and the two floors it is held against.

The scan floor reads exactly the columns the question needs under the same condition; the group floor also
groups them by actor. Both are as cheap as ClickHouse can be made to read those rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JANUARY = {"date_from": "2024-02-01", "date_to": "2024-02-29"}
RANGE = "ts >= '2024-02-01 00:00:00' AND ts < '2024-03-01 00:00:00'"
ALL_90 = {"date_from": "2024-01-01", "date_to": "2024-03-30"}
CHROME = [{"key": "$browser", "value": "Chrome", "operator": "exact", "type": "event"}]


@dataclass(frozen=True, slots=True)
class Case:
    """`columns` and `where` describe the floors; `grouped` adds the floor with GROUP BY actor."""

    name: str
    node: dict[str, Any]
    columns: tuple[str, ...]
    where: str
    grouped: bool = False
    tags: tuple[str, ...] = field(default=())


def event(name: str | None, **fields: Any) -> dict[str, Any]:
    return {"kind": "EventsNode", "event": name, **fields}


def trends(*series: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"kind": "TrendsQuery", "series": list(series), "dateRange": JANUARY, **fields}


def retention(**options: Any) -> dict[str, Any]:
    filter_ = {
        "period": "Day",
        "totalIntervals": 11,
        "targetEntity": {"id": "$pageview", "type": "events"},
        "returningEntity": {"id": "viewed item", "type": "events"},
        **options,
    }
    return {"kind": "RetentionQuery", "retentionFilter": filter_, "dateRange": {"date_to": "2024-02-20"}}


PAGEVIEW = f"team_id = 1 AND event = '$pageview' AND {RANGE}"
FILTERED = f"{PAGEVIEW} AND p_browser = 'Chrome'"
RETAINED = (
    "team_id = 1 AND event IN ('$pageview', 'viewed item')"
    " AND ts >= '2024-02-10 00:00:00' AND ts < '2024-02-21 00:00:00'"
)
UP_TO = "team_id = 1 AND event IN ('$pageview', 'viewed item') AND ts < '2024-02-21 00:00:00'"
WEEK = "ts >= '2024-02-11 00:00:00' AND ts < '2024-02-18 00:00:00'"

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
        {"kind": "LifecycleQuery", "series": [event("$pageview")], "dateRange": JANUARY},
        ("ts", "actor_no", "has_profile"),
        PAGEVIEW,
        True,
    ),
    Case(
        "stickiness",
        {"kind": "StickinessQuery", "series": [event("$pageview")], "dateRange": JANUARY},
        ("ts", "actor_no"),
        PAGEVIEW,
        True,
    ),
    Case("retention recurring, 11 days", retention(), ("ts", "actor_no", "event"), RETAINED, True),
    Case(
        "retention first time, 11 days",
        retention(retentionType="retention_first_time"),
        ("ts", "actor_no", "event"),
        UP_TO,
        True,
    ),
    Case(
        "paths, 7 days of page views",
        {
            "kind": "PathsQuery",
            "pathsFilter": {"includeEventTypes": ["$pageview"]},
            "dateRange": {"date_from": "2024-02-11", "date_to": "2024-02-17"},
        },
        ("ts", "actor_no", "p_current_url"),
        f"team_id = 1 AND event = '$pageview' AND {WEEK}",
        True,
    ),
)
