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
PEOPLE_SHARE = 0.3


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
        if rng.random() < PEOPLE_SHARE:
            _check_people(api, node, world, rng, answer.result, f"seed {seed}, question {number}")
        compared += 1
    return compared


def _check_people(api: Api, node: Any, world: World, rng: random.Random, result: Any, place: str) -> None:
    """The people behind one number of the answer are those of the oracle."""
    view = node["funnelsFilter"]["funnelVizType"]
    is_plain = not node["funnelsFilter"].get("funnelAggregateByHogQL") and not any(
        step.get("optionalInFunnel") for step in node["series"]
    )
    point: dict[str, Any] = {"kind": "FunnelsActorsQuery", "source": node}
    if view == "steps" and is_plain and result:
        shown = rng.choice(result) if "breakdownFilter" in node else result
        step = rng.choice([*range(1, len(shown) + 1), *range(-len(shown), -1)])
        value = shown[0].get("breakdown_value")
        point |= {"funnelStep": step, "funnelStepBreakdown": value}
        wanted = funnels.people_of_step(node, world, step, value)
    elif view == "trends" and is_plain and "breakdownFilter" not in node:
        bucket, drop_off = rng.choice(result[0]["days"]), rng.random() < 0.5
        point |= {"funnelTrendsEntrancePeriodStart": bucket, "funnelTrendsDropOff": drop_off}
        wanted = funnels.people_of_bucket(node, world, bucket, drop_off)
    else:
        return
    answer = api.query({"kind": "ActorsQuery", "source": point, "limit": 1000})
    if answer.status != 200:
        raise Disagreement(f"{place}: {answer.status} {answer.body}\n{point}")
    found = sorted(_name(row[0]) for row in answer.result)
    if found != sorted(wanted):
        raise Disagreement(f"{place}\n{point}\nservice {found}\noracle  {sorted(wanted)}")


def _name(actor: dict[str, Any]) -> str:
    """A person by the part that the distinct ids have in common, a group by its key."""
    if actor["type"] == "group":
        return str(actor["group_key"])
    return str(actor["distinct_ids"][0].split("-")[0])


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
