"""Trends by brute force (semantics D), and random questions about a world."""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from tests.oracle.calendar import buckets, counted_from, key, start_of_day
from tests.oracle.values import number, passes, random_filters, text
from tests.oracle.world import NAMES, Event, World

NONE, OTHER = "$$_posthog_breakdown_null_$$", "$$_posthog_breakdown_other_$$"
STATISTICS = ("sum", "avg", "min", "max", "median", "p75", "p90", "p99")
PER_ACTOR = ("avg_count_per_actor", "max_count_per_actor", "median_count_per_actor", "p90_count_per_actor")
MATHS = (
    *("total", "total", "dau", "dau", "weekly_active", "monthly_active", "unique_session"),
    *("first_time_for_user", "first_matching_event_for_user"),
    *STATISTICS,
    *PER_ACTOR,
)
AGGREGATED = ("ActionsTable", "BoldNumber", "ActionsPie")
DISPLAYS = ("ActionsLineGraph", "ActionsLineGraph", "ActionsBar", "ActionsLineGraphCumulative", *AGGREGATED)
HALF_HOUR_SHIFT = "Australia/Lord_Howe"
WINDOWS = {"weekly_active": 7, "monthly_active": 30}


def random_question(rng: random.Random, world: World) -> dict[str, Any]:
    """A TrendsQuery node."""
    first = date(2024, 2, 20) + timedelta(days=rng.randint(0, 45))
    last = first + timedelta(days=rng.choice((0, 1, 3, 8, 20, 40)))
    interval = rng.choice(("day", "day", "week", "month", "hour"))
    if world.zone == HALF_HOUR_SHIFT and interval == "hour":  # no rule says which hour holds the odd half
        interval = "day"
    if interval == "hour":
        last = min(last, first + timedelta(days=3))
    display = rng.choice(DISPLAYS)
    node: dict[str, Any] = {
        "kind": "TrendsQuery",
        "series": [_random_series(rng, display) for _ in range(rng.choice((1, 1, 2, 3)))],
        "dateRange": {"date_from": first.isoformat(), "date_to": last.isoformat()},
        "interval": interval,
        "trendsFilter": {"display": display},
        "properties": random_filters(rng),
    }
    if rng.random() < 0.4:
        kind = rng.choice(("event", "person"))
        node["breakdownFilter"] = {
            "breakdown": "plan" if kind == "person" else rng.choice(("p", "n")),
            "breakdown_type": kind,
            "breakdown_limit": rng.choice((1, 2, 3, 25)),
        }
    elif rng.random() < 0.2 and display not in AGGREGATED:
        node["trendsFilter"]["smoothingIntervals"] = rng.choice((2, 3, 7))
    return node


def _random_series(rng: random.Random, display: str) -> dict[str, Any]:
    math_ = rng.choice(MATHS)
    series = {
        "kind": "EventsNode",
        "event": rng.choice((*NAMES, None)),
        "math": math_,
        "properties": random_filters(rng),
    }
    if math_ in STATISTICS:
        series["math_property"] = "n"
    return series


def answer(node: dict[str, Any], world: World) -> list[dict[str, Any]]:
    """The series of the answer: `series` index, `value`, `data` (one number when aggregated), in order."""
    return [line for index in range(len(node["series"])) for line in _lines(node, index, world)]


def _lines(node: dict[str, Any], index: int, world: World) -> list[dict[str, Any]]:
    numbers = _numbers(node, node["series"][index], world)
    breakdown = _breakdown(node)
    display, math_ = node["trendsFilter"]["display"], node["series"][index]["math"]
    width = node["trendsFilter"].get("smoothingIntervals", 1)
    if breakdown is None:
        data = _smoothed(numbers.get((), _zeros(node, world)), width)
        return [_line(index, None, _displayed(data, display))]
    aggregated = display in AGGREGATED
    ranked = sorted(
        numbers.items(),
        key=lambda item: (not aggregated and item[0] == ("",), -sum(item[1]), item[0]),
    )
    limit = breakdown["breakdown_limit"]
    lines = [_line(index, value[0] or NONE, _displayed(data, display)) for value, data in ranked[:limit]]
    rest = [data for _, data in ranked[limit:]]
    if rest:
        merge = {"max": _largest, "min": _smallest}.get(math_, math.fsum)
        lines.append(
            _line(index, OTHER, _displayed(_merged(node, index, ranked[limit:], world, merge), display))
        )
    return lines


def _merged(node: dict[str, Any], index: int, rest: Any, world: World, merge: Any) -> list[float]:
    """D37: bucket by bucket over the values that have an event there."""
    if merge is math.fsum:
        return [math.fsum(column) for column in zip(*(data for _, data in rest), strict=True)]
    present = _present(node, node["series"][index], world)
    size = len(rest[0][1])
    return [
        merge([data[place] for value, data in rest if (value, place) in present] or [0.0])
        for place in range(size)
    ]


def _largest(values: list[float]) -> float:
    return max(values)


def _smallest(values: list[float]) -> float:
    return min(values)


def _line(index: int, value: str | None, data: list[float]) -> dict[str, Any]:
    return {"series": index, "value": value, "data": data}


def _displayed(data: list[float], display: str) -> list[float]:
    if display != "ActionsLineGraphCumulative":
        return data
    return [math.fsum(data[: place + 1]) for place in range(len(data))]


def _smoothed(data: list[float], width: int) -> list[float]:
    """D56."""
    if width == 1:
        return data
    return [
        float(math.floor(math.fsum(data[max(0, i - width + 1) : i + 1]) / min(i + 1, width)))
        for i in range(len(data))
    ]


def _breakdown(node: dict[str, Any]) -> dict[str, Any] | None:
    if node["trendsFilter"]["display"] == "BoldNumber":  # D31
        return None
    return node.get("breakdownFilter")


def _days(node: dict[str, Any]) -> tuple[date, date]:
    written = node["dateRange"]
    return date.fromisoformat(written["date_from"]), date.fromisoformat(written["date_to"])


def _keys(node: dict[str, Any], world: World) -> list[Any]:
    first, last = _days(node)
    if node["trendsFilter"]["display"] in AGGREGATED:
        return [0]
    return buckets(first, last, node["interval"], world)


def _zeros(node: dict[str, Any], world: World) -> list[float]:
    return [0.0] * len(_keys(node, world))


def _value(event: Event, node: dict[str, Any], world: World) -> tuple[str, ...]:
    breakdown = _breakdown(node)
    if breakdown is None:
        return ()
    properties = world.persons[event.person] if breakdown["breakdown_type"] == "person" else event.properties
    return (text(properties.get(breakdown["breakdown"])) or "",)


def _is_of(event: Event, series: dict[str, Any]) -> bool:
    return series["event"] is None or event.name == series["event"]


def _passes(event: Event, series: dict[str, Any], node: dict[str, Any], world: World) -> bool:
    person = world.persons[event.person]
    return _is_of(event, series) and all(
        passes(tree, event.properties, person) for tree in (series["properties"], node["properties"])
    )


def _place(event: Event, node: dict[str, Any], world: World, keys: list[Any]) -> int:
    return 0 if keys == [0] else keys.index(key(event.at, node["interval"], world))


def _in_range(node: dict[str, Any], world: World) -> tuple[Any, Any]:
    first, last = _days(node)
    aggregated = node["trendsFilter"]["display"] in AGGREGATED
    begin = first if aggregated else counted_from(first, node["interval"])
    return start_of_day(begin, world), start_of_day(last + timedelta(days=1), world)


def _present(node: dict[str, Any], series: dict[str, Any], world: World) -> set[tuple[Any, int]]:
    begin, end = _in_range(node, world)
    keys = _keys(node, world)
    return {
        (_value(e, node, world), _place(e, node, world, keys))
        for e in world.events
        if begin <= e.at < end and _passes(e, series, node, world)
    }


def _numbers(node: dict[str, Any], series: dict[str, Any], world: World) -> dict[Any, list[float]]:
    """Breakdown value -> one number per bucket; values without an event are not there (D40)."""
    math_ = series["math"]
    keys = _keys(node, world)
    begin, end = _in_range(node, world)
    passing = [e for e in world.events if _passes(e, series, node, world)]
    interval, display = node["interval"], node["trendsFilter"]["display"]
    if math_ in WINDOWS and not (interval in ("week", "month") and display not in AGGREGATED):
        return _rolling(node, passing, WINDOWS[math_], world, keys)
    if math_ == "monthly_active" and interval == "week" and display not in AGGREGATED:
        return _rolling(node, passing, 30, world, keys)
    if math_ in ("first_time_for_user", "first_matching_event_for_user"):
        return _firsts(node, series, passing, world, keys)
    chosen = [e for e in passing if begin <= e.at < end]
    if display == "ActionsLineGraphCumulative" and math_ == "dau":
        return _first_seen(node, chosen, world, keys)
    cells: dict[Any, dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in chosen:
        cells[_value(event, node, world)][_place(event, node, world, keys)].append(event)
    return {
        value: [_cell(math_, places.get(place, [])) for place in range(len(keys))]
        for value, places in cells.items()
    }


def _cell(math_: str, events: list[Event]) -> float:
    if math_ == "total":
        return float(len(events))
    if math_ in ("dau", *WINDOWS):
        return float(len({e.person for e in events}))
    if math_ == "unique_session":
        return float(len({e.properties.get("$session_id") for e in events} - {None, ""}))
    if math_ in PER_ACTOR:
        counts: dict[str, int] = defaultdict(int)
        for event in events:
            counts[event.person] += 1
        return _statistic(math_.removesuffix("_count_per_actor"), [float(c) for c in counts.values()])
    found = [n for e in events if (n := number(e.properties.get("n"))) is not None]
    return _statistic(math_, found)


def _statistic(name: str, values: list[float]) -> float:
    if not values:
        return 0.0
    if name in ("sum", "avg", "min", "max"):
        return float({"sum": math.fsum, "avg": statistics.fmean, "min": min, "max": max}[name](values))
    share = {"median": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}[name]
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def _rolling(
    node: dict[str, Any], passing: list[Event], days: int, world: World, keys: list[Any]
) -> dict[Any, list[float]]:
    """D20-D23: actors with an event in the window that ends with the bucket."""
    windows = []
    for bucket in keys:
        if bucket == 0:
            last = _days(node)[1]
            window = (
                start_of_day(last - timedelta(days=days - 1), world),
                start_of_day(last + timedelta(1), world),
            )
        elif node["interval"] == "hour":
            window = (bucket + timedelta(hours=1) - timedelta(days=days), bucket + timedelta(hours=1))
        else:
            window = (
                start_of_day(bucket - timedelta(days=days - 1), world),
                start_of_day(bucket + timedelta(days=1), world),
            )
        windows.append(window)
    values = {_value(e, node, world) for e in passing if any(a <= e.at < b for a, b in windows)}
    _, end = _in_range(node, world)
    return {
        value: [
            float(
                len(
                    {e.person for e in passing if a <= e.at < min(b, end) and _value(e, node, world) == value}
                )
            )
            for a, b in windows
        ]
        for value in values
    }


def _firsts(
    node: dict[str, Any], series: dict[str, Any], passing: list[Event], world: World, keys: list[Any]
) -> dict[Any, list[float]]:
    """D25-D27."""
    begin, end = _in_range(node, world)
    of_kind = [e for e in world.events if _is_of(e, series) and e.at < end]
    pool = of_kind if series["math"] == "first_time_for_user" else [e for e in passing if e.at < end]
    numbers: dict[Any, list[float]] = {}
    for person in {e.person for e in pool}:
        first = min(e.at for e in pool if e.person == person)
        firsts = [e for e in pool if e.person == person and e.at == first and e in passing]
        if firsts and first >= begin:
            value = _value(firsts[0], node, world)
            line = numbers.setdefault(value, [0.0] * len(keys))
            line[_place(firsts[0], node, world, keys)] += 1
    return numbers


def _first_seen(
    node: dict[str, Any], chosen: list[Event], world: World, keys: list[Any]
) -> dict[Any, list[float]]:
    """D29: every actor once per value, in his first bucket."""
    seen: dict[Any, dict[str, int]] = defaultdict(dict)
    for event in chosen:
        place = _place(event, node, world, keys)
        value = seen[_value(event, node, world)]
        value[event.person] = min(place, value.get(event.person, place))
    return {
        value: [float(sum(1 for p in places.values() if p == place)) for place in range(len(keys))]
        for value, places in seen.items()
    }


def has_tied_first(node: dict[str, Any], world: World) -> bool:
    """Whether a breakdown under first-time maths hangs on which of two simultaneous events is first."""
    if "breakdownFilter" not in node:
        return False
    seen: dict[Any, set[Any]] = defaultdict(set)
    for event in world.events:
        seen[event.person, event.at].add(_value(event, node, world))
    return any(len(values) > 1 for values in seen.values())
