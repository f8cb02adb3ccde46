"""The list: filters in every combination, order, pages (api P.2)."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.insights.conftest import Desk


def trends(*events: str, **more: Any) -> dict[str, Any]:
    series = [{"kind": "EventsNode", "event": event} for event in events]
    return {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": series, **more}}


def sql(kind: str) -> dict[str, Any]:
    return {"kind": kind, "source": {"kind": "HogQLQuery", "query": "select 1"}}


@pytest.fixture
def shelf(desk: Desk) -> Desk:
    """Seven insights on two dashboards, made on seven days in March, some of them by Bob."""
    bob = desk.colleague()
    first, second = desk.dashboard(name="first")["id"], desk.dashboard(name="second")["id"]
    rows: list[tuple[str, Desk, dict[str, Any]]] = [
        ("trend", desk, {"query": trends("$pageview", "sign up"), "tags": ["growth"], "dashboards": [first]}),
        ("flag", bob, {"query": trends("sign up", breakdownFilter={"breakdown": "$feature/beta"})}),
        ("old", desk, {"filters": {"insight": "FUNNELS", "events": [{"id": "buy"}]}, "saved": True}),
        ("sql", bob, {"query": sql("DataVisualizationNode"), "favorited": True, "tags": ["growth", "100%"]}),
        ("bare sql", desk, {"query": sql("x")["source"], "order": 2}),
        ("events", desk, {"query": {"kind": "EventsQuery", "select": ["event"], "event": "buy"}, "order": 1}),
        ("plain", bob, {"description": "nothing _asked_", "dashboards": [first, second], "saved": True}),
    ]
    for day, (name, by, fields) in enumerate(rows, start=1):
        by.now = f"2024-03-{day:02}T12:00:00Z"
        by.insight(name=name, **fields)
    desk.now = "2024-03-15T09:30:00Z"
    desk.first, desk.second = first, second  # type: ignore[attr-defined]
    return desk


NAMES = ["trend", "flag", "old", "sql", "bare sql", "events", "plain"]
DEFAULT_ORDER = ["events", "bare sql", "trend", "flag", "old", "sql", "plain"]  # api P7


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("saved=true", ["trend", "old", "plain"]),
        ("saved=1", ["trend", "old", "plain"]),
        ("saved=false", ["trend", "flag", "sql", "bare sql", "events"]),
        ("saved=nonsense", ["trend", "flag", "sql", "bare sql", "events"]),
        ("favorited=false", ["sql"]),
        ("favorited", ["sql"]),
        ("user=", ["trend", "old", "bare sql", "events"]),
        ("insight=TRENDS", ["trend", "flag", "plain"]),
        ("insight=FUNNELS", ["old"]),
        ("insight=PATHS", []),
        ("insight=SQL", ["sql"]),
        ("insight=JSON", ["bare sql", "events"]),
        ("search=TREN", ["trend"]),
        ("search=_asked_", ["plain"]),
        ("search=100%25", ["sql"]),
        ("search=%25", ["sql"]),
        ("search=row", ["trend", "sql"]),
        ("search=", NAMES),
        ('tags=["growth"]', ["trend", "sql"]),
        ('tags=[" GROWTH ","x"]', ["trend", "sql"]),
        ("tags=[]", NAMES),
        ("tags=", NAMES),
        ('events=["sign up"]', ["trend", "flag"]),
        ('events=["sign up","$pageview"]', ["trend"]),
        ('events=["buy"]', ["old", "events"]),
        ("feature_flag=beta", ["flag"]),
        ("feature_flag=bet", []),
        ("created_date_from=2024-03-05", ["bare sql", "events", "plain"]),
        ("created_date_from=2024-03-05T12:00:00Z", ["events", "plain"]),
        ("created_date_to=2024-03-03", ["trend", "flag"]),
        ("created_date_to=2024-03-03T12:00:00Z", ["trend", "flag"]),
        ("date_from=-10d", ["bare sql", "events", "plain"]),
        ("date_from=all", NAMES),
        ("date_from=2024-03-04&date_to=2024-03-06", ["sql", "bare sql"]),
        ("last_viewed_date_from=-7d", []),
        ("created_by=999999", []),
        ("created_by=[]", NAMES),
        ("created_by=", NAMES),
        ("dashboards=[]", NAMES),
        ("dashboards=[999999]", []),
        ("nonsense=1&refresh=whatever", NAMES),
        ("short_id=nosuchid", []),
    ],
)
def test_filters(shelf: Desk, query: str, names: list[str]) -> None:
    assert sorted(shelf.listed(f"?{query}")) == sorted(names)


def test_filters_with_ids(shelf: Desk) -> None:
    first, second = shelf.first, shelf.second  # type: ignore[attr-defined]
    ada = shelf.world.owner.pk
    assert shelf.listed(f"?dashboards=[{first}]") == ["trend", "plain"]
    assert shelf.listed(f"?dashboards=[{first},{second}]") == ["plain"]
    assert shelf.listed(f"?created_by={ada}") == ["events", "bare sql", "trend", "old"]
    assert shelf.listed(f"?created_by=[{ada}, 999999]") == ["events", "bare sql", "trend", "old"]


def test_views_filter_and_order(shelf: Desk) -> None:
    def view(by: Desk, name: str, at: str) -> None:
        by.now = at
        (row,) = by.get(f"/insights/?search={quote(name)}").json()["results"]
        by.post(f"/insights/{row['id']}/viewed/")

    carol = shelf.colleague("carol@example.org")
    view(shelf, "trend", "2024-03-10T00:00:00Z")
    view(shelf, "flag", "2024-03-11T00:00:00Z")
    view(carol, "trend", "2024-03-12T00:00:00Z")
    shelf.now = "2024-03-15T09:30:00Z"
    assert shelf.listed("?my_last_viewed=true&order=id") == ["trend", "flag"]
    assert carol.listed("?my_last_viewed=yes") == ["trend"]
    assert shelf.listed("?last_viewed_date_from=2024-03-11T12:00:00Z") == ["trend"]
    assert shelf.listed("?order=-last_viewed_at")[:2] == ["trend", "flag"]
    assert shelf.listed("?order=last_viewed_at")[-2:] == ["flag", "trend"]
    assert shelf.listed("?order=-my_last_viewed_at")[:2] == ["flag", "trend"]
    assert shelf.listed("?order=my_last_viewed_at")[-2:] == ["trend", "flag"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", DEFAULT_ORDER),
        ("order", DEFAULT_ORDER),
        ("id", NAMES),
        ("-id", NAMES[::-1]),
        ("created_at", NAMES),
        ("-created_at", NAMES[::-1]),
        ("-last_modified_at", NAMES[::-1]),
        ("updated_at", NAMES),
        ("name", sorted(NAMES)),
        ("-name", sorted(NAMES)[::-1]),
        ("favorited", ["trend", "flag", "old", "bare sql", "events", "plain", "sql"]),
        ("-saved", ["old", "plain", "trend", "flag", "sql", "bare sql", "events"]),
        ("derived_name", NAMES),
        ("created_by", ["trend", "old", "bare sql", "events", "flag", "sql", "plain"]),
    ],
)
def test_order(shelf: Desk, order: str, names: list[str]) -> None:
    """api P7"""
    assert shelf.listed(f"?order={order}") == names


@pytest.mark.parametrize(
    ("query", "code", "attr"),
    [
        ("created_by=x", "invalid_input", "created_by"),
        ("created_by=1.5", "invalid_input", "created_by"),
        ('created_by=["x"]', "invalid_input", "created_by"),
        ("created_by=[true]", "invalid_input", "created_by"),
        ("created_by={}", "invalid_input", "created_by"),
        ("insight=trends", "invalid_choice", "insight"),
        ("insight=", "invalid_choice", "insight"),
        ("order=nonsense", "invalid_choice", "order"),
        ("order=--id", "invalid_choice", "order"),
        (f"search={'x' * 201}", "invalid_input", "search"),
        ("date_from=yesterday", "invalid_input", "date_from"),
        ("date_to=all", "invalid_input", "date_to"),
        ("created_date_to=2024-13-01", "invalid_input", "created_date_to"),
        ("last_viewed_date_from=x", "invalid_input", "last_viewed_date_from"),
        ("dashboards=x", "invalid_input", "dashboards"),
        ("dashboards=3", "invalid_input", "dashboards"),
        ("tags=growth", "invalid_input", "tags"),
        ("tags=[1]", "invalid_input", "tags"),
        ("events=[[]]", "invalid_input", "events"),
        ("search=%00", "invalid_input", "search"),
    ],
)
def test_bad_parameters(desk: Desk, query: str, code: str, attr: str) -> None:
    assert desk.refused(desk.get(f"/insights/?{query}")) == (400, code, attr)


def test_filters_combine_with_and(shelf: Desk) -> None:
    """Every pair of filters gives the insights that both give (api P6)."""
    queries = [
        "saved=false",
        "favorited=1",
        "user=1",
        "insight=TRENDS",
        "search=s",
        'tags=["growth"]',
        'events=["sign up"]',
        "feature_flag=beta",
        "created_date_from=2024-03-03",
        "date_to=2024-03-06",
        f"dashboards=[{shelf.first}]",  # type: ignore[attr-defined]
    ]
    alone = {query: set(shelf.listed(f"?{query}")) for query in queries}
    for one, other in itertools.combinations(queries, 2):
        assert set(shelf.listed(f"?{one}&{other}")) == alone[one] & alone[other], (one, other)
    assert shelf.listed("?" + "&".join(queries)) == []


def test_pages(shelf: Desk) -> None:
    """api M17, M18"""
    page = shelf.get("/insights/?limit=3&search=&order=id").json()
    assert (page["count"], page["previous"]) == (7, None)
    seen = [row["name"] for row in page["results"]]
    while page["next"]:
        path = page["next"].split(shelf.base, 1)[1]
        page = shelf.get(path).json()
        seen += [row["name"] for row in page["results"]]
    assert seen == NAMES
    assert page["previous"].endswith("limit=3&offset=3&order=id&search=")


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=x", "limit="])
def test_bad_pages_fall_back(shelf: Desk, query: str) -> None:
    assert len(shelf.listed(f"?{query}")) == 7


def test_a_page_beyond_the_end_is_empty(shelf: Desk) -> None:
    assert shelf.listed("?offset=999999999999999999999999") == []


def test_csv_of_the_list(shelf: Desk) -> None:
    """api Y7"""
    response = shelf.get("/insights.csv?limit=2&order=id")
    lines = response.content.decode().split("\r\n")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["X-Total-Count"] == "7"
    assert lines[0].startswith("id,short_id,name,derived_name,filters,query,dashboards,dashboard_tiles,")
    assert "created_by.email" in lines[0]
    assert len(lines) == 4
    assert lines[1].split(",")[2] == "trend"


def test_csv_of_an_empty_list_is_its_header(desk: Desk) -> None:
    lines = desk.get("/insights/?format=csv").content.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("id,short_id")


def test_other_projects_are_not_listed(shelf: Desk) -> None:
    blog = Desk(shelf.world, project=shelf.world.blog)
    assert blog.listed() == []
    mine = shelf.get("/insights/?limit=1").json()["results"][0]
    for name in (mine["id"], mine["short_id"]):
        assert blog.get(f"/insights/{name}/").status_code == 404
        assert blog.patch(f"/insights/{name}/", {"name": "x"}).status_code == 404
    first = shelf.first  # type: ignore[attr-defined]
    assert blog.refused(blog.post("/insights/", {"dashboards": [first]})) == (
        400,
        "does_not_exist",
        "dashboards",
    )
    assert json.loads(blog.get(f"/insights/?dashboards=[{first}]").content)["count"] == 0
