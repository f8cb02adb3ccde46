"""Funnel correlation by brute force (semantics F): who has what, counted with sets, over the funnels of
`tests.oracle.funnels`."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle import funnels
from tests.oracle.funnels import NAMES, Event, Run
from tests.oracle.values import text

Json = dict[str, Any]
Thing = tuple[str, str, str]  # event, key, value; '' for what it is not

OTHERS = tuple(f"E{n}" for n in range(14))
CLICK = "$autocapture"
CHAINS = (None, 'a.x:text="Buy"', 'b:text="a; b"nth-child="2";div:')
VALUES = (None, "", "x", "x", 1, 1.0, True, "true", ["x", 2])
GROUPS = ("g1", "g2", "g3")


@dataclass(frozen=True)
class World(funnels.World):
    """`profiles` of persons, `sizes` a property of each group."""

    profiles: Mapping[str, Json]
    sizes: Mapping[str, Json]


# --- worlds and questions ---------------------------------------------------------------------------------


def make_world(seed: int) -> World:
    """A few people who do much, or a crowd of whom each does little."""
    rng = random.Random(seed)
    is_crowd = rng.random() < 0.4
    people = [f"p{n}" for n in range(rng.randint(45, 110) if is_crowd else rng.randint(1, 8))]
    step, spread = rng.choice((1, 600, 3600, 6 * 3600, 86_400)), rng.choice((3, 8, 20))
    count = len(people) * rng.randint(3, 8) if is_crowd else rng.randint(0, 70)
    names = (
        *NAMES,
        *NAMES,
        *NAMES,
        *rng.sample(OTHERS, rng.randint(1, len(OTHERS))),
        CLICK,
        funnels.EXCLUDED,
    )
    events = []
    for number in range(count):
        person = rng.choice(people)
        at = float(step * rng.randint(0, spread))
        if rng.random() < 0.15:
            at += rng.choice((0.000001, 0.5, 1, -1 if at else 1))
        id_ = f"{person}-{rng.choice('ab')}"
        events.append(Event(rng.choice(names), person, id_, at, _properties(rng), number))
    profiles = {
        person: _known(plan=rng.choice(("free", "pro", "", None)), n=rng.choice(VALUES)) for person in people
    }
    sizes = {group: _known(size=rng.choice(VALUES)) for group in GROUPS}
    plans = {person: profile.get("plan") for person, profile in profiles.items()}
    return World(tuple(events), plans, profiles, sizes)


def _properties(rng: random.Random) -> Json:
    return _known(
        b=rng.choice(funnels.TEXTS),
        f=rng.choice(funnels.MARKS),
        v=rng.choice(VALUES),
        group=rng.choice((None, *GROUPS)),
        **{
            "$session_id": rng.choice((None, "", "s1", "s2")),
            "$event_type": rng.choice((None, "", "click", "change")),
            "$elements_chain": rng.choice(CHAINS),
        },
    )


def _known(**properties: Any) -> Json:
    return {key: value for key, value in properties.items() if value is not None}


def random_question(rng: random.Random, order: str) -> Json:
    """A FunnelCorrelationQuery node."""
    funnel = funnels.random_question(rng, order)
    if rng.random() < 0.8:
        _make_easy(rng, funnel)
    kind = rng.choice(("events", "events", "properties", "event_with_properties"))
    if funnel["funnelsFilter"].get("funnelAggregateByHogQL") and kind == "properties":
        kind = "events"
    source: Json = {"kind": "FunnelsActorsQuery", "source": funnel}
    if rng.random() < 0.2 and not any(step.get("optionalInFunnel") for step in funnel["series"]):
        source["funnelStep"] = rng.randint(1, len(funnel["series"]))
    if "breakdownFilter" in funnel and rng.random() < 0.5:
        funnel["funnelsFilter"] |= {"funnelVizType": "steps", "funnelFromStep": None, "funnelToStep": None}
        width = 2 if isinstance(funnel["breakdownFilter"]["breakdown"], list) else 1
        wanted = [rng.choice(("", "x", "1", "free")) for _ in range(width)]
        source["funnelStepBreakdown"] = rng.choice((wanted, ["Other"]))
    return {
        "kind": "FunnelCorrelationQuery",
        "source": source,
        "funnelCorrelationType": kind,
        **OPTIONS[kind](rng),
    }


def _make_easy(rng: random.Random, funnel: Json) -> None:
    """Two plain steps within a long window, so that some convert and some do not."""
    options = funnel["funnelsFilter"]
    plain = [{"kind": "EventsNode", "event": name} for name in rng.sample(NAMES, 2)]
    funnel["series"] = [*plain, *funnel["series"][:1]][: rng.choice((2, 2, 2, 3))]
    funnel["dateRange"] = {"date_from": "2024-03-04", "date_to": "2024-03-18"}
    options |= {"funnelWindowInterval": rng.choice((1, 2, 5)), "funnelWindowIntervalUnit": "day"}
    for name in ("funnelFromStep", "funnelToStep", "breakdownAttributionValue", "exclusions"):
        options.pop(name, None)
    if options.get("breakdownAttributionType") == "step":
        options["breakdownAttributionValue"] = 0


def _of_events(rng: random.Random) -> Json:
    return {"funnelCorrelationExcludeEventNames": ["E1", "A"]} if rng.random() < 0.3 else {}


def _of_properties(rng: random.Random) -> Json:
    names = rng.choice((["$all"], ["plan"], ["plan", "n", "size"], ["$all", "size", "none"]))
    return {"funnelCorrelationNames": names} | (
        {"funnelCorrelationExcludeNames": ["n"]} if rng.random() < 0.3 else {}
    )


def _of_event_properties(rng: random.Random) -> Json:
    names = rng.sample((*NAMES, *OTHERS[:4], CLICK), rng.randint(1, 4))
    return {"funnelCorrelationEventNames": names} | (
        {"funnelCorrelationEventExcludePropertyNames": ["b", "$lib"]} if rng.random() < 0.3 else {}
    )


OPTIONS = {"events": _of_events, "properties": _of_properties, "event_with_properties": _of_event_properties}


def is_decided(node: Json, world: World) -> bool:
    return funnels.is_decided(node["source"]["source"], world)


# --- who is compared --------------------------------------------------------------------------------------


def population(node: Json, world: World) -> dict[str, Run]:
    """Actor -> the run that counts (F1)."""
    funnel, source = node["source"]["source"], node["source"]
    wanted = source.get("funnelStepBreakdown")
    if wanted is None:
        funnel = {key: value for key, value in funnel.items() if key != "breakdownFilter"}
    found = funnels.runs(funnel, world)
    if wanted is not None:
        found = _of_value(funnel, world, found, tuple(wanted))
    return {run.actor: run for run in found if run.level >= source.get("funnelStep", 1)}


def _of_value(funnel: Json, world: World, found: Sequence[Run], wanted: tuple[str, ...]) -> list[Run]:
    if wanted != ("Other",):
        return [run for run in found if run.value == wanted]
    shown = [tuple(value) for value, _ in funnels.steps_answer(funnel, world)]
    best: dict[str, Run] = {}
    for run in found:
        kept = best.get(run.actor)
        if run.value in shown[: funnel["breakdownFilter"]["breakdown_limit"]]:
            continue
        if kept is None or (run.level, -run.times[-1]) > (kept.level, -kept.times[-1]):
            best[run.actor] = run
    return list(best.values())


def has_converted(node: Json, run: Run) -> bool:
    steps = node["source"]["source"]["series"]
    return run.level == sum(not step.get("optionalInFunnel") for step in steps)


# --- what they have ---------------------------------------------------------------------------------------


def things(node: Json, world: World) -> dict[Thing, set[str]]:
    """Thing -> who has it."""
    if not node["source"]["source"]["series"]:
        return {}
    people = population(node, world)
    found: dict[Thing, set[str]] = defaultdict(set)
    if node["funnelCorrelationType"] == "properties":
        for actor in people:
            for key, value in _profile(node, world, actor):
                found["", key, value].add(actor)
        return found
    for actor, event in _inside(node, world, people):
        for thing in _things_of(node, event):
            found[thing].add(actor)
    if node["funnelCorrelationType"] == "event_with_properties":  # F11
        return {thing: actors for thing, actors in found.items() if len(actors) > 2}
    return found


def _inside(node: Json, world: World, people: Mapping[str, Run]) -> Iterable[tuple[str, Event]]:
    """Events strictly inside the run of their actor (F8)."""
    funnel = node["source"]["source"]
    begin, end = funnels._span(funnel)
    for event in world.events:
        run = people.get(funnels.actor_of(event, funnel))
        if run is None or not begin <= event.at < end:
            continue
        last = run.times[-1] if has_converted(node, run) else run.times[0] + funnels._window(funnel)
        if run.times[0] < event.at < last:
            yield run.actor, event


def _things_of(node: Json, event: Event) -> Iterable[Thing]:
    if node["funnelCorrelationType"] == "events":
        excluded = set(node.get("funnelCorrelationExcludeEventNames", ()))
        if event.name not in excluded | set(_step_names(node["source"]["source"]["series"])):
            yield event.name, "", ""
        return
    if event.name not in node["funnelCorrelationEventNames"]:
        return
    excluded = set(node.get("funnelCorrelationEventExcludePropertyNames", ()))
    sent = event.payload()["properties"]
    if event.name == CLICK:
        value = f"{sent.get('$event_type', '')}__~~__{sent.get('$elements_chain', '')}"
        pairs = [("elements_chain", value)]
    else:
        pairs = [(key, str(text(value))) for key, value in sent.items()]
        pairs += [("$group_0", sent["$groups"]["company"])] if "$groups" in sent else []
    yield from ((event.name, key, value) for key, value in pairs if key not in excluded)


def _step_names(steps: Iterable[Json]) -> Iterable[str]:
    for step in steps:
        if step["kind"] == "GroupNode":
            yield from _step_names(step["nodes"])
        elif step["event"] is not None:
            yield step["event"]


def _profile(node: Json, world: World, actor: str) -> Iterable[tuple[str, str]]:
    by_group = node["source"]["source"].get("aggregation_group_type_index") is not None
    profile = (world.sizes if by_group else world.profiles)[actor]
    names = node["funnelCorrelationNames"]
    keys = {name for name in names if name != "$all"} | (set(profile) if "$all" in names else set())
    for key in keys - set(node.get("funnelCorrelationExcludeNames", ())):
        yield key, text(profile.get(key)) or ""


# --- the answer -------------------------------------------------------------------------------------------


def answer(node: Json, world: World) -> tuple[bool, list[tuple[str, int, int, float, str]]]:
    """Whether it is skewed, and rows (name, s, f, odds, type) in order (F3-F7)."""
    people = population(node, world)
    won = {actor for actor, run in people.items() if has_converted(node, run)}
    total, lost = len(won), len(people) - len(won)
    if not total or not lost:
        return True, []
    rows = []
    for thing, actors in things(node, world).items():
        s, f = len(actors & won), len(actors - won)
        if s + f < min(25, 0.02 * len(people)):
            continue
        gain, loss = (s + 1) * (lost - f + 1), (total - s + 1) * (f + 1)
        rows.append((thing, s, f, gain / loss, "success" if gain > loss else "failure"))
    best = sorted((row for row in rows if row[4] == "success"), key=lambda row: (-row[3], row[0]))[:10]
    worst = sorted((row for row in rows if row[4] == "failure"), key=lambda row: (row[3], row[0]))[:10]
    return total > 10 * lost or lost > 10 * total, [(name(row[0]), *row[1:]) for row in best + worst]


def name(thing: Thing) -> str:
    event, key, value = thing
    return event if not key else "::".join((event, key, value) if event else (key, value))


def people_of(node: Json, world: World, shown: str, converted: bool) -> set[str]:
    """The actors of one cell of the row with this name (F14)."""
    people = population(node, world)
    (actors,) = (actors for thing, actors in things(node, world).items() if name(thing) == shown)
    return {actor for actor in actors if has_converted(node, people[actor]) == converted}
