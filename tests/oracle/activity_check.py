"""Stickiness and lifecycle of the service held against brute force, over HTTP."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.api_client import Api
from tests.oracle import activity
from tests.oracle.disagreement import Disagreement
from tests.oracle.service import project_with
from tests.oracle.world import FIRST_DAY, World, make_world

BORN_WITHIN_DAYS = 60


def check_stickiness(seed: int, questions: int) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    world = make_world(seed)
    api = project_with(world, seed)

    def found(node: dict[str, Any]) -> Any:
        return [series["data"] for series in _answer(api, node, seed)]

    return _compared(
        seed, questions, world, activity.random_stickiness, found, lambda n: activity.stickiness(n, world)
    )


def check_lifecycle(seed: int, questions: int) -> int:
    """The same. When persons were created is what the service says: brute force has no opinion on it."""
    world = _born_in_range(make_world(seed), random.Random(seed))
    api = project_with(world, seed)
    created = _creations(api, world)

    def found(node: dict[str, Any]) -> Any:
        return {series["status"]: series["data"] for series in _answer(api, node, seed)}

    return _compared(
        seed,
        questions,
        world,
        activity.random_lifecycle,
        found,
        lambda n: activity.lifecycle(n, world, created),
    )


def _compared(
    seed: int,
    questions: int,
    world: World,
    ask: Callable[[random.Random, World], dict[str, Any]],
    found: Callable[[dict[str, Any]], Any],
    expected: Callable[[dict[str, Any]], Any],
) -> int:
    for number in range(questions):
        node = ask(random.Random(f"{seed}-{number}"), world)
        got, wanted = found(node), expected(node)
        if got != wanted:
            raise Disagreement(
                f"seed {seed}, question {number}, zone {world.zone}, week start {world.week_start}\n{node}\n"
                f"service {got}\noracle  {wanted}"
            )
    return questions


def _answer(api: Api, node: dict[str, Any], seed: int) -> Any:
    answer = api.query(node)
    if answer.status != 200:
        raise Disagreement(f"seed {seed}: {answer.status} {answer.body}\n{node}")
    return answer.result


def _born_in_range(world: World, rng: random.Random) -> World:
    """The world with every person identified at some moment of the range instead of long ago."""
    birth = {
        person: FIRST_DAY + timedelta(minutes=rng.randint(0, BORN_WITHIN_DAYS * 1440))
        for person in world.persons
    }

    def person_of(distinct_id: str) -> str:
        return distinct_id.partition("-")[0]

    events = [
        replace(event, at=birth[event.person]) if event.name == "$identify" else event
        for event in world.events
    ]
    identifies = [
        {**link, "timestamp": birth[person_of(link["distinct_id"])].isoformat()} for link in world.identifies
    ]
    return replace(world, events=events, identifies=identifies)


def _creations(api: Api, world: World) -> dict[str, datetime]:
    people = api.get("persons/?limit=100").body["results"]
    return {
        person: datetime.fromisoformat(found["created_at"])
        for person in world.persons
        for found in people
        if f"{person}-0" in found["distinct_ids"]
    }
