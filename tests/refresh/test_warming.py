"""Insights that people look at are fresh before they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from insights import keeping
from insights.models import Insight
from insights.warming import keep_warm
from insights_service import clock
from tests.api_client import NOW
from tests.refresh.conftest import Scene, in_background

NEXT_YEAR = NOW + timedelta(days=365)


@pytest.fixture(autouse=True)
def nothing_else(service: None) -> Iterator[None]:
    """No runs wait and no insight was viewed: warming looks at all projects, those of other tests too."""

    def drain() -> None:
        while keeping.waiting_runs().pop() is not None:
            pass

    Insight.objects.filter(last_viewed_at__isnull=False).update(last_viewed_at=None)
    drain()
    yield
    drain()


def view(scene: Scene, days_ago: float = 0) -> None:
    Insight.objects.filter(pk=scene.insight_id).update(last_viewed_at=NEXT_YEAR - timedelta(days=days_ago))


def unview(scene: Scene) -> None:
    Insight.objects.filter(pk=scene.insight_id).update(last_viewed_at=None)


@pytest.fixture
def viewed(scene: Scene) -> Iterator[Scene]:
    scene.api.now = NEXT_YEAR
    view(scene)
    yield scene
    unview(scene)


def warm(count: int = 100) -> int:
    with clock.frozen(NEXT_YEAR):
        return keep_warm(count)


def test_what_is_missing_is_computed(viewed: Scene) -> None:
    assert warm() == 1
    run = viewed.ask("retrieve", None).body["query_status"]
    assert (run["complete"], run["insight_id"]) == (False, viewed.insight_id)
    in_background(viewed.api, run["id"])
    fresh = viewed.ask("retrieve", None).body
    assert (fresh["is_cached"], fresh["query_status"]) == (True, None)
    assert warm() == 0


@pytest.mark.parametrize("hours", [1, 7])
def test_what_is_fresh_enough_is_left_alone(viewed: Scene, hours: int) -> None:
    viewed.api.now = NEXT_YEAR - timedelta(hours=hours)
    viewed.ask("query", "force_blocking")
    assert warm() == 0


def test_what_is_stale_is_computed(viewed: Scene) -> None:
    viewed.api.now = NEXT_YEAR - timedelta(hours=13)
    viewed.ask("query", "force_blocking")
    assert warm() == 1


def test_off_by_default(viewed: Scene) -> None:
    assert warm(0) == 0


def test_what_nobody_looks_at_is_left_alone(viewed: Scene) -> None:
    view(viewed, days_ago=8)
    assert warm() == 0


def test_what_is_deleted_is_left_alone(viewed: Scene) -> None:
    assert viewed.api.patch(f"insights/{viewed.insight_id}/", {"deleted": True}).status == 200
    assert warm() == 0


def test_it_gives_way(viewed: Scene) -> None:
    viewed.api.post("query/", {"query": {**viewed.node, "interval": "week"}, "refresh": "async"})
    assert warm() == 0


def test_a_broken_insight_does_not_stop_the_others(viewed: Scene) -> None:
    broken = viewed.api.post("insights/", {"query": {**viewed.node, "interval": "month"}}).body["id"]
    Insight.objects.filter(pk=broken).update(query={"kind": "Nope"}, last_viewed_at=NEXT_YEAR)
    assert warm() == 1
    Insight.objects.filter(pk=broken).update(last_viewed_at=None)
