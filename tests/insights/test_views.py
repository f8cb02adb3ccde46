"""Views, my last viewed, cancel, timing (api Q.4, Q.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.insights.conftest import Desk


def last_viewed(desk: Desk) -> list[str]:
    return [row["name"] for row in desk.get("/insights/my_last_viewed/").json()]


def test_the_last_five_newest_first(desk: Desk) -> None:
    """api Q18, Q20"""
    insights = [desk.insight(name=str(number)) for number in range(7)]
    for minute, insight in enumerate([*insights, insights[2]]):
        desk.now = f"2024-03-15T10:{minute:02}:00Z"
        response = desk.post(f"/insights/{insight['id']}/viewed/", {"name": "ignored"})
        assert (response.status_code, response.content) == (200, b"")
    assert last_viewed(desk) == ["2", "6", "5", "4", "3"]
    desk.change(insights[6], deleted=True)
    assert last_viewed(desk) == ["2", "5", "4", "3", "1"]
    assert last_viewed(desk.colleague()) == []


def test_the_own_view_and_that_of_anybody(desk: Desk) -> None:
    insight = desk.insight(name="x")
    path = f"/insights/{insight['id']}/"
    desk.post(f"{path}viewed/")
    bob = desk.colleague()
    bob.now = "2024-03-16T00:00:00Z"
    bob.post(f"{path}viewed/")
    assert desk.get(path).json()["last_viewed_at"] == "2024-03-16T00:00:00Z"
    assert desk.get("/insights/my_last_viewed/").json()[0]["last_viewed_at"] == "2024-03-15T09:30:00Z"


def test_nothing_else_counts_as_a_view(desk: Desk) -> None:
    insight = desk.insight(name="x")
    desk.get(f"/insights/{insight['id']}/?refresh=blocking")
    desk.get("/insights/")
    desk.change(insight, name="y")
    assert last_viewed(desk) == []


def test_viewing_changes_no_times_and_no_version(desk: Desk) -> None:
    """api P20"""
    insight = desk.insight(name="x")
    path = f"/insights/{insight['id']}/"
    before = desk.get(path)
    desk.now = "2024-04-01T00:00:00Z"
    desk.post(f"{path}viewed/")
    after = desk.get(path)
    assert after.json()["updated_at"] == before.json()["updated_at"]
    assert after["ETag"] == before["ETag"]


def test_many_at_once(desk: Desk) -> None:
    """api Q19"""
    one, gone = desk.insight(name="one"), desk.insight(name="gone")
    desk.change(gone, deleted=True)
    foreign = Desk(desk.world, project=desk.world.blog).insight(name="foreign")
    ids = [one["id"], one["id"], gone["id"], foreign["id"], 999999, 10**30, -1]
    response = desk.post("/insights/viewed/", {"insight_ids": ids})
    assert (response.status_code, response.content) == (201, b"")
    assert last_viewed(desk) == ["one"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"insight_ids": []}, "empty"),
        ({"insight_ids": "x"}, "not_a_list"),
        ({"insight_ids": ["x"]}, "incorrect_type"),
        ({"insight_ids": None}, "null"),
        ({"insight_ids": [1] * 2501}, "max_length"),
    ],
)
def test_bad_lists_of_views(desk: Desk, body: Any, code: str) -> None:
    assert desk.refused(desk.post("/insights/viewed/", body)) == (400, code, "insight_ids")


@pytest.mark.parametrize("path", ["/insights/viewed/", "/insights/cancel/", "/insights/timing/"])
def test_words_win_over_ids(desk: Desk, path: str) -> None:
    """api M6"""
    assert desk.get(path).status_code == 405


def test_cancel(desk: Desk) -> None:
    """api Q21"""
    response = desk.post("/insights/cancel/", {"client_query_id": "nobody's"})
    assert (response.status_code, response.content) == (200, b"")
    assert desk.refused(desk.post("/insights/cancel/")) == (400, "required", "client_query_id")
    assert desk.refused(desk.post("/insights/cancel/", {"x": 1})) == (400, "required", "client_query_id")
    too_long = {"client_query_id": "x" * 129}
    assert desk.refused(desk.post("/insights/cancel/", too_long)) == (400, "max_length", "client_query_id")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query_id": "q", "time_to_see_data_ms": 812, "type": "insight_load", "anything": {"else": [1]}},
        {"time_to_see_data_ms": "x", "query_id": 7, "insights_fetched": -1},
    ],
)
def test_timing(desk: Desk, body: Any) -> None:
    """api Q22"""
    response = desk.post("/insights/timing/", body)
    assert (response.status_code, response.content) == (200, b"")


def test_timing_has_a_limit(desk: Desk) -> None:
    assert desk.refused(desk.post("/insights/timing/", {"x": "y" * 70_000}))[0] == 400
