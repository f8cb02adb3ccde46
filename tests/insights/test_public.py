"""Public links as JSON (api Q.2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.insights.conftest import NOW, Desk
from tests.insights.test_crud import FULL_KEYS

HIDDEN = ("created_by", "last_modified_by")


def link(desk: Desk, thing: str) -> str:
    desk.patch(f"{thing}sharing/", {"enabled": True})
    return desk.get(f"{thing}sharing/").json()["access_token"]


def opened(token: str, frame: str = "shared", **extra: Any) -> Any:
    return Client().get(f"/{frame}/{token}", headers={"X-Test-Now": NOW}, **extra)


@pytest.mark.parametrize(("frame", "kind"), [("shared", "scene"), ("embedded", "embed")])
def test_a_shared_insight(desk: Desk, frame: str, kind: str) -> None:
    insight = desk.insight(name="x")
    token = link(desk, f"/insights/{insight['id']}/")
    response = opened(token, frame, query_params={"format": "json"})
    body = response.json()
    assert list(body) == ["type", "accessToken", "insight", "dashboard"]
    assert (body["type"], body["accessToken"], body["dashboard"]) == (kind, token, None)
    assert list(body["insight"]) == [key for key in FULL_KEYS.split() if key not in HIDDEN]
    assert response["Referrer-Policy"] == "no-referrer"  # api Q7
    assert "X-Frame-Options" not in response
    assert not response.cookies


@pytest.mark.parametrize("suffix", [".json", ".json/", "/?format=json"])
def test_spellings(desk: Desk, suffix: str) -> None:
    token = link(desk, f"/insights/{desk.insight(name='x')['id']}/")
    assert Client().get(f"/shared/{token}{suffix}").json()["insight"]["name"] == "x"


def test_dead_links_are_all_alike(desk: Desk) -> None:
    """api Q6, P31"""
    insight = desk.insight(name="x")
    thing = f"/insights/{insight['id']}/"
    off = desk.get(f"{thing}sharing/").json()["access_token"]
    answers = [opened("nonsense"), opened(off)]
    token = link(desk, thing)
    assert opened(token).status_code == 200
    desk.change(insight, deleted=True)
    answers.append(opened(token))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_guests_view_counts_for_the_insight_and_for_nobody(desk: Desk) -> None:
    """api Q8"""
    insight = desk.insight(name="x")
    opened(link(desk, f"/insights/{insight['id']}/"))
    assert desk.get(f"/insights/{insight['id']}/").json()["last_viewed_at"] == NOW
    assert desk.get("/insights/my_last_viewed/").json() == []


def test_a_shared_dashboard(desk: Desk) -> None:
    filters = {"properties": [{"key": "email", "value": "ada@example.org", "type": "person"}]}
    board = desk.dashboard(name="board", filters=filters, tiles=[{"text": {"body": "hello"}}])["id"]
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}
    desk.insight(name="x", query=query, dashboards=[board])
    response = opened(link(desk, f"/dashboards/{board}/"), query_params={"format": "json"})
    shown = response.json()["dashboard"]
    assert shown["name"] == "board"
    assert shown["is_shared"] is True
    assert shown["tiles"][0]["text"]["body"] == "hello"
    assert shown["tiles"][1]["insight"]["name"] == "x"
    assert b"example.org" not in response.content


def test_other_methods(desk: Desk) -> None:
    token = link(desk, f"/insights/{desk.insight(name='x')['id']}/")
    assert Client().post(f"/shared/{token}").status_code == 405
