"""Events in the notation of the semantics: `u1: A@10:00 B@10:30{plan:"pro"}`.

A time is `10:00`, `10:00:01.5`, `Mon` (of the week of the base day) with or without `T10:00`, a day
`2024-03-05`, or a full instant `2024-03-05T10:00:00Z`. Bare clock times fall on the base day; a day
without a time is noon. Without a zone a time is UTC. Properties in braces are JSON with bare keys allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

BASE_DAY = date(2024, 1, 10)  # a Wednesday
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EVENT = re.compile(r"\s*(?P<name>[^@\s{}]+|\"[^\"]+\")@(?P<when>[^\s{]+)\s*(?P<properties>\{.*?\}(?=\s|$))?")
_BARE_KEY = re.compile(r"([{,]\s*)([$A-Za-z_][\w$]*)\s*:")


def journeys(*lines: str, day: date = BASE_DAY) -> list[dict[str, Any]]:
    """The events of all lines as capture payloads, in order of time. ValueError for what cannot be read."""
    events = [event for line in lines for event in _line(line, day)]
    return sorted(events, key=lambda event: event["timestamp"])


def _line(line: str, day: date) -> Iterator[dict[str, Any]]:
    distinct_id, _, rest = line.partition(": ")
    position = 0
    rest = rest.strip()
    while position < len(rest):
        match = _EVENT.match(rest, position)
        if match is None:
            raise ValueError(f"cannot read {rest[position:]!r}")
        yield {
            "event": match["name"].strip('"'),
            "distinct_id": distinct_id.strip(),
            "timestamp": instant(match["when"], day).isoformat(),
            "properties": _properties(match["properties"]),
        }
        position = match.end()


def _properties(text: str | None) -> dict[str, Any]:
    return json.loads(_BARE_KEY.sub(r'\1"\2":', text)) if text else {}


def instant(text: str, day: date = BASE_DAY) -> datetime:
    """A time of the notation, aware."""
    if text[:3] in _WEEKDAYS:
        monday = day - timedelta(days=day.weekday())
        day = monday + timedelta(days=_WEEKDAYS.index(text[:3]))
        text = text[4:] or "12:00"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        text = f"{text}T12:00"
    if "T" in text:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.combine(day, time.fromisoformat(text.zfill(5) if len(text) < 5 else text), tzinfo=UTC)
