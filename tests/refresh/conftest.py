"""A project with one event kept in an answer and one more since, and background runs on demand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from insights import background, keeping, tasks
from insights_service import clock
from tests.api_client import NOW, Answer, Api, make_project


def trend(event: str) -> dict[str, Any]:
    return {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": event, "name": event}]}


def in_background(api: Api, run_id: str, now: datetime | None = None) -> None:
    """Do what a worker does with a run."""
    with clock.frozen(now or api.now):
        status = keeping.board().get(api.project.pk, run_id, now=clock.now())
        assert status is not None
    tasks.compute(background.ticket_of(status), "some-task")


@dataclass
class Scene:
    """One question, about an event of its own, at the three places that answer it."""

    api: Api
    event: str
    node: dict[str, Any]
    insight_id: int = 0
    short_id: str = ""

    def create(self) -> None:
        made = self.api.post("insights/", {"query": {"kind": "InsightVizNode", "source": self.node}})
        assert made.status == 201, made.body
        self.insight_id, self.short_id = made.body["id"], made.body["short_id"]

    def keep(self) -> None:
        """Compute now, so that an answer with one event is kept; then a second event arrives."""
        assert self.count(self.ask("query", "force_blocking").body) == 1.0
        self.api.journeys(f"u9: {self.event}@11:00")

    def pass_time(self, age: timedelta) -> None:
        self.api.now = NOW + age

    def ask(self, place: str, mode: str | None, **parameters: Any) -> Answer:
        given = parameters if mode is None else {"refresh": mode, **parameters}
        if place == "query":
            return self.api.post("query/", {"query": self.node, **given})
        if place == "retrieve":
            return self.api.get(f"insights/{self.insight_id}/", given)
        return self.api.get("insights/", {"short_id": self.short_id, **given})

    def shown(self, place: str, answer: Answer) -> dict[str, Any]:
        """The part of an answer that is about this question."""
        if place == "list":
            assert answer.status == 200, answer.body
            return next(row for row in answer.body["results"] if row["id"] == self.insight_id)
        return answer.body

    @staticmethod
    def count(body: dict[str, Any]) -> float | None:
        """How many events the answer counted; None without a result."""
        result = body.get("result", body.get("results"))
        return None if result is None else result[0]["count"]


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    """One project for all tests of a file: each asks about an event of its own."""
    return make_project()


@pytest.fixture
def scene(shop: Api, unique: str) -> Scene:
    return stage(replace(shop), f"A{unique}")


@pytest.fixture
def own_scene(api: Api) -> Scene:
    """The same in a project that the test may change."""
    return stage(api, "A")


def stage(api: Api, event: str) -> Scene:
    api.journeys(f"u1: {event}@10:00")
    made = Scene(api, event, trend(event))
    made.create()
    return made
