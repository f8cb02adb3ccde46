"""Every case against its floors: `python -m benchmarks.run DIR`, after `benchmarks.generate`.

Runs are interleaved (case, scan floor, group floor, next case ...), so that a noisy machine disturbs all
alike; the table shows medians and the median of the ratios of neighbouring runs, by the clock and by the
time all threads worked.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks.cases import CASES, Case
from benchmarks.engine import Engine, Measured
from queries.context import ProjectContext
from queries.parse import parse_query
from queries.plan import Plan, Statement
from queries.registry import compile_node

# A case, its scan floor and its group floor, one after the other.
Run = tuple[Sequence[Measured], Measured, Measured | None]
NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    engine = Engine(arguments.folder)
    print("| case | ms | x scan | x group | cpu x scan | cpu x group | rows read | MB read | peak MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if arguments.only in case.name:
            print(line(engine, case, arguments.rounds), flush=True)


def line(engine: Engine, case: Case, rounds: int) -> str:
    statements = _statements(engine, case)
    scan = _floor(case, "")
    group = _floor(case, "GROUP BY actor_no") if case.grouped else None
    runs: list[Run] = []
    for round_ in range(rounds + 1):
        measured = (
            [engine.measure(s.sql, s.params) for s in statements],
            engine.measure(scan),
            engine.measure(group) if group else None,
        )
        if round_:  # the first one warms up
            runs.append(measured)
    own = [sum(m.seconds for m in run[0]) for run in runs]
    last = runs[-1][0]
    return (
        f"| {case.name} | {1000 * statistics.median(own):.0f}"
        f" | {_ratio(runs, 1, _seconds)} | {_ratio(runs, 2, _seconds)}"
        f" | {_ratio(runs, 1, _cpu)} | {_ratio(runs, 2, _cpu)}"
        f" | {sum(m.rows_read for m in last)} | {sum(m.bytes_read for m in last) / 1e6:.1f}"
        f" | {max(m.peak_bytes for m in last) / 2**20:.0f} |"
    )


def _seconds(measured: Measured) -> float:
    return measured.seconds


def _cpu(measured: Measured) -> float:
    return measured.cpu_seconds


def _ratio(runs: list[Run], floor: Literal[1, 2], taken: Callable[[Measured], float]) -> str:
    """The median over the runs of the case by its floor; empty when the case has no such floor."""
    ratios = [sum(map(taken, run[0])) / taken(found) for run in runs if (found := run[floor])]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def _statements(engine: Engine, case: Case) -> list[Statement]:
    """All statements of the case's plan; a plan that looks first is followed to its end."""
    node = parse_query(case.node)
    plan = compile_node(node, ProjectContext(project_id=1, now=NOW))
    found: list[Statement] = []
    while isinstance(plan, Plan):
        found.extend(plan.statements)
        shaped = plan.shape([engine.rows(s.sql, s.params) for s in plan.statements])
        if not isinstance(shaped, Plan):
            return found
        plan = shaped
    return found


def _floor(case: Case, tail: str) -> str:
    columns = ", ".join(f"max({column})" for column in case.columns)
    return f"SELECT {columns} FROM events WHERE {case.where} {tail}"


if __name__ == "__main__":
    main()
