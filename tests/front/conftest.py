"""Somebody with a browser: logged in, looking at pages, sending forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from django.test import Client

from tests.api_client import NOW, Api, make_project

TREND = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}


@dataclass
class Visitor:
    """`get` and `post` below the project; paths with a leading slash are absolute."""

    api: Api
    client: Client = field(default_factory=Client)

    def logged_in(self) -> Visitor:
        self.client.force_login(self.api.user)
        return self

    @property
    def base(self) -> str:
        return f"/project/{self.api.project.pk}/"

    def get(self, path: str = "", **parameters: Any) -> Any:
        return self.client.get(self._at(path), parameters, headers={"X-Test-Now": NOW.isoformat()})

    def post(self, path: str = "", **form: Any) -> Any:
        return self.client.post(self._at(path), form, headers={"X-Test-Now": NOW.isoformat()})

    def insight(self, **fields: Any) -> dict[str, Any]:
        return self.api.post("insights/", {"name": "Signups", "query": TREND, **fields}).body

    def dashboard(self, **fields: Any) -> dict[str, Any]:
        return self.api.post("dashboards/", {"name": "Board", **fields}).body

    def _at(self, path: str) -> str:
        return path if path.startswith("/") else self.base + path


def words(response: Any) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(text).split())


@pytest.fixture
def visitor(api: Api) -> Visitor:
    return Visitor(api).logged_in()


@pytest.fixture
def stranger(service: None) -> Visitor:
    """Somebody of another organization."""
    return Visitor(make_project()).logged_in()
