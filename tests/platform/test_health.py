"""Probes and figures, without credentials (api W23)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from django.test import Client

from insights_service import health
from tests.api_client import Api

ALL_GOOD = {
    "http": True,
    "postgres": True,
    "postgres_migrations_uptodate": True,
    "clickhouse": True,
    "cache": True,
    "celery_broker": True,
}


@pytest.fixture
def client(service: None) -> Client:
    return Client()


@pytest.fixture
def no_clickhouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The event store does not answer."""

    def refused() -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setitem(health.CHECKS, "clickhouse", refused)
    yield


@pytest.mark.parametrize("path", ["/_health", "/_health/"])
def test_health_is_a_word(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_live_says_only_that_the_process_answers(client: Client, no_clickhouse: None) -> None:
    answer = client.get("/_livez")
    assert (answer.status_code, answer.json()) == (200, {"http": True})


def test_ready_lists_every_check(client: Client) -> None:
    answer = client.get("/_readyz")
    assert (answer.status_code, answer.json()) == (200, ALL_GOOD)


def test_not_ready_without_the_event_store(client: Client, no_clickhouse: None) -> None:
    answer = client.get("/_readyz")
    assert (answer.status_code, answer.json()) == (503, {**ALL_GOOD, "clickhouse": False})


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("role=web", 503, id="web needs it"),
        pytest.param("role=worker", 503, id="the worker needs it"),
        pytest.param("role=web&exclude=clickhouse", 200, id="unless it is excluded"),
        pytest.param("exclude=cache,clickhouse", 200, id="several, by commas"),
        pytest.param("role=kitchen", 400, id="an unknown role"),
    ],
)
def test_a_role_decides_what_is_needed(client: Client, no_clickhouse: None, query: str, status: int) -> None:
    answer = client.get(f"/_readyz?{query}")
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {"error": "InvalidRole"}


def test_preflight_tells_an_installer_what_is_there(client: Client, api: Api) -> None:
    assert client.get("/_preflight").json() == {
        "django": True,
        "redis": True,
        "db": True,
        "clickhouse": True,
        "celery": False,  # no worker runs beside the tests
        "initiated": True,
        "realm": "hosted-clickhouse",
    }


def test_metrics_count_requests_by_route_and_never_by_id(client: Client) -> None:
    client.get("/api/projects/987654321/insights/")
    figures = client.get("/metrics").content.decode()
    assert 'insights_requests_total{method="GET",route="api/projects/<str:project_id>/' in figures
    assert "insights_queue_depth" in figures
    assert "insights_waiting_runs" in figures
    assert "987654321" not in figures


def test_probes_answer_whatever_the_public_name_is(client: Client) -> None:
    assert client.get("/_readyz", headers={"Host": "127.0.0.1"}).status_code == 200


def test_metrics_count_events_and_queries_by_what_became_of_them(client: Client, api: Api) -> None:
    def figure(line: str) -> float:
        found = [row for row in client.get("/metrics").content.decode().splitlines() if row.startswith(line)]
        return float(found[0].rpartition(" ")[2]) if found else 0

    names = {
        'insights_events_total{outcome="stored"}': 2,
        'insights_queries_total{kind="TrendsQuery",outcome="ok"}': 1,
        'insights_answers_total{mode="force_blocking",source="computed"}': 1,
    }
    before = {name: figure(name) for name in names}
    api.journeys("u1: A@10:00 B@11:00")
    api.post("insights/trend/", {"events": [{"id": "A"}], "refresh": "force_blocking"})
    assert {name: figure(name) - before[name] for name in names} == names
