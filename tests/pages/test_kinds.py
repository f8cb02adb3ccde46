"""Every kind of insight on its public page, drawn from events that were sent (api Q6, section V)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pages.conftest import COMPUTED, DATES, Office, trends

SHOP = {"kind": "FunnelsQuery", "dateRange": DATES, "series": trends("seen", "paid")["series"]}
ENTITY = {"id": "seen", "type": "events"}


def display(name: str) -> dict[str, Any]:
    breakdown = {"breakdown": "country", "breakdown_type": "event"}
    return trends("seen", breakdownFilter=breakdown, trendsFilter={"display": name})


def classes(page: str, name: str) -> int:
    """Elements of a class."""
    return sum(name in found.split() for found in re.findall(r'class="([^"]*)"', page))


@pytest.mark.parametrize(
    ("query", "marks", "says"),
    [
        pytest.param(trends("seen", "paid"), {"line": 4, "hit": 3, "swatch": 2}, "13-Jan-2024", id="lines, the last day unfinished"),
        pytest.param(trends("seen", compareFilter={"compare": True}), {"previous": 2}, "seen (before)", id="compared"),
        pytest.param(display("ActionsAreaGraph"), {"area": 2}, "US", id="areas"),
        pytest.param(display("ActionsBar"), {"bar": 4}, "US", id="bars"),
        pytest.param(display("ActionsUnstackedBar"), {"bar": 4}, "US", id="bars side by side"),
        pytest.param(display("ActionsBarValue"), {"bar": 2}, "<title>DE: 2</title>", id="lying bars"),
        pytest.param(display("ActionsPie"), {"slice": 2}, "DE: 2 (50.0%)", id="pie"),
        pytest.param(display("ActionsTable"), {"tick": 2}, '<th scope="row">DE</th><td class="n">2</td>', id="table"),
        pytest.param(display("WorldMap"), {"s10": 3}, "Germany: 2", id="world map"),
        pytest.param(trends("seen", trendsFilter={"display": "BoldNumber"}), {"number": 1}, ">4</text>", id="number"),
        pytest.param({"kind": "StickinessQuery", "dateRange": DATES, "series": trends("seen")["series"]}, {"line": 1}, "2 days", id="stickiness"),
        pytest.param({"kind": "LifecycleQuery", "dateRange": DATES, "series": trends("seen")["series"]}, {"new": 3, "dormant": 3}, "Returning", id="lifecycle"),
        pytest.param(SHOP, {"track": 2}, "2 people, 66.7% of the first step", id="funnel"),
        pytest.param({**SHOP, "funnelsFilter": {"funnelVizType": "trends"}}, {"line": 2}, "100%", id="conversion over time"),
        pytest.param({**SHOP, "funnelsFilter": {"funnelVizType": "time_to_convert"}}, {"hit": 3}, "2 people converted", id="times"),
        pytest.param({"kind": "RetentionQuery", "dateRange": DATES, "retentionFilter": {"period": "Day", "totalIntervals": 3, "targetEntity": ENTITY, "returningEntity": ENTITY}}, {"s10": 4}, "13 Jan", id="retention"),
        pytest.param({"kind": "PathsQuery", "dateRange": DATES, "pathsFilter": {"includeEventTypes": ["custom_event"]}}, {"ribbon": 1}, "seen → paid", id="paths"),
        pytest.param({"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select event, count() as n from events group by event order by n desc"}}, {"tick": 2}, '<td>seen</td><td class="n">4</td>', id="SQL"),
    ],
)  # fmt: skip
def test_a_page_draws_its_insight(
    shop: Office, query: dict[str, Any], marks: dict[str, int], says: str
) -> None:
    token = shop.share_insight(query)
    page = shop.open(f"/shared/{token}?{COMPUTED}")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert says in page.body
    assert page.body.count("<table>") == 1  # the same in words
    picture = shop.open(f"/embedded/{token}.svg")
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert {name: classes(picture.body, name) for name in marks} == marks
