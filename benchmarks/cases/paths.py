"""Paths."""

from __future__ import annotations

from benchmarks.cases.case import WEEK, Case

CASES: tuple[Case, ...] = (
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
