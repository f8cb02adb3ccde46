"""Funnels of the service held against brute force, over HTTP."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.api_client import Api, make_project
from tests.oracle import funnels
from tests.oracle.disagreement import Disagreement
from tests.oracle.funnels import World

ORDERS = ("ordered", "strict", "unordered")


def world_in_service(seed: int) -> tuple[World, Api]:
    """A new project holding the world of this seed, events in no particular order."""
    world = funnels.make_world(seed)
    api = make_project()
    api.now = funnels.NOW
    events = [event.payload() for event in world.events]
    random.Random(seed).shuffle(events)
    if events:
        api.capture(events)
    for person in sorted({event.person for event in world.events}):
        ids = sorted({event.distinct_id for event in world.events if event.person == person})
        plan = world.plans[person]
        properties = {} if plan is None else {"plan": plan}
        api.identify(ids[0], anonymous=ids[1] if len(ids) > 1 else None, **properties)
    return world, api


def check(seed: int, questions: int, orders: tuple[str, ...] = ORDERS) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    world, api = world_in_service(seed)
    compared = 0
    for number in range(questions):
        rng = random.Random(f"{seed}-{number}")
        node = funnels.random_question(rng, orders[number % len(orders)])
        if not funnels.is_decided(node, world):
            continue
        answer = api.query(node)
        if answer.status != 200:
            raise Disagreement(f"seed {seed}, question {number}: {answer.status} {answer.body}\n{node}")
        found, wanted = _read(node, answer.result), funnels.answer(node, world)
        if not _same(found, wanted):
            raise Disagreement(f"seed {seed}, question {number}\n{node}\nservice {found}\noracle  {wanted}")
        compared += 1
    return compared


def _read(node: Any, result: Any) -> Any:
    """The service's answer in the form of the oracle's."""
    view = node["funnelsFilter"]["funnelVizType"]
    if view == "time_to_convert":
        return result["bins"], result["average_conversion_time"]
    if view == "trends":
        return [(series.get("breakdown_value"), series["data"]) for series in result]
    if "breakdownFilter" not in node:
        result = [result]
    return [(steps[0].get("breakdown_value"), [_step(step) for step in steps]) for steps in result]


def _step(step: dict[str, Any]) -> tuple[int, float | None, float | None]:
    return step["count"], step["average_conversion_time"], step["median_conversion_time"]


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_same(f, w) for f, w in zip(found, wanted, strict=True))
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-6)
    return bool(found == wanted)
