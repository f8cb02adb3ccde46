"""What a question mentions (api P5). Pure."""

from __future__ import annotations

from typing import Any

import pytest

from insights.mentions import mentions


def node(kind: str, **keys: Any) -> dict[str, Any]:
    return {"kind": kind, **keys}


@pytest.mark.parametrize(
    ("query", "filters", "expected"),
    [
        (None, {}, "TRENDS"),
        (None, {"insight": "SESSIONS"}, "TRENDS"),
        (None, {"insight": "paths"}, "PATHS"),
        (node("InsightVizNode", source=node("FunnelsQuery")), {"insight": "TRENDS"}, "FUNNELS"),
        (node("RetentionQuery"), {}, "RETENTION"),
        (node("InsightVizNode", source=node("StickinessQuery")), {}, "STICKINESS"),
        (node("InsightVizNode", source=node("LifecycleQuery")), {}, "LIFECYCLE"),
        (node("DataVisualizationNode", source=node("HogQLQuery")), {}, "SQL"),
        (node("DataTableNode", source=node("HogQLQuery")), {}, "SQL"),
        (node("HogQLQuery"), {}, "JSON"),
        (node("DataTableNode", source=node("EventsQuery")), {}, "JSON"),
        (node("InsightVizNode", source=None), {}, "JSON"),
    ],
)
def test_insight_type(query: Any, filters: Any, expected: str) -> None:
    assert mentions(query, filters).insight_type == expected


STEP = node("EventsNode", event="x")
RETENTION = {"target_entity": {"id": "a", "type": "events"}, "returning_entity": {"id": 1, "type": "actions"}}
NEW_RETENTION = {"targetEntity": {"id": "a", "type": "events"}}
FUNNEL_PATHS = {"funnelSource": node("FunnelsQuery", series=[STEP])}
FLAG_GROUP = {"type": "AND", "values": [{"key": "$feature/f", "value": True}]}
TWO_SERIES = [node("EventsNode", event="a"), node("ActionsNode", id=1)]


@pytest.mark.parametrize(
    ("query", "filters", "events", "flags"),
    [
        (None, {"events": [{"id": "b"}, {"id": "a"}, {"id": None}], "actions": [{"id": 3}]}, ["a", "b"], []),
        (None, RETENTION, ["a"], []),
        (None, {"breakdown": "$feature/x"}, [], ["x"]),
        (None, {"breakdown": ["$feature/x", "$os"]}, [], ["x"]),
        (node("TrendsQuery", series=TWO_SERIES), {}, ["a"], []),
        (node("RetentionQuery", retentionFilter=NEW_RETENTION), {}, ["a"], []),
        (node("PathsQuery", funnelPathsFilter=FUNNEL_PATHS), {}, ["x"], []),
        (node("TrendsQuery", properties=FLAG_GROUP), {}, [], ["f"]),
        (node("TrendsQuery", properties=[{"type": "feature", "key": "f"}]), {}, [], ["f"]),
        (node("TrendsQuery", breakdownFilter={"breakdowns": [{"property": "$feature/f"}]}), {}, [], ["f"]),
        (node("TrendsQuery", series=[]), {"events": [{"id": "hidden by the query"}]}, [], []),
        (node("X", events="nonsense", key=[], breakdown={}, type=[]), {}, [], []),
    ],
)
def test_names(query: Any, filters: Any, events: list[str], flags: list[str]) -> None:
    found = mentions(query, filters)
    assert (found.event_names, found.feature_flags) == (events, flags)
