"""Limits on computed questions, per key and per project (api M16): kept answers are free."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis import ConnectionError as NoRedis

from insights_service import clock, throttling
from insights_service.accounts import services
from insights_service.accounts.services import KeyReach
from insights_service.config import get_config
from tests.api_client import NOW, Api
from tests.refresh.conftest import Scene


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    config = replace(get_config(), test_clock=False, **limits)
    monkeypatch.setattr(throttling, "get_config", lambda: config)


def other_key(api: Api) -> Api:
    reach = KeyReach(["*"], None, None)
    return replace(api, key=services.key_create(user=api.user, label="other", reach=reach)[1])


def test_a_key_has_its_questions(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, throttle_key_queries=1)
    computed = own_scene.ask("query", "force_blocking")
    assert (computed.status, computed.headers["RateLimit-Limit"]) == (200, "1")
    assert computed.headers["RateLimit-Remaining"] == "0"
    refused = own_scene.ask("query", "force_blocking")
    assert refused.error == (429, "throttled", None)
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    kept = own_scene.ask("query", "blocking")
    assert (kept.status, kept.body["is_cached"], "RateLimit-Limit" in kept.headers) == (200, True, False)
    other = other_key(own_scene.api).post("query/", {"query": own_scene.node, "refresh": "force_blocking"})
    assert other.status == 200


def test_a_project_has_its_questions(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, throttle_project_queries=1)
    assert own_scene.ask("query", "force_async").status == 202
    new = {"query": {**own_scene.node, "interval": "hour"}}
    assert other_key(own_scene.api).post("query/", new).error == (429, "throttled", None)
    assert own_scene.ask("query", "force_async").status == 202  # the run that is under way


@pytest.mark.parametrize(
    ("mode", "shown"), [("async", (1.0, True)), ("lazy_async", (1.0, True)), ("force_cache", (1.0, True))]
)
def test_what_is_kept_is_shown_all_the_same(
    own_scene: Scene, monkeypatch: pytest.MonkeyPatch, mode: str, shown: Any
) -> None:
    own_scene.keep()
    own_scene.pass_time(timedelta(hours=13))
    limit(monkeypatch, throttle_project_queries=1)
    own_scene.api.post("query/", {"query": {**own_scene.node, "interval": "hour"}})
    body = own_scene.ask("retrieve", mode).body
    assert (own_scene.count(body), body["is_cached"]) == shown
    status = body["query_status"]
    assert (status is None) == (mode == "force_cache")
    assert status is None or (status["complete"], status["error"]) == (True, True)


def test_a_list_says_it_for_each(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, throttle_project_queries=1)
    own_scene.ask("query", "force_blocking")
    shown = own_scene.shown("list", own_scene.ask("list", "force_blocking"))
    assert shown["result"] is None
    assert "1 questions computed in this hour" in shown["query_status"]["error_message"]


def test_without_a_cache_nobody_is_refused(own_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise NoRedis

    limit(monkeypatch, throttle_project_queries=1, throttle_burst=1)
    monkeypatch.setattr(throttling.cache, "add", away)
    assert [own_scene.ask("query", "force_blocking").status for _ in range(2)] == [200, 200]


def test_the_next_hour_is_another_one(monkeypatch: pytest.MonkeyPatch, service: None, unique: str) -> None:
    limit(monkeypatch)
    with clock.frozen(NOW + timedelta(minutes=59)):
        first = [throttling.counted("x", unique, 1, 3600) for _ in range(2)]
    with clock.frozen(NOW + timedelta(minutes=60)):
        second = throttling.counted("x", unique, 1, 3600)
    assert [count and (count.used, count.seconds_left) for count in first] == [(1, 60), (2, 60)]
    assert second is not None
    assert second.used == 1
