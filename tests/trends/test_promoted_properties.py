"""Columns of often read properties: made, filled, used, given up; the answers stay the same (semantics C3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from insights import keeping, promotion
from insights_service import clock
from queries.cache.reads import WINDOW_DAYS
from queries.clickhouse import promotion as columns
from queries.clickhouse.migrate import Target
from queries.clickhouse.promotion import Column, State
from queries.context import PROMOTED
from tests.api_client import Api

# Texts that a column of another kind would not tell apart, or would lose.
VALUES: list[Any] = [..., None, "", "0", 0, 1, 1.5, "1.0", True, "true", ["a"], {"b": 1}, "x", "x", " 5 "]


@pytest.fixture
def key(unique: str) -> Iterator[str]:
    """A property nobody else reads, without traces of other tests among the counts."""
    with keeping._queue().open() as redis:
        redis.delete(*redis.keys("insights:property_reads:*") or [b"none"])
    yield f"promoted {unique}"
    client, target = promotion.event_store(), _target()
    for column in columns.columns(client):
        columns.drop(client, target, column)
    promotion.forget()


def _target() -> Target:
    config = promotion.get_config()
    return promotion.target_of(config.clickhouse_url, config.clickhouse_cluster)


def read_often(key: str, times: int = promotion.LEAST_READS) -> None:
    for _ in range(times):
        keeping.property_reads().note([key], clock.now().date())


def states() -> dict[str, str]:
    return {column.property: str(column.state) for column in columns.columns(promotion.event_store())}


def looked(times: int) -> None:
    for _ in range(times):
        promotion.look_after_columns()


def until_ready(key: str) -> None:
    """Filling goes through every part of the table, and late in a run of the suite there are many."""
    deadline = time.monotonic() + 180
    while states().get(key) != State.READY:
        assert time.monotonic() < deadline, states()
        time.sleep(0.05)
        promotion.look_after_columns()
    promotion.forget()


def questions(key: str) -> list[dict[str, Any]]:
    def asked(**fields: Any) -> dict[str, Any]:
        series = [{"kind": "EventsNode", "event": "A", **fields.pop("series", {})}]
        return {"kind": "TrendsQuery", "series": series, "dateRange": {"date_from": "2024-01-10"}, **fields}

    def filtered(operator: str, value: Any = None) -> dict[str, Any]:
        return asked(properties=[{"key": key, "type": "event", "operator": operator, "value": value}])

    return [
        asked(breakdownFilter={"breakdown": key, "breakdown_type": "event"}),
        asked(series={"math": "sum", "math_property": key}),
        filtered("exact", ["0", "1"]),
        filtered("exact", ""),
        filtered("is_not", ["x"]),
        filtered("icontains", "X"),
        filtered("regex", "^$"),
        filtered("gt", 0),
        filtered("is_set"),
        filtered("is_not_set"),
    ]


def test_a_column_answers_like_the_map(api: Api, key: str) -> None:
    def event(value: Any) -> dict[str, Any]:
        properties = {} if value is ... else {key: value}
        day = "2024-01-12T10:00:00Z"
        return {"event": "A", "distinct_id": "p", "timestamp": day, "properties": properties}

    api.capture([event(value) for value in VALUES])
    asked = questions(key)
    before = [api.query(node).result for node in asked]
    read_often(key)
    until_ready(key)
    api.capture([event("late")])
    api.capture([event(value) for value in VALUES[1:2]])
    column = next(c for c in columns.columns(promotion.event_store()) if c.property == key)
    explained = api.post("query/?explain=1", {"query": asked[0]}).body
    assert column.name in explained["statements"][0]["sql"]
    after = [api.query(node).result for node in asked]
    values = {line["breakdown_value"]: line["count"] for line in after[0]}
    assert values.pop("late") == 1
    none = "$$_posthog_breakdown_null_$$"
    assert values.pop(none) == {line["breakdown_value"]: line["count"] for line in before[0]}[none] + 1
    assert values == {
        line["breakdown_value"]: line["count"] for line in before[0] if line["breakdown_value"] != none
    }
    assert after[1][0]["data"] == before[1][0]["data"]  # the sum
    assert after[2][0]["data"] == before[2][0]["data"]
    assert after[8][0]["count"] == before[8][0]["count"] + 1


def test_queries_are_counted_and_the_most_read_property_gets_a_column(api: Api, key: str) -> None:
    for number in range(3):
        node = questions(key)[0] | {"dateRange": {"date_from": f"2024-01-0{number + 1}"}}
        assert api.query(node).status == 200
    reads = sum(
        keeping.property_reads().totals(day).get(key, 0)
        for day in {clock.now().date(), api.now.date()}  # type: ignore[union-attr]
    )
    assert reads == 3
    looked(1)
    assert key not in states()
    read_often(key)
    looked(1)
    assert states()[key] == State.FILLING


def test_a_property_that_nobody_reads_gives_its_column_up(api: Api, key: str) -> None:
    read_often(key)
    until_ready(key)
    today = clock.now().date()
    first = today - timedelta(days=WINDOW_DAYS - 1)
    with keeping._queue().open() as redis:
        redis.delete(f"insights:property_reads:{today.isoformat()}")
    looked(1)
    assert states()[key] == State.READY  # counting began a moment ago: no reads say nothing yet
    keeping.property_reads().note(["another"], first)
    looked(1)
    assert states()[key] == State.RETIRED
    assert key not in promotion.noted_columns(promotion.event_store())
    looked(1)
    assert states()[key] == State.RETIRED  # some query may still hold a plan with it
    retired = next(c for c in columns.columns(promotion.event_store()) if c.property == key)
    long_ago = clock.now() - promotion.DROPPED_AFTER
    columns.mark(promotion.event_store(), _target(), retired, State.RETIRED, long_ago)
    looked(1)
    assert key not in states()


NOW = clock.now()


@pytest.mark.parametrize(
    "totals, there, most, expected",
    [
        ({"a": 49}, {}, 10, set()),
        ({"a": 50, "b": 60}, {}, 1, {"b"}),
        ({"$browser": 1_000}, {}, 10, set()),  # has one since ever
        ({"a": 1, "b": 900}, {"a": State.READY}, 1, {"a"}),  # stays while it is read
        ({"a": 1, "b": 900}, {"a": State.RETIRED}, 1, {"b"}),
        ({"a": 1, "b": 2}, {"a": State.READY, "b": State.READY}, 1, {"b"}),
        ({"a": 900}, {"a": State.READY}, 0, set()),
    ],
)
def test_choice(totals: dict[str, int], there: dict[str, State], most: int, expected: set[str]) -> None:
    found = tuple(Column(key, f"q_{key}", state, NOW) for key, state in there.items())
    assert promotion.chosen(totals, found, set(), most) == expected


@pytest.mark.parametrize("key", ["it's", "a\\b", "{table:x}", "naïve", "", "new\nline", "x" * 101])
def test_unusual_names_stay_in_the_map(key: str) -> None:
    assert not columns.can_be_promoted(key)
    with pytest.raises(ValueError, match="cannot have a column"):
        columns.add(None, Target("x"), key, NOW)  # type: ignore[arg-type]


def test_a_cluster_changes_the_stored_table_and_the_one_before_it(store: Any, monkeypatch: Any) -> None:
    """Parsed by the engine, not executed: no cluster is at hand."""

    class Recorder:
        sent: list[str] = []

        def command(self, statement: str, **_: Any) -> None:
            self.sent.append(statement)

    monkeypatch.setattr(columns, "_kind", lambda *_: "LowCardinality(String)")
    recorder: Any = Recorder()
    target = Target("db", cluster="main")
    column = columns.add(recorder, target, "$plan", NOW)
    columns.fill(recorder, target, column)
    columns.mark(recorder, target, column, State.READY, NOW)
    columns.drop(recorder, target, column)
    tables = [statement.split()[2] for statement in recorder.sent if statement.startswith("ALTER")]
    assert tables == [
        *("events_local", "events"),
        "events_local",
        *("events_local", "events"),
        "events",
        "events_local",
    ]
    for statement in recorder.sent:
        assert "ON CLUSTER 'main'" in statement
        store.query("SELECT formatQuery({statement:String})", parameters={"statement": statement})


def test_nothing_is_counted_when_it_is_switched_off(key: str, monkeypatch: Any) -> None:
    from dataclasses import replace

    config = replace(promotion.get_config(), promoted_properties=0)
    monkeypatch.setattr(promotion, "get_config", lambda: config)
    noted = promotion.NotedColumns(PROMOTED)
    assert noted.get(key) is None
    promotion.note_reads(noted)
    assert key not in keeping.property_reads().totals(clock.now().date())
