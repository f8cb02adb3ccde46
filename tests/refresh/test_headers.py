"""What answers say in their headers: tags of saved insights, where the time went, which query it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.api_client import NOW, Api
from tests.refresh.conftest import Scene


def test_a_saved_insight_that_the_client_has(scene: Scene) -> None:
    scene.keep()
    path = f"insights/{scene.insight_id}/"
    tag = scene.api.get(path).headers["ETag"]
    again = scene.api.get(path, headers={"If-None-Match": tag})
    assert (again.status, again.content, again.headers["ETag"]) == (304, b"", tag)


def test_a_refreshed_or_renamed_insight_has_another_tag(scene: Scene) -> None:
    scene.keep()
    path = f"insights/{scene.insight_id}/"
    kept = scene.api.get(path).headers["ETag"]
    later = replace(scene.api, now=NOW + timedelta(hours=13))
    refreshed = later.get(f"{path}?refresh=blocking", headers={"If-None-Match": kept})
    assert (refreshed.status, scene.count(refreshed.body)) == (200, 2.0)
    tag = refreshed.headers["ETag"]
    assert later.patch(path, {"name": "other"}, headers={"If-Match": tag}).status == 200
    assert later.get(path, headers={"If-None-Match": tag}).status == 200
    assert later.patch(path, {"name": "third"}, headers={"If-Match": tag}).status == 412


def test_what_the_time_went_into(scene: Scene) -> None:
    computed, kept = (scene.ask("query", "blocking").headers["Server-Timing"] for _ in range(2))
    assert [part.partition(";dur=")[0] for part in computed.split(", ")] == ["total", "query"]
    assert [part.partition(";dur=")[0] for part in kept.split(", ")] == ["total"]
    assert float(computed.rpartition("=")[2]) > 0


def test_which_query_it_was(scene: Scene, shop: Api) -> None:
    named = scene.ask("query", "force_blocking", client_query_id="mine")
    assert named.headers["X-Query-Id"] == "mine"
    unnamed = scene.ask("query", "blocking")
    assert unnamed.headers["X-Query-Id"] == unnamed.body["cache_key"]
    assert "X-Query-Id" not in shop.get("dashboards/").headers


MISS = 'insights; fwd=miss; detail="nothing is kept: ask with refresh=blocking or refresh=async"'


@pytest.mark.parametrize(
    ("mode", "missing", "kept", "stale"),
    [
        ("force_cache", MISS, "hit", "hit"),
        ("blocking", "fwd=miss; stored", "hit", "fwd=stale; stored"),
        ("async", 'fwd=miss; detail="being computed: see query_status"', "hit", "hit"),
        ("force_blocking", *["fwd=request; stored"] * 3),
        ("force_async", *['fwd=request; detail="being computed: see query_status"'] * 3),
    ],
)
@pytest.mark.parametrize("state", ["missing", "kept", "stale"])
def test_what_the_cache_had(
    own_scene: Scene, mode: str, missing: str, kept: str, stale: str, state: str
) -> None:
    if state != "missing":
        own_scene.keep()
    if state == "stale":
        own_scene.pass_time(timedelta(hours=13))
    expected = {"missing": missing, "kept": kept, "stale": stale}[state]
    told = own_scene.ask("retrieve", mode).headers["Cache-Status"]
    assert told == f"insights; {expected.removeprefix('insights; ')}"
    assert "Cache-Status" not in own_scene.api.get("dashboards/").headers
