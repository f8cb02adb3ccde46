"""The operator's page of what the event store works on, of all projects."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connections
from django.test import Client

from insights_service.accounts.models import User
from queries import registry
from tests.api_client import Answer, Api
from tests.refresh.slow import KIND, SLOW_KIND, question

PAGE = "/admin/running-queries/"


@pytest.fixture
def operator(service: None, unique: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email=f"{unique}@example.org"))
    return client


@pytest.fixture
def slow(api: Api, monkeypatch: pytest.MonkeyPatch, unique: str) -> Iterator[list[Answer]]:
    """A query that takes long, under the name `slow-<unique>`; the list has its answer once it has ended."""
    monkeypatch.setitem(registry.KINDS, KIND, SLOW_KIND)  # type: ignore[arg-type]
    answers: list[Answer] = []

    def ask() -> None:
        own = replace(api, client=Client())
        answers.append(own.query(question(f"slow 20 {unique}"), client_query_id=f"slow-{unique}"))
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    yield answers
    thread.join(30)


def shown(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_is_shown_and_cancelled(api: Api, operator: Client, slow: list[Answer], unique: str) -> None:
    deadline = time.monotonic() + 10
    while f"slow-{unique}" not in (page := shown(operator)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert f"<td>{KIND}</td><td>slow-{unique}</td>" in page
    assert operator.post(PAGE, {"project": api.project.pk, "id": f"slow-{unique}"}).status_code == 302
    while not slow and time.monotonic() < deadline:
        time.sleep(0.05)
    assert slow[0].error == (400, "query_cancelled", None)
    assert f"slow-{unique}</td>" not in shown(operator)


def test_the_index_leads_there(operator: Client) -> None:
    assert PAGE in operator.get("/admin/").content.decode()


@pytest.mark.parametrize(("is_staff", "status"), [(True, 403), (False, 302)], ids=["staff", "member"])
def test_it_is_the_operators(api: Api, is_staff: bool, status: int) -> None:
    """Others see running queries of their own projects at /project/N/queries."""
    User.objects.filter(pk=api.user.pk).update(is_staff=is_staff)
    client = Client()
    client.force_login(api.user)
    assert client.get(PAGE).status_code == status
