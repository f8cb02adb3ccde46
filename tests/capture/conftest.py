"""What capture tests look at: rows of the event store, and requests that are not the usual JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api_client import Answer, Api


@pytest.fixture
def rows(api: Api, store: Any) -> Callable[..., list[tuple[Any, ...]]]:
    """`rows("event, ts", "events", "event != 'A'")`: rows of the project, in order of their columns."""

    def ask(columns: str, table: str = "events", where: str = "1") -> list[tuple[Any, ...]]:
        final = "" if table == "events" else "FINAL"
        statement = f"SELECT {columns} FROM {table} {final} WHERE team_id = {api.project.pk} AND {where}"
        answer = store.query(f"{statement} ORDER BY ALL")
        return [tuple(row) for row in answer.result_rows]

    return ask


@pytest.fixture
def send(api: Api) -> Callable[..., Answer]:
    """`send("/e/", event="A", distinct_id="u")`: one request with the project's token, as JSON."""

    def post(path: str = "/e/", **body: Any) -> Answer:
        api.key = None
        return api.post(path, {"token": api.project.api_token, **body})

    return post
