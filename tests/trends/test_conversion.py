"""`filters` <-> node over HTTP (api T10): the same question, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api

FILTERS: list[dict[str, Any]] = [
    {
        "insight": "TRENDS",
        "events": [{"id": "A", "type": "events", "order": 0, "math": "sum", "math_property": "n"}],
        "actions": [{"id": 7, "type": "actions", "order": 1}],
        "properties": [{"key": "p", "value": ["x"], "operator": "exact", "type": "event"}],
        "breakdown": "p",
        "breakdown_type": "event",
        "formula": "A/B",
        "compare": True,
        "date_from": "-30d",
        "interval": "week",
        "smoothing_intervals": 3,
        "display": "ActionsBar",
    },
    {"insight": "STICKINESS", "events": [{"id": "A", "order": 0}], "date_from": "-7d", "interval": "week"},
    {"insight": "LIFECYCLE", "events": [{"id": "A", "order": 0}], "interval": "week"},
    {"insight": "FUNNELS", "events": [{"id": "A", "order": 0}, {"id": "B", "order": 1}]},
    {"insight": "PATHS", "include_event_types": ["$pageview"]},
    {"insight": "RETENTION", "period": "Week", "total_intervals": 5},
]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: filters["insight"])
def test_there_and_back(api: Api, filters: dict[str, Any]) -> None:
    node = api.post("query/convert/", {"filters": filters}).body["query"]
    again = api.post("query/convert/", {"query": node}).body["filters"]
    assert {key: again[key] for key in filters if key not in ("events", "actions", "properties")} == {
        key: value for key, value in filters.items() if key not in ("events", "actions", "properties")
    }
    assert api.post("query/convert/", {"filters": again}).body == {"query": node}


def test_a_wrapper_means_its_source(api: Api) -> None:
    node = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}]}
    wrapped = api.post("query/convert/", {"query": {"kind": "InsightVizNode", "source": node}}).body
    assert wrapped == api.post("query/convert/", {"query": node}).body
    assert wrapped["filters"]["events"][0]["id"] == "A"


@pytest.mark.parametrize(
    "body, expected",
    [
        ({}, (400, "required", "filters")),
        ({"filters": {}, "query": {"kind": "TrendsQuery", "series": []}}, (400, "required", "filters")),
        ({"query": {"kind": "HogQLQuery", "query": "select 1"}}, (400, "not_supported", "query__kind")),
        ({"filters": {"insight": "TRENDS", "interval": "x"}}, (400, "invalid_choice", "filters__interval")),
    ],
)
def test_what_cannot_be_converted(api: Api, body: Any, expected: Any) -> None:
    assert api.post("query/convert/", body).error == expected
