"""How answers are written: JSON, CSV, and which is chosen (api M3, M9, section Y)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.test import RequestFactory
from rest_framework.response import Response

from insights_service.accounts.permissions import ApiView
from insights_service.renderers import CsvTable, cell, flattened, to_json, write_csv
from tests.api.accounts_world import World


@pytest.mark.parametrize(
    "value, text",
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (2.0, "2.0"),
        (-1.5, "-1.5"),
        (float("nan"), ""),
        (10**30, str(10**30)),
        (Decimal("1.50"), "1.50"),
        ([1, "a"], '[1,"a"]'),
        ({"a": 1}, '{"a":1}'),
        ("plain", "plain"),
        ("-5", "-5"),
        ("+1.5e3", "+1.5e3"),
        ("=1+1", "'=1+1"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2024, 3, 15, 9, 30, tzinfo=UTC), "2024-03-15T09:30:00Z"),
    ],
)
def test_cells(value, text):
    assert cell(value) == text


def test_rows_are_quoted_and_end_in_crlf():
    table = CsvTable(["a", "=b"], [["x,y", 'say "hi"'], ["two\nlines", "ü"]], preamble=["http://x/1/"])
    assert write_csv(table).decode() == ('http://x/1/\r\na,\'=b\r\n"x,y","say ""hi"""\r\n"two\nlines",ü\r\n')


def test_nested_objects_become_columns():
    """A row without the object has empty cells, not a column of its own."""
    table = flattened(
        {"count": 2, "results": [{"id": 1, "by": None}, {"id": 2, "by": {"email": "a@b"}, "tags": ["x"]}]}
    )
    assert (list(table.columns), list(table.rows)) == (
        ["id", "by.email", "tags"],
        [[1, None, None], [2, "a@b", ["x"]]],
    )


@pytest.mark.parametrize("data", [{}, [], {"count": 0, "results": []}])
def test_nothing_to_write(data):
    assert write_csv(flattened(data)) == b"error\r\nNo result to export.\r\n"


@pytest.mark.parametrize(
    "value, text",
    [
        ({"a": float("nan"), "b": float("inf")}, b'{"a":null,"b":null}'),
        ({"a": 10**30, "b": float("nan")}, b'{"a":1000000000000000000000000000000,"b":null}'),
        ({"a": "\ud800"}, rb'{"a":"\ud800"}'),
        ({1: "int key"}, b'{"1":"int key"}'),
        (
            {"at": datetime(2024, 3, 15, 9, 30, 0, 120000, tzinfo=UTC)},
            b'{"at":"2024-03-15T09:30:00.120000Z"}',
        ),
        ({"id": uuid.UUID(int=1)}, b'{"id":"00000000-0000-0000-0000-000000000001"}'),
        ({"n": Decimal("1.5")}, b'{"n":1.5}'),
    ],
)
def test_json_of_anything(value, text):
    assert to_json(value) == text


class Tables(ApiView):
    public = True

    def get(self, request: Any) -> Response:
        return Response({"result": [1, 2]})

    def csv_table(self, response: Response) -> CsvTable | None:
        if "plain" in self.request.query_params:
            return None
        rows = [[value] for value in response.data["result"]]
        return CsvTable(["value"], rows, filename="Sales: Q1 ü.csv")


def test_a_view_can_make_its_own_table():
    response = Tables.as_view()(RequestFactory().get("/?format=csv")).render()
    assert response.content == b"value\r\n1\r\n2\r\n"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == ("attachment; filename*=utf-8''Sales%3A%20Q1%20%C3%BC.csv")


def test_a_view_can_leave_it_to_the_flattening():
    response = Tables.as_view()(RequestFactory().get("/?format=csv&plain=1")).render()
    assert response.content == b'result\r\n"[1,2]"\r\n'


# Which format is chosen


@pytest.fixture
def world(db) -> World:
    return World.make()


CSV = "text/csv; charset=utf-8"
JSON = "application/json"


@pytest.mark.parametrize(
    "path, accept, content_type",
    [
        ("/api/projects/", "*/*", JSON),
        ("/api/projects/?format=csv", "*/*", CSV),
        ("/api/projects/?format=csv", JSON, CSV),
        ("/api/projects/?format=json", "text/csv", JSON),
        ("/api/projects.csv", "*/*", CSV),
        ("/api/projects.csv/", JSON, CSV),
        ("/api/projects.json", "text/csv", JSON),
        ("/api/projects.csv?format=json", "*/*", JSON),
        ("/api/projects", "text/csv", CSV),
        ("/api/projects", "application/json, text/csv;q=0.5", JSON),
        ("/api/projects?format=", "*/*", JSON),
    ],
)
def test_the_format_of_an_answer(world, path, accept, content_type):
    response = world.call("GET", path, headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, content_type)


def test_a_list_as_csv(world):
    response = world.call("GET", "/api/projects.csv?limit=1")
    header, row = response.content.decode().splitlines()
    assert header.startswith("id,uuid,organization,api_token,name,")
    assert row.startswith(f"{world.shop.pk},{world.shop.uuid},")
    assert response["X-Total-Count"] == "2"


@pytest.mark.parametrize(
    "path, status", [("/api/projects/999999999.csv", 404), ("/api/personal_api_keys.csv", 400)]
)
def test_errors_are_json_for_who_asked_for_csv(world, path, status):
    response = world.call("GET" if status == 404 else "POST", path, None if status == 404 else {})
    assert (response.status_code, response["Content-Type"]) == (status, JSON)
    assert list(orjson.loads(response.content)) == ["type", "code", "detail", "attr"]


def test_answers_are_for_the_caller_only(world):
    assert world.call("GET", "/api/projects/")["Cache-Control"] == "private, no-cache"
