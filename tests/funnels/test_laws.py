"""Laws that hold for any funnel over any events (issue of funnels; semantics E4-E20, E37, E44)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.api_client import Api, make_project

RANGE = {"date_from": "2024-01-08", "date_to": "2024-01-12"}
PEOPLE, EVENTS = 40, 9
ORDERS = ("strict", "ordered", "unordered")


@pytest.fixture(scope="module")
def crowd(service: None) -> Api:
    """People with a few events each; many at the same minute, some at the same instant."""
    api = make_project()
    api.now = datetime(2024, 2, 1, tzinfo=UTC)
    rng = random.Random(5)
    lines = []
    for number in range(PEOPLE):
        events = [
            f"{rng.choice('AABBCCDX')}@2024-01-{rng.randint(8, 12):02}T{rng.choice((9, 9, 10, 15)):02}"
            f":{rng.choice((0, 0, 5, 40)):02}"
            for _ in range(EVENTS)
        ]
        lines.append(f"p{number}: {' '.join(events)}")
    api.journeys(*lines)
    return api


def counts(api: Api, steps: str, **options: Any) -> list[int]:
    events = [{"id": name} for name in steps]
    return [step["count"] for step in api.calculate("funnel", events=events, **RANGE, **options).result]


FUNNELS = ["AB", "ABC", "AAB", "CBA", "ABCD", "ABAB"]
HOURS = (1, 6, 24, 48, 120)


def no_more_than(less: list[int], more: list[int]) -> bool:
    return all(a <= b for a, b in zip(less, more, strict=True))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", FUNNELS[:4])
def test_a_wider_window_never_converts_fewer(crowd: Api, steps: str, order: str) -> None:  # E4
    found = [
        counts(
            crowd,
            steps,
            funnel_order_type=order,
            funnel_window_interval=hours,
            funnel_window_interval_type="hour",
        )
        for hours in HOURS
    ]
    assert all(no_more_than(a, b) for a, b in pairwise(found)), found
    assert found[0] != found[-1] or order == "strict"


@pytest.mark.parametrize("steps", FUNNELS)
def test_strict_is_within_ordered_is_within_unordered(crowd: Api, steps: str) -> None:  # E5, E15, E18
    strict, ordered, unordered = (counts(crowd, steps, funnel_order_type=order) for order in ORDERS)
    assert no_more_than(strict, ordered) and no_more_than(ordered, unordered)
    assert all(a >= b for found in (strict, ordered, unordered) for a, b in pairwise(found))


@pytest.mark.parametrize("order", ORDERS)
def test_another_step_never_raises_later_counts(crowd: Api, order: str) -> None:  # E12
    def found(steps: str) -> list[int]:
        return counts(crowd, steps, funnel_order_type=order)

    assert found("AAB")[-1] <= found("AB")[-1]
    assert found("ABC")[-1] <= found("AB")[-1]
    if order != "strict":  # there a step in between is no interruption any more
        assert found("ABC")[-1] <= found("AC")[-1]
        assert found("ADBC")[-1] <= found("ABC")[-1]
    if order != "unordered":  # there the second step is any two
        assert found("ABCD")[:3] == found("ABC")
        assert found("ABC")[:2] == found("AB")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", ["AB", "ABC"])
def test_the_views_agree(crowd: Api, steps: str, order: str) -> None:  # E12, E37, E44
    """Somebody may enter in several weeks, but not in several ranges that are one bucket."""
    asked = {"events": [{"id": name} for name in steps], "funnel_order_type": order, **RANGE}
    found = counts(crowd, steps, funnel_order_type=order)
    times = crowd.calculate("funnel", **asked, funnel_viz_type="time_to_convert").result
    assert sum(count for _, count in times["bins"]) == found[-1]
    (series,) = crowd.calculate("funnel", **asked, funnel_viz_type="trends", interval="month").result
    assert series["data"] == [round(100 * found[-1] / found[0], 2)]
    shown = crowd.calculate("funnel", **asked).result
    gaps = [step["average_conversion_time"] * step["count"] for step in shown[1:]]
    if len(steps) == 2:
        assert times["average_conversion_time"] * found[-1] == pytest.approx(sum(gaps))


@pytest.mark.parametrize("order", ORDERS)
def test_values_add_up(crowd: Api, order: str) -> None:  # E27, E28
    split = {"breakdown": "distinct_id", "breakdown_type": "hogql", "breakdown_limit": 7}
    asked = {"events": [{"id": "A"}, {"id": "B"}], "funnel_order_type": order, **RANGE}
    result = crowd.calculate("funnel", **asked, **split).result
    assert len(result) == 8
    total = [sum(steps[place]["count"] for steps in result) for place in (0, 1)]
    assert total == counts(crowd, "AB", funnel_order_type=order)
