"""Funnels by brute force (semantics E): small crowded worlds, random questions, plain loops over attempts.

An attempt is the tuple of the times at which it took its steps. At each instant every attempt that stands
somewhere is tried against the events of the instant, in every way to hand them out.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

Json = dict[str, Any]
Attempt = tuple[float, ...]
Value = tuple[str, ...]

FIRST = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
NAMES = ("A", "B", "C", "D")
EXCLUDED = "X"
TEXTS = (None, "", "x", "y", "z")
MARKS = (None, "1", "2", "12")


@dataclass(frozen=True)
class Event:
    """`at` in seconds since FIRST."""

    name: str
    person: str
    distinct_id: str
    at: float
    properties: Json
    number: int

    @property
    def instant(self) -> datetime:
        return FIRST + timedelta(seconds=self.at)

    def payload(self) -> Json:
        properties = {key: value for key, value in self.properties.items() if key != "group"}
        if self.properties.get("group"):
            properties["$groups"] = {"company": self.properties["group"]}
        return {
            "event": self.name,
            "distinct_id": self.distinct_id,
            "timestamp": self.instant.isoformat(),
            "properties": properties,
        }


@dataclass(frozen=True)
class World:
    events: tuple[Event, ...]
    plans: dict[str, str | None]  # a property of each person


# --- worlds and questions ---------------------------------------------------------------------------------


def make_world(seed: int) -> World:
    rng = random.Random(seed)
    people = [f"p{n}" for n in range(rng.randint(1, 6))]
    step = rng.choice((1, 600, 3600, 6 * 3600, 86_400))
    spread = rng.choice((3, 8, 20))
    events = []
    for number in range(rng.randint(0, 45)):
        person = rng.choice(people)
        at = float(step * rng.randint(0, spread))
        if rng.random() < 0.15:
            at += rng.choice((0.000001, 0.5, 1, -1 if at else 1))
        events.append(
            Event(
                rng.choice((*NAMES, *NAMES, EXCLUDED)),
                person,
                f"{person}-{rng.choice('ab')}",
                at,
                _properties(rng),
                number,
            )
        )
    plans = {person: rng.choice(("free", "pro", "", None)) for person in people}
    return World(tuple(events), plans)


def _properties(rng: random.Random) -> Json:
    found = {
        "b": rng.choice(TEXTS),
        "f": rng.choice(MARKS),
        "group": rng.choice((None, "g1", "g2")),
        "$session_id": rng.choice((None, "", "s1", "s2")),
    }
    return {key: value for key, value in found.items() if value is not None}


def random_question(rng: random.Random, order: str) -> Json:
    """A FunnelsQuery node."""
    count = rng.choice((1, 2, 2, 3, 3, 3, 4, 5))
    view = rng.choice(("steps", "steps", "steps", "trends", "time_to_convert"))
    series = [_random_step(rng) for _ in range(count)]
    window = rng.choice(
        ((1, "second"), (600, "second"), (10, "minute"), (1, "hour"), (6, "hour"), (1, "day"))
    )
    options: Json = {
        "funnelOrderType": order,
        "funnelVizType": view,
        "funnelWindowInterval": window[0] * rng.choice((1, 1, 2, 3)),
        "funnelWindowIntervalUnit": window[1],
    }
    node: Json = {
        "kind": "FunnelsQuery",
        "series": series,
        "funnelsFilter": options,
        "dateRange": _dates(rng),
    }
    if view != "steps" and count > 1 and rng.random() < 0.4:
        options["funnelToStep"] = rng.randint(1, count - 1)
        options["funnelFromStep"] = rng.randint(0, options["funnelToStep"] - 1)
    if view == "time_to_convert" and rng.random() < 0.5:
        options["binCount"] = rng.choice((1, 2, 5))
    if view == "trends":
        node["interval"] = rng.choice(("day", "day", "hour", "week", "month"))
    if count > 1 and rng.random() < 0.4:
        options["exclusions"] = [_random_exclusion(rng, order, count) for _ in range(rng.choice((1, 1, 2)))]
    elif view == "steps" and order != "unordered" and count > 1 and rng.random() < 0.2:
        _make_optional(rng, series)
    if view != "time_to_convert" and rng.random() < 0.4:
        _break_down(rng, node, order, len(series))
    aggregation = rng.random()
    if aggregation < 0.1:
        node["aggregation_group_type_index"] = 0
    elif aggregation < 0.2:
        options["funnelAggregateByHogQL"] = "properties.$session_id"
    if rng.random() < 0.1:
        node["properties"] = [_leaf("f", rng.choice(("1", ["1", "12"])))]
    return node


def _dates(rng: random.Random) -> Json:
    if rng.random() < 0.6:
        return {"date_from": "2024-03-04", "date_to": "2024-03-18"}
    first = date(2024, 3, 4) + timedelta(days=rng.randint(0, 2))
    last = first + timedelta(days=rng.randint(0, 4))
    if rng.random() < 0.3:
        return {
            "date_from": f"{first}T{rng.randint(0, 5):02}:00:00",
            "date_to": f"{last}T{rng.randint(6, 23):02}:30:00",
            "explicitDate": True,
        }
    return {"date_from": first.isoformat(), "date_to": last.isoformat()}


def _leaf(key: str, value: Any, operator: str = "exact") -> Json:
    return {"key": key, "type": "event", "operator": operator, "value": value}


def _random_step(rng: random.Random) -> Json:
    """An event, any event, one of several, or one with filters that may or may not exclude each other."""
    kind = rng.random()
    if kind < 0.08:
        return {"kind": "EventsNode", "event": None}
    if kind < 0.15:
        nodes = [{"kind": "EventsNode", "event": name} for name in rng.sample(NAMES, 2)]
        return {"kind": "GroupNode", "operator": "OR", "nodes": nodes}
    step: Json = {"kind": "EventsNode", "event": rng.choice(NAMES)}
    if kind < 0.4:
        step["properties"] = [
            rng.choice(
                (_leaf("f", "1"), _leaf("f", "2"), _leaf("f", ["1", "2"]), _leaf("f", "1", "icontains"))
            )
        ]
    elif kind < 0.47:
        step["math"] = rng.choice(("first_time_for_user", "first_time_for_user_with_filters"))
        if rng.random() < 0.5:
            step["properties"] = [_leaf("f", "1")]
    return step


def _random_exclusion(rng: random.Random, order: str, count: int) -> Json:
    exclusion: Json = {"kind": "EventsNode", "event": rng.choice((EXCLUDED, EXCLUDED, "D"))}
    if exclusion["event"] == "D":
        exclusion["properties"] = [_leaf("b", "x")]  # covers no step, so it is valid (E22)
    first = 0 if order == "unordered" else rng.randint(0, count - 2)
    last = count - 1 if order == "unordered" else rng.randint(first + 1, count - 1)
    return {**exclusion, "funnelFromStep": first, "funnelToStep": last}


def _make_optional(rng: random.Random, series: list[Json]) -> None:
    """Steps of different names, so that none is followed by its twin; some of them optional (E51)."""
    for place, name in enumerate(rng.sample(NAMES, min(len(series), 4))):
        series[place] = {"kind": "EventsNode", "event": name}
    del series[4:]
    for step in series[1:]:
        if rng.random() < 0.5:
            step["optionalInFunnel"] = True


def _break_down(rng: random.Random, node: Json, order: str, count: int) -> None:
    kind = rng.choice(("event", "event", "event", "person"))
    node["breakdownFilter"] = {
        "breakdown": "plan" if kind == "person" else "b",
        "breakdown_type": kind,
        "breakdown_limit": rng.choice((1, 2, 25)),
    }
    if kind == "event" and rng.random() < 0.2:
        node["breakdownFilter"]["breakdown"] = ["b", "f"]
    options = node["funnelsFilter"]
    options["breakdownAttributionType"] = rng.choice(("first_touch", "last_touch", "all_events", "step"))
    if options["breakdownAttributionType"] == "step":
        options["breakdownAttributionValue"] = 0 if order == "unordered" else rng.randint(0, count - 1)


# --- what an event is -------------------------------------------------------------------------------------


def passes(event: Event, leaves: Sequence[Json]) -> bool:
    for leaf in leaves:
        found = event.properties.get(leaf["key"])
        wanted = leaf["value"] if isinstance(leaf["value"], list) else [leaf["value"]]
        if found is None:
            return False
        if leaf["operator"] == "icontains":
            if wanted[0].lower() not in found.lower():
                return False
        elif found not in wanted:
            return False
    return True


def is_of(event: Event, step: Json) -> bool:
    if step["kind"] == "GroupNode":
        return any(is_of(event, node) for node in step["nodes"])
    named = step["event"] is None or step["event"] == event.name
    return named and passes(event, step.get("properties", ()))


def actor_of(event: Event, node: Json) -> str:
    if node.get("aggregation_group_type_index") == 0:
        return str(event.properties.get("group", ""))
    if node["funnelsFilter"].get("funnelAggregateByHogQL"):
        return str(event.properties.get("$session_id", ""))
    return event.person


@dataclass(frozen=True)
class Seen:
    """An event as the funnel sees it: the steps it can take, the exclusions it is, its breakdown value."""

    at: float
    steps: frozenset[int]
    excluded: frozenset[int]
    value: Value
    number: int


def _span(node: Json) -> tuple[float, float]:
    """First and exclusive last second (semantics A6-A8)."""
    written = node["dateRange"]
    first, last = (
        datetime.fromisoformat(written[key]).replace(tzinfo=UTC) for key in ("date_from", "date_to")
    )
    end = last + timedelta(seconds=1) if written.get("explicitDate") else last + timedelta(days=1)
    return (first - FIRST).total_seconds(), (end - FIRST).total_seconds()


def seen_by_actor(node: Json, world: World) -> dict[str, list[Seen]]:
    """All events in range that pass the global filters, by actor, in order of time."""
    begin, end = _span(node)
    firsts = [_first_numbers(node, step, world, end) for step in node["series"]]
    found: dict[str, list[Seen]] = defaultdict(list)
    for event in world.events:
        actor = actor_of(event, node)
        if not actor or not begin <= event.at < end or not passes(event, node.get("properties", ())):
            continue
        steps = frozenset(
            k
            for k, step in enumerate(node["series"])
            if is_of(event, step) and (firsts[k] is None or event.number in firsts[k])
        )
        exclusions = node["funnelsFilter"].get("exclusions", ())
        excluded = frozenset(r for r, exclusion in enumerate(exclusions) if is_of(event, exclusion))
        found[actor].append(Seen(event.at, steps, excluded, _value(event, node, world), event.number))
    return {actor: sorted(seen, key=lambda one: one.at) for actor, seen in found.items()}


def _value(event: Event, node: Json, world: World) -> Value:
    chosen = node.get("breakdownFilter")
    if chosen is None:
        return ()
    if chosen["breakdown_type"] == "person":
        return (world.plans[event.person] or "",)
    keys = chosen["breakdown"] if isinstance(chosen["breakdown"], list) else [chosen["breakdown"]]
    return tuple(event.properties.get(key, "") for key in keys)


def _first_numbers(node: Json, step: Json, world: World, end: float) -> set[int] | None:
    """The one event of each actor that a first-time step may be taken by (semantics E14, D25, D26)."""
    if not step.get("math"):
        return None
    filtered = step["math"] == "first_time_for_user_with_filters"
    firsts: dict[str, Event] = {}
    for event in world.events:
        actor = actor_of(event, node)
        of_kind = is_of(event, step if filtered else {**step, "properties": ()})
        counts = not filtered or passes(event, node.get("properties", ()))
        if not (actor and event.at < end and of_kind and counts):
            continue
        if actor not in firsts or event.at < firsts[actor].at:
            firsts[actor] = event
    return {event.number for event in firsts.values()}


def is_decided(node: Json, world: World) -> bool:
    """False where the service may choose by what is not known here.

    Of two events at the first instant of a first-time step it takes one by uuid; of two values among those
    merged that an actor did as well with, it takes either's times.
    """
    if any(step.get("math") for step in node["series"]):
        keys = [(actor_of(event, node), event.at, event.name) for event in world.events]
        return len(keys) == len(set(keys))
    if "breakdownFilter" in node and node["funnelsFilter"]["funnelVizType"] == "steps":
        done = [(run.actor, run.level, run.times[-1]) for run in runs(node, world)]
        return len(done) == len(set(done))
    return True


# --- ordered and strict -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranges:
    """Times of excluded events for each range (first step, last step), 0-based."""

    entries: tuple[tuple[int, int, tuple[float, ...]], ...] = ()

    def forbid(self, attempt: Attempt, until: float) -> bool:
        """An excluded event strictly after the first step of a range that is open, and before `until`."""
        return any(
            first < len(attempt) <= last and any(attempt[first] < x < until for x in times)
            for first, last, times in self.entries
        )

    def forbid_standing(self, attempt: Attempt, window: float) -> bool:
        """The same for an attempt that goes no further: until the end of its window, inclusive."""
        return any(
            first < len(attempt) <= last and any(attempt[first] < x <= attempt[0] + window for x in times)
            for first, last, times in self.entries
        )


def _instants(seen: Sequence[Seen]) -> Iterator[tuple[float, list[Seen]]]:
    for at, group in itertools.groupby(seen, key=lambda one: one.at):
        yield at, list(group)


def _can_serve(events: Sequence[Seen], steps: Sequence[int]) -> bool:
    """Whether different events can take all the steps."""
    if not steps:
        return True
    return any(
        steps[0] in event.steps and _can_serve([*events[:place], *events[place + 1 :]], steps[1:])
        for place, event in enumerate(events)
    )


def attempts(
    seen: Sequence[Seen], steps: Sequence[int], window: float, *, strict: bool, ranges: Ranges
) -> list[Attempt]:
    """Every attempt at every stage, in the order in which the stages were reached (semantics E4-E17).

    `steps` are the required ones. Each event extends the latest attempt at the step before it (E6).
    """
    standing: dict[int, Attempt] = {}
    reached: list[Attempt] = []
    for at, events in _instants(seen):
        moved: dict[int, Attempt] = {}
        for level in range(1, len(steps) + 1):
            candidates = []
            for before in range(level):
                base = standing.get(before, ()) if before else ()
                if before and (not base or at - base[0] > window or ranges.forbid(base, at)):
                    continue
                if before and any(standing.get(k, ())[:1] == base[:1] for k in range(before + 1, level)):
                    continue  # this attempt has taken the next step already, and takes it once
                if _can_serve(events, steps[before:level]):
                    candidates.append(base + (at,) * (level - before))
            if candidates:  # the latest attempt, as it stands
                moved[level] = max(candidates, key=lambda attempt: (attempt[0], [-t for t in attempt]))
        if strict:
            standing = {}
        for level, attempt in moved.items():
            if level in standing and standing[level][0] == attempt[0]:
                continue  # the same attempt took this step before
            standing[level] = attempt
            reached.append(attempt)
    return reached


def _ranges(node: Json, seen: Sequence[Seen], required: Sequence[int]) -> Ranges:
    if node["funnelsFilter"]["funnelOrderType"] == "strict":  # E17
        return Ranges()
    entries = []
    for place, exclusion in enumerate(node["funnelsFilter"].get("exclusions", ())):
        times = tuple(one.at for one in seen if place in one.excluded)
        entries.append((exclusion["funnelFromStep"], exclusion["funnelToStep"], times))
    return Ranges(tuple(entries))


def ordered_run(node: Json, seen: Sequence[Seen]) -> tuple[int, int, Attempt]:
    """(level, furthest, times): of the best clean attempt, and how far any came (semantics E7, E23)."""
    strict = node["funnelsFilter"]["funnelOrderType"] == "strict"
    required = [k for k, step in enumerate(node["series"]) if not step.get("optionalInFunnel")]
    window, ranges = _window(node), _ranges(node, seen, required)
    if strict and len(required) < len(node["series"]):
        return _strict_with_optional(node, seen, required, window)
    any_way = attempts(seen, required, window, strict=strict, ranges=Ranges())
    clean = [
        attempt
        for attempt in attempts(seen, required, window, strict=strict, ranges=ranges)
        if not ranges.forbid_standing(attempt, window)
    ]
    furthest = max(map(len, any_way), default=0)
    level = max(map(len, clean), default=0)
    best = next((attempt for attempt in clean if len(attempt) == level), ())
    return level, furthest, best


def _strict_with_optional(
    node: Json, seen: Sequence[Seen], required: Sequence[int], window: float
) -> tuple[int, int, Attempt]:
    """Every entry is tried: from instant to instant it must take the next required step or an optional one
    in between (semantics E51)."""
    groups = list(_instants(seen))
    found: list[Attempt] = []
    for place, (at, _) in enumerate(groups):
        found += [
            _times_of(path, required)
            for path in _strict_paths(node, groups, place, ((0, at),), window)
            if _can_serve(groups[place][1], [0])
        ]
    level = max(map(len, found), default=0)
    best = min((path for path in found if len(path) == level), key=lambda p: (p[-1], -p[0]), default=())
    return level, level, best


Path = tuple[tuple[int, float], ...]


def _times_of(path: Path, required: Sequence[int]) -> Attempt:
    return tuple(at for step, at in path if step in required)


def _strict_paths(
    node: Json, groups: Sequence[tuple[float, list[Seen]]], place: int, path: Path, window: float
) -> Iterator[Path]:
    """All ways to go on from `path`, whose last step was taken at instant `place`."""
    yield path
    last, entered = path[-1][0], path[0][1]
    for step in range(last + 1, len(node["series"])):
        for there in (place, place + 1):
            if there < len(groups) and groups[there][0] <= entered + window:
                taken = [s for s, at in path if at == groups[there][0]]
                if _can_serve(groups[there][1], [*taken, step]):
                    longer = (*path, (step, groups[there][0]))
                    yield from _strict_paths(node, groups, there, longer, window)
        if not node["series"][step].get("optionalInFunnel"):
            return


def _window(node: Json) -> float:
    unit = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
    options = node["funnelsFilter"]
    return float(options["funnelWindowInterval"] * unit[options["funnelWindowIntervalUnit"]])


# --- unordered --------------------------------------------------------------------------------------------


def collected(seen: Sequence[Seen], start: float, count: int, window: float) -> Attempt:
    """When an attempt that begins at `start` takes one step more, each event in time (semantics E18-E20)."""
    within = [one for one in seen if start <= one.at <= start + window]
    times: list[float] = []
    used: list[Seen] = []
    for one in within:
        if len(times) < count and _matching([*used, one], count) > len(times):
            times.append(one.at)
            used.append(one)
    return tuple(times)


def _matching(events: Sequence[Seen], count: int) -> int:
    """How many different steps the events can take, one each: augmenting paths."""
    taken: dict[int, int] = {}

    def place(event: int, tried: set[int]) -> bool:
        for step in events[event].steps:
            if step not in tried:
                tried.add(step)
                if step not in taken or place(taken[step], tried):
                    taken[step] = event
                    return True
        return False

    return sum(place(event, set()) for event in range(len(events)))


def unordered_attempts(node: Json, seen: Sequence[Seen], starts: Sequence[float]) -> list[Attempt]:
    """One per instant at which one may begin, without those an exclusion voids (semantics E26)."""
    window, count = _window(node), len(node["series"])
    barriers = [one.at for one in seen if one.excluded]
    found = []
    for start in sorted(set(starts)):
        attempt = collected(seen, start, count, window)
        after = min((x for x in barriers if x > start), default=math.inf)
        is_complete = len(attempt) == count and attempt[-1] <= after
        if attempt and (after > start + window or is_complete):
            found.append(attempt)
    return found


# --- an actor's runs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """How far an actor got with one breakdown value: 0 is not at all. `optional`: times of optional steps."""

    actor: str
    value: Value
    times: Attempt
    optional: tuple[tuple[int, float], ...] = ()

    @property
    def level(self) -> int:
        return len(self.times)


def variants(node: Json, seen: Sequence[Seen]) -> list[tuple[Value, list[Seen], list[float]]]:
    """(value, events, where an unordered attempt may begin) for each value the funnel is run with."""
    starts = [one.at for one in seen if one.steps]
    chosen, options = node.get("breakdownFilter"), node["funnelsFilter"]
    if chosen is None:
        return [((), list(seen), starts)]
    way = options["breakdownAttributionType"]
    is_of_actor = chosen["breakdown_type"] == "person" and not (
        node.get("aggregation_group_type_index") == 0 or options.get("funnelAggregateByHogQL")
    )
    if is_of_actor or way in ("first_touch", "last_touch"):
        return [(_touched(seen, way == "last_touch", is_of_actor), list(seen), starts)]
    if way == "all_events":
        return [
            (value, part, [one.at for one in part if one.steps])
            for value in sorted({one.value for one in seen})
            for part in [[one for one in seen if one.value == value]]
        ]
    return [_with_step(node, seen, value) for value in _values_of_step(node, seen)]


def _touched(seen: Sequence[Seen], is_last: bool, is_of_actor: bool) -> Value:
    """semantics E28; at one instant the text decides."""
    if is_of_actor:
        return seen[0].value
    having = [(one.at, one.value) for one in seen if one.steps and any(one.value)]
    if not having:
        return tuple("" for _ in seen[0].value)
    return (max(having) if is_last else min(having))[1]


def _values_of_step(node: Json, seen: Sequence[Seen]) -> list[Value]:
    step = node["funnelsFilter"]["breakdownAttributionValue"]
    if node["funnelsFilter"]["funnelOrderType"] == "unordered":
        return sorted({one.value for one in seen if one.steps})
    return sorted({one.value for one in seen if step in one.steps})


def _with_step(node: Json, seen: Sequence[Seen], value: Value) -> tuple[Value, list[Seen], list[float]]:
    """Only events with the value take the step (semantics E30)."""
    step = node["funnelsFilter"]["breakdownAttributionValue"]
    if node["funnelsFilter"]["funnelOrderType"] == "unordered":
        return value, list(seen), [one.at for one in seen if one.steps and one.value == value]
    narrowed = [
        one if one.value == value else Seen(one.at, one.steps - {step}, one.excluded, one.value, one.number)
        for one in seen
    ]
    return value, narrowed, []


def runs(node: Json, world: World) -> list[Run]:
    found = []
    for actor, seen in seen_by_actor(node, world).items():
        for value, events, starts in variants(node, seen):
            run = _run(node, actor, value, events, starts)
            if run is not None:
                found.append(run)
    return found


def _run(node: Json, actor: str, value: Value, events: Sequence[Seen], starts: Sequence[float]) -> Run | None:
    if node["funnelsFilter"]["funnelOrderType"] == "unordered":
        tried = unordered_attempts(node, events, starts)
        level = max(map(len, tried), default=0)
        return Run(actor, value, next(a for a in tried if len(a) == level)) if level else None
    level, furthest, times = ordered_run(node, events)
    if not level or level < furthest:
        return None
    return Run(actor, value, times, _optional(node, events, times))


def _optional(node: Json, seen: Sequence[Seen], times: Attempt) -> tuple[tuple[int, float], ...]:
    """The first event of an optional step between the required steps around it (semantics E51)."""
    found = []
    for step, described in enumerate(node["series"]):
        if not described.get("optionalInFunnel"):
            continue
        before = sum(not other.get("optionalInFunnel") for other in node["series"][:step])
        if before > len(times):
            continue
        end = times[before] if before < len(times) else times[0] + _window(node)
        between = [one.at for one in seen if step in one.steps and times[before - 1] <= one.at <= end]
        if node["funnelsFilter"]["funnelOrderType"] == "strict":
            between = [at for at in between if (step, at) in _on_strict_ways(node, seen, times)]
            between = [at for at in between if not _extends_later(node, seen, times[0], (step, at))]
        if between:
            found.append((step, between[0]))
    return tuple(found)


def _on_strict_ways(node: Json, seen: Sequence[Seen], times: Attempt) -> set[tuple[int, float]]:
    """Every (step, time) that a strict attempt with these times may pass through."""
    required = [k for k, step in enumerate(node["series"]) if not step.get("optionalInFunnel")]
    groups = list(_instants(seen))
    place = [at for at, _ in groups].index(times[0])
    ways = _strict_paths(node, groups, place, ((0, times[0]),), _window(node))
    return {point for way in ways if _times_of(way, required) == times for point in way}


def _extends_later(node: Json, seen: Sequence[Seen], entered: float, point: tuple[int, float]) -> bool:
    """Whether an attempt entered later takes the optional step at this time: an event extends the latest
    one (semantics E6)."""
    groups = list(_instants(seen))
    return any(
        point in way
        for place, (at, events) in enumerate(groups)
        if entered < at <= point[1] and _can_serve(events, [0])
        for way in _strict_paths(node, groups, place, ((0, at),), _window(node))
    )


# --- the answers ------------------------------------------------------------------------------------------


def answer(node: Json, world: World) -> Any:
    view = node["funnelsFilter"]["funnelVizType"]
    return {"steps": steps_answer, "trends": trends_answer, "time_to_convert": times_answer}[view](
        node, world
    )


def steps_answer(node: Json, world: World) -> list[tuple[Any, list[tuple[int, float | None, float | None]]]]:
    """(value, [(count, mean, median) per step]) for each value in order; without a breakdown value None."""
    found = runs(node, world)
    if "breakdownFilter" not in node:
        return [(None, _columns(node, found))]
    by_value: dict[Value, list[Run]] = defaultdict(list)
    for run in found:
        by_value[run.value].append(run)
    ranked = sorted(
        by_value, key=lambda value: ([-row[0] for row in reversed(_columns(node, by_value[value]))], value)
    )
    limit = node["breakdownFilter"]["breakdown_limit"]
    shown = [(list(value), _columns(node, by_value[value])) for value in ranked[:limit]]
    rest = [run for value in ranked[limit:] for run in by_value[value]]
    if rest:
        shown.append((["Other"], _columns(node, _one_per_actor(rest))))
    return shown


def _one_per_actor(found: Sequence[Run]) -> list[Run]:
    best: dict[str, Run] = {}
    for run in found:
        kept = best.get(run.actor)
        if kept is None or (run.level, -run.times[-1]) > (kept.level, -kept.times[-1]):
            best[run.actor] = run
    return list(best.values())


def people_of_step(node: Json, world: World, step: int, value: Any) -> set[str]:
    """Who took the step (1-based), or for a negative one dropped off before it; of one value, or of all
    (semantics E48)."""
    found = runs(node, world)
    if value is not None:
        shown = steps_answer(node, world)
        listed = [tuple(one) for one, _ in shown]
        if value == ["Other"] and len(shown) > node["breakdownFilter"]["breakdown_limit"]:
            found = _one_per_actor([run for run in found if run.value not in listed[:-1]])
        else:
            found = [run for run in found if run.value == tuple(value)]
    level = abs(step)
    if step > 0:
        return {run.actor for run in found if run.level >= level}
    return {run.actor for run in found if run.level == level - 1}


def people_of_bucket(node: Json, world: World, bucket: str, drop_off: bool) -> set[str]:
    """Who entered in the bucket and converted, or did not (semantics E49); without a breakdown."""
    wanted = 1 if drop_off else 2
    return {
        actor
        for actor, seen in seen_by_actor(node, world).items()
        for value, events, starts in variants(node, seen)
        if _entrances(node, events, starts).get(bucket) == wanted
    }


def _columns(node: Json, found: Sequence[Run]) -> list[tuple[int, float | None, float | None]]:
    columns = []
    level = 0
    for step, described in enumerate(node["series"]):
        if described.get("optionalInFunnel"):
            gaps = [at - run.times[level - 1] for run in found for taken, at in run.optional if taken == step]
        else:
            level += 1
            gaps = [
                run.times[level - 1] - (run.times[level - 2] if level > 1 else 0)
                for run in found
                if run.level >= level
            ]
        timed = gaps and step > 0
        columns.append(
            (
                len(gaps),
                math.fsum(gaps) / len(gaps) if timed else None,
                statistics.median(gaps) if timed else None,
            )
        )
    return columns


def times_answer(node: Json, world: World) -> tuple[list[list[int]], float | None]:
    options = node["funnelsFilter"]
    to = options.get("funnelToStep", len(node["series"]) - 1)
    from_ = options.get("funnelFromStep", 0)
    samples = [run.times[to] - run.times[from_] for run in runs(node, world) if run.level > to]
    if not samples:
        return [], None
    count = options.get("binCount") or next(n for n in range(1, 61) if n**3 >= len(samples))
    low, high = math.floor(min(samples)), math.ceil(max(samples))
    width = math.ceil((high - low) / count) or 60
    bins = [[low + place * width, 0] for place in range(count + 1)]
    for sample in samples:
        bins[math.floor((sample - low) / width)][1] += 1
    return bins, math.fsum(samples) / len(samples)


def trends_answer(node: Json, world: World) -> list[tuple[Any, list[float]]]:
    """(value, rates) for each value in order."""
    far: dict[tuple[Value, str, str], int] = {}  # (value, actor, bucket) -> 1 entered, 2 converted
    for actor, seen in seen_by_actor(node, world).items():
        for value, events, starts in variants(node, seen):
            for bucket, came in _entrances(node, events, starts).items():
                far[value, actor, bucket] = came
    totals: dict[Value, int] = defaultdict(int)
    for (value, _, _), came in far.items():
        totals[value] += came >= 1
    if "breakdownFilter" not in node:
        return [(None, _rates(node, {(a, b): came for (_, a, b), came in far.items()}))]
    ranked = sorted(totals, key=lambda value: (-totals[value], value))
    limit = node["breakdownFilter"]["breakdown_limit"]
    shown = [
        (list(value), _rates(node, {(a, b): came for (v, a, b), came in far.items() if v == value}))
        for value in ranked[:limit]
    ]
    merged: dict[tuple[str, str], int] = defaultdict(int)
    for (value, actor, bucket), came in far.items():
        if value in ranked[limit:]:
            merged[actor, bucket] = max(merged[actor, bucket], came)
    if ranked[limit:]:
        shown.append((["Other"], _rates(node, merged)))
    return shown


def _entrances(node: Json, events: Sequence[Seen], starts: Sequence[float]) -> dict[str, int]:
    """Bucket -> how far the best attempt entered in it came (semantics E37-E43); only where one entered."""
    options = node["funnelsFilter"]
    to = options.get("funnelToStep", len(node["series"]) - 1)
    from_ = options.get("funnelFromStep", 0)
    if options["funnelOrderType"] == "unordered":
        found: dict[str, int] = {bucket_of(node, start): 0 for start in starts}
        for attempt in unordered_attempts(node, events, starts):
            bucket = bucket_of(node, attempt[0])
            found[bucket] = max(found[bucket], _far(len(attempt), from_, to))
        return found
    levels = {}
    for bucket in {bucket_of(node, one.at) for one in events if 0 in one.steps}:
        narrowed = [
            one
            if 0 not in one.steps or bucket_of(node, one.at) == bucket
            else Seen(one.at, one.steps - {0}, one.excluded, one.value, one.number)
            for one in events
        ]
        level, furthest, _ = ordered_run(node, narrowed)
        levels[bucket] = (level, furthest)
    if not any(level for level, _ in levels.values()):
        return {}
    is_void = any(furthest > to and level < furthest for level, furthest in levels.values())
    return {
        bucket: _far(level, from_, to)
        for bucket, (level, furthest) in levels.items()
        if level == furthest and (not is_void or level > to)
    }


def _far(level: int, from_: int, to: int) -> int:
    return 2 if level > to else 1 if level > from_ else 0


def bucket_of(node: Json, at: float) -> str:
    moment = FIRST + timedelta(seconds=at)
    day = moment.date()
    if node["interval"] == "hour":
        return f"{moment:%Y-%m-%d %H}:00:00"
    if node["interval"] == "week":  # Sunday
        day -= timedelta(days=day.isoweekday() % 7)
    if node["interval"] == "month":
        day = day.replace(day=1)
    return day.isoformat()


def _rates(node: Json, far: dict[tuple[str, str], int]) -> list[float]:
    buckets: list[str] = []
    begin, end = _span(node)
    at = begin
    while at < end:
        bucket = bucket_of(node, at)
        if bucket not in buckets:
            buckets.append(bucket)
        at += 1800
    rates = []
    for bucket in buckets:
        came = [c for (_, b), c in far.items() if b == bucket]
        entered, converted = sum(c >= 1 for c in came), sum(c >= 2 for c in came)
        rates.append(round(100 * converted / entered, 2) if entered else 0.0)
    return rates
