"""Retention by the numbered rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api_client import Api

# u1 on days 0, 1, 3; u2 on days 1, 2 (semantics H9); day 0 is 2024-01-10, the last of four is the 13th
PEOPLE = ("u1: A@2024-01-10 A@2024-01-11 A@2024-01-13", "u2: A@2024-01-11 A@2024-01-12")


def retention(api: Api, **options: Any) -> list[dict[str, Any]]:
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    entity = {"id": "A", "type": "events"}
    node = {
        "kind": "RetentionQuery",
        "retentionFilter": {
            "period": "Day",
            "totalIntervals": 4,
            "targetEntity": entity,
            "returningEntity": entity,
            **options,
        },
    }
    return api.query(node).result


def counts(rows: list[dict[str, Any]]) -> list[list[int]]:
    return [[value["count"] for value in row["values"]] for row in rows]


TABLES = [
    pytest.param({}, [[1, 1, 0, 1], [2, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="recurring"),  # H4, H9
    pytest.param(
        {"retentionType": "retention_first_time"},
        [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        id="first time",
    ),  # H5
    pytest.param(
        {"cumulative": True}, [[1, 1, 1, 1], [2, 2, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="on or after"
    ),  # H16
    pytest.param(
        {"minimumOccurrences": 2}, [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], id="twice"
    ),
    pytest.param(
        {"retentionCustomBrackets": [1, 2]}, [[1, 1, 1], [2, 1, 1], [1, 0, 0], [1, 0, 0]], id="brackets"
    ),  # H18
]


@pytest.mark.parametrize(("options", "expected"), TABLES)
def test_table(api: Api, options: dict[str, Any], expected: list[list[int]]) -> None:
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    rows = retention(api, **options)
    assert counts(rows) == expected
    assert [row["date"][:10] for row in rows] == ["2024-01-10", "2024-01-11", "2024-01-12", "2024-01-13"]


def test_the_older_endpoint_is_triangular(api: Api) -> None:  # semantics H10
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    entity = {"id": "A", "type": "events"}
    rows = api.calculate(
        "retention", period="Day", total_intervals=4, target_entity=entity, returning_entity=entity
    ).result
    assert counts(rows) == [[1, 1, 0, 1], [2, 1, 1], [1, 0], [1]]
    assert [row["label"] for row in rows] == ["Day 0", "Day 1", "Day 2", "Day 3"]


def test_who_never_did_the_target_makes_no_cohort(api: Api) -> None:  # semantics H12
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys("u1: A@2024-01-10 B@2024-01-11", "u2: B@2024-01-10")
    rows = retention(api, returningEntity={"id": "B", "type": "events"})
    assert counts(rows)[0] == [1, 1, 0, 0]


def test_first_time_looks_before_the_table(api: Api) -> None:  # semantics H5
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys("u1: A@2023-12-01 A@2024-01-10")
    assert counts(retention(api, retentionType="retention_first_time"))[0] == [0, 0, 0, 0]


WEEKS = [
    pytest.param(0, ["2024-04-28", "2024-05-05", "2024-05-12"], [0, 1, 0], id="weeks start on Sunday"),  # H23
    pytest.param(1, ["2024-04-29", "2024-05-06", "2024-05-13"], [0, 1, 0], id="or on Monday"),
]


@pytest.mark.parametrize(("week_start", "dates", "sizes"), WEEKS)
def test_weeks(api: Api, week_start: int, dates: list[str], sizes: list[int]) -> None:
    api.settings(week_start_day=week_start)
    api.now = datetime(2024, 5, 15, 12, tzinfo=UTC)
    api.journeys("u1: A@2024-05-11T23:59")
    entity = {"id": "A", "type": "events"}
    options = {"period": "Week", "totalIntervals": 3, "targetEntity": entity, "returningEntity": entity}
    rows = api.query({"kind": "RetentionQuery", "retentionFilter": options}).result
    assert [row["date"][:10] for row in rows] == dates
    assert [row["values"][0]["count"] for row in rows] == sizes


def test_people_of_a_row_are_as_many_as_it_says(api: Api) -> None:  # semantics H22
    api.now = datetime(2024, 1, 13, 18, tzinfo=UTC)
    api.journeys(*PEOPLE)
    entity = {"id": "A", "type": "events"}
    source = {
        "kind": "RetentionQuery",
        "retentionFilter": {"totalIntervals": 4, "targetEntity": entity, "returningEntity": entity},
    }
    node = {
        "kind": "ActorsQuery",
        "select": ["actor", "appearances"],
        "source": {"kind": "InsightActorsQuery", "source": source, "interval": 1},
    }
    rows = api.query(node).result
    # as many appearances each, so the later actor comes first
    assert [(row[0]["distinct_ids"], row[1]) for row in rows] == [(["u2"], [1, 1, 0]), (["u1"], [1, 0, 1])]
