"""Tables of any length as CSV, Parquet and Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chdb
import pytest

from tests.api_client import Answer, Api, make_project


def sql(text: str) -> dict[str, Any]:
    return {"kind": "HogQLQuery", "query": text}


def file(api: Api, node: dict[str, Any], form: str, **options: Any) -> Answer:
    return api.post(f"query/?format={form}", {"query": node, **options})


@pytest.fixture(scope="module")
def shop(service: None) -> Api:
    api = make_project()
    api.journeys('u1: A@2024-01-15T10:00{plan:"pro"}', 'u2: A@2024-01-15T11:00{plan:"=1+1"}')
    return api


def test_csv_has_no_ceiling(service: None) -> None:
    api = make_project()
    api.journeys(*(f"u{n}: A@10:00" for n in range(240)))
    pairs = (
        "SELECT a.distinct_id AS a, b.distinct_id AS b FROM events AS a JOIN events AS b ON a.event = b.event"
    )
    answer = file(api, sql(pairs), "csv")
    assert answer.status == 200, answer.body
    lines = answer.content.decode().splitlines()
    assert (lines[0], len(lines), len(set(lines))) == ("a,b", 57_601, 57_601)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        pytest.param(
            "SELECT properties.plan AS plan, 1.5 AS n, event = 'A' AS yes FROM events ORDER BY plan",
            ["plan,n,yes", "'=1+1,1.5,true", "pro,1.5,true"],
            id="formulas are defused, numbers and booleans stay what they are",
        ),
        pytest.param("SELECT event FROM events LIMIT 1", ["event", "A"], id="a written limit holds"),
        pytest.param("SELECT event FROM events WHERE event = 'nobody'", ["event"], id="no rows: the header"),
    ],
)
def test_csv(shop: Api, query: str, lines: list[str]) -> None:
    assert file(shop, sql(query), "csv").content.decode().splitlines() == lines


def test_csv_of_events(shop: Api) -> None:
    node = {"kind": "EventsQuery", "select": ["event", "properties.plan -- Plan"], "after": "all"}
    assert file(shop, node, "csv").content.decode().splitlines() == ["event,Plan", "A,'=1+1", "A,pro"]


@pytest.mark.parametrize(("form", "reader"), [("parquet", "Parquet"), ("arrow", "Arrow")])
def test_columns_keep_names_and_types(shop: Api, form: str, reader: str, tmp_path: Path) -> None:
    query = "SELECT event, event AS `event`, length(event) + 1 AS n, timestamp AS `when?` FROM events ORDER BY `when?`"
    answer = file(shop, sql(query), form)
    assert answer.status == 200, answer.body
    path = tmp_path / f"x.{form}"
    path.write_bytes(answer.content)
    rows = chdb.query(f"SELECT event, event_2, n, toString(`when?`) FROM file('{path}', '{reader}')", "TSV")
    assert str(rows).splitlines() == [
        "A\tA\t2\t2024-01-15 10:00:00.000000",
        "A\tA\t2\t2024-01-15 11:00:00.000000",
    ]


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("node", "error"),
    [
        (sql("SELECT nothing FROM events"), (400, "invalid_input", "query__query")),
        (sql("SELECT toFloat(event) + throwIf(1) FROM events"), (400, "invalid_input", "query__query")),
    ],
)
def test_errors_are_json(shop: Api, form: str, node: dict[str, Any], error: Any) -> None:
    answer = file(shop, node, form)
    assert (answer.error[0], answer.headers["Content-Type"]) == (400, "application/json")


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_what_is_no_table(shop: Api, form: str) -> None:
    node = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}]}
    assert file(shop, node, form).error == (400, "not_supported", "format")


def test_a_saved_question_as_a_file(shop: Api) -> None:
    node = {"kind": "DataVisualizationNode", "source": sql("SELECT event FROM events")}
    insight = shop.post("insights/", {"name": "All of it", "query": node}).body
    path = f"insights/{insight['id']}/"
    answer = shop.get(path, {"format": "csv", "refresh": "force_blocking"})
    assert answer.content.decode().splitlines() == ["event", "A", "A"]
    assert answer.headers["Content-Disposition"].endswith('filename="all-of-it.csv"')
    # Without computing there is only what is kept (api Y8).
    assert shop.get(path, {"format": "csv"}).content.decode().splitlines()[0] in ("error", "event")
    assert shop.get(path, {"format": "parquet"}).content[:4] == b"PAR1"


def test_a_place_is_given_back(shop: Api) -> None:
    for _ in range(40):  # more than there are places
        assert file(shop, sql("SELECT event FROM events"), "csv").status == 200
