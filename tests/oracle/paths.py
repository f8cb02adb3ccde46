"""Paths by brute force (semantics G): small crowded worlds, random questions, one session after the other.

The world is one of funnels with page views and screens in it, so that the funnels' own brute force says who
was at which step when.
"""

from __future__ import annotations

import random
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import funnels

Json = dict[str, Any]
Step = tuple[int, str]  # microseconds since FIRST, item
Edge = tuple[str, str, int, float]  # source, target, traversals, mean milliseconds

NOW = funnels.NOW
URLS = ("/", "/a", "/a/", "/a/1", "/a/2/", "/b", "/b?x=1", "//", "/shop/a/7", "/ü/1", "", None)
SCREENS = ("Home", "Home/", "Cart", "", None)
NAMES = ("A", "B", "C", "D", "$pageview", "$pageview", "$pageview", "$screen", "$rageclick")
GROUPINGS = ("/a/*", "/*1", "*", "/shop/*/7", "/b?", "H*e", "(", "[ab]", "A", "*/", "B*", "/.*")
RULES = (
    {"regex": r"\d+", "alias": "N"},
    {"regex": r"^/a/(\w)", "alias": r"/x-\1"},
    {"regex": "[?].*$", "alias": ""},
    {"regex": "/", "alias": "_"},
    {"regex": "a|b", "alias": "/"},
)
EXPRESSIONS = {  # text -> the value of an event
    "event": lambda event: event.name,
    "properties.f": lambda event: event.properties.get("f", ""),
    "concat(event, '/')": lambda event: f"{event.name}/",
}
PARTS = ("funnel_path_before_step", "funnel_path_between_steps", "funnel_path_after_step", None)
HALF_AN_HOUR = 30 * 60 * 1_000_000


@dataclass(frozen=True)
class Event(funnels.Event):
    """With the uuid that breaks ties (semantics G1)."""

    uuid: str

    @property
    def micros(self) -> int:
        return round(self.at * 1_000_000)

    def payload(self) -> Json:
        return super().payload() | {"uuid": self.uuid}


@dataclass(frozen=True)
class World(funnels.World):
    zone: str
    rules: tuple[Json, ...]  # the project's cleaning rules, in order


def make_world(seed: int) -> World:
    rng = random.Random(seed)
    people = [f"p{n}" for n in range(rng.randint(1, 5))]
    step = rng.choice((1, 60, 599, 900, 1799, 1800, 1801, 3 * 3600))
    spread = rng.choice((3, 8, 30))
    events = []
    for number in range(rng.randint(0, 50)):
        person, name = rng.choice(people), rng.choice(NAMES)
        at = float(step * rng.randint(0, spread)) + rng.choice((0,) * 8 + (0.000001, 0.999999, 1, 7200))
        key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        distinct_id = f"{person}-{rng.choice('ab')}"
        events.append(Event(name, person, distinct_id, at, _properties(rng, name), number, key))
    rules = tuple(rng.sample(RULES, rng.choice((0, 1, 2))))
    zone = rng.choice(("UTC", "UTC", "America/New_York", "Asia/Kolkata"))
    return World(tuple(events), dict.fromkeys(people), zone, rules)


def _properties(rng: random.Random, name: str) -> Json:
    found = {
        "f": rng.choice(funnels.MARKS),
        "group": rng.choice((None, "g1", "g2")),
        "$current_url": rng.choice(URLS) if name == "$pageview" or rng.random() < 0.1 else None,
        "$screen_name": rng.choice(SCREENS) if name == "$screen" else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def random_question(rng: random.Random, world: World) -> Json:
    """A PathsQuery node."""
    types = rng.choice(
        ([], ["$pageview"], ["$pageview"], ["$screen", "$pageview"], ["custom_event"], ["hogql"])
    )
    types = [*types, *(["custom_event"] if types == ["hogql"] and rng.random() < 0.3 else [])]
    options: Json = {"includeEventTypes": types}
    if "hogql" in types:
        options["pathsHogQLExpression"] = rng.choice(list(EXPRESSIONS))
    if "custom_event" not in types and rng.random() < 0.2:
        options["includeCustomEvents"] = rng.sample(("A", "B", "$rageclick", "$pageview"), 2)
    chances: Json = {
        "pathGroupings": (0.25, lambda: rng.sample(GROUPINGS, rng.choice((1, 1, 2)))),
        "pathReplacements": (0.3, lambda: True),
        "localPathCleaningFilters": (0.2, lambda: _local_rules(rng)),
        "stepLimit": (0.6, lambda: rng.choice((1, 2, 3, 4, 6, 20))),
        "edgeLimit": (0.4, lambda: rng.choice((1, 2, 3, 5, 1000))),
        "minEdgeWeight": (0.15, lambda: rng.choice((0, 1, 2))),
        "maxEdgeWeight": (0.15, lambda: rng.choice((2, 3, 50))),
    }
    options |= {key: make() for key, (chance, make) in chances.items() if rng.random() < chance}
    node: Json = {"kind": "PathsQuery", "pathsFilter": options, "dateRange": _dates(rng)}
    if rng.random() < 0.15:
        node["properties"] = [funnels._leaf("f", rng.choice(("1", ["1", "12"])))]
    if rng.random() < 0.15:
        node["aggregation_group_type_index"] = 0
    if world.zone == "UTC" and rng.random() < 0.35:
        node["funnelPathsFilter"] = _random_funnel(rng)
    _choose_points(rng, node, world)
    return node


def _local_rules(rng: random.Random) -> list[Json]:
    rules: list[Json] = [dict(rule) for rule in rng.sample(RULES, rng.choice((1, 2)))]
    if rng.random() < 0.3:
        for rule in rules:
            rule["order"] = rng.choice((0, 1, 2))
    return rules


def _dates(rng: random.Random) -> Json:
    first = rng.choice(("2024-03-03", "2024-03-04", "2024-03-04", "2024-03-05"))
    return {"date_from": first, "date_to": rng.choice(("2024-03-18", "2024-03-04", first))}


def _random_funnel(rng: random.Random) -> Json:
    order = rng.choice(("ordered", "ordered", "strict", "unordered"))
    source = funnels.random_question(rng, order)
    source["funnelsFilter"]["funnelVizType"] = "steps"
    for key in ("funnelFromStep", "funnelToStep", "binCount"):
        source["funnelsFilter"].pop(key, None)
    if rng.random() < 0.7:
        source["dateRange"] = {"date_from": "2024-03-04", "date_to": "2024-03-18"}
    if order == "strict":  # which of several optional steps was taken when is not decided there
        for step in source["series"]:
            step.pop("optionalInFunnel", None)
    count = len(source["series"])
    part = rng.choice(PARTS)
    steps = [*range(1, count + 1), *range(-count, -1)]
    if part == "funnel_path_between_steps":
        steps = [step for step in steps if step not in (1, -2)]
    if not steps:
        part, steps = None, [1]
    return {"funnelSource": source, "funnelPathType": part, "funnelStep": rng.choice(steps)}


def _choose_points(rng: random.Random, node: Json, world: World) -> None:
    """Start, end and exclusions among the items there are, now and then with a slash more."""
    items = sorted({step[1] for _, session in sessions(node, world) for step in session} - {""})
    if not items:
        return
    options = node["pathsFilter"]
    for key in ("startPoint", "endPoint"):
        if rng.random() < 0.25:
            options[key] = rng.choice(items) + rng.choice(("", "", "/"))
    if rng.random() < 0.2:
        options["excludeEvents"] = [rng.choice(items) for _ in range(rng.choice((1, 2)))]


def is_decided(node: Json, world: World) -> bool:
    """False where the funnel chooses between events of one instant by what is not known here."""
    given = node.get("funnelPathsFilter")
    return given is None or funnels.is_decided(_funnel_of(given), world)


# --- items ------------------------------------------------------------------------------------------------


def is_included(event: funnels.Event, options: Json) -> bool:
    types, names = options.get("includeEventTypes", ()), options.get("includeCustomEvents", ())
    if not types and not names:
        return True
    return (
        event.name in names
        or event.name in types
        or "hogql" in types
        or ("custom_event" in types and not event.name.startswith("$"))
    )


def raw_item(event: funnels.Event, options: Json) -> str:
    types, names = options.get("includeEventTypes", ()), options.get("includeCustomEvents", ())
    is_open = not types and not names
    for name, key in (("$pageview", "$current_url"), ("$screen", "$screen_name")):
        if event.name == name and (is_open or name in types):
            return str(event.properties.get(key, ""))
    is_named = event.name in names or ("custom_event" in types and not event.name.startswith("$"))
    if "hogql" in types and not is_named:
        return str(EXPRESSIONS[options["pathsHogQLExpression"]](event))
    return event.name


def strip(text: str) -> str:
    return text[:-1] if len(text) > 1 and text.endswith("/") else text


def item(event: funnels.Event, options: Json, world: World) -> str:
    text = strip(raw_item(event, options))
    rules = list(world.rules) if options.get("pathReplacements") else []
    rules += sorted(options.get("localPathCleaningFilters", ()), key=lambda rule: rule.get("order", 0))
    for rule in rules:
        text = re.sub(rule["regex"], rule["alias"], text)
    for grouping in options.get("pathGroupings", ()):
        pieces, at = grouping.split("*"), 0
        for piece in pieces:  # each after the one before it, anywhere
            at = text.find(piece, at) + len(piece) if at >= 0 and piece in text[at:] else -1
            if at < 0:
                break
        if at >= 0:
            text = grouping
            break
    return strip(text)


# --- sessions ---------------------------------------------------------------------------------------------


def _span(node: Json, world: World) -> tuple[int, int]:
    zone, written = ZoneInfo(world.zone), node["dateRange"]
    first, last = (datetime.fromisoformat(written[key]) for key in ("date_from", "date_to"))
    begin, end = first.replace(tzinfo=zone), (last + timedelta(days=1)).replace(tzinfo=zone)
    if end <= begin:
        return 0, 0
    return tuple((t.astimezone(UTC) - funnels.FIRST) // timedelta(microseconds=1) for t in (begin, end))  # type: ignore[return-value]


def sessions(node: Json, world: World) -> Iterator[tuple[str, list[Step]]]:
    """(actor, items) of each session, runs collapsed (semantics G1-G10)."""
    options, given = node["pathsFilter"], node.get("funnelPathsFilter")
    excluded = {strip(text) for text in options.get("excludeEvents", ())}
    gap = HALF_AN_HOUR if given is None else round(funnels._window(given["funnelSource"]) * 1_000_000)
    begin, end = _span(node, world)
    part = _allowed(given, world)
    found: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for event in world.events:
        assert isinstance(event, Event)
        by_group = node.get("aggregation_group_type_index") == 0
        actor = event.properties.get("group", "") if by_group else event.person
        text = item(event, options, world)
        if (
            actor
            and begin <= event.micros < end
            and funnels.passes(event, node.get("properties", ()))
            and is_included(event, options)
            and text not in excluded
            and part(event)
        ):
            found[actor].append((event.micros, event.uuid, text))
    for actor, items in found.items():
        session: list[Step] = []
        for at, _, text in sorted(items):
            if session and at - session[-1][0] >= gap:
                yield actor, _collapsed(session)
                session = []
            session.append((at, text))
        yield actor, _collapsed(session)


def _collapsed(session: Sequence[Step]) -> list[Step]:
    kept: list[Step] = []
    for step in session:
        if kept and kept[-1][1] == step[1]:
            kept.pop()
        kept.append(step)
    return kept[:-1] if kept[-1][1] == "" else kept


def _funnel_of(given: Json) -> Json:
    return {key: value for key, value in given["funnelSource"].items() if key != "breakdownFilter"}


def _allowed(given: Json | None, world: World) -> Any:
    """Whether an event belongs to the part of the funnel's run (semantics G23)."""
    if given is None:
        return lambda event: True
    source, asked = _funnel_of(given), given["funnelStep"]
    step = abs(asked) - 1
    ranges: dict[str, tuple[int, int]] = {}
    for run in funnels.runs(source, world):
        taken = _taken(source, run)
        before = sorted(at for other, at in taken.items() if other < step)
        required = [k for k in range(step) if not source["series"][k].get("optionalInFunnel")]
        if asked > 0 and step in taken:
            previous, target = before[-1] if before else taken[step], taken[step]
        elif asked < 0 and step not in taken and all(other in taken for other in required):
            previous, target = before[-2] if len(before) > 1 else before[-1], before[-1]
        else:
            continue
        window = round(funnels._window(source) * 1_000_000) if asked < 0 else 0
        ranges[run.actor] = {
            "funnel_path_after_step": (target, 2**60),
            "funnel_path_before_step": (-(2**60), target + window),
            "funnel_path_between_steps": (previous, target),
            None: (-(2**60), 2**60),
        }[given["funnelPathType"]]

    def allowed(event: Event) -> bool:
        first, last = ranges.get(funnels.actor_of(event, source), (1, 0))
        return first <= event.micros <= last

    return allowed


def _taken(source: Json, run: funnels.Run) -> dict[int, int]:
    """Step, 0-based -> when it was taken."""
    required = [k for k, step in enumerate(source["series"]) if not step.get("optionalInFunnel")]
    times = [*zip(required, run.times, strict=False), *run.optional]
    return {step: round(at * 1_000_000) for step, at in times}


# --- steps and edges --------------------------------------------------------------------------------------


def kept(session: Sequence[Step], options: Json) -> list[Step]:
    """The items that are shown (semantics G11-G14)."""
    texts = [text for _, text in session]
    limit = options.get("stepLimit", 5)
    start, end = (strip(options.get(key, "")) for key in ("startPoint", "endPoint"))
    if start and start not in texts:
        return []
    shown = list(session[texts.index(start) :] if start else session)
    texts = [text for _, text in shown]
    if end and end not in texts:
        return []
    if end:
        shown = shown[: texts.index(end) + 1]
    if start and end and len(shown) > limit:
        half = limit // 2
        hidden = shown[half : len(shown) - half]
        return [*shown[:half], (hidden[-1][0], "..."), *shown[len(shown) - half :]]
    return shown[-limit:] if end and not start else shown[:limit]


def _pairs(shown: Sequence[Step]) -> Iterator[tuple[str, str, int]]:
    for place, (one, other) in enumerate(pairwise(shown), start=1):
        yield f"{place}_{one[1]}", f"{place + 1}_{other[1]}", other[0] - one[0]


def all_edges(node: Json, world: World) -> list[Edge]:
    """Before any limit, in order (semantics G15-G17)."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _, session in sessions(node, world):
        for source, target, took in _pairs(kept(session, node["pathsFilter"])):
            found[source, target].append(took)
    edges = [(s, t, len(took), sum(took) / len(took) / 1000) for (s, t), took in found.items()]
    return sorted(edges, key=lambda edge: (-edge[2], edge[0].encode(), edge[1].encode()))


def answer(node: Json, world: World) -> list[Edge]:
    """Limited, and without what nothing leads to (semantics G18-G20)."""
    options = node["pathsFilter"]
    low, high = options.get("minEdgeWeight", 0), options.get("maxEdgeWeight", 2**60)
    edges = [edge for edge in all_edges(node, world) if low <= edge[2] <= high]
    default = None if options.get("startPoint") and options.get("endPoint") else 50
    edges = edges[: options.get("edgeLimit", default)]
    reached: set[str] = set()
    while True:
        shown = [edge for edge in edges if edge[0].startswith("1_") or edge[0] in reached]
        more = {edge[1] for edge in shown}
        if more == reached:
            return shown
        reached = more


def people(node: Json, world: World) -> set[str]:
    """Whose sessions take the edge, or end at the node, that the filter names (semantics G22)."""
    options = node["pathsFilter"]
    found = set()
    for actor, session in sessions(node, world):
        shown = kept(session, options)
        if "pathDropoffKey" in options:
            if shown and f"{len(shown)}_{shown[-1][1]}" == options["pathDropoffKey"]:
                found.add(actor)
            continue
        start, end = options.get("pathStartKey"), options.get("pathEndKey")
        if any(start in (None, source) and end in (None, target) for source, target, _ in _pairs(shown)):
            found.add(actor)
    return found
