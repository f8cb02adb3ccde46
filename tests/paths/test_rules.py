"""Paths by the numbered rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

DAY = {"date_from": "2024-01-10", "date_to": "2024-01-10"}


def visit(user: str, *stops: str) -> str:
    """`/a@10:00` -> a page view of that address."""
    views = []
    for stop in stops:
        url, _, when = stop.rpartition("@")
        views.append(f'$pageview@{when}{{$current_url:"{url}"}}')
    return f"{user}: {' '.join(views)}"


def paths(api: Api, **options: Any) -> list[tuple[str, str, int]]:
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    result = api.calculate("path", include_event_types=["$pageview"], **DAY, **options).result
    return [(edge["source"], edge["target"], edge["value"]) for edge in result]


SESSIONS = [
    pytest.param("10:29:59", [("1_/a", "2_/b", 1)], id="a second short of half an hour goes on"),  # G9
    pytest.param("10:30:00", [], id="half an hour begins a new session"),
]


@pytest.mark.parametrize(("when", "expected"), SESSIONS)
def test_sessions(api: Api, when: str, expected: list[Any]) -> None:
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(visit("u1", "/a@10:00:00", f"/b@{when}"))
    assert paths(api) == expected


def test_slashes_and_repeats_collapse(api: Api) -> None:  # semantics G4, G10
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(visit("u1", "/1@10:00:00", "/1@10:00:20", "/2@10:01:00", "/2/@10:01:20"))
    edge = api.calculate("path", include_event_types=["$pageview"], **DAY).result[0]
    assert edge == {"source": "1_/1", "target": "2_/2", "value": 1, "average_conversion_time": 60_000.0}


LONG = visit("u1", *(f"/{letter}@10:0{minute}:00" for minute, letter in enumerate("abcdef")))
CUTS = [
    pytest.param({"start_point": "/c"}, ["1_/c", "2_/d", "3_/e"], id="start"),  # G12
    pytest.param({"end_point": "/d"}, ["1_/a", "2_/b", "3_/c"], id="end"),  # G13
    pytest.param({"end_point": "/f", "step_limit": 3}, ["1_/d", "2_/e"], id="the items nearest to the end"),
    pytest.param(
        {"start_point": "/a", "end_point": "/f"}, ["1_/a", "2_/b", "3_...", "4_/e"], id="an ellipsis"
    ),  # G14
    pytest.param({"start_point": "/x"}, [], id="no session has it"),
    pytest.param({"exclude_events": ["/b", "/c"], "step_limit": 2}, ["1_/a"], id="neighbours join"),  # G8
    pytest.param({"path_groupings": ["/[bc"], "step_limit": 2}, ["1_/a"], id="groupings are literal"),  # G7
]


@pytest.mark.parametrize(("options", "sources"), CUTS)
def test_cuts(api: Api, options: dict[str, Any], sources: list[str]) -> None:
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(LONG)
    found = sorted(paths(api, **options), key=lambda edge: int(edge[0].split("_")[0]))
    assert [source for source, _, _ in found] == sources


def test_groupings_replace_the_whole_item(api: Api) -> None:  # semantics G6
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(visit("u1", "/item/5@10:00", "/shop/item/9@10:01", "/end@10:02"))
    assert paths(api, path_groupings=["/item/*"]) == [("1_/item/*", "2_/end", 1)]


def test_edges_without_a_way_from_the_start_are_removed(api: Api) -> None:  # semantics G20
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(
        visit("u1", "/a@10:00", "/b@10:01"),
        visit("u2", "/a@10:00", "/b@10:01"),
        visit("u3", "/c@10:00", "/x@10:01", "/y@10:02"),
        visit("u4", "/d@10:00", "/x@10:01", "/y@10:02"),
    )
    assert paths(api, edge_limit=2) == [("1_/a", "2_/b", 2)]
