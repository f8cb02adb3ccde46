"""What holds for every retention table, whatever is asked (semantics H4-H8, H16, H22)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.api_client import Api, make_project

DAYS = 6
TOWN = (
    'u1: A@2024-01-08{p:"x"} A@2024-01-08T13:00{p:"y"} B@2024-01-09 A@2024-01-10{p:"z"} B@2024-01-11',
    'u2: A@2024-01-08{p:"x"} A@2024-01-09{p:"x"} A@2024-01-10{p:"y"} A@2024-01-13{p:"y"}',
    'u3: B@2024-01-08 A@2024-01-09{p:"z"} B@2024-01-12 B@2024-01-13 A@2024-01-13{p:"x"}',
    'u4: A@2023-12-20{p:"x"} A@2024-01-11{p:"y"} B@2024-01-12 A@2024-01-12{p:"w"}',
    'u5: A@2024-01-12{p:"w"} A@2024-01-12T20:00{p:"v"} B@2024-01-13',
)
A, B = {"id": "A", "type": "events"}, {"id": "B", "type": "events"}
BY_P = {"breakdown": "p", "breakdown_type": "event", "breakdown_limit": 2}
OPTIONS = [
    pytest.param({}, id="recurring"),
    pytest.param({"retentionType": "retention_first_time"}, id="first time"),
    pytest.param({"retentionType": "retention_first_ever_occurrence"}, id="first ever"),
    pytest.param({"cumulative": True}, id="on or after"),
    pytest.param({"minimumOccurrences": 2, "returningEntity": A}, id="twice"),
    pytest.param({"retentionCustomBrackets": [1, 2, 2]}, id="brackets"),
    pytest.param({"timeWindowMode": "24_hour_windows"}, id="24 hours"),
]


@pytest.fixture(scope="module")
def town(service: None) -> Api:
    """Five people, six days, four values; nobody changes it."""
    api = make_project()
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*TOWN)
    return api


def question(options: dict[str, Any], **fields: Any) -> dict[str, Any]:
    entities = {"targetEntity": A, "returningEntity": B}
    return {
        "kind": "RetentionQuery",
        "retentionFilter": {"totalIntervals": DAYS, **entities, **options},
    } | fields


def tables(rows: list[dict[str, Any]]) -> Iterator[list[list[int]]]:
    for start in range(0, len(rows), DAYS):
        yield [[cell["count"] for cell in row["values"]] for row in rows[start : start + DAYS]]


@pytest.mark.parametrize("split", [{}, {"breakdownFilter": BY_P}], ids=["whole", "by value"])
@pytest.mark.parametrize("options", OPTIONS)
def test_nobody_returns_who_is_not_in_the_cohort(town: Api, options: Any, split: Any) -> None:
    rows = town.query(question(options, **split)).result
    assert sum(row["values"][0]["count"] for row in rows) > 0
    for table in tables(rows):
        for row in table:
            assert max(row) == row[0]  # at most a hundred per cent
            if options.get("cumulative"):
                assert all(before >= after for before, after in pairwise(row))


@pytest.mark.parametrize("split", [{}, {"breakdownFilter": BY_P}], ids=["whole", "by value"])
@pytest.mark.parametrize("options", OPTIONS)
def test_people_are_as_many_as_the_cell_says(town: Api, options: Any, split: Any) -> None:
    source = question(options, **split)
    rows = town.query(source).result
    for place, row in enumerate(rows):
        if not row["values"][0]["count"]:
            continue
        point = {
            "kind": "InsightActorsQuery",
            "source": source,
            "interval": place % DAYS,
            "breakdown": row.get("breakdown_value"),
        }
        listed = town.query(
            {"kind": "ActorsQuery", "source": point, "select": ["actor", "appearances"]}
        ).result
        assert len({actor["uuid"] for actor, _ in listed}) == len(listed)
        wanted = [cell["count"] for cell in row["values"]][: len(listed[0][1])]
        assert [sum(column) for column in zip(*(seen for _, seen in listed), strict=True)] == wanted


def test_cell_0_of_recurring_is_whoever_did_it(town: Api) -> None:
    rows = town.query(question({})).result
    trend = town.trend({"id": "A", "math": "dau"}, date_from="2024-01-08", date_to="2024-01-13")
    assert [row["values"][0]["count"] for row in rows] == trend[0]["data"] == [2, 2, 2, 1, 2, 2]
