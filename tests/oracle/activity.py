"""Stickiness and lifecycle by brute force (semantics I), and random questions about a world."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from tests.oracle.calendar import Key, buckets, counted_from, first_day, key, start_of_day
from tests.oracle.trends import HALF_HOUR_SHIFT
from tests.oracle.values import passes, random_filters
from tests.oracle.world import NAMES, Event, World

INTERVALS = ("day", "day", "week", "month", "hour")
STATUSES = ("new", "returning", "resurrecting", "dormant")
OPERATORS = {"gte": int.__ge__, "lte": int.__le__, "exact": int.__eq__}


def random_stickiness(rng: random.Random, world: World) -> dict[str, Any]:
    """A StickinessQuery node."""
    node = _random_node(rng, world, "StickinessQuery", rng.choice((1, 1, 2)))
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        options["computedAs"] = "cumulative"
    if rng.random() < 0.3:
        options["stickinessCriteria"] = {
            "operator": rng.choice(tuple(OPERATORS)),
            "value": rng.choice((1, 2, 3)),
        }
    if rng.random() < 0.2:
        node["intervalCount"] = rng.choice((2, 3))
    return node | {"stickinessFilter": options}


def random_lifecycle(rng: random.Random, world: World) -> dict[str, Any]:
    """A LifecycleQuery node."""
    return _random_node(rng, world, "LifecycleQuery", 1)


def _random_node(rng: random.Random, world: World, kind: str, series: int) -> dict[str, Any]:
    first = date(2024, 2, 20) + timedelta(days=rng.randint(0, 45))
    interval = rng.choice(INTERVALS)
    if world.zone == HALF_HOUR_SHIFT and interval == "hour":
        interval = "day"
    # Up to 64 buckets and beyond: the service keeps them in another way.
    days = rng.choice((0, 1, 3)) if interval == "hour" else rng.choice((0, 1, 3, 8, 20, 40, 70))
    return {
        "kind": kind,
        "series": [
            {"kind": "EventsNode", "event": rng.choice((*NAMES, None)), "properties": random_filters(rng)}
            for _ in range(series)
        ],
        "dateRange": {
            "date_from": first.isoformat(),
            "date_to": (first + timedelta(days=days)).isoformat(),
        },
        "interval": interval,
        "properties": random_filters(rng),
    }


def stickiness(node: Mapping[str, Any], world: World) -> list[list[int]]:
    """The `data` of every series (I1-I7)."""
    first, last = _days(node)
    interval = node["interval"]
    keys = buckets(first, last, interval, world)
    begin = start_of_day(counted_from(first, interval), world)
    end = start_of_day(last + timedelta(days=1), world)
    width = node.get("intervalCount", 1)
    columns = -(-len(keys) // width)
    return [
        _columns(
            node["stickinessFilter"],
            [
                (
                    event.person,
                    columns - 1 - (len(keys) - 1 - keys.index(key(event.at, interval, world))) // width,
                )
                for event in _passing(node, series, world)
                if begin <= event.at < end
            ],
            columns,
        )
        for series in node["series"]
    ]


def _columns(options: Mapping[str, Any], active: list[tuple[str, int]], columns: int) -> list[int]:
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for person, column in active:
        counts[person][column] += 1
    criteria = options.get("stickinessCriteria", {"operator": "gte", "value": 1})
    counted = [
        sum(OPERATORS[criteria["operator"]](number, criteria["value"]) for number in places.values())
        for places in counts.values()
    ]
    if options.get("computedAs") == "cumulative":
        return [sum(number >= k for number in counted) for k in range(1, columns + 1)]
    return [sum(number == k for number in counted) for k in range(1, columns + 1)]


def lifecycle(node: Mapping[str, Any], world: World, created: Mapping[str, datetime]) -> dict[str, list[int]]:
    """Status -> `data` (I10-I16); `created` says when each person was."""
    first, last = _days(node)
    interval = node["interval"]
    shown = buckets(first, last, interval, world)
    before = _bucket_before(shown[0], interval, world)
    keys = [before, *shown]
    begin = before if isinstance(before, datetime) else start_of_day(before, world)
    end = start_of_day(last + timedelta(days=1), world)
    active: dict[str, set[int]] = defaultdict(set)
    for event in _passing(node, node["series"][0], world):
        if begin <= event.at < end:
            active[event.person].add(keys.index(key(event.at, interval, world)))
    numbers = {status: [0] * len(keys) for status in STATUSES}
    for person, places in active.items():
        birth = key(created[person], interval, world)
        for place in range(1, len(keys)):
            if place in places:
                numbers[_status(place, places, keys[place] == birth)][place] += 1
            elif place - 1 in places:
                numbers["dormant"][place] -= 1
    return {status: data[1:] for status, data in numbers.items()}


def _status(place: int, places: set[int], is_birth: bool) -> str:
    if place - 1 in places:
        return "returning"
    return "new" if is_birth and place == min(places) else "resurrecting"


def _bucket_before(bucket: Key, interval: str, world: World) -> Key:
    if interval == "hour":
        return key(bucket - timedelta(minutes=1), interval, world)
    return first_day(bucket - timedelta(days=1), interval, world.week_start)


def _passing(node: Mapping[str, Any], series: Mapping[str, Any], world: World) -> list[Event]:
    return [
        event
        for event in world.events
        if (series["event"] is None or event.name == series["event"])
        and all(
            passes(tree, event.properties, world.persons[event.person])
            for tree in (series["properties"], node["properties"])
        )
    ]


def _days(node: Mapping[str, Any]) -> tuple[date, date]:
    written = node["dateRange"]
    return date.fromisoformat(written["date_from"]), date.fromisoformat(written["date_to"])
