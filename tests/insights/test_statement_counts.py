"""SQL statements per request, recorded in `tests/statement_counts.json`: a raise is a diff to explain.

The counts hold for one row and for many: nothing is asked per row.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.insights.conftest import Desk

RECORDED: dict[str, int] = json.loads((Path(__file__).parents[1] / "statement_counts.json").read_text())
QUERY = {
    "kind": "TrendsQuery",
    "series": [{"kind": "EventsNode", "event": "a"}],
    "properties": [{"key": "a", "value": "b"}],
}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "GET insights": ("GET", "/insights/", None),
    "GET insights?basic": ("GET", "/insights/?basic=true", None),
    "GET insights, every filter": (
        "GET",
        '/insights/?saved=true&search=x&tags=["t"]&events=["a"]&dashboards=[{dashboard}]&order=-my_last_viewed_at',
        None,
    ),
    "GET insights/:id": ("GET", "/insights/{insight}/", None),
    "GET insights/:id?from_dashboard": ("GET", "/insights/{insight}/?from_dashboard={dashboard}", None),
    "POST insights": ("POST", "/insights/", {"name": "x", "query": QUERY, "tags": ["t"]}),
    "PATCH insights/:id": ("PATCH", "/insights/{insight}/", {"name": "y"}),
    "PATCH insights/:id, dashboards": ("PATCH", "/insights/{insight}/", {"dashboards": []}),
    "GET insights/activity": ("GET", "/insights/activity/", None),
    "GET insights/my_last_viewed": ("GET", "/insights/my_last_viewed/", None),
    "POST insights/:id/viewed": ("POST", "/insights/{insight}/viewed/", {}),
    "GET insights/:id/sharing": ("GET", "/insights/{insight}/sharing/", None),
    "GET dashboards": ("GET", "/dashboards/", None),
    "GET dashboards/:id": ("GET", "/dashboards/{dashboard}/", None),
    "GET actions": ("GET", "/actions/", None),
    "GET cohorts": ("GET", "/cohorts/", None),
}


@pytest.fixture(params=[1, 12], ids=["one row", "many rows"])
def things(request: Any, desk: Desk) -> dict[str, int]:
    dashboards = [desk.dashboard(name=f"d{number}")["id"] for number in range(request.param)]
    for number in range(request.param):
        insight = desk.insight(name=f"x{number}", query=QUERY, tags=["t"], dashboards=dashboards)
        desk.insight(name=f"old {number}", filters={"events": [{"id": "a"}]})
        desk.post(f"/insights/{insight['id']}/viewed/")
        desk.post("/actions/", {"name": f"a{number}"})
        desk.post("/cohorts/", {"name": f"c{number}"})
    desk.get(f"/insights/{insight['id']}/sharing/")
    return {"insight": insight["id"], "dashboard": dashboards[-1]}


@pytest.mark.parametrize("name", REQUESTS)
def test_as_recorded(desk: Desk, things: dict[str, int], name: str) -> None:
    method, path, body = REQUESTS[name]
    with CaptureQueriesContext(connection) as statements:
        response = desk.call(method, path.format(**things), body)
    assert response.status_code in (200, 201), response.content
    asked = [each["sql"] for each in statements if "SAVEPOINT" not in each["sql"]]
    assert len(asked) == RECORDED.get(name), "\n".join(asked)
