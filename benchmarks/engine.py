"""A ClickHouse engine of the benchmark's own, in this process: no network, its own folder, its own log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import chdb

from queries.clickhouse import migrate
from queries.execute import COMPILES, JOINS
from queries.plan import Rows

_CONFIG = """<clickhouse>
  <query_log><database>system</database><table>query_log</table>
    <flush_interval_milliseconds>500</flush_interval_milliseconds></query_log>
  <mark_cache_size>268435456</mark_cache_size>
</clickhouse>"""
TARGET = migrate.Target("bench")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a statement."""

    seconds: float
    cpu_seconds: float  # of all threads: steadier than the clock on a machine that others use too
    rows_read: int
    bytes_read: int
    peak_bytes: int


class Engine:
    """Statements on the data in `folder`; two threads, no caches of conditions, so that runs compare."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "config.xml"
        config.write_text(_CONFIG)
        self._handle = chdb.connect(f"{folder / 'data'}?config-file={config.absolute()}")
        self.command(f"CREATE DATABASE IF NOT EXISTS {TARGET.database}")
        self.command(f"USE {TARGET.database}")
        self.command("SET max_threads = 2, use_query_condition_cache = 0, use_query_cache = 0")
        self.command(f"SET join_algorithm = '{JOINS}'")
        self.command("SET " + ", ".join(f"{name} = {value}" for name, value in COMPILES.items()))
        self._runs = 0

    def command(self, sql: str) -> None:
        self._handle.query(sql, "TabSeparated")

    def migrate(self) -> None:
        for migration in migrate.migrations():
            for statement in migrate.statements(migration.text, TARGET):
                self.command(statement)

    def rows(self, sql: str, params: Mapping[str, object] | None = None) -> Rows:
        found = json.loads(self._run(sql, params, "JSONCompact").bytes())
        types = [column["type"] for column in found["meta"]]
        rows = [tuple(_read(v, t) for v, t in zip(row, types, strict=True)) for row in found["data"]]
        return Rows(rows)

    def measure(self, sql: str, params: Mapping[str, object] | None = None) -> Measured:
        """One run without printing its rows; the peak of memory comes from the engine's own log."""
        self._runs += 1
        comment = f"run-{self._runs}"
        reply = self._run(f"{sql} SETTINGS log_comment = '{comment}'", params, "Null")
        self.command("SYSTEM FLUSH LOGS query_log")
        logged = self.rows(
            "SELECT memory_usage, ProfileEvents['OSCPUVirtualTimeMicroseconds'] FROM system.query_log"
            f" WHERE log_comment = '{comment}' AND type = 'QueryFinish'"
        )
        peak = max((int(row[0]) for row in logged.rows), default=0)
        cpu = max((int(row[1]) for row in logged.rows), default=0) / 1e6
        return Measured(reply.elapsed(), cpu, reply.storage_rows_read(), reply.storage_bytes_read(), peak)

    def _run(self, sql: str, params: Mapping[str, object] | None, form: str) -> Any:  # chdb ships no types
        return self._handle.query(sql, form, params={k: _bound(v) for k, v in (params or {}).items()})


def _bound(value: object) -> object:
    if not isinstance(value, list):
        return value
    return "[" + ",".join(_literal(item) for item in value) + "]"


def _literal(item: object) -> str:
    if isinstance(item, str):
        return "'" + item.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return repr(item)


def _read(value: Any, kind: str) -> Any:
    if isinstance(value, str) and kind.startswith(("UInt", "Int")):
        return int(value)
    if isinstance(value, str) and kind.startswith("DateTime"):
        return datetime.fromisoformat(value)
    return value
