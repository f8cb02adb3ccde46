"""Saved insights with their numbers: refresh modes, lists, dashboards, links, CSV (api P12, P13, R, W12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import NOW, Api

TREND = {
    "kind": "TrendsQuery",
    "series": [{"kind": "EventsNode", "event": "A"}],
    "dateRange": {"date_from": "2024-01-14", "date_to": "2024-01-15"},
}
BROKEN = {**TREND, "trendsFilter": {"formula": "A +"}}
MISS = (None, False, None)


def made(api: Api, **fields: Any) -> str:
    answer = api.post("insights/", {"name": "x", "query": TREND, **fields})
    assert answer.status == 201, answer.body
    return f"insights/{answer.body['id']}/"


def numbers(body: Any) -> Any:
    return body["result"] and [series["data"] for series in body["result"]]


def facts(body: Any) -> tuple[Any, bool, Any]:
    return numbers(body), body["is_cached"], body["last_refresh"]


@pytest.fixture
def busy(api: Api) -> Api:
    api.journeys("u1: A@08:00 A@09:00", "u2: A@10:00", day=NOW.date())
    return api


SUM = [[0.0, 3.0]]
STAMP = NOW.isoformat().replace("+00:00", "Z")


def test_nothing_is_computed_unless_asked(busy: Api) -> None:
    path = made(busy)
    assert facts(busy.get(path).body) == MISS
    assert facts(busy.get("insights/").body["results"][0]) == MISS
    assert facts(busy.get(f"{path}?refresh=blocking").body) == (SUM, False, STAMP)
    body = busy.get(path).body
    assert facts(body) == (SUM, True, STAMP)
    assert body["cache_target_age"] == "2024-01-15T18:00:00Z"  # api R7: six hours on
    assert body["next_allowed_client_refresh"] == "2024-01-15T12:01:00Z"  # api R8
    assert facts(busy.get("insights/").body["results"][0]) == (SUM, True, STAMP)
    assert facts(busy.patch(path, {"name": "y"}).body) == (SUM, True, STAMP)


def test_making_with_a_result(busy: Api) -> None:
    answer = busy.post("insights/?refresh=blocking", {"query": TREND})
    assert (answer.status, *facts(answer.body)) == (201, SUM, False, STAMP)
    again = busy.post("insights/", {"query": TREND, "refresh": "force_cache"})
    assert facts(again.body)[:2] == (SUM, True)  # api R9: the same question shares its answer


def test_old_filters_have_the_same_answer(busy: Api) -> None:
    filters = {"events": [{"id": "A"}], "date_from": "2024-01-14", "date_to": "2024-01-15"}
    path = made(busy, query=None, filters=filters)
    assert numbers(busy.get(f"{path}?refresh=blocking").body) == SUM


@pytest.mark.parametrize("refresh", ["nonsense", "BLOCKING"])
def test_an_unknown_mode(busy: Api, refresh: str) -> None:
    path = made(busy)
    assert busy.get(f"{path}?refresh={refresh}").error == (400, "invalid_choice", "refresh")
    assert busy.post("insights/", {"refresh": refresh}).error == (400, "invalid_choice", "refresh")
    assert busy.patch(path, {"name": "no", "refresh": refresh}).error == (400, "invalid_choice", "refresh")
    assert busy.get(path).body["name"] == "x"
    assert busy.get(f"insights/?refresh={refresh}").body["count"] == 1  # api P5


@pytest.mark.parametrize("name", ["x" * 129, "a b", "%"])
def test_bad_names_of_runs(busy: Api, name: str) -> None:
    answer = busy.get(made(busy), {"client_query_id": name})
    assert answer.error == (400, "invalid_input", "client_query_id")


def test_a_mistake_is_told_when_it_is_computed(busy: Api) -> None:
    """api P13, N5, N6"""
    path = made(busy)
    broken = busy.post("insights/", {"name": "broken", "query": {"kind": "InsightVizNode", "source": BROKEN}})
    assert broken.status == 201
    mine = f"insights/{broken.body['id']}/"
    status, code, attr = busy.get(f"{mine}?refresh=blocking").error
    assert (status, code, attr) == (400, "invalid_input", "query__source__trendsFilter__formula")
    assert facts(busy.get(mine).body) == MISS
    rows = busy.get("insights/?refresh=blocking&order=id").body["results"]
    assert facts(rows[0]) == (SUM, False, STAMP)
    assert facts(rows[1]) == MISS
    assert (rows[1]["query_status"]["complete"], rows[1]["query_status"]["error"]) == (True, True)
    assert rows[1]["query_status"]["error_message"]
    assert busy.get(path).status == 200


def test_a_failing_tile_fails_alone(busy: Api) -> None:
    """api W12"""
    board = busy.post("dashboards/", {"name": "b"}).body["id"]
    made(busy, dashboards=[board])
    made(busy, dashboards=[board], query=BROKEN)
    tiles = busy.get(f"dashboards/{board}/?refresh=blocking").body["tiles"]
    assert [facts(tile["insight"]) for tile in tiles] == [(SUM, False, STAMP), MISS]
    assert (tiles[0]["last_refresh"], tiles[0]["is_cached"]) == (STAMP, False)
    assert tiles[1]["insight"]["query_status"]["error"] is True
    assert tiles[1]["insight"]["query_status"]["dashboard_id"] == board
    assert busy.get(f"dashboards/{board}/").body["last_refresh"] == STAMP


def test_each_context_has_its_own_answer(busy: Api) -> None:
    """api P28"""
    board = busy.post("dashboards/", {"filters": {"date_from": "2024-01-15"}}).body["id"]
    path = made(busy, dashboards=[board])
    plain = busy.get(f"{path}?refresh=blocking").body
    assert facts(busy.get(f"{path}?from_dashboard={board}").body) == MISS
    there = busy.get(f"{path}?from_dashboard={board}&refresh=blocking").body
    assert numbers(there) == [[3.0]]
    assert there["filters_hash"] != plain["filters_hash"]
    assert facts(busy.get(f"dashboards/{board}/").body["tiles"][0]["insight"]) == ([[3.0]], True, STAMP)
    override = '{"properties":[{"key":"x","value":"y"}]}'
    assert numbers(busy.get(f"{path}?filters_override={override}&refresh=blocking").body) == [[0.0, 0.0]]
    assert numbers(busy.get(path).body) == SUM


def test_a_dashboard_filter_that_does_not_fit_an_insight_is_told_in_its_place(busy: Api) -> None:
    mixed = [
        {"property": "a", "type": "event"},
        {"property": "b", "type": "person"},
    ]  # not in funnels (api T8)
    board = busy.post("dashboards/", {"filters": {"breakdown_filter": {"breakdowns": mixed}}}).body["id"]
    made(busy, dashboards=[board], query={**TREND, "kind": "FunnelsQuery"})
    tile = busy.get(f"dashboards/{board}/?refresh=blocking").body["tiles"][0]
    assert facts(tile["insight"]) == MISS
    assert tile["insight"]["query_status"]["error"] is True


def test_csv_of_a_result(busy: Api) -> None:
    """api Y2, Y8"""
    path = made(busy, name="=Signups per day")
    miss = busy.get(f"{path.rstrip('/')}.csv")
    assert (miss.status, miss.body) == (200, "error\r\nNo result to export.\r\n")
    answer = busy.get(f"{path}?format=csv&refresh=blocking")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="signups-per-day.csv"'
    assert answer.body == "series,14-Jan-2024,15-Jan-2024\r\nA,0.0,3.0\r\n"
    assert busy.get(f"{path}?format=csv&refresh=nonsense").error[0] == 400  # api Y9: as JSON


# --- guests (api Q9) -------------------------------------------------------------------------------------


def test_a_guest_gets_the_numbers_and_not_the_filters(busy: Api) -> None:
    secret = [{"key": "email", "operator": "is_not", "value": "ada@example.org", "type": "person"}]
    path = made(
        busy, query={**TREND, "properties": secret, "series": [{**TREND["series"][0], "properties": secret}]}
    )
    token = busy.patch(f"{path}sharing/", {"enabled": True}).body["access_token"]
    guest = Api(busy.project, busy.user, None, busy.now)
    shown = guest.get(f"/shared/{token}.json?refresh=force_blocking")
    assert numbers(shown.body["insight"]) == SUM
    assert b"example.org" not in shown.content
    assert shown.body["insight"]["result"][0]["label"] == "A"
    by_api = guest.get(f"{path}?sharing_access_token={token}")
    assert facts(by_api.body) == (SUM, True, STAMP)
    assert b"example.org" not in by_api.content


def test_numbers_beyond_64_bits_in_a_stored_query(busy: Api) -> None:
    huge = {**TREND, "version": 1e30}
    path = made(busy, query=huge)
    body = busy.get(f"{path}?refresh=blocking").body
    assert (body["query"]["version"], numbers(body)) == (10**30, SUM)
    assert busy.get("insights/").body["results"][0]["query"]["version"] == 10**30


# --- in the background -----------------------------------------------------------------------------------


def test_a_run_in_the_background_is_told(busy: Api) -> None:
    """api R3, R10: no worker here, so the run stays where it is."""
    path = made(busy)
    name = f"run-{busy.project.pk}"
    body = busy.get(f"{path}?refresh=async&client_query_id={name}").body
    assert facts(body) == MISS
    status = body["query_status"]
    assert (status["id"], status["complete"], status["query_async"]) == (name, False, True)
    assert (status["team_id"], f"insights/{status['insight_id']}/") == (busy.project.pk, path)
    assert busy.get(path).body["query_status"]["id"] == name  # api R4: also in force_cache
    assert busy.post("insights/cancel/", {"client_query_id": name}).status == 200
    assert busy.get(path).body["query_status"] is None
