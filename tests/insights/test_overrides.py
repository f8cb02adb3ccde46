"""A question seen through a dashboard (api P28-P30). Pure."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from insights.overrides import apply_dashboard_filters, apply_to_legacy, apply_variables, merge_filters

MINE, THEIRS = [{"key": "a", "value": 1}], [{"key": "b", "value": 2}]
GROUP = {"type": "OR", "values": MINE}


@pytest.mark.parametrize(
    ("node", "filters", "changed"),
    [
        pytest.param({"kind": "TrendsQuery"}, {}, {}, id="no filters change nothing"),
        pytest.param(
            {"kind": "PathsQuery", "dateRange": {"date_from": "-7d", "explicitDate": True}},
            {"date_to": "-1d"},
            {"dateRange": {"date_from": None, "date_to": "-1d"}},
            id="one date replaces both",
        ),
        pytest.param(
            {"kind": "TrendsQuery", "dateRange": {"date_from": "-7d"}},
            {"date_from": None, "date_to": ""},
            {},
            id="empty dates replace nothing",
        ),
        pytest.param(
            {"kind": "FunnelsQuery"},
            {"properties": THEIRS},
            {"properties": THEIRS},
            id="filters alone stay as they are",
        ),
        pytest.param(
            {"kind": "RetentionQuery", "properties": MINE},
            {"properties": THEIRS},
            {
                "properties": {
                    "type": "AND",
                    "values": [{"type": "AND", "values": MINE}, {"type": "AND", "values": THEIRS}],
                }
            },
            id="the dashboard's come second",
        ),
        pytest.param(
            {"kind": "StickinessQuery", "properties": GROUP},
            {"properties": GROUP},
            {"properties": {"type": "AND", "values": [GROUP, GROUP]}},
            id="groups stay groups",
        ),
        pytest.param(
            {"kind": "TrendsQuery", "breakdownFilter": {"breakdown": "x"}},
            {"breakdown_filter": {"breakdown": "y"}},
            {"breakdownFilter": {"breakdown": "y"}},
            id="a breakdown replaces",
        ),
        pytest.param(
            {"kind": "LifecycleQuery"},
            {"breakdown_filter": {"breakdown": "y"}},
            {},
            id="where the kind has one",
        ),
        pytest.param(
            {"kind": "HogQLQuery", "query": "select 1"},
            {"date_from": "-7d", "properties": THEIRS},
            {"filters": {"dateRange": {"date_from": "-7d", "date_to": None}, "properties": THEIRS}},
            id="SQL has them in its filters",
        ),
        pytest.param(
            {"kind": "EventsQuery", "select": [], "after": "-1d"},
            {"date_to": "2024-01-01", "properties": THEIRS},
            {"after": None, "before": "2024-01-01", "properties": THEIRS},
            id="events have after and before",
        ),
        pytest.param({"kind": "ActorsQuery"}, {"date_from": "-7d"}, {}, id="others know no filters"),
        pytest.param({"kind": []}, {"date_from": "-7d"}, {}, id="nonsense stays"),
    ],
)
@pytest.mark.parametrize("wrapper", [None, "InsightVizNode", "DataTableNode", "DataVisualizationNode"])
def test_apply(node: Any, filters: Any, changed: Any, wrapper: str | None) -> None:
    query = {"kind": wrapper, "source": node, "full": True} if wrapper else node
    before = copy.deepcopy(query)
    result = apply_dashboard_filters(query, filters)
    assert (result["source"] if wrapper else result) == {**node, **changed}
    assert query == before  # nothing is changed in place


def test_legacy() -> None:
    stored = {
        "events": [],
        "date_from": "-7d",
        "breakdown": "a",
        "breakdown_type": "person",
        "properties": MINE,
    }
    filters = {"date_to": "-1d", "breakdown_filter": {"breakdown": "b"}, "properties": THEIRS}
    assert apply_to_legacy(stored, filters) == {
        "events": [],
        "date_from": None,
        "date_to": "-1d",
        "breakdown": "b",
        "properties": {
            "type": "AND",
            "values": [{"type": "AND", "values": MINE}, {"type": "AND", "values": THEIRS}],
        },
    }


def test_merging_is_key_by_key() -> None:
    """api P29"""
    dashboard = {"date_from": "-7d", "properties": MINE, "unknown": 1}
    assert merge_filters(dashboard, {"date_from": "-3d", "nonsense": 2}) == {
        "date_from": "-3d",
        "properties": MINE,
    }


@pytest.mark.parametrize(
    "override",
    [
        {"v": {"value": 2}},
        {"v": {"value": 2, "code_name": "hijacked"}},
        {"w": {"value": 3}, "v": {"value": 2}},
    ],
)
def test_variables(override: Any) -> None:
    node = {"kind": "HogQLQuery", "variables": {"v": {"code_name": "n", "value": 1}}}
    assert apply_variables(node, override)["variables"] == {"v": {"code_name": "n", "value": 2}}
    assert apply_variables({"kind": "TrendsQuery", "variables": {}}, override) == {
        "kind": "TrendsQuery",
        "variables": {},
    }
