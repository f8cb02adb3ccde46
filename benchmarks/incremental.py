"""A refresh against the full computation: `python -m benchmarks.incremental DIR`.

DIR comes from `benchmarks.generate` and is changed, so make it a copy. For each range: everything is
computed and kept; an hour of new events comes in, with some merges; then the refresh and the usual plan take
turns on the same data. Milliseconds are medians of the store's own times, the ratio is the median of the
ratios of neighbouring runs.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.engine import Engine
from queries.context import Identities, ProjectContext
from queries.incremental.kinds import proof_of, refreshing_plan
from queries.incremental.known import Refreshed
from queries.incremental.record import Record
from queries.lifecycle.node import LifecycleQuery
from queries.parse import parse_query
from queries.plan import Plan, Result
from queries.registry import compile_node
from queries.trends.node import TrendsQuery
from queries.wrappers import SourceNode

LAST_DAY = datetime(2024, 3, 30, tzinfo=UTC)  # of the events of `benchmarks.generate`
RANGES = (7, 30, 90, 365)
DAYS = 90  # that the generator fills; for a year they are copied three times
MOVED = 40  # persons that get another distinct id in the hour, as far as a question cares


def _series(event: str = "$pageview", **more: Any) -> dict[str, Any]:
    return {"series": [{"kind": "EventsNode", "event": event, **more}]}


_PLAN = [{"type": "event", "key": "plan", "value": "pro", "operator": "exact"}]
_PERSON_PLAN = [{"type": "person", "key": "plan", "value": "pro", "operator": "exact"}]
QUESTIONS: Mapping[str, dict[str, Any]] = {
    "unique persons, unfiltered (never kept)": _series(math="dau"),
    "total, event filter": {**_series(), "properties": _PLAN},
    "unique persons, event filter": {**_series(math="dau"), "properties": _PLAN},
    "unique persons, person filter": {**_series(math="dau"), "properties": _PERSON_PLAN},
    "p90 of a property": _series("purchased", math="p90", math_property="amount"),
    "total by browser": {
        **_series(),
        "breakdownFilter": {"breakdown": "$browser", "breakdown_type": "event"},
    },
    "sessions by country, first 10": {
        **_series(math="unique_session"),
        "breakdownFilter": {
            "breakdown": "$geoip_country_code",
            "breakdown_type": "event",
            "breakdown_limit": 10,
        },
    },
    "two series and a formula": {
        "series": [*_series(math="dau")["series"], *_series("purchased", math="dau")["series"]],
        "properties": _PLAN,
        "trendsFilter": {"formula": "B / A"},
    },
    "lifecycle": {"kind": "LifecycleQuery", **_series()},
    "lifecycle, event filter": {"kind": "LifecycleQuery", **_series(), "properties": _PLAN},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Sums over the statements of one plan."""

    seconds: float
    rows_read: int
    statements: int
    result: Result


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.incremental", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="questions whose name contains this")
    parser.add_argument("--ranges", type=int, nargs="*", default=list(RANGES))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    engine = Engine(arguments.folder)
    if max(arguments.ranges) > DAYS:
        _fill_a_year(engine)
    print("| question | days | full ms | refresh ms | refresh / full | rows full | rows refresh |")
    print("|---|---|---|---|---|---|---|")
    ratios: dict[int, list[float]] = {}
    for name, question in QUESTIONS.items():
        if arguments.only not in name:
            continue
        for days in arguments.ranges:
            ratio, text = line(engine, name, question, days, arguments.rounds)
            ratios.setdefault(days, []).append(ratio)
            print(text, flush=True)
    for days, found in ratios.items():
        print(f"{days} days: refresh / full {statistics.median(found):.2f} (median of the questions)")


def line(engine: Engine, name: str, question: dict[str, Any], days: int, rounds: int) -> tuple[float, str]:
    node = parse_query(
        {"kind": "TrendsQuery", "interval": "day", "dateRange": {"date_from": f"-{days}d"}, **question}
    )
    assert isinstance(node, TrendsQuery | LifecycleQuery)
    before = Identities(_revision(engine), _revision(engine))
    kept = _refresh(engine, node, None, before)
    record = kept.result.record if isinstance(kept.result, Refreshed) else None
    _new_hour(engine)
    after = Identities(_revision(engine), _revision(engine))
    runs = []
    for round_ in range(rounds + 1):
        refreshed = _refresh(engine, node, record, after)
        full = _cost(engine, compile_node(node, _context(after)))
        if round_:  # the first one warms up
            runs.append((refreshed, full))
    assert runs[-1][0].result.results == runs[-1][1].result.results, name
    refreshed, full = runs[-1]
    ratio = statistics.median(r.seconds / f.seconds for r, f in runs)
    return ratio, (
        f"| {name} | {days} | {1000 * statistics.median(f.seconds for _, f in runs):.0f}"
        f" | {1000 * statistics.median(r.seconds for r, _ in runs):.0f} | {ratio:.2f}"
        f" | {full.rows_read} | {refreshed.rows_read} |"
    )


def _context(identities: Identities) -> ProjectContext:
    now = LAST_DAY + timedelta(hours=15)
    return ProjectContext(project_id=1, now=now, has_overrides=identities.has_overrides)


def _refresh(engine: Engine, node: SourceNode, record: Record | None, identities: Identities) -> Cost:
    ctx = _context(identities)
    proof = proof_of(node, ctx)
    plan = proof and refreshing_plan(proof, node, ctx, record, identities, has_one_snapshot=True)
    return _cost(engine, plan or compile_node(node, ctx))


def _cost(engine: Engine, plan: Plan) -> Cost:
    seconds, rows_read, statements = 0.0, 0, 0
    step: Plan | Result = plan
    while isinstance(step, Plan):
        found = []
        for statement in step.statements:
            measured = engine.measure(statement.sql, statement.params)
            seconds += measured.seconds
            rows_read += measured.rows_read
            statements += 1
            found.append(engine.rows(statement.sql, statement.params))
        step = step.shape(found)
    return Cost(seconds, rows_read, statements, step)


def _revision(engine: Engine) -> int:
    return int(engine.rows("SELECT max(version) FROM actor_override").rows[0][0])


def _new_hour(engine: Engine) -> None:
    """As many events as an hour has, from the hour before `now`, and a few merges."""
    at = (LAST_DAY + timedelta(hours=14)).strftime("%Y-%m-%d %H:%M:%S")
    engine.command(
        f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS.replace('ts,', _moved_to(at))} FROM events"
        f" WHERE ts >= toDateTime('{at}', 'UTC') - INTERVAL 7 DAY"
        f" AND ts < toDateTime('{at}', 'UTC') - INTERVAL 7 DAY + INTERVAL 1 HOUR"
    )
    revision = _revision(engine) + 1
    engine.command(
        f"INSERT INTO actor_override SELECT 1, 4000000 + number, 1 + number, {revision} FROM numbers({MOVED})"
    )
    engine.command(
        f"INSERT INTO person SELECT 1, 5000000 + number, generateUUIDv4(), now64(6), 0, {revision}, '{{}}',"
        f" map() FROM numbers({MOVED})"
    )
    engine.command("SYSTEM RELOAD DICTIONARY actor_override_dict")


_COLUMNS = "team_id, event, ts, actor_no, uuid, distinct_id, properties, props, ingested_at"


def _moved_to(at: str) -> str:
    return f"toDateTime64('{at}', 6, 'UTC') + INTERVAL (toUnixTimestamp(ts) % 3600) SECOND,"


def _fill_a_year(engine: Engine) -> None:
    """Copies of the generated events in the three quarters before them, once."""
    earliest = engine.rows("SELECT min(ts) < toDateTime('2023-12-31 00:00:00', 'UTC') FROM events").rows[0][0]
    if int(earliest):
        return
    for quarter in (1, 2, 3):
        moved = _COLUMNS.replace("ts,", f"ts - INTERVAL {quarter * DAYS} DAY,")
        engine.command(
            f"INSERT INTO events ({_COLUMNS}) SELECT {moved} FROM events"
            " WHERE ts >= toDateTime('2024-01-01 00:00:00', 'UTC')"
        )
    # Persons are created with their first event, which is now three quarters earlier.
    engine.command(
        f"INSERT INTO person SELECT * REPLACE (created_at - INTERVAL {3 * DAYS} DAY AS created_at)"
        " FROM person FINAL"
    )
    engine.command("OPTIMIZE TABLE events FINAL")


if __name__ == "__main__":
    main()
