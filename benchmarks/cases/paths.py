"""Paths."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.case import Case

SHOP = "https://shop.example"  # pages /0, /1, ... of the generator, the first the most visited
DAYS = {  # name -> first day, last day, the day after
    "7 days": ("2024-02-11", "2024-02-17", "2024-02-18"),
    "30 days": ("2024-02-01", "2024-03-01", "2024-03-02"),
    "90 days": ("2024-01-01", "2024-03-30", "2024-03-31"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "page views": {},
    "start and end point": {"startPoint": f"{SHOP}/0", "endPoint": f"{SHOP}/1"},
    "groupings": {"pathGroupings": [f"{SHOP}/1*", f"{SHOP}/2*", "*/3*"]},
}


def _case(days: str, title: str, options: dict[str, Any]) -> Case:
    first, last, end = DAYS[days]
    return Case(
        f"paths, {days}, {title}",
        {
            "kind": "PathsQuery",
            "pathsFilter": {"includeEventTypes": ["$pageview"], **options},
            "dateRange": {"date_from": first, "date_to": last},
        },
        ("ts", "actor_no", "p_current_url"),
        f"team_id = 1 AND event = '$pageview' AND ts >= '{first} 00:00:00' AND ts < '{end} 00:00:00'",
        True,
    )


CASES: tuple[Case, ...] = tuple(
    _case(days, title, options) for days in DAYS for title, options in OPTIONS.items()
)
