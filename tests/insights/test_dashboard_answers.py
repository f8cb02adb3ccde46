"""Dashboards with answers: what lies over the tiles, how they are refreshed, and that each fails alone
(api W12, W13, P28-P30, R1, R14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from insights.models import Insight
from tests.api_client import NOW, Api

TREND = {
    "kind": "TrendsQuery",
    "series": [{"kind": "EventsNode", "event": "a"}],
    "dateRange": {"date_from": "2024-01-14", "date_to": "2024-01-15"},
}
VARIABLES = {"v1": {"variableId": "v1", "code_name": "name", "value": "a"}}
SQL = {
    "kind": "DataVisualizationNode",
    "source": {
        "kind": "HogQLQuery",
        "query": "SELECT count() FROM events WHERE event = {variables.name}",
        "variables": VARIABLES,
    },
}


@dataclass
class Board:
    """One dashboard with a trend, a question that cannot be read any more, and SQL with a variable."""

    api: Api
    id: int

    def get(self, **parameters: Any) -> dict[str, Any]:
        answer = self.api.get(f"dashboards/{self.id}/", parameters)
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def tiles(self, **parameters: Any) -> list[dict[str, Any]]:
        return [tile["insight"] for tile in self.get(**parameters)["tiles"]]

    def trend(self, **parameters: Any) -> list[float]:
        return list(self.tiles(refresh="force_blocking", **parameters)[0]["result"][0]["data"])


@pytest.fixture
def board(api: Api) -> Board:
    api.journeys(
        'u1: a@10:00{plan: "pro"} a@11:00{plan: "free"}', 'u2: a@12:00{plan: "pro"} b@12:10', day=NOW.date()
    )
    made = api.post("dashboards/", {"name": "Board"}).body["id"]
    broken: dict[str, Any] = {}
    for name, query in (("trend", TREND), ("broken", TREND), ("sql", SQL)):
        broken[name] = api.post("insights/", {"name": name, "query": query, "dashboards": [made]}).body["id"]
    Insight.objects.filter(pk=broken["broken"]).update(query={"kind": "TrendsQuery", "series": "?"})
    return Board(api, made)


@pytest.mark.parametrize("mode", ["blocking", "force_blocking"])
def test_a_tile_that_fails_fails_alone(board: Board, mode: str) -> None:
    trend, broken, sql = board.tiles(refresh=mode)
    assert trend["result"][0]["data"] == [0, 3]
    assert sql["result"] == [[3]]
    assert broken["result"] is None
    status = broken["query_status"]
    assert (status["complete"], status["error"], bool(status["error_message"])) == (True, True, True)
    assert status["dashboard_id"] == board.id


def test_what_is_kept_is_shown_and_nothing_computed(board: Board) -> None:
    assert [tile["result"] for tile in board.tiles()] == [None, None, None]
    board.tiles(refresh="blocking")
    shown = board.get()
    assert [tile["is_cached"] for tile in shown["tiles"]] == [True, False, True]
    assert shown["last_refresh"] == shown["tiles"][0]["last_refresh"] == "2024-01-15T12:00:00Z"


@pytest.mark.parametrize("mode", ["async", "lazy_async", "force_async"])
def test_tiles_in_the_background(board: Board, mode: str) -> None:
    trend, broken, _ = board.tiles(refresh=mode)
    assert trend["query_status"]["complete"] is False
    assert trend["query_status"]["dashboard_id"] == board.id
    assert broken["query_status"]["error"] is True


@pytest.mark.parametrize(
    ("filters", "data"),
    [
        ({"date_from": "2024-01-15"}, [3]),
        ({"date_to": "2024-01-14", "date_from": "2024-01-13"}, [0, 0]),
        ({"properties": [{"key": "plan", "value": "pro"}]}, [0, 2]),
        ({"breakdown_filter": {"breakdown": "plan", "breakdown_type": "event"}}, [0, 2]),
        ({}, [0, 3]),
    ],
    ids=["a date replaces both", "both dates", "properties are added", "a breakdown", "none"],
)
@pytest.mark.parametrize("way", ["saved", "override"])
def test_filters_reach_every_tile(board: Board, filters: dict[str, Any], data: list[float], way: str) -> None:
    if way == "override":
        assert board.trend(filters_override=filters) == data
        assert board.get()["persisted_filters"] == {}
        return
    board.api.patch(f"dashboards/{board.id}/", {"filters": filters})
    assert board.trend() == data
    assert board.api.get(f"dashboards/{board.id}/").body["filters"] == filters
    alone = board.api.get(f"insights/{board.tiles()[0]['id']}/", {"refresh": "force_blocking"})
    assert alone.result[0]["data"] == [0, 3]  # outside of the dashboard it is as it was


def test_an_override_wins_over_what_is_saved_key_by_key(board: Board) -> None:
    """api P29"""
    saved = {"date_from": "2024-01-13", "properties": [{"key": "plan", "value": "pro"}]}
    board.api.patch(f"dashboards/{board.id}/", {"filters": saved})
    assert board.trend() == [0, 0, 2]
    assert board.trend(filters_override={"date_from": "2024-01-15"}) == [2]
    assert board.get(filters_override={"date_from": "2024-01-15"})["filters"] == {
        "date_from": "2024-01-15",
        "properties": saved["properties"],
    }


@pytest.mark.parametrize("way", ["saved", "override"])
def test_variables_reach_sql_tiles(board: Board, way: str) -> None:
    """api P30"""
    wanted = {"v1": {**VARIABLES["v1"], "value": "b"}}
    if way == "saved":
        assert board.api.patch(f"dashboards/{board.id}/", {"variables": wanted}).body["variables"] == wanted
        assert board.tiles(refresh="blocking")[2]["result"] == [[1]]
    else:
        assert board.tiles(refresh="blocking", variables_override=wanted)[2]["result"] == [[1]]
        assert board.get()["variables"] == {}


def test_a_copy_answers_like_its_original(board: Board) -> None:
    board.api.patch(
        f"dashboards/{board.id}/", {"filters": {"date_from": "2024-01-15"}, "variables": VARIABLES}
    )
    for duplicate in (False, True):
        body = {"use_dashboard": board.id, "duplicate_tiles": duplicate}
        copy = Board(board.api, board.api.post("dashboards/", body).body["id"])
        assert copy.trend() == board.trend() == [3]
        ours = [tile["id"] for tile in board.tiles()]
        assert ([tile["id"] for tile in copy.tiles()] == ours) is not duplicate


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "dashboards/"), ("PATCH", "dashboards/{id}/"), ("PUT", "dashboards/{id}/")]
)
def test_writes_compute_when_they_are_told_to(board: Board, method: str, path: str) -> None:
    body = {"name": "x", "use_dashboard": board.id} if method == "POST" else {"name": "x"}
    silent = board.api.call(method, path.format(id=board.id), body).body["tiles"][0]["insight"]
    assert silent["result"] is None
    asked = board.api.call(method, f"{path.format(id=board.id)}?refresh=blocking", body)
    assert asked.body["tiles"][0]["insight"]["result"][0]["data"] == [0, 3]


def test_words_are_no_part_of_a_chart(board: Board) -> None:
    tile = board.get()["tiles"][0]["id"]
    refused = board.api.patch(f"dashboards/{board.id}/", {"tiles": [{"id": tile, "text": {"body": "x"}}]})
    assert refused.error == (400, "invalid_input", "tiles__0__text")


def test_a_deleted_insight_is_not_put_back_by_its_tile(board: Board) -> None:
    """api P31: its tiles stay away unless `dashboards` is sent."""
    tile = board.get()["tiles"][0]
    insight = f"insights/{tile['insight']['id']}/"
    board.api.patch(insight, {"deleted": True})
    put_back = board.api.patch(f"dashboards/{board.id}/", {"tiles": [{"id": tile["id"], "deleted": False}]})
    assert put_back.error == (400, "does_not_exist", "tiles__0__id")
    assert board.api.patch(insight, {"deleted": False}).body["dashboards"] == []
