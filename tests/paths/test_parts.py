"""Paths in parts of their actors are the same paths; short memory leads to them (queries/paths/parts.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from insights import context
from insights_service.config import get_config
from insights_service.persons.event_store import event_store
from queries import execute
from queries.paths import compile as paths_compile
from queries.paths import parts
from queries.paths.question import Question
from queries.plan import Plan, Result
from tests.api_client import Api
from tests.oracle.paths_check import check

MIB = 2**20


def last_form(plan: Plan) -> Plan:
    """What is left where no memory suffices: parts, of which all but the first are halved once more."""
    while (smaller := plan.smaller()) is not None and len(plan.statements) == 1:
        plan = smaller
        if "sipHash64" in plan.statements[0].sql:
            break
    return Plan(plan.statements, lambda found: halved(plan.shape(found)))


def halved(following: Plan | Result) -> Plan | Result:
    smaller = following.smaller() if isinstance(following, Plan) else None
    return following if smaller is None else smaller


@pytest.fixture
def always_in_parts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every path is answered in parts; the statements with which it begins."""
    begun: list[str] = []
    plan_of = paths_compile._plan

    def in_parts(question: Question) -> Plan:
        plan = plan_of(question)
        if not plan.statements:
            return plan
        forced = last_form(plan)
        begun.append(forced.statements[0].sql)
        return forced

    monkeypatch.setattr(paths_compile, "_plan", in_parts)
    return begun


@pytest.mark.parametrize("seed", [9_201, 9_202])
def test_parts_add_up(service: None, always_in_parts: list[str], seed: int) -> None:
    assert check(seed, 25) > 12
    assert all("sipHash64" in begun for begun in always_in_parts)


# --- around a funnel ----------------------------------------------------------------------------------------

AROUND = {
    "include_event_types": ["custom_event"],
    "date_from": "2024-01-10",
    "date_to": "2024-01-10",
    "funnel_paths": "funnel_path_after_step",
    "funnel_filter": {
        "events": [{"id": "cart", "order": 0}, {"id": "paid", "order": 1}],
        "date_from": "2024-01-10",
        "date_to": "2024-01-10",
        "funnel_step": 1,
    },
}


@pytest.mark.parametrize(
    ("group", "asked_of_both"),
    [
        pytest.param({}, True, id="the same actors"),
        pytest.param({"aggregation_group_type_index": 0}, False, id="others"),
    ],
)
def test_around_a_funnel(
    api: Api, always_in_parts: list[str], group: dict[str, int], asked_of_both: bool
) -> None:  # semantics G23
    """The funnel is asked for the same part of the actors, if it counts the same ones."""
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    api.journeys(*(f"u{n}: cart@10:00 look@10:01 paid@10:02 left@10:03" for n in range(12)))
    asked = {**AROUND, "funnel_filter": {**AROUND["funnel_filter"], **group}}  # type: ignore[dict-item]
    found = api.post("insights/path/", asked).body["result"]
    assert [edge["value"] for edge in found] == ([] if group else [12, 12, 12])
    assert always_in_parts[0].count("sipHash64") == (2 if asked_of_both else 1)


# --- little memory ------------------------------------------------------------------------------------------

EVENTS, ACTORS, NAMES = 400_000, 500, 40
MANY: dict[str, Any] = {
    "kind": "PathsQuery",
    "pathsFilter": {"includeEventTypes": ["custom_event"], "edgeLimit": 1000},
    "dateRange": {"date_from": "2024-01-01", "date_to": "2024-01-10"},
}


@pytest.fixture
def crowd(api: Api) -> Api:
    """Too many events for little memory: every 70 or 101 seconds one of each person, eight a session."""
    api.now = datetime(2024, 1, 12, tzinfo=UTC)
    event_store().command(
        "INSERT INTO events (team_id, event, ts, actor_no, uuid)"
        f" WITH intDiv(number, {ACTORS}) AS nth"
        f" SELECT {api.project.pk}, concat('e', toString(cityHash64(number) % {NAMES})),"
        " toDateTime64('2024-01-01', 6, 'UTC') + toIntervalSecond(nth * 70 + intDiv(nth, 8) * 1800"
        f" + if(number % 7 = 0, 31, 0)), number % {ACTORS} + 1, generateUUIDv4() FROM numbers({EVENTS})"
    )
    return api


def give(monkeypatch: pytest.MonkeyPatch, **numbers: int) -> None:
    config = replace(get_config(), **numbers)  # type: ignore[arg-type]
    monkeypatch.setattr(context, "get_config", lambda: config)


def test_little_memory(crowd: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = crowd.query(MANY)
    assert len(whole.result) > 100
    give(monkeypatch, query_max_memory_bytes=24 * MIB)
    monkeypatch.setattr(execute, "_thrifty", lambda plan, limits: None)  # which would suffice here
    asked: list[str] = []
    monkeypatch.setattr(parts, "_add", spied(asked))
    little = crowd.query(MANY)
    assert (little.status, little.result) == (200, whole.result)
    assert len(asked) >= parts.PARTS
    monkeypatch.setattr(paths_compile, "in_parts", lambda question, shape: None)
    refused = crowd.query(MANY)
    assert (refused.status, refused.body["code"]) == (504, "memory_limit")


def spied(asked: list[str]) -> Any:
    add = parts._add

    def spy(sums: parts.Sums, rows: Sequence[Any]) -> parts.Sums:
        asked.append("a part")
        return add(sums, rows)

    return spy


@pytest.mark.parametrize(
    ("most", "numbers", "words"),
    [
        pytest.param(100, {}, "more than 100", id="all parts together"),
        pytest.param(500_000, {"query_max_result_rows": 100}, "limit of 100 rows", id="one part"),
    ],
)
def test_too_many_edges(
    crowd: Api, monkeypatch: pytest.MonkeyPatch, most: int, numbers: dict[str, int], words: str
) -> None:
    monkeypatch.setattr(parts, "MOST_EDGES", most)
    monkeypatch.setattr(execute, "_thrifty", lambda plan, limits: None)
    give(monkeypatch, query_max_memory_bytes=24 * MIB, **numbers)
    answer = crowd.query(MANY)
    assert (answer.status, answer.body["code"]) == (504, "rows_limit")
    assert words in answer.body["detail"]
