"""Every cell of mode x age, at every place that reads `refresh` (api R1-R4, R7, R8).

The answer kept counts one event, a new one counts two: so an answer shows by itself where it is from.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api_client import NOW, Api, make_project
from tests.refresh.conftest import Scene, in_background

HOURS = {"missing": None, "very fresh": 1, "somewhat fresh": 7, "stale": 13}

# (result, is_cached, whether a run begins), by age as in HOURS
KEPT, FRESH, NOTHING = (1.0, True, False), (2.0, False, False), (None, False, False)
STARTED, KEPT_AND_STARTED = (None, False, True), (1.0, True, True)
FIRST = (1.0, False, False)  # computed when nothing was kept
CELLS = {
    "force_cache": (NOTHING, KEPT, KEPT, KEPT),
    "blocking": (FIRST, KEPT, FRESH, FRESH),
    "async": (STARTED, KEPT, KEPT_AND_STARTED, KEPT_AND_STARTED),
    "lazy_async": (STARTED, KEPT, KEPT, KEPT_AND_STARTED),
    "force_blocking": (FIRST, FRESH, FRESH, FRESH),
    "force_async": (STARTED, STARTED, STARTED, STARTED),
    "async_except_on_cache_miss": (FIRST, KEPT, KEPT_AND_STARTED, KEPT_AND_STARTED),
}
AT_QUERY = {**CELLS, "force_cache": CELLS["blocking"]}  # api R2
CASES = [
    pytest.param(place, mode, age, cell, id=f"{place}: {mode}, {age}")
    for place in ("retrieve", "list", "query")
    for mode, row in (AT_QUERY if place == "query" else CELLS).items()
    for age, cell in zip(HOURS, row, strict=True)
]


@pytest.mark.parametrize(("place", "mode", "age", "cell"), CASES)
def test_a_cell_of_the_table(scene: Scene, place: str, mode: str, age: str, cell: Any) -> None:
    hours = HOURS[age]
    if hours is not None:
        scene.keep()
        scene.pass_time(timedelta(hours=hours))
    count, is_cached, starts = cell

    answer = scene.ask(place, mode)

    assert answer.status == (202 if place == "query" and starts else 200), answer.body
    body = scene.shown(place, answer)
    assert scene.count(body) == count
    assert body.get("is_cached", False) is is_cached
    status = body["query_status"]
    assert (status is not None) is starts
    if starts:
        assert (status["complete"], status["error"], status["results"]) == (False, False, None)
        expected = None if place == "query" else scene.insight_id
        assert (status["team_id"], status["insight_id"]) == (scene.api.project.pk, expected)
    if count is not None:
        _facts_fit(body, NOW if is_cached or hours is None else scene.api.now)


def _facts_fit(body: dict[str, Any], refreshed: Any) -> None:
    """api R7, R8: of a question by day."""
    assert body["last_refresh"] == _iso(refreshed)
    assert body["cache_target_age"] == _iso(refreshed + timedelta(hours=6))
    assert body["next_allowed_client_refresh"] == _iso(refreshed + timedelta(minutes=1))


def _iso(at: Any) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("place", ["retrieve", "list"])
def test_a_miss_has_no_facts_but_a_zone(scene: Scene, place: str) -> None:  # api P1
    body = scene.shown(place, scene.ask(place, None))
    for key in ("result", "last_refresh", "cache_target_age", "next_allowed_client_refresh"):
        assert body[key] is None
    assert (body["is_cached"], body["timezone"], body["query_status"]) == (False, "UTC", None)


@pytest.mark.parametrize("endpoint_mode", ["async", "lazy_async", "force_cache", None])
def test_a_calculation_always_answers(scene: Scene, endpoint_mode: str | None) -> None:  # api R2
    api = scene.api
    body = {"events": [{"id": scene.event}], **({"refresh": endpoint_mode} if endpoint_mode else {})}
    first, second = (api.post("insights/trend/", body) for _ in range(2))
    assert (first.status, first.result[0]["count"], first.body["is_cached"]) == (200, 1.0, False)
    assert (second.result[0]["count"], second.body["is_cached"]) == (1.0, True)


@pytest.mark.parametrize("mode", ["force_async", "force_blocking", "true"])
def test_a_forced_calculation_is_new(scene: Scene, mode: str) -> None:
    body = {"events": [{"id": scene.event}], "refresh": mode}
    assert [scene.api.post("insights/trend/", body).body["is_cached"] for _ in range(2)] == [False, False]


def test_one_entry_for_everybody_who_asks_the_same(scene: Scene) -> None:  # api R9
    scene.keep()
    scene.create()  # another insight with the same question
    assert scene.count(scene.ask("retrieve", None).body) == 1.0
    legacy = scene.api.post("insights/trend/", {"events": [{"id": scene.event}], "interval": "day"})
    assert (legacy.result[0]["count"], legacy.body["is_cached"]) == (1.0, True)


def test_an_edited_insight_never_shows_the_old_result(scene: Scene) -> None:
    scene.keep()
    other = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "B"}]}
    changed = scene.api.patch(f"insights/{scene.insight_id}/", {"query": other})
    assert (changed.status, changed.body["result"]) == (200, None)
    assert scene.ask("retrieve", None).body["result"] is None


@pytest.mark.parametrize(
    "setting",
    [{"timezone": "Europe/Berlin"}, {"week_start_day": 1}, {"aggregate_users_by_distinct_id": True}],
)
def test_a_changed_project_never_shows_the_old_result(own_scene: Scene, setting: dict[str, Any]) -> None:
    own_scene.keep()
    own_scene.api.settings(**setting)
    assert own_scene.ask("retrieve", None).body["result"] is None


def test_an_answer_lives_a_week(scene: Scene) -> None:  # api R9
    scene.keep()
    scene.pass_time(timedelta(days=7))
    assert scene.count(scene.ask("retrieve", None).body) == 1.0
    scene.pass_time(timedelta(days=7, seconds=1))
    assert scene.ask("retrieve", None).body["result"] is None


def test_a_closed_range_is_never_computed_again(scene: Scene) -> None:  # api R6
    scene.node = {**scene.node, "dateRange": {"date_from": "2024-01-01", "date_to": "2024-01-12"}}
    scene.keep()
    scene.pass_time(timedelta(days=6))
    answer = scene.ask("query", "blocking")
    assert (scene.count(answer.body), answer.body["is_cached"]) == (1.0, True)


# --- in the background -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["retrieve", "query"])
def test_the_whole_way_of_a_background_run(scene: Scene, place: str) -> None:  # api R13, R16
    started = scene.ask(place, "async").body["query_status"]
    path = f"query/{started['id']}/"
    assert started["start_time"] == _iso(NOW)
    assert started["expiration_time"] == _iso(NOW + timedelta(minutes=20))

    waiting = scene.api.get(path)
    assert (waiting.status, waiting.body["query_status"]) == (202, started)

    in_background(scene.api, started["id"])

    ended = scene.api.get(path)
    status = ended.body["query_status"]
    assert (ended.status, status["complete"], status["error"]) == (200, True, False)
    assert scene.count(status["results"]) == 1.0
    assert status["results"]["is_cached"] is False
    assert (status["pickup_time"], status["end_time"]) == (_iso(NOW), _iso(NOW))
    assert status["task_id"]

    later = scene.ask("retrieve", None).body
    assert (scene.count(later), later["is_cached"], later["query_status"]) == (1.0, True, None)


def test_a_running_query_is_attached_whatever_the_mode(scene: Scene) -> None:  # api R4
    started = scene.ask("retrieve", "force_async").body["query_status"]
    for place in ("retrieve", "list"):
        assert scene.shown(place, scene.ask(place, None))["query_status"]["id"] == started["id"]
    in_background(scene.api, started["id"])
    for place in ("retrieve", "list"):
        assert scene.shown(place, scene.ask(place, None))["query_status"] is None


@pytest.mark.parametrize("mode", ["async", "lazy_async", "force_async"])
def test_what_is_under_way_is_not_started_twice(scene: Scene, mode: str) -> None:  # api R11
    mine = f"mine-{scene.event}"
    first = scene.ask("query", mode, client_query_id=mine).body["query_status"]
    second = scene.ask("query", mode, client_query_id="yours").body["query_status"]
    third = scene.ask("retrieve", mode).body["query_status"]
    assert [status["id"] for status in (first, second, third)] == [mine] * 3  # R12


def test_a_new_run_replaces_one_that_has_ended(scene: Scene) -> None:
    first = scene.ask("query", "force_async").body["query_status"]
    in_background(scene.api, first["id"])
    scene.pass_time(timedelta(hours=1))
    second = scene.ask("query", "force_async").body["query_status"]
    assert (second["complete"], second["start_time"]) == (False, _iso(NOW + timedelta(hours=1)))


def test_a_status_goes_after_twenty_minutes(scene: Scene) -> None:  # api R10
    started = scene.ask("query", "async").body["query_status"]
    scene.pass_time(timedelta(minutes=20))
    assert scene.api.get(f"query/{started['id']}/").status == 202
    scene.pass_time(timedelta(minutes=20, seconds=1))
    assert scene.api.get(f"query/{started['id']}/").error == (404, "not_found", None)


def test_an_unknown_run_and_another_projects(scene: Scene) -> None:
    started = scene.ask("query", "async", client_query_id="shared-name").body["query_status"]
    assert scene.api.get("query/nothing/").status == 404
    assert make_project().get(f"query/{started['id']}/").status == 404


@pytest.mark.parametrize("name", ["a b", "x" * 129, "ü", "%", "a/b", 5])
def test_a_name_that_cannot_be_one(scene: Scene, name: Any) -> None:  # api R12
    answer = scene.ask("query", "async", client_query_id=name)
    assert answer.error == (400, "invalid_input", "client_query_id")


def test_old_spellings(scene: Scene) -> None:  # api W1, W3
    started = scene.api.post("query/", {"query": scene.node, "async": True})
    assert started.status == 202
    assert (
        scene.api.get(f"query/{started.body['query_status']['id']}/", {"showProgress": "true"}).status == 202
    )


def test_the_query_string_wins_over_the_body(scene: Scene) -> None:  # api R1
    answer = scene.api.post("query/?refresh=force_async", {"query": scene.node, "refresh": "blocking"})
    assert answer.status == 202


@pytest.mark.parametrize("place", ["retrieve", "query"])
def test_an_unknown_mode(scene: Scene, place: str) -> None:
    assert scene.ask(place, "sometimes").error == (400, "invalid_choice", "refresh")


def test_an_unknown_mode_of_a_list(scene: Scene) -> None:  # api P5
    assert scene.ask("list", "sometimes").status == 200


def test_check_auth(shop: Api) -> None:  # api W5
    answer = shop.post("query/check_auth_for_async/")
    assert (answer.status, answer.body) == (200, {"user": "ok"})
