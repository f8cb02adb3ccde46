"""A project out into files and into another one, and over the API of a running server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from insights.models import Insight, Origin
from insights.transfer.references import References
from tests.api_client import Api, make_project
from tests.browser import serving

KINDS = (
    "event_definitions",
    "property_definitions",
    "actions",
    "cohorts",
    "dashboards",
    "insights",
    "annotations",
)
MADE = {"action": "actions", "cohort": "cohorts", "dashboard": "dashboards", "insight": "insights"}


@pytest.fixture
def full(api: Api) -> Api:
    """A project with everything that can be saved, things that name other things included."""

    def make(path: str, **body: Any) -> int:
        answer = api.post(path, body)
        assert answer.status == 201, answer.body
        return answer.body["id"]

    api.journeys("u1: buy@10:00", "u2: look@11:00")
    api.identify("u1", email="ann@example.org", plan="pro")
    action = make("actions/", name="bought", steps=[{"event": "buy"}], tags=["money"])
    pro = make(
        "cohorts/",
        name="pro",
        filters={
            "properties": {
                "type": "AND",
                "values": [{"type": "person", "key": "plan", "value": "pro", "operator": "exact"}],
            }
        },
    )
    make(
        "cohorts/",
        name="pro buyers",
        filters={
            "properties": {
                "type": "AND",
                "values": [
                    {"type": "cohort", "key": "id", "value": pro},
                    {
                        "type": "behavioral",
                        "key": action,
                        "event_type": "actions",
                        "value": "performed_event",
                        "time_value": 30,
                        "time_interval": "day",
                    },
                ],
            }
        },
    )
    make("cohorts/", name="guests", is_static=True, _create_static_person_ids=["u1", "u2"])
    dashboard = make(
        "dashboards/",
        name="Week",
        tags=["ops"],
        filters={"date_from": "-7d"},
        tiles=[{"text": {"body": "# Read me"}, "color": "blue"}],
    )
    series = [{"kind": "ActionsNode", "id": action}, {"kind": "EventsNode", "event": "buy"}]
    node = {
        "kind": "TrendsQuery",
        "series": series,
        "properties": [{"type": "cohort", "key": "id", "value": pro}],
        "breakdownFilter": {"breakdown_type": "cohort", "breakdown": ["all", pro]},
    }
    shown = make(
        "insights/",
        name="Bought",
        tags=["a"],
        favorited=True,
        saved=True,
        order=3,
        dashboards=[dashboard],
        query={"kind": "InsightVizNode", "source": node},
    )
    make(
        "insights/",
        name="Old",
        filters={
            "insight": "FUNNELS",
            "events": [{"id": "look", "order": 0}],
            "actions": [{"id": str(action), "order": 1}],
            "exclusions": [],
        },
        dashboards=[dashboard],
    )
    make(
        "insights/",
        derived_name="look count",
        query={
            "kind": "DataTableNode",
            "source": {"kind": "EventsQuery", "select": ["event"], "actionId": action},
        },
    )
    [first, _, __] = api.get(f"dashboards/{dashboard}/").body["tiles"]
    tiles = [{"id": first["id"], "layouts": {"sm": {"x": 0, "y": 4}}}]
    assert api.patch(f"dashboards/{dashboard}/", {"tiles": tiles}).status == 200
    make("annotations/", content="Launch", date_marker="2024-01-02T00:00:00Z")
    make("annotations/", content="Here", scope="dashboard_item", dashboard_item=shown)
    api.settings(
        timezone="Europe/Berlin",
        week_start_day=1,
        test_account_filters=[{"type": "cohort", "key": "id", "value": pro, "operator": "not_in"}],
    )
    return api


def exported(api: Api, folder: Path) -> Path:
    call_command("export_project", folder, project=api.project.pk, stdout=io.StringIO())
    return folder


def imported(api: Api, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_posthog", project=api.project.pk, stdout=out, stderr=out, **options)
    return out.getvalue()


def content(folder: Path, kind: str) -> list[dict[str, Any]]:
    return json.loads((folder / f"{kind}.json").read_bytes())["results"]


def of_there(api: Api, kind: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records with the ids that things had where they came from, wherever an id stands."""
    ids: dict[str, dict[str, int]] = {}
    for origin in Origin.objects.filter(project=api.project):
        ids.setdefault(origin.kind, {})[str(origin.object_id)] = int(origin.source_id)

    def number(kind: str, old: int | None) -> int | None:
        return None if old is None else ids[kind][str(old)]

    references = References(ids)
    found = []
    for record in references.renumbered(records):
        for key, named in (("id", kind), ("dashboard_item", "insights"), ("dashboard_id", "dashboards")):
            if key in record:
                record[key] = number(named, record[key])
        for tile in record.get("tiles", ()):
            tile["id"] = number("tiles", tile["id"])
            if tile["insight"]:
                tile["insight"]["id"] = number("insights", tile["insight"]["id"])
        found.append(record)
    return found


def without_authors(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nobody of there is a member here."""
    return [{k: v for k, v in row.items() if k not in ("created_by", "last_modified_by")} for row in records]


def test_out_and_in_again_is_the_same(full: Api, tmp_path: Path) -> None:
    there = exported(full, tmp_path / "there")
    other = make_project()
    report = imported(other, folder=there, with_settings=True)
    assert "left out" in report
    assert not [line for line in report.splitlines() if "(" in line], report
    here = exported(other, tmp_path / "here")
    assert [len(content(there, kind)) for kind in KINDS] == [3, 2, 1, 3, 1, 3, 2]
    for kind in KINDS:
        found, wanted = content(here, kind), content(there, kind)
        if kind not in ("event_definitions", "property_definitions"):
            found, wanted = without_authors(of_there(other, kind, found)), without_authors(wanted)
        assert found == wanted, kind
    other.project.refresh_from_db()
    assert (other.project.timezone, other.project.week_start_day) == ("Europe/Berlin", 1)


def test_questions_ask_for_the_things_of_here(full: Api, tmp_path: Path) -> None:
    other = make_project()
    # The events come by another way, and before or after: ids do not depend on it.
    imported(other, folder=exported(full, tmp_path))
    other.journeys("u1: buy@10:00", "u2: look@11:00")
    other.identify("u1", email="ann@example.org", plan="pro")
    bought = Insight.objects.get(project=other.project, name="Bought")
    answer = other.get(f"insights/{bought.short_id}/", {"refresh": "force_blocking"})
    assert [row["count"] for row in answer.result if row["breakdown_value"] == "all"] == [1.0, 1.0]


def test_a_second_time_makes_nothing(full: Api, tmp_path: Path) -> None:
    other, folder = make_project(), exported(full, tmp_path)
    imported(other, folder=folder)
    before = [len(other.get(f"{kind}/").body["results"]) for kind in MADE.values()]
    report = imported(other, folder=folder)
    assert "insights: 3 read, 0 created, 3 here already, 0 left out" in report
    assert [len(other.get(f"{kind}/").body["results"]) for kind in MADE.values()] == before
    [dashboard] = other.get("dashboards/").body["results"]
    assert len(other.get(f"dashboards/{dashboard['id']}/").body["tiles"]) == 3


def test_a_dry_run_says_the_same_and_keeps_nothing(full: Api, tmp_path: Path) -> None:
    other, folder = make_project(), exported(full, tmp_path)
    dry = imported(other, folder=folder, dry_run=True)
    assert dry.endswith("Nothing was kept (dry run).\n")
    assert all(other.get(f"{kind}/").body["results"] == [] for kind in MADE.values())
    assert Origin.objects.filter(project=other.project).count() == 0
    assert imported(other, folder=folder) in dry


# --- over the API of a running server -------------------------------------------------------------------


@pytest.fixture
def url(service: None) -> Iterator[str]:
    with serving() as site:
        yield site


def test_from_a_running_server(full: Api, url: str, tmp_path: Path) -> None:
    other = make_project()
    report = imported(
        other, url=url, key=full.key, from_project=str(full.project.pk), report=tmp_path / "r.json"
    )
    assert "insights: 3 read, 3 created" in report
    assert "cohorts: 3 read, 3 created" in report
    assert json.loads((tmp_path / "r.json").read_bytes())["counts"]["annotations"]["created"] == 2
    assert {i["short_id"] for i in other.get("insights/").body["results"]} == {
        i["short_id"] for i in full.get("insights/").body["results"]
    }
    old = Insight.objects.get(project=other.project, name="Old")
    assert (old.query, old.filters["insight"]) == (None, "FUNNELS")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"key": "phx_wrong"}, "401 for /api/projects/@current/: .*not valid"),
        ({"key": None}, "personal API key of the other server is needed"),
    ],
)
def test_what_is_wrong_with_the_key(
    api: Api, url: str, options: dict[str, Any], text: str, monkeypatch: Any
) -> None:
    monkeypatch.delenv("POSTHOG_PERSONAL_API_KEY", raising=False)
    with pytest.raises(CommandError, match=text):
        imported(api, url=url, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"url": "posthog.example.org", "key": "k"}, "begins with https://"),
        ({"url": "http://127.0.0.1:9", "key": "k"}, "does not answer"),
    ],
)
def test_what_is_wrong_with_the_address(
    api: Api, options: dict[str, Any], text: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("insights.transfer.records.ATTEMPTS", 0)
    with pytest.raises(CommandError, match=text):
        imported(api, **options)
