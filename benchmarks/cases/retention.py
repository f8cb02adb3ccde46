"""Retention."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.case import Case

RETAINED = (
    "team_id = 1 AND event IN ('$pageview', 'viewed item')"
    " AND ts >= '2024-02-10 00:00:00' AND ts < '2024-02-21 00:00:00'"
)
UP_TO = "team_id = 1 AND event IN ('$pageview', 'viewed item') AND ts < '2024-02-21 00:00:00'"


def retention(**options: Any) -> dict[str, Any]:
    filter_ = {
        "period": "Day",
        "totalIntervals": 11,
        "targetEntity": {"id": "$pageview", "type": "events"},
        "returningEntity": {"id": "viewed item", "type": "events"},
        **options,
    }
    return {"kind": "RetentionQuery", "retentionFilter": filter_, "dateRange": {"date_to": "2024-02-20"}}


CASES: tuple[Case, ...] = (
    Case("retention recurring, 11 days", retention(), ("ts", "actor_no", "event"), RETAINED, True),
    Case(
        "retention first time, 11 days",
        retention(retentionType="retention_first_time"),
        ("ts", "actor_no", "event"),
        UP_TO,
        True,
    ),
)
