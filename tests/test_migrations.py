"""The schema of the event store: from nothing, again without effect, and in its cluster form."""

from __future__ import annotations

from typing import Any

import pytest

from queries.clickhouse import migrate
from queries.context import PROMOTED

CLUSTER = migrate.Target("insights_cluster", cluster="main", user="app", password="it's \\ secret")


def test_numbers_run_without_gaps() -> None:
    found = migrate.migrations()
    assert [m.number for m in found] == list(range(1, len(found) + 1))


def test_a_second_run_does_nothing(store: Any) -> None:
    target = migrate.Target(store.database)
    assert migrate.pending(store, target) == ()
    assert migrate.migrate(store, target) == []


def test_promoted_properties_are_columns_filled_by_the_store(store: Any) -> None:
    columns = dict(
        store.query(
            "SELECT name, default_expression FROM system.columns WHERE database = currentDatabase()"
            " AND table = 'events' AND default_kind = 'MATERIALIZED'"
        ).result_rows
    )
    assert {key: columns[column] for key, column in PROMOTED.items()} == {
        key: f"props['{key}']" for key in PROMOTED
    }


@pytest.mark.parametrize(
    "statement",
    [s for m in migrate.migrations() for s in migrate.statements(m.text, CLUSTER)],
    ids=lambda text: " ".join(text.split()[:6]),
)
def test_the_cluster_form_is_understood_by_the_engine(store: Any, statement: str) -> None:
    """Parsed, not executed: no cluster is at hand."""
    assert store.query(f"EXPLAIN AST {statement}").result_rows
    assert "ON CLUSTER 'main'" in statement
    if "MergeTree" in statement:
        assert "Replicated" in statement


def test_the_cluster_form_shards_events_and_copies_persons_everywhere() -> None:
    texts = [s for m in migrate.migrations() for s in migrate.statements(m.text, CLUSTER)]
    events = next(t for t in texts if "events_local" in t and "PROJECTION" in t)
    assert "/clickhouse/tables/{shard}/{database}/{table}', '{replica}'" in events
    assert any(
        "Distributed('main', 'insights_cluster', 'events_local', cityHash64(team_id, actor_no))" in t
        for t in texts
    )
    person = next(t for t in texts if "CREATE TABLE IF NOT EXISTS person " in t)
    assert "/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}', version" in person


def test_a_name_that_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="plain ClickHouse name"):
        migrate.Target("x; DROP TABLE events")
