"""The demo project: the known answers of its file, and every saved insight has one of its own."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from insights.models import Insight
from insights_service.accounts.models import Project
from insights_service.demo.build import import_demo_events
from insights_service.demo.questions import QUESTIONS
from insights_service.persons.models import Person
from tests.persons.conftest import PERSON_OF_EVENT

pytestmark = pytest.mark.usefixtures("service")


@pytest.fixture(scope="module")
def demo(service: None) -> dict[str, Any]:
    """What the command prints, made anew."""
    out = io.StringIO()
    call_command("demo_data", "--new-secrets", stdout=out)
    return dict(json.loads(out.getvalue().splitlines()[-1]))


@pytest.fixture
def get(demo: dict[str, Any]) -> Any:
    def call(path: str, **parameters: Any) -> Any:
        headers = {"Authorization": f"Bearer {demo['personal_api_key']}"}
        url = f"/api/projects/{demo['project_id']}/{path}"
        answer = Client().get(url, headers=headers, query_params=parameters)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return call


def test_it_says_what_one_needs(demo: dict[str, Any]) -> None:
    assert set(demo) == {"project_id", "project_token", "personal_api_key", "email", "password"}
    project = Project.objects.get(pk=demo["project_id"])
    assert (project.name, project.is_demo, project.timezone) == ("Demo", True, "UTC")
    assert project.api_token == demo["project_token"]
    assert Client().login(username=demo["email"], password=demo["password"])


def test_again_changes_nothing(demo: dict[str, Any]) -> None:
    out = io.StringIO()
    call_command("demo_data", stdout=out)
    again = json.loads(out.getvalue().splitlines()[-1])
    assert again == {name: demo[name] for name in ("project_id", "project_token", "email")}
    assert import_demo_events(demo["project_id"]) == 0
    assert Insight.objects.filter(project=demo["project_id"]).count() == len(QUESTIONS)


def test_known_answers(demo: dict[str, Any], store: Any) -> None:
    """Those of the data's own description, from plain SQL."""
    project = f"team_id = {demo['project_id']}"

    def by_month(event: str, what: str) -> list[int]:
        where = (
            f"WHERE {project} AND event = '{event}' GROUP BY toStartOfMonth(ts) ORDER BY toStartOfMonth(ts)"
        )
        return [row[0] for row in store.query(f"SELECT {what} FROM events {where}").result_rows]

    def funnel(*steps: str) -> list[int]:
        conditions = ", ".join(f"event = '{step}'" for step in steps)
        levels = (
            f"SELECT windowFunnel(1209600)(toDateTime(ts), {conditions}) AS level FROM events"
            f" WHERE {project} GROUP BY {PERSON_OF_EVENT}"
        )
        counts = ", ".join(f"countIf(level >= {number + 1})" for number in range(len(steps)))
        return list(store.query(f"SELECT {counts} FROM ({levels})").result_rows[0])

    assert store.query(f"SELECT count(), uniqExact(actor_no) FROM events WHERE {project}").result_rows == [
        (31_106, 600)
    ]
    assert by_month("purchase", "count()") == [11, 31, 53, 108, 104, 163]
    assert by_month("product_view", f"uniqExact({PERSON_OF_EVENT})") == [56, 141, 282, 402, 432, 407]
    assert funnel("catalog", "add_to_cart", "purchase") == [600, 475, 231]
    assert funnel("home", "product_view", "add_to_cart", "payment_details", "purchase") == [
        586,
        572,
        383,
        193,
        76,
    ]


def test_persons_have_properties(demo: dict[str, Any]) -> None:
    persons = Person.objects.filter(project=demo["project_id"])
    assert persons.count() == 600
    assert {frozenset(person.properties) for person in persons} == {
        frozenset({"acquisition_channel", "platform", "user_cohort"})
    }


@pytest.mark.parametrize("name", [name for name, _, _ in QUESTIONS])
def test_every_saved_insight_has_an_answer(demo: dict[str, Any], get: Any, name: str) -> None:
    insight = Insight.objects.get(project=demo["project_id"], name=name)
    answer = get(f"insights/{insight.pk}/", refresh="force_blocking")
    assert answer["query_status"] is None or not answer["query_status"]["error"], answer["query_status"]
    assert answer["result"]
    assert len(answer["dashboards"]) == 1


def test_the_first_insight_shows_the_purchases(demo: dict[str, Any], get: Any) -> None:
    insight = Insight.objects.get(project=demo["project_id"], name="Purchases per month")
    (series,) = get(f"insights/{insight.pk}/", refresh="blocking")["result"]
    assert series["data"] == [11, 31, 53, 108, 104, 163]
    assert series["count"] == 470
