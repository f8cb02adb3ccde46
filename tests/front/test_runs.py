"""What runs now is listed and can be stopped (api Q21)."""

from __future__ import annotations

import pytest

from insights import background, keeping
from insights.compute import Run, announced
from insights_service import clock
from queries.cache.status import NewRun
from queries.errors import QueryCancelled
from tests.front.conftest import TREND, Visitor, words


def test_a_run_that_somebody_waits_for(visitor: Visitor, unique: str) -> None:
    run = Run(visitor.api.project.pk, f"run-{unique}")
    with announced(run):
        assert run.id in words(visitor.get("queries/"))
        stopped = visitor.post("queries/", id=run.id)
        assert "cancelled" in words(visitor.get(stopped["Location"])).lower()
        with pytest.raises(QueryCancelled):
            run.check()
    assert run.id not in words(visitor.get("queries/"))


def test_two_runs_of_one_name_are_there_until_both_have_ended(visitor: Visitor, unique: str) -> None:
    one, two = Run(visitor.api.project.pk, unique), Run(visitor.api.project.pk, unique)
    with announced(one):
        with announced(two):
            pass
        assert unique in words(visitor.get("queries/"))
    assert "Nothing is running" in words(visitor.get("queries/"))


def test_a_run_in_the_background(visitor: Visitor, unique: str) -> None:
    insight = visitor.insight(name="Slow one")
    new = NewRun(f"job-{unique}", visitor.api.project.pk, unique, {"query": TREND}, insight["id"])
    keeping.board().start(new, now=clock.now(), limit_seconds=60)
    shown = words(visitor.get("queries/"))
    assert "Slow one" in shown and "waits" in shown and new.id in shown
    visitor.post("queries/", id=new.id)
    assert background.under_way(visitor.api.project.pk) == []


def test_nobody_sees_or_stops_the_runs_of_another_project(
    visitor: Visitor, stranger: Visitor, unique: str
) -> None:
    run = Run(visitor.api.project.pk, unique)
    with announced(run):
        assert unique not in words(stranger.get("queries/"))
        stranger.post("queries/", id=unique)
        run.check()
