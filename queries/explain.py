"""What a question would cost, asked before it is run: its SQL, and the parts and rows it would read.

Nothing of the events is read. A question that looks before it asks (the earliest event of an all-time range)
is explained up to there: what follows depends on the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from queries.context import Limits
from queries.execute import QueryTag, execute
from queries.plan import Plan, Statement


@dataclass(frozen=True, slots=True)
class Scan:
    """What one table of a statement would give: parts, rows and marks that cannot be ruled out."""

    table: str
    parts: int
    rows: int
    marks: int


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement: its text with `{p0:String}` placeholders, their values, and its scans."""

    sql: str
    params: Mapping[str, object]
    scans: tuple[Scan, ...]

    @property
    def rows(self) -> int:
        return sum(scan.rows for scan in self.scans)


def explain(plan: Plan, *, client: Client, tag: QueryTag, limits: Limits) -> list[Explained]:
    """The statements of the plan's first batch, each with what the store says it would read."""
    return [
        Explained(statement.sql, statement.params, _scans(statement, client, tag, limits))
        for statement in plan.statements
    ]


def _scans(statement: Statement, client: Client, tag: QueryTag, limits: Limits) -> tuple[Scan, ...]:
    asked = Statement(f"EXPLAIN ESTIMATE {statement.sql}", statement.params, statement.settings)
    found = execute(asked, client=client, tag=tag, limits=limits)
    return tuple(
        Scan(str(table), int(parts), int(rows), int(marks)) for _, table, parts, rows, marks in found.rows
    )
