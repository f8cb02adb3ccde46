"""What a case is, and the words all of them share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FEBRUARY = {"date_from": "2024-02-01", "date_to": "2024-02-29"}
RANGE = "ts >= '2024-02-01 00:00:00' AND ts < '2024-03-01 00:00:00'"
WEEK = "ts >= '2024-02-11 00:00:00' AND ts < '2024-02-18 00:00:00'"
CHROME = [{"key": "$browser", "value": "Chrome", "operator": "exact", "type": "event"}]
PAGEVIEW = f"team_id = 1 AND event = '$pageview' AND {RANGE}"


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
