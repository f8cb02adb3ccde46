"""Writing without overwriting others, and creating once (ETag, If-Match, Idempotency-Key)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from insights.models import Insight
from tests.api.accounts_world import World
from tests.insights.conftest import Desk


@pytest.mark.parametrize("kind", ["insights", "dashboards"])
def test_a_stale_version_is_refused(desk: Desk, kind: str) -> None:
    thing = desk.insight(name="x") if kind == "insights" else desk.dashboard(name="x")
    path = f"/{kind}/{thing['id']}/"
    read = desk.get(path)["ETag"]
    assert desk.patch(path, {"name": "theirs"}, headers={"If-Match": read}).status_code == 200
    stale = desk.patch(path, {"name": "mine"}, headers={"If-Match": read})
    assert desk.refused(stale) == (412, "precondition_failed", None)
    assert desk.get(path).json()["name"] == "theirs"


@pytest.mark.parametrize("wanted", ["*", '"other", {}', "W/{}", "{}"])
def test_what_matches(desk: Desk, wanted: str) -> None:
    insight = desk.insight(name="x")
    path = f"/insights/{insight['id']}/"
    tag = desk.get(path)["ETag"].removeprefix("W/")
    assert desk.patch(path, {"name": "y"}, headers={"If-Match": wanted.format(tag)}).status_code == 200


def test_the_tag_of_an_answer_is_the_one_to_come_back_with(desk: Desk) -> None:
    created = desk.post("/insights/", {"name": "x"})
    path = f"/insights/{created.json()['id']}/"
    first = desk.patch(path, {"name": "y"}, headers={"If-Match": created["ETag"]})
    assert desk.patch(path, {"name": "z"}, headers={"If-Match": first["ETag"]}).status_code == 200


# --- Idempotency-Key -------------------------------------------------------------------------------------


def once(desk: Desk, key: str, **fields: Any) -> Any:
    return desk.post("/insights/", fields, headers={"Idempotency-Key": key})


def test_a_repetition_creates_nothing(desk: Desk) -> None:
    first, second = once(desk, "k", name="x"), once(desk, "k", name="x")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert desk.listed() == ["x"]


def test_another_body_under_the_same_key(desk: Desk) -> None:
    once(desk, "k", name="x")
    assert desk.refused(once(desk, "k", name="y")) == (409, "conflict", None)


def test_keys_belong_to_their_caller_and_project(desk: Desk) -> None:
    ids = {
        once(somebody, "k", name="x").json()["id"]
        for somebody in (desk, desk.colleague(), Desk(desk.world, project=desk.world.blog))
    }
    assert len(ids) == 3


def test_a_failed_creation_does_not_use_up_its_key(desk: Desk) -> None:
    assert once(desk, "k", dashboards=[99]).status_code == 400
    assert once(desk, "k", name="x").status_code == 201


def test_keys_are_forgotten_after_a_day(desk: Desk) -> None:
    first = once(desk, "k", name="x").json()["id"]
    desk.now = "2024-03-16T09:30:01Z"
    assert once(desk, "k", name="x").json()["id"] != first


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_bad_keys(desk: Desk, key: str) -> None:
    assert once(desk, key, name="x").status_code == 400


# --- at the same moment ----------------------------------------------------------------------------------


def together(calls: list[Any]) -> list[Any]:
    """The answers of calls made in parallel, each on a connection of its own."""
    answers: list[Any] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(position: int) -> None:
        barrier.wait()
        try:
            answers[position] = calls[position]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture
def shared_desk(transactional_db: None) -> Desk:
    return Desk(World.make())


def test_two_creations_with_one_key(shared_desk: Desk) -> None:
    answers = together([lambda: once(shared_desk, "k", name="x")] * 4)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Insight.objects.filter(project=shared_desk.project).count() == 1


def test_writers_of_one_insight_wait_for_each_other(shared_desk: Desk) -> None:
    """api P19: every PATCH is whole; none undoes the other keys of another."""
    desk = shared_desk
    dashboards = [desk.dashboard()["id"] for _ in range(2)]
    insight = desk.insight(name="x", dashboards=dashboards[:1])
    path = f"/insights/{insight['id']}/"
    bodies = [{"description": "d"}, {"tags": ["t"]}, {"dashboards": dashboards}, {"favorited": True}]
    answers = together([lambda body=body: desk.patch(path, body) for body in bodies])
    answers += together([lambda: desk.post(f"{path}viewed/")] * 3)
    assert {answer.status_code for answer in answers} == {200}
    shown = desk.get(path).json()
    assert (shown["description"], shown["tags"], shown["favorited"]) == ("d", ["t"], True)
    assert shown["dashboards"] == dashboards
    assert desk.get(f"{path}activity/").json()["total_count"] == 5


def test_one_version_is_written_once(shared_desk: Desk) -> None:
    desk = shared_desk
    insight = desk.insight(name="x")
    path = f"/insights/{insight['id']}/"
    tag = desk.get(path)["ETag"]
    calls = [lambda: desk.patch(path, {"name": "y"}, headers={"If-Match": tag})] * 3
    assert sorted(answer.status_code for answer in together(calls)) == [200, 412, 412]
