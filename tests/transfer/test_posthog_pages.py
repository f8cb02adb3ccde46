"""Pages as PostHog's API gives them: what is taken, and what the report says of the rest."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from insights.models import Insight
from tests.api_client import Api

TRENDS = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview", "math": "total"}]}
USER = {
    "id": 9,
    "uuid": "018e1f00-0000-7000-8000-000000000001",
    "first_name": "Ida",
    "email": "ida@elsewhere.example",
}


def insight(number: int, **fields: Any) -> dict[str, Any]:
    """An insight as today's API lists it."""
    return {
        "id": number,
        "short_id": f"PgH{number:05}",
        "name": f"Insight {number}",
        "derived_name": None,
        "filters": {},
        "query": {"kind": "InsightVizNode", "source": TRENDS},
        "order": None,
        "deleted": False,
        "dashboards": [],
        "dashboard_tiles": [],
        "result": None,
        "created_at": "2023-04-05T06:07:08.123456Z",
        "created_by": USER,
        "description": "",
        "updated_at": "2023-05-05T00:00:00Z",
        "tags": ["growth"],
        "favorited": True,
        "saved": True,
        "last_modified_at": "2023-05-04T00:00:00Z",
        "last_modified_by": USER,
        "user_access_level": "editor",
        **fields,
    }


def run(api: Api, folder: Path, **pages: Any) -> str:
    for kind, page in pages.items():
        (folder / f"{kind}.json").write_text(json.dumps(page))
    out = io.StringIO()
    call_command("import_posthog", folder=folder, project=api.project.pk, stdout=out)
    return out.getvalue()


def names(api: Api) -> list[str]:
    return [row["name"] for row in api.get("insights/", {"order": "id"}).body["results"]]


def test_both_forms_of_an_insight_keep_what_they_are(api: Api, tmp_path: Path) -> None:
    old = {
        "insight": "TRENDS",
        "events": [{"id": "$pageview", "type": "events", "order": 0}],
        "date_from": "-30d",
    }
    run(
        api,
        tmp_path,
        insights={"count": 2, "next": None, "results": [insight(1), insight(2, query=None, filters=old)]},
    )
    new, legacy = api.get("insights/", {"order": "id"}).body["results"]
    assert (new["query"], new["filters"]) == ({"kind": "InsightVizNode", "source": TRENDS}, {})
    assert legacy["filters"] == old
    assert legacy["query"]["source"]["kind"] == "TrendsQuery"
    for found, number in ((new, 1), (legacy, 2)):
        assert found["short_id"] == f"PgH{number:05}"
        assert (found["tags"], found["favorited"], found["saved"]) == (["growth"], True, True)
        assert found["created_at"] == "2023-04-05T06:07:08.123456Z"
        assert found["last_modified_at"] == "2023-05-04T00:00:00Z"
        assert found["created_by"]["email"] == api.user.email  # Ida is no member here


@pytest.mark.parametrize(
    ("fields", "left", "remark"),
    [
        pytest.param(
            {"query": {"kind": "WebOverviewQuery", "properties": []}}, [], "WebOverviewQuery is not supported", id="not built"
        ),
        pytest.param({"query": {"kind": "Nope"}}, [], '"Nope" is no kind of query', id="unknown kind"),
        pytest.param({"name": "x" * 401}, [], "no more than 400", id="too long"),
        pytest.param(
            {"query": {"kind": "InsightVizNode", "source": {**TRENDS, "trendsFilter": {"newestOption": 1}}}},
            ["Insight 1"],
            "query.source.trendsFilter.newestOption is not known here and was left out",
            id="a key from the future",
        ),
        pytest.param(
            {"query": {"kind": "InsightVizNode", "source": {**TRENDS, "series": [{"kind": "ActionsNode", "id": 77}]}}},
            ["Insight 1"],
            "Names action 77, which was not imported",
            id="an action that is not there",
        ),
        pytest.param(
            {"query": {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery",
                       "query": "SELECT count() FROM events WHERE person_id IN COHORT 12"}}},
            ["Insight 1"],
            "Its SQL names cohort 12",
            id="a cohort in SQL",
        ),
        pytest.param({"short_id": "activity"}, ["Insight 1"], "short id activity is taken", id="a reserved short id"),
        pytest.param({"deleted": True}, [], "insights: 1 read, 0 created, 0 here already, 1 left out", id="deleted"),
    ],
)  # fmt: skip
def test_what_the_report_says(api: Api, tmp_path: Path, fields: Any, left: list[str], remark: str) -> None:
    assert remark in run(api, tmp_path, insights=[insight(1, **fields)])
    assert names(api) == left


def test_one_that_fails_takes_nothing_with_it(api: Api, tmp_path: Path) -> None:
    run(api, tmp_path, insights=[insight(1), insight(2, query={"kind": "Nope"}), insight(3)])
    assert names(api) == ["Insight 1", "Insight 3"]


def test_a_list_of_dashboards_without_tiles_still_places_insights(api: Api, tmp_path: Path) -> None:
    run(
        api,
        tmp_path,
        dashboards={
            "results": [
                {"id": 5, "name": "Home", "description": "", "pinned": True, "tags": [], "filters": {}}
            ]
        },
        insights=[insight(1, dashboards=[5, 6])],
    )
    [dashboard] = api.get("dashboards/").body["results"]
    [tile] = api.get(f"dashboards/{dashboard['id']}/").body["tiles"]
    assert (dashboard["name"], dashboard["pinned"], tile["insight"]["short_id"]) == ("Home", True, "PgH00001")


def test_a_cohort_waits_for_those_it_is_built_on(api: Api, tmp_path: Path) -> None:
    def cohort(number: int, *values: dict[str, Any]) -> dict[str, Any]:
        tree = {"properties": {"type": "OR", "values": [{"type": "AND", "values": list(values)}]}}
        return {"id": number, "name": f"c{number}", "filters": tree, "is_static": False, "groups": []}

    person = {"type": "person", "key": "plan", "value": ["pro"], "operator": "exact"}
    above = cohort(3, {"type": "cohort", "key": "id", "value": 8})
    report = run(api, tmp_path, cohorts=[above, cohort(8, person)])
    assert "cohorts: 2 read, 2 created" in report
    first, second = api.get("cohorts/").body["results"]
    assert (first["name"], second["name"]) == ("c8", "c3")
    assert second["filters"]["properties"]["values"][0]["values"][0]["value"] == first["id"]


def test_declared_types_count(api: Api, tmp_path: Path) -> None:
    run(
        api,
        tmp_path,
        event_definitions=[{"id": "a", "name": "buy"}, {"name": 5}],
        property_definitions=[
            {"name": "price", "property_type": "Numeric", "is_numerical": True},
            {"name": "odd", "property_type": "Vector"},
        ],
    )
    assert [row["name"] for row in api.get("event_definitions/").body["results"]] == ["buy"]
    found = api.get("property_definitions/").body["results"]
    assert [(row["name"], row["property_type"]) for row in found] == [("odd", None), ("price", "Numeric")]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "has no file named after"),
        ({"insights.json": "{"}, "cannot be read as JSON"),
        ({"insights.json": "[1]"}, "holds something that is no object"),
    ],
)
def test_bad_folders(api: Api, tmp_path: Path, files: dict[str, str], text: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=text):
        run(api, tmp_path)


def test_a_missing_folder_and_a_stranger(api: Api, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        call_command("import_posthog", folder=tmp_path / "nowhere", project=api.project.pk)
    with pytest.raises(CommandError, match=r"x@example\.org is no member"):
        call_command("import_posthog", folder=tmp_path, project=api.project.pk, email="x@example.org")
    assert Insight.objects.filter(project=api.project).count() == 0
