"""Hostile bodies and parameters: whatever is sent, the answer is the contract's, never a 5xx (api N)."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.insights.conftest import Desk

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "null", "[]", "{}", "[1]", '{"a":1}', "true", "-1", "1e400", "NaN", "99999999999999999999"]
    ),
    st.sampled_from(
        ["-7d", "all", "2024-02-30", "0001-01-01", "9999-12-31", "$feature/x", "%_\\", "\u202e", "\U0001f600"]
    ),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**31, -(2**31) - 1, 2**63, 2**64, 1e308, -0.0]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.one_of(
    st.sampled_from(
        [
            "kind", "source", "series", "event", "events", "actions", "id", "type", "values", "key", "value",
            "operator", "properties", "date_from", "date_to", "dateRange", "breakdown", "breakdown_type",
            "breakdownFilter", "breakdowns", "insight", "interval", "filters", "math", "custom_name", "steps",
            "text", "body", "layouts", "color", "deleted", "url", "selector", "negation", "time_value",
        ]
    ),
    st.text(max_size=6),
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "TrendsQuery", "FunnelsQuery", "RetentionQuery", "PathsQuery", "LifecycleQuery", "HogQLQuery",
        "InsightVizNode", "DataTableNode", "EventsNode", "ActionsNode", "TRENDS", "FUNNELS", "AND", "OR",
        "event", "person", "cohort", "behavioral", "performed_event", "exact", "regex", "between", "total",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(SCALARS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)
FIELDS = {
    "/insights/": """
        name derived_name filters query order deleted dashboards description tags favorited saved refresh
        client_query_id
    """,
    "/dashboards/": """
        name description pinned deleted delete_insights tags filters variables restriction_level tiles
        use_dashboard duplicate_tiles
    """,
    "/actions/": "name description tags post_to_slack steps deleted pinned_at",
    "/cohorts/": "name description groups filters is_static csv _create_static_person_ids deleted",
    "/insights/viewed/": "insight_ids",
    "/insights/cancel/": "client_query_id",
    "/insights/timing/": "time_to_see_data_ms query_id type",
}
LIST_PARAMETERS = """
    limit offset format refresh short_id created_by basic saved favorited user insight search date_from
    date_to created_date_from created_date_to last_viewed_date_from last_viewed_date_to dashboards tags
    events feature_flag my_last_viewed order page
"""
PARAMETER_TEXTS = st.one_of(TEXTS, st.builds(json.dumps, JSON))
BODY_KINDS = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "x",
]
RETRIEVE_PARAMETERS = [
    "format",
    "refresh",
    "from_dashboard",
    "basic",
    "filters_override",
    "variables_override",
]
# More by hand: FUZZ_EXAMPLES=2000 pytest tests/insights/test_fuzz.py
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
unhurried = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(response: Any) -> None:
    assert response.status_code < 500, response.content
    if response.status_code >= 400 and response.content:
        assert list(response.json()) == ["type", "code", "detail", "attr"]
    elif response.content and "json" in response["Content-Type"]:
        response.json()


@pytest.mark.parametrize("path", FIELDS)
@unhurried
@given(data=st.data())
def test_bodies(desk: Desk, path: str, data: Any) -> None:
    names = st.sampled_from(FIELDS[path].split())
    body = data.draw(st.dictionaries(names, JSON, min_size=1, max_size=4))
    response = desk.call("POST", path, json.dumps(body).encode())
    check(response)
    if response.status_code == 201 and response.content:
        mine = f"{path}{response.json()['id']}/"
        check(desk.get(mine))
        check(
            desk.call("PATCH", mine, json.dumps(data.draw(st.dictionaries(names, JSON, max_size=3))).encode())
        )


@pytest.mark.parametrize("field", ["query", "filters"])
@unhurried
@given(data=st.data())
def test_questions(desk: Desk, field: str, data: Any) -> None:
    """Objects that look like questions: what is accepted can be shown, listed and shared."""
    kind = data.draw(WORDS)
    question = {"kind": kind, "insight": kind, **data.draw(st.dictionaries(KEYS, JSON, max_size=6))}
    if field == "query":
        del question["insight"]
        question.setdefault("series", [{"kind": "EventsNode", "event": "a"}])
    response = desk.post("/insights/", {"name": "x", field: question})
    check(response)
    if response.status_code == 201:
        check(desk.get("/insights/"))
        check(
            desk.get(f"/insights/{response.json()['id']}/?filters_override=" + quote('{"date_from":"-3d"}'))
        )


@pytest.mark.parametrize(
    "path", ["/insights/", "/dashboards/", "/insights/activity/", "/actions/", "/cohorts/"]
)
@unhurried
@given(parameters=st.dictionaries(st.sampled_from(LIST_PARAMETERS.split()), PARAMETER_TEXTS, max_size=4))
def test_list_parameters(desk: Desk, path: str, parameters: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(text)}" for name, text in parameters.items())
    check(desk.get(f"{path}?{query}"))


@unhurried
@given(parameters=st.dictionaries(st.sampled_from(RETRIEVE_PARAMETERS), PARAMETER_TEXTS, max_size=4))
def test_retrieve_parameters(desk: Desk, parameters: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(text)}" for name, text in parameters.items())
    board = desk.dashboard(filters={"date_from": "-7d"})["id"]
    insight = desk.insight(
        query={"kind": "TrendsQuery", "series": [{"kind": "EventsNode"}]}, dashboards=[board]
    )
    check(desk.get(f"/insights/{insight['id']}/?{query.replace('blocking', 'x')}"))
    check(desk.get(f"/dashboards/{board}/?{query.replace('blocking', 'x')}"))


@unhurried
@given(name=st.text(min_size=1, max_size=12))
def test_paths(desk: Desk, name: str) -> None:
    for path in ("/insights/{}/", "/dashboards/{}/", "/actions/{}/", "/cohorts/{}/", "/insights/{}/sharing/"):
        check(desk.get(path.format(quote(name, safe=""))))


@unhurried
@given(
    body=st.binary(max_size=60),
    kind=st.sampled_from(BODY_KINDS),
)
def test_raw_bodies(desk: Desk, body: bytes, kind: str) -> None:
    check(desk.call("POST", "/insights/", body, content_type=kind))
