"""A table in parts of its actors is the same table; short memory leads to it (queries/retention/parts.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from insights import context
from insights_service.config import get_config
from insights_service.persons.event_store import event_store
from queries import execute
from queries.plan import Plan, Result
from queries.retention import compile as retention_compile
from queries.retention.question import Question
from tests.api_client import Api
from tests.oracle.retention_check import check

MIB = 2**20


@pytest.fixture
def always_in_parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every table without a breakdown is answered in parts, all but the first of them halved once more; the
    statements with which they begin."""
    begun: list[str] = []
    plan_of = retention_compile._plan

    def halved(following: Plan | Result) -> Plan | Result:
        smaller = following.smaller() if isinstance(following, Plan) else None
        return following if smaller is None else smaller

    def in_parts(question: Question) -> Plan:
        plan = plan_of(question)
        parts = plan.smaller()
        if parts is None:
            return plan
        begun.append(parts.statements[0].sql)
        return Plan(parts.statements, lambda found: halved(parts.shape(found)))

    monkeypatch.setattr(retention_compile, "_plan", in_parts)
    return begun


@pytest.mark.parametrize("seed", [9_301, 9_302])
def test_parts_add_up(service: None, always_in_parts: list[str], seed: int) -> None:
    assert check(seed, 25) == 25
    assert len(always_in_parts) > 5 and all("sipHash64" in begun for begun in always_in_parts)


EVENTS, ACTORS = 400_000, 20_000
EVENT = {"id": "A", "type": "events"}
AMOUNTS: dict[str, Any] = {
    "kind": "RetentionQuery",
    "retentionFilter": {
        "period": "Day",
        "totalIntervals": 8,
        "targetEntity": EVENT,
        "returningEntity": EVENT,
        "aggregationType": "sum",
        "aggregationProperty": "amount",
    },
    "dateRange": {"date_from": "2024-01-01", "date_to": "2024-01-10"},
}


def test_little_memory(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    event_store().command(
        "INSERT INTO events (team_id, event, ts, actor_no, uuid, props)"
        f" SELECT {api.project.pk}, 'A', toDateTime64('2024-01-01', 6, 'UTC') + toIntervalSecond("
        f" cityHash64(number) % 864000), number % {ACTORS} + 1, generateUUIDv4(),"
        f" map('amount', toString(number % 9)) FROM numbers({EVENTS})"
    )
    whole = api.query(AMOUNTS)
    assert whole.result[0]["values"][1]["count"] > ACTORS // 2
    config = replace(get_config(), query_max_memory_bytes=24 * MIB)
    monkeypatch.setattr(context, "get_config", lambda: config)
    monkeypatch.setattr(execute, "_thrifty", lambda plan, limits: None)  # which would suffice here
    little = api.query(AMOUNTS)
    assert (little.status, little.result) == (200, whole.result)
    monkeypatch.setattr(retention_compile, "in_parts", lambda question, shape: None)
    refused = api.query(AMOUNTS)
    assert (refused.status, refused.body["code"]) == (504, "memory_limit")
