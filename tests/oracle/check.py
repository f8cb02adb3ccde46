"""One world, its questions, and the service's answers held against brute force."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.api_client import Api
from tests.oracle import (
    activity_check,
    correlation_check,
    funnels_check,
    incremental,
    paths_check,
    retention_check,
    trends,
)
from tests.oracle.disagreement import Disagreement
from tests.oracle.service import project_with
from tests.oracle.world import World, make_world


def world_in_service(seed: int) -> tuple[World, Api]:
    """A new project holding the world of this seed."""
    world = make_world(seed)
    return world, project_with(world, seed)


def check_trends(seed: int, questions: int) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    world, api = world_in_service(seed)
    compared = 0
    for number in range(questions):
        rng = random.Random(f"{seed}-{number}")
        node = trends.random_question(rng, world)
        if trends.has_tied_first(node, world):
            continue
        expected = trends.answer(node, world)
        answer = api.query(node)
        if answer.status != 200:
            raise Disagreement(f"seed {seed}, question {number}: {answer.status} {answer.body}\n{node}")
        found = [_line(series) for series in answer.result]
        wanted = [_expected(line) for line in expected]
        if not _same(found, wanted):
            raise Disagreement(
                f"seed {seed}, question {number}, zone {world.zone}, week start {world.week_start}\n{node}\n"
                f"service {found}\noracle  {wanted}"
            )
        compared += 1
    return compared


def _line(series: dict[str, Any]) -> tuple[int, Any, list[float]]:
    data = [series["aggregated_value"]] if "aggregated_value" in series else series["data"]
    return series["action"]["order"], series.get("breakdown_value"), data


def _expected(line: dict[str, Any]) -> tuple[int, Any, list[float]]:
    return line["series"], line["value"], line["data"]


def _same(found: list[Any], wanted: list[Any]) -> bool:
    return len(found) == len(wanted) and all(
        f[:2] == w[:2]
        and len(f[2]) == len(w[2])
        and all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(f[2], w[2], strict=True))
        for f, w in zip(found, wanted, strict=True)
    )


CHECKS = {
    "trends": check_trends,
    "stickiness": activity_check.check_stickiness,
    "lifecycle": activity_check.check_lifecycle,
    "funnels": funnels_check.check,
    "correlation": correlation_check.check,
    "incremental": incremental.check,
    "paths": paths_check.check,
    "retention": retention_check.check,
}
