"""What a question would cost, before it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from insights_service.accounts import services
from insights_service.accounts.models import Level, OrganizationMembership
from insights_service.accounts.services import KeyReach
from tests.api_client import Api

NODE = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}]}


@pytest.fixture
def busy(api: Api) -> Api:
    api.journeys(*(f"u{number}: A@10:00 A@11:00 B@12:00" for number in range(5)))
    return api


def test_sql_and_rows(busy: Api) -> None:
    answer = busy.post("query/?explain=1", {"query": NODE})
    assert answer.status == 200, answer.body
    [statement] = answer.body["statements"]
    assert "FROM events" in statement["sql"] and statement["params"]
    assert "A" not in statement["sql"].split("'")  # values are bound
    assert statement["scans"][0]["table"] == "events"
    assert answer.body["rows"] == statement["rows"] > 0
    assert answer.body["query"] == NODE


def test_nothing_is_computed(busy: Api) -> None:
    busy.post("query/?explain=1", {"query": NODE})
    assert busy.post("query/", {"query": NODE}).body["is_cached"] is False


def test_of_a_calculation(busy: Api) -> None:
    answer = busy.get("insights/trend/", {"events": [{"id": "A"}], "explain": "1"})
    assert answer.body["statements"][0]["rows"] > 0
    assert "result" not in answer.body


def test_another_projects_rows_are_not_counted(busy: Api, store: Any) -> None:
    nobody = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "Never"}]}
    assert busy.post("query/?explain=true", {"query": nobody}).body["rows"] == 0


def test_a_member_does_not_see_the_sql(busy: Api) -> None:
    member = services.user_create(email=f"m{busy.project.pk}@example.org", first_name="Bob")
    OrganizationMembership.objects.create(
        organization=busy.project.organization, user=member, level=Level.MEMBER
    )
    key = services.key_create(user=member, label="test", reach=KeyReach(["*"], None, None))[1]
    [statement] = replace(busy, key=key).post("query/?explain=1", {"query": NODE}).body["statements"]
    assert (statement["sql"], statement["params"]) == (None, None)
    assert statement["rows"] > 0


def test_errors_are_those_of_the_question(busy: Api) -> None:
    bad = {**NODE, "dateRange": {"date_from": "some day"}}
    error = busy.post("query/?explain=1", {"query": bad}).error
    assert error == (400, "invalid_input", "query__dateRange__date_from")
