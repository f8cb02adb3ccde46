"""Paths of the service held against brute force, over HTTP, with the laws that edges and people obey."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

from tests.api_client import Api, make_project
from tests.oracle import paths
from tests.oracle.disagreement import Disagreement
from tests.oracle.paths import World

PEOPLE_SHARE = 0.4


def world_in_service(seed: int) -> tuple[World, Api]:
    """A new project holding the world of this seed, events in no particular order."""
    world = paths.make_world(seed)
    rules = [{**rule, "order": place} for place, rule in enumerate(world.rules)]
    api = make_project(timezone=world.zone, path_cleaning_filters=rules)
    api.now = paths.NOW
    events = [event.payload() for event in world.events]
    random.Random(seed).shuffle(events)
    if events:
        api.capture(events)
    for person in sorted({event.person for event in world.events}):
        ids = sorted({event.distinct_id for event in world.events if event.person == person})
        if len(ids) > 1:
            api.identify(ids[0], anonymous=ids[1])
    return world, api


def check(seed: int, questions: int) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    world, api = world_in_service(seed)
    compared = 0
    for number in range(questions):
        rng = random.Random(f"{seed}-{number}")
        node = paths.random_question(rng, world)
        if not paths.is_decided(node, world):
            continue
        place = f"seed {seed}, question {number}, zone {world.zone}, rules {world.rules}\n{node}"
        answer = api.query(node)
        if answer.status != 200:
            raise Disagreement(f"{place}\n{answer.status} {answer.body}")
        found = [tuple(edge.values()) for edge in answer.result]
        wanted = paths.answer(node, world)
        if not _same(found, wanted):
            raise Disagreement(f"{place}\nservice {found}\noracle  {wanted}")
        _check_laws(node, found, place)
        if rng.random() < PEOPLE_SHARE:
            _check_people(api, node, world, rng, place)
        compared += 1
    return compared


def _same(found: list[Any], wanted: list[paths.Edge]) -> bool:
    return len(found) == len(wanted) and all(
        f[:3] == w[:3] and math.isclose(f[3], w[3], rel_tol=1e-9, abs_tol=1e-6)
        for f, w in zip(found, wanted, strict=True)
    )


def _check_laws(node: Any, found: list[Any], place: str) -> None:
    """What leaves an item came in through an edge, unless it is a first item; not so when edges were cut."""
    options = node["pathsFilter"]
    if (
        options.get("minEdgeWeight")
        or "maxEdgeWeight" in options
        or "edgeLimit" in options
        or len(found) > 49
    ):
        return
    entering, leaving = Counter[str](), Counter[str]()
    for source, target, value, _ in found:
        leaving[source] += value
        entering[target] += value
    for item, value in leaving.items():
        if not item.startswith("1_") and value > entering[item]:
            raise Disagreement(f"{place}\n{value} leave {item}, but {entering[item]} enter")


def _check_people(api: Api, node: Any, world: World, rng: random.Random, place: str) -> None:
    """The people behind an edge, one of its ends, or a drop-off, are those of the oracle."""
    edges = paths.all_edges(node, world)
    source, target = rng.choice(edges)[:2] if edges else ("1_/nowhere", "2_/x")
    keys = rng.choice(
        (
            {"pathStartKey": source, "pathEndKey": target},
            {"pathStartKey": source},
            {"pathEndKey": target},
            {"pathDropoffKey": target},
            {"pathDropoffKey": source},
            {},
        )
    )
    asked = {**node, "pathsFilter": {**node["pathsFilter"], **keys}}
    point = {"kind": "InsightActorsQuery", "source": asked}
    answer = api.query({"kind": "ActorsQuery", "source": point, "limit": 1000})
    if answer.status != 200:
        raise Disagreement(f"{place}\n{answer.status} {answer.body}\n{keys}")
    found = sorted(_name(row[0]) for row in answer.result)
    if found != sorted(paths.people(asked, world)):
        raise Disagreement(f"{place}\n{keys}\nservice {found}\noracle  {sorted(paths.people(asked, world))}")


def _name(actor: dict[str, Any]) -> str:
    """A person by the part that the distinct ids have in common, a group by its key."""
    if actor["type"] == "group":
        return str(actor["group_key"])
    return str(actor["distinct_ids"][0].split("-")[0])
