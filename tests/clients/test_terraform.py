"""What the Terraform provider sends and reads for an insight: what is planned must come back as it was sent,
or every plan shows a change (api P24, P25)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api

EVENT = {"kind": "EventsNode", "event": "A", "name": "A", "math": "total"}


def viz(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "InsightVizNode", "source": source, **more}


QUERIES = {
    "trends": viz(
        {
            "kind": "TrendsQuery",
            "series": [{**EVENT, "custom_name": "Signups", "properties": [
                {"key": "plan", "value": ["pro"], "operator": "exact", "type": "event"}]}],
            "dateRange": {"date_from": "-30d", "date_to": None, "explicitDate": False},
            "interval": "week",
            "breakdownFilter": {"breakdown": "plan", "breakdown_type": "event"},
            "trendsFilter": {"display": "ActionsLineGraph", "showLegend": True, "yAxisScaleType": "linear"},
            "filterTestAccounts": True,
            "properties": {"type": "AND", "values": [{"type": "AND", "values": []}]},
            "version": 2,
        },
        full=True,
        showHeader=False,
    ),
    "funnel": viz(
        {
            "kind": "FunnelsQuery",
            "series": [EVENT, {"kind": "EventsNode", "event": "B"}],
            "funnelsFilter": {"funnelVizType": "steps", "funnelWindowInterval": 14, "funnelWindowIntervalUnit": "day"},
        }
    ),
    "retention": viz(
        {
            "kind": "RetentionQuery",
            "retentionFilter": {
                "period": "Week",
                "totalIntervals": 8,
                "targetEntity": {"id": "A", "type": "events"},
                "returningEntity": {"id": "B", "type": "events"},
                "retentionType": "retention_first_time",
            },
        }
    ),
    "paths": viz({"kind": "PathsQuery", "pathsFilter": {"includeEventTypes": ["$pageview"], "edgeLimit": 20}}),
    "stickiness": viz({"kind": "StickinessQuery", "series": [EVENT], "stickinessFilter": {}}),
    "lifecycle": viz({"kind": "LifecycleQuery", "series": [EVENT], "lifecycleFilter": {"showLegend": False}}),
    "sql": {
        "kind": "DataVisualizationNode",
        "source": {"kind": "HogQLQuery", "query": "SELECT count() FROM events"},
        "display": "BoldNumber",
        "chartSettings": {"xAxis": {"column": "x"}},
    },
    "table": {
        "kind": "DataTableNode",
        "source": {"kind": "EventsQuery", "select": ["*", "event"], "after": "-24h"},
        "full": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", QUERIES)
def test_nothing_drifts(api: Api, name: str) -> None:
    planned = {
        "name": f"Managed {name}",
        "description": "by code",
        "query": QUERIES[name],
        "tags": ["managed-by:terraform", "team"],
        "dashboards": [],
    }
    created = api.post("insights/", planned)
    assert created.status == 201, created.body
    path = f"insights/{created.body['id']}/"
    for read in (created.body, api.get(path).body, api.patch(path, planned).body, api.get(path).body):
        assert {key: read[key] for key in planned} == planned
    assert api.get(f"{path}activity/").body["total_count"] == 1  # the same again is no change


def test_moved_between_dashboards_renamed_and_destroyed(api: Api) -> None:
    one, two = (api.post("dashboards/", {"name": name}).body["id"] for name in ("one", "two"))
    insight = api.post("insights/", {"name": "x", "query": QUERIES["trends"], "dashboards": [one]}).body
    path = f"insights/{insight['id']}/"
    moved = api.patch(path, {"dashboards": [two], "name": "y"}).body
    assert (moved["dashboards"], moved["name"], moved["query"]) == ([two], "y", QUERIES["trends"])
    assert api.patch(path, {"deleted": True}).status == 200
    assert api.get(path).status == 404  # gone: the next plan makes it anew


@pytest.mark.parametrize("field", ["create_in_folder", "_create_in_folder", "derived_name", "result", "id"])
def test_fields_that_mean_nothing_here_are_no_error(api: Api, field: str) -> None:
    body = {"name": "x", "query": QUERIES["trends"], field: "Unfiled/Insights"}
    assert api.post("insights/", body).status == 201
