"""Results as tables, from events to lines (api Y2-Y6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api, make_project

RANGE = {"date_from": "2024-01-09", "date_to": "2024-01-10"}
A, B = {"id": "A"}, {"id": "B"}


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.journeys(
        'u1: A@2024-01-09T10:00{plan:"pro"} A@2024-01-10T10:00 B@2024-01-10T10:01',
        'u2: A@2024-01-10T11:00{plan:"=x"}',
    )
    return api


TABLES = [
    pytest.param(
        "trend",
        {"events": [A, B], **RANGE},
        ["series,9-Jan-2024,10-Jan-2024", "A,1.0,2.0", "B,0.0,1.0"],
        id="trend",
    ),
    pytest.param(
        "trend",
        {"events": [A], "breakdown": "plan", "display": "ActionsTable", **RANGE},
        ["series,breakdown,total count", "pro,pro,1.0", "'=x,'=x,1.0", "none,,1.0"],
        id="totals by value",
    ),
    pytest.param(
        "trend",
        {"events": [A], "insight": "STICKINESS", **RANGE},
        ["series,1 day,2 days", "A,1.0,1.0"],
        id="stickiness",
    ),
    pytest.param(
        "trend",
        {"events": [A], "insight": "LIFECYCLE", **RANGE},
        [
            "series,9-Jan-2024,10-Jan-2024",
            "A - new,1.0,1.0",
            "A - dormant,0.0,0.0",
            "A - resurrecting,0.0,0.0",
            "A - returning,0.0,1.0",
        ],
        id="lifecycle",
    ),
    pytest.param(
        "retention",
        {"target_entity": {"id": "A", "type": "events"}, "date_to": "2024-01-10", "total_intervals": 2},
        [
            "cohort,cohort size,Day 0,Day 1",
            "2024-01-09T00:00:00Z,1,1,1",
            "2024-01-10T00:00:00Z,2,2,",
        ],
        id="retention",
    ),
    pytest.param(
        "path",
        {"include_event_types": ["custom_event"], **RANGE},
        ["source,target,value,average_conversion_time", "1_A,2_B,1,60000.0"],
        id="paths",
    ),
]


@pytest.mark.parametrize(("endpoint", "parameters", "lines"), TABLES)
def test_tables(shop: Api, endpoint: str, parameters: Any, lines: list[str]) -> None:
    answer = shop.get(f"insights/{endpoint}.csv", parameters)
    assert answer.status == 200, answer.body
    first, *rest = answer.body.removesuffix("\r\n").split("\r\n")
    assert [first, *sorted(rest)] == [lines[0], *sorted(lines[1:])]


def test_the_saved_insight_has_the_same_table(shop: Api) -> None:  # Y8
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}], "dateRange": RANGE}
    insight = shop.post("insights/", {"query": query}).body
    answer = shop.get(f"insights/{insight['id']}.csv?refresh=blocking")
    assert answer.body.split("\r\n")[:2] == ["series,9-Jan-2024,10-Jan-2024", "A,1.0,2.0"]


def test_retention_by_a_property(api: Api) -> None:  # Y4
    api.journeys('u: A@2024-01-09{p:"x"} A@2024-01-10{p:"x"}', 'v: A@2024-01-09{p:"y"}')
    entity = {"id": "A", "type": "events"}
    query = {
        "kind": "RetentionQuery",
        "retentionFilter": {"targetEntity": entity, "returningEntity": entity, "totalIntervals": 2},
        "breakdownFilter": {"breakdowns": [{"property": "p", "type": "event"}]},
        "dateRange": {"date_to": "2024-01-10"},
    }
    insight = api.post("insights/", {"query": query}).body
    lines = api.get(f"insights/{insight['id']}.csv?refresh=blocking").body.split("\r\n")
    assert lines[:2] == ["cohort,cohort size,Period 0,Period 1", "x - Day 0,1,1,1"]
    assert [line.split(",")[0] for line in lines[2:-1]] == ["x - Day 1", "y - Day 0", "y - Day 1"]
