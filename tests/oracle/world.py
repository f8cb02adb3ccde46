"""A small random world: persons with several ids, events with odd values, everything seeded."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
NAMES = ("A", "B", "C")
MISSING = object()
TEXTS = (MISSING, None, "", "x", "x", "y", "X Y", 1, "1", True, "true", ["x", 2])
NUMBERS = (MISSING, None, 1, 2, 2.5, -3, "4", " 5 ", "abc", "", True, 10)
PLANS = (MISSING, "free", "pro", "", None, 7)
LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)
FIRST_DAY = datetime(2024, 2, 20, tzinfo=UTC)
DAYS = (
    60  # both clock changes of spring in Europe and North America, a leap day, a change of year is elsewhere
)


@dataclass(frozen=True)
class Event:
    """One event as sent; `person` is who it counts for after all merges."""

    name: str
    distinct_id: str
    at: datetime
    properties: dict[str, Any]
    person: str

    def payload(self) -> dict[str, Any]:
        return {
            "event": self.name,
            "distinct_id": self.distinct_id,
            "timestamp": self.at.isoformat(),
            "properties": self.properties,
        }


@dataclass
class World:
    """Events in no particular order, and each person's properties.

    `identifies` are the payloads that link ids and set properties; as events they are among `events` too.
    """

    zone: str
    week_start: int
    events: list[Event]
    persons: dict[str, dict[str, Any]]
    identifies: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = FIRST_DAY + timedelta(days=DAYS, hours=7, minutes=30)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


def make_world(seed: int, size: int = 40) -> World:
    rng = random.Random(seed)
    people = [f"p{n}" for n in range(rng.randint(1, 7))]
    ids = {person: [f"{person}-{k}" for k in range(rng.choice((1, 1, 2, 3)))] for person in people}
    events = [_event(rng, rng.choice(people), ids) for _ in range(rng.randint(0, size))]
    persons: dict[str, dict[str, Any]] = {}
    identifies = []
    for person in people:
        plan = rng.choice(PLANS)
        persons[person] = {} if plan is MISSING else {"plan": plan}
        links = _identify(ids[person], persons[person])
        identifies += links
        events += [Event("$identify", ids[person][0], LONG_AGO, link["properties"], person) for link in links]
    return World(rng.choice(ZONES), rng.choice((0, 1)), events, persons, identifies)


def _event(rng: random.Random, person: str, ids: dict[str, list[str]]) -> Event:
    at = FIRST_DAY + timedelta(minutes=30 * rng.randint(0, DAYS * 48))
    if rng.random() < 0.3:  # crowd some days, with ties
        at = FIRST_DAY + timedelta(days=rng.choice((19, 20, 40)), hours=rng.randint(0, 5))
    if rng.random() < 0.1:
        at += timedelta(microseconds=rng.choice((1, 999_999)))
    properties: dict[str, Any] = {}
    for key, values in (("p", TEXTS), ("n", NUMBERS), ("$session_id", (MISSING, "s1", "s2", ""))):
        value = rng.choice(values)
        if value is not MISSING:
            properties[key] = value
    return Event(rng.choice(NAMES), rng.choice(ids[person]), at, properties, person)


def _identify(ids: list[str], properties: dict[str, Any]) -> list[dict[str, Any]]:
    """What links the ids and sets the properties, long before the range any question asks for."""
    base = {"event": "$identify", "distinct_id": ids[0], "timestamp": LONG_AGO.isoformat()}
    links = [{**base, "properties": {"$anon_distinct_id": other}} for other in ids[1:]]
    return [*links, {**base, "properties": {}, "$set": properties}]
