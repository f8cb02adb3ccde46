"""Stickiness and lifecycle by the numbered rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

DAYS = {"date_from": "2024-01-08", "date_to": "2024-01-10"}
NOW = datetime(2024, 1, 20, tzinfo=UTC)

COLUMNS = [
    pytest.param({}, [1, 1, 1], ["1 day", "2 days", "3 days"], id="exactly"),  # I1, I3
    pytest.param(
        {"computed_as": "cumulative"},
        [3, 2, 1],
        ["1 day or more", "2 days or more", "3 days or more"],
        id="at least",
    ),  # I5
]


@pytest.mark.parametrize(("options", "data", "labels"), COLUMNS)
def test_stickiness(api: Api, options: dict[str, Any], data: list[int], labels: list[str]) -> None:
    api.now = NOW
    api.journeys(
        "u1: A@2024-01-08T09:00 A@2024-01-08T10:00 A@2024-01-09",
        "u2: A@2024-01-08 A@2024-01-09 A@2024-01-10",
        "u3: A@2024-01-10",
    )
    series = api.calculate("trend", insight="STICKINESS", events=[{"id": "A"}], **options, **DAYS).result[0]
    assert (series["data"], series["labels"], series["days"]) == (data, labels, [1, 2, 3])
    assert series["count"] == 3


def test_lifecycle(api: Api) -> None:  # semantics I11-I13, the example of section I
    api.now = datetime(2024, 1, 11, 6, tzinfo=UTC)
    api.identify("u1", plan="free")  # created on the 11th
    api.now = NOW
    api.journeys("u1: A@2024-01-12 A@2024-01-13 A@2024-01-15 A@2024-01-16")
    result = api.calculate(
        "trend", insight="LIFECYCLE", events=[{"id": "A"}], date_from="2024-01-11", date_to="2024-01-18"
    ).result
    assert {s["status"]: s["data"] for s in result} == {
        "new": [0, 0, 0, 0, 0, 0, 0, 0],
        "returning": [0, 0, 1, 0, 0, 1, 0, 0],
        "resurrecting": [0, 1, 0, 0, 1, 0, 0, 0],
        "dormant": [0, 0, 0, -1, 0, 0, -1, 0],
    }
