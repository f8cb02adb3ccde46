"""Funnel correlations of the service held against brute force, over HTTP."""

from __future__ import annotations

import random
from typing import Any

from queries.legacy.to_filters import to_legacy
from tests.api_client import Api, make_project
from tests.correlation.correlating import people
from tests.oracle import correlation, funnels
from tests.oracle.correlation import World
from tests.oracle.disagreement import Disagreement
from tests.oracle.funnels_check import ORDERS

PEOPLE_SHARE = 0.3


def world_in_service(seed: int) -> tuple[World, Api]:
    """A new project holding the world of this seed, events in no particular order."""
    world = correlation.make_world(seed)
    api = make_project()
    api.now = funnels.NOW
    events = [event.payload() for event in world.events]
    random.Random(seed).shuffle(events)
    api.capture([*_groups(world), *events, *_persons(world)])
    return world, api


def _groups(world: World) -> list[dict[str, Any]]:
    return [
        {
            "event": "$groupidentify",
            "distinct_id": "groups",
            "properties": {"$group_type": "company", "$group_key": key, "$group_set": size},
        }
        for key, size in world.sizes.items()
    ]


def _persons(world: World) -> list[dict[str, Any]]:
    """One event links the ids of a person and sets the properties."""
    ids: dict[str, set[str]] = {}
    for event in world.events:
        ids.setdefault(event.person, set()).add(event.distinct_id)
    return [
        {
            "event": "$identify",
            "distinct_id": sorted(found)[0],
            "properties": {"$anon_distinct_id": sorted(found)[-1]} if len(found) > 1 else {},
            "$set": world.profiles[person],
        }
        for person, found in sorted(ids.items())
    ]


def check(seed: int, questions: int, orders: tuple[str, ...] = ORDERS) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    world, api = world_in_service(seed)
    compared = 0
    for number in range(questions):
        rng = random.Random(f"{seed}-{number}")
        node = correlation.random_question(rng, orders[number % len(orders)])
        if not correlation.is_decided(node, world):
            continue
        place = f"seed {seed}, question {number}"
        answer = api.query(node)
        if answer.status != 200:
            raise Disagreement(f"{place}: {answer.status} {answer.body}\n{node}")
        found = answer.result["skewed"], [_row(row) for row in answer.result["events"]]
        wanted = correlation.answer(node, world)
        if found != wanted:
            raise Disagreement(f"{place}\n{node}\nservice {found}\noracle  {wanted}")
        if wanted[1] and rng.random() < PEOPLE_SHARE:
            _check_people(api, node, world, rng, place)
        compared += 1
    return compared


def _row(row: Any) -> tuple[str, int, int, float, str]:
    counts = row["success_count"], row["failure_count"]
    return row["event"]["event"], *counts, row["odds_ratio"], row["correlation_type"]


def _check_people(api: Api, node: Any, world: World, rng: random.Random, place: str) -> None:
    """The people behind one link of the older answer to the same question are those of the oracle."""
    funnel = node["source"]["source"]
    if funnel["funnelsFilter"].get("funnelAggregateByHogQL"):
        return  # its people are the persons with those values
    parameters = to_legacy(node)
    if parameters.pop("aggregation_group_type_index", None) is not None:
        parameters["funnel_aggregate_by_group_type"] = "company"
    answer = api.calculate("funnel/correlation", **parameters)
    if answer.status != 200:
        raise Disagreement(f"{place}: {answer.status} {answer.body}\n{parameters}")
    row, converted = rng.choice(answer.result["events"]), rng.random() < 0.5
    listed = people(api, row["success_people_url" if converted else "failure_people_url"])
    found = sorted(name.split("-")[0] for name in listed)
    wanted = sorted(correlation.people_of(node, world, row["event"]["event"], converted))
    if found != wanted:
        raise Disagreement(f"{place}\n{row}\nservice {found}\noracle  {wanted}")
