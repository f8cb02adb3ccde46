"""Results as tables (api Y2-Y6). Pure."""

from __future__ import annotations

from typing import Any

import pytest

from insights.api.tables import result_table
from insights_service.renderers import write_csv

DAYS = {"labels": ["14-Mar-2024", "15-Mar-2024"], "days": ["2024-03-14", "2024-03-15"]}
STEP = {"action_id": "a", "name": "a", "custom_name": None, "order": 0, "count": 5}
TIMES = {"median_conversion_time": None, "average_conversion_time": None}


@pytest.mark.parametrize(
    ("kind", "result", "lines"),
    [
        pytest.param(
            "TrendsQuery",
            [
                {"action": {"custom_name": None, "name": "a"}, "label": "A", "data": [1, 2], **DAYS},
                {"action": {"custom_name": "Mine"}, "label": "B", "data": [0.5, 0], **DAYS},
            ],
            ["series,14-Mar-2024,15-Mar-2024", "A,1.0,2.0", "Mine,0.5,0.0"],
            id="a line per series",
        ),
        pytest.param(
            "TrendsQuery",
            [
                {"action": None, "label": "Chrome", "breakdown_value": "Chrome", "data": [1, 2], **DAYS},
                {"action": None, "label": "x::y", "breakdown_value": ["x", "y"], "data": [3, 4], **DAYS},
            ],
            ["series,breakdown,14-Mar-2024,15-Mar-2024", "Chrome,Chrome,1.0,2.0", "x::y,x::y,3.0,4.0"],
            id="a breakdown is a column",
        ),
        pytest.param(
            "TrendsQuery",
            [{"label": "A", "aggregated_value": 7, "data": [], "days": [], "count": 0}],
            ["series,total count", "A,7.0"],
            id="totals",
        ),
        pytest.param(
            "TrendsQuery",
            [
                {"label": "A", "compare_label": "current", "data": [1, 2], **DAYS},
                {"label": "A", "compare_label": "previous", "data": [3, 4], "labels": ["x", "y"]},
            ],
            ["series,14-Mar-2024,15-Mar-2024", "A - current,1.0,2.0", "A - previous,3.0,4.0"],
            id="periods, under the labels of the current one",
        ),
        pytest.param(
            "StickinessQuery",
            [{"label": "A", "data": [2, 1], "labels": ["1 day", "2 days"], "days": [1, 2]}],
            ["series,1 day,2 days", "A,2.0,1.0"],
            id="stickiness",
        ),
        pytest.param(
            "LifecycleQuery",
            [{"label": "A - dormant", "status": "dormant", "data": [0, -2], **DAYS}],
            ["series,14-Mar-2024,15-Mar-2024", "A - dormant,0.0,-2.0"],
            id="lifecycle; negative numbers are numbers",
        ),
        pytest.param(
            "FunnelsQuery",
            [
                {**STEP, **TIMES},
                {
                    **STEP,
                    "custom_name": "=Paid",
                    "count": 2,
                    "median_conversion_time": 60.0,
                    "average_conversion_time": 90.5,
                },
            ],
            [
                "name,breakdown_value,action_id,count,median_conversion_time (seconds),"
                "average_conversion_time (seconds)",
                "a,,a,5,,",
                "'=Paid,,a,2,60.0,90.5",
            ],
            id="steps",
        ),
        pytest.param(
            "FunnelsQuery",
            [
                [{**STEP, **TIMES, "breakdown_value": ["Chrome"]}],
                [{**STEP, **TIMES, "breakdown_value": ["Safari"]}],
            ],
            [
                "name,breakdown_value,action_id,count,median_conversion_time (seconds),"
                "average_conversion_time (seconds)",
                "a,Chrome,a,5,,",
                "a,Safari,a,5,,",
            ],
            id="steps by breakdown",
        ),
        pytest.param(
            "FunnelsQuery",
            [{"count": 2, "data": [50.0, 0], "breakdown_value": ["Chrome"], **DAYS}],
            ["series,breakdown,14-Mar-2024,15-Mar-2024", "conversion,Chrome,50.0,0.0"],
            id="conversion over time",
        ),
        pytest.param(
            "FunnelsQuery",
            {"bins": [[600, 2], [2400, 0]], "average_conversion_time": 2000.0},
            ["bin,value", "600,2", "2400,0"],
            id="time to convert",
        ),
        pytest.param(
            "RetentionQuery",
            [
                {"date": "2024-03-14T00:00:00Z", "label": "Day 0", "values": [{"count": 3}, {"count": 1}]},
                {"date": "2024-03-15T00:00:00Z", "label": "Day 1", "values": [{"count": 2}]},
            ],
            [
                "cohort,cohort size,Day 0,Day 1",
                "2024-03-14T00:00:00Z,3,3,1",
                "2024-03-15T00:00:00Z,2,2,",
            ],
            id="retention; the cells of a triangle",
        ),
        pytest.param(
            "RetentionQuery",
            [{"label": "a::b", "breakdown_values": ["a", "b"], "values": [{"count": 3}]}],
            ["cohort,cohort size,Period 0", "a::b,3,3"],
            id="retention by breakdown",
        ),
        pytest.param(
            "PathsQuery",
            [{"source": "1_/a", "target": "2_/b", "value": 12, "average_conversion_time": 41500.0}],
            ["source,target,value,average_conversion_time", "1_/a,2_/b,12,41500.0"],
            id="paths",
        ),
        pytest.param(
            "FunnelCorrelationQuery",
            {
                "events": [
                    {
                        "event": {"event": "watched", "properties": {}},
                        "success_count": 1,
                        "failure_count": 2,
                        "odds_ratio": 0.5,
                        "correlation_type": "failure",
                    }
                ],
                "skewed": False,
            },
            ["event,success_count,failure_count,odds_ratio,correlation_type", "watched,1,2,0.5,failure"],
            id="correlation",
        ),
        pytest.param("TrendsQuery", [], ["error", "No result to export."], id="nothing"),
        pytest.param(
            "InsightActorsQueryOptions", {"day": []}, ["error", "No result to export."], id="no table"
        ),
    ],
)
def test_tables(kind: str, result: Any, lines: list[str]) -> None:
    assert write_csv(result_table(kind, result)).decode().splitlines() == lines


def test_tabular_kinds_have_their_columns() -> None:
    table = result_table("HogQLQuery", [["a", 1], ["=b", None]], columns=["event", "n"])
    assert write_csv(table).decode().splitlines() == ["event,n", "a,1", "'=b,"]
    assert write_csv(result_table("HogQLQuery", [], columns=["n"])).decode() == "n\r\n"
