"""A funnel in parts of its actors is the same funnel; short memory leads to it (queries/funnels/parts.py)."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from insights.context import project_context
from insights_service.persons.event_store import event_store
from insights_service.persons.sync import prepare_for_query
from queries.context import Limits
from queries.errors import QueryTooExpensive
from queries.execute import QueryTag, run
from queries.funnels.compile import compile_funnels
from queries.parse import parse_query
from queries.plan import Plan, Result, Statement
from tests.oracle import funnels
from tests.oracle.funnels_check import ORDERS, world_in_service

TAG = QueryTag(1, "FunnelsQuery", "parts")


NONE = Limits()


def result(plan: Plan, limits: Limits = NONE) -> Result:
    return run(plan, client=event_store(), tag=TAG, limits=limits).result


@pytest.mark.parametrize("seed", [9_001, 9_002, 9_004])
def test_parts_add_up(service: None, seed: int) -> None:
    _, api = world_in_service(seed)
    compared = 0
    for number in range(14):
        node: Any = funnels.random_question(random.Random(f"{seed}-{number}"), ORDERS[number % 3])
        query = parse_query(node)
        ctx = replace(project_context(api.project, [query]), now=funnels.NOW)
        ctx = replace(ctx, has_overrides=prepare_for_query(api.project.pk).has_overrides)
        plan = compile_funnels(query, ctx)
        parts = plan.smaller()
        if parts is None:  # actors who count for several values
            continue
        whole, added = result(plan), result(parts)
        assert added.has_more == whole.has_more
        assert rounded(added.results) == rounded(whole.results), node
        compared += 1
    assert compared > 5


def rounded(found: Any) -> Any:
    """Means are quotients of the same integers, but not always divided in the same order."""
    if isinstance(found, list):
        return [rounded(one) for one in found]
    if isinstance(found, dict):
        return {key: rounded(one) for key, one in found.items()}
    return pytest.approx(found, rel=1e-12) if isinstance(found, float) else found


TOO_MUCH = Statement("SELECT length(groupArray(number)) FROM numbers(100000000)")
LITTLE = Limits(memory_bytes=100 * 2**20)


def test_less_memory_leads_to_a_smaller_plan(service: None) -> None:
    smaller = Plan((Statement("SELECT 7"),), lambda found: Result(results=found[0].rows[0][0]))
    plan = Plan((TOO_MUCH,), lambda _: Result(results=None), smaller=lambda: smaller)
    assert result(plan, LITTLE).results == 7
    with pytest.raises(QueryTooExpensive):
        result(replace(plan, smaller=lambda: None), LITTLE)


THRIFTY_ONLY = Statement(
    "SELECT length(groupArray(number)) FROM numbers(if(getSetting('max_threads') = 1, 7, 100000000))"
)


def test_the_same_statement_is_tried_with_less_memory_first(service: None) -> None:
    plan = Plan((THRIFTY_ONLY,), lambda found: Result(results=found[0].rows[0][0]))
    assert result(plan, replace(LITTLE, threads=2)).results == 7
