"""The only place that talks to the event store about a query: limits, tag, errors, progress, cancel.

A statement is recognised in the store by its `log_comment`, a small JSON text with project, kind, run and
cache key: progress and cancel look for it in `system.processes`. That works alike on the embedded engine,
which makes its own query ids, and on a server or a cluster.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DataError,
    NotSupportedError,
    ProgrammingError,
)

from queries.context import Limits
from queries.errors import (
    AtCapacity,
    BoundReached,
    InvalidQuery,
    OutOfMemory,
    QueryCancelled,
    QueryError,
    QueryTimedOut,
    QueryTooExpensive,
    StoreUnavailable,
)
from queries.plan import Plan, Result, Rows, Statement
from queries.sql.fragment import USER_WRITTEN

__all__ = ["Plan", "QueryTag", "Ran", "Result", "Rows", "Statement", "execute", "kill", "progress", "run"]

PIECE_BYTES = 1 << 18  # of a file that is passed on
# Persons or groups on the right of a join: splitting both sides by hash first, which is what the engine does
# by itself, takes one and a half times as long on few threads. Direct: look-ups in dictionaries.
JOINS = "direct,hash"
SPILL_SHARE = 0.5  # of the memory limit: GROUP BY and ORDER BY go to disk from there on
# A second try goes to disk earlier and has one thread and small blocks: about a third of the memory for the
# same time of the processors.
THRIFTY_SHARE = 0.125
THRIFTY: Mapping[str, object] = {"max_threads": 1, "max_block_size": 8192}
# Nearly every statement is new to the store's compiler of expressions: compiling takes up to as long as the
# rest of a small query, and ten million events were not read faster with it.
COMPILES: Mapping[str, object] = {
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    "compile_sort_description": 0,
}


@dataclass(frozen=True, slots=True)
class QueryTag:
    """Whose statement it is. `query_id` is the run's name for callers: the `client_query_id`, else the key.

    `run` tells apart runs that have the same name one after the other.
    """

    project_id: int
    kind: str
    query_id: str
    cache_key: str = ""
    run: str = ""

    def comment(self) -> str:
        """The text that goes with every statement, as JSON."""
        named = {"project": self.project_id, "kind": self.kind, "id": self.query_id}
        return json.dumps({**named, "key": self.cache_key, "run": self.run}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Progress:
    """Sums over the statements of one run that are under way (api R10)."""

    rows_read: int
    bytes_read: int
    estimated_rows_total: int
    time_elapsed: int  # seconds
    active_cpu_time: int  # microseconds


@dataclass(frozen=True, slots=True)
class Ran:
    """A result, and what it took over all statements."""

    result: Result
    rows_read: int
    bytes_read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Used:
    """What the statements of a run before this one have taken."""

    seconds: float = 0.0
    rows_read: int = 0


NOTHING_USED = Used()


def run(
    plan: Plan,
    *,
    client: Client,
    tag: QueryTag,
    limits: Limits,
    before_each: Callable[[], None] = lambda: None,
) -> Ran:
    """All batches of the plan, one statement after the other; time and rows to read are for all together.
    Where the memory limit is hit the batch is tried again with less, then the plan's own way that needs less.

    `before_each` is called before every statement; it raises to stop the run (a cancelled one, say).
    """
    started = time.monotonic()
    rows_read = bytes_read = 0
    step: Plan | Result = plan
    while isinstance(step, Plan):
        batch = []
        try:
            for statement in step.statements:
                before_each()
                used = Used(time.monotonic() - started, rows_read)
                batch.append(execute(statement, client=client, tag=tag, limits=limits, used=used))
                rows_read += batch[-1].rows_read
                bytes_read += batch[-1].bytes_read
        except OutOfMemory as error:
            thrifty = None if isinstance(error, BoundReached) else _thrifty(step, limits)
            smaller = thrifty or step.smaller()
            if smaller is None:
                raise
            step = smaller
            continue
        step = step.shape(batch)
    return Ran(step, rows_read, bytes_read, time.monotonic() - started)


def _thrifty(plan: Plan, limits: Limits) -> Plan | None:
    """The same statements with less memory; None if they have been."""
    settings = {**THRIFTY, **_spilling_from(limits, THRIFTY_SHARE)}
    statements = tuple(replace(s, settings={**s.settings, **settings}) for s in plan.statements)
    return None if statements == plan.statements else replace(plan, statements=statements)


def execute(
    statement: Statement, *, client: Client, tag: QueryTag, limits: Limits, used: Used = NOTHING_USED
) -> Rows:
    """The rows of one statement, read-only and within limits, of which some is `used` already.

    Raises the errors of `queries.errors` for limits, cancel and an absent store. Anything else the store
    refuses is our own fault and comes through as clickhouse_connect's DatabaseError.
    """
    settings = _settings(statement, tag, _left(limits, used))
    started = time.monotonic()
    try:
        answer = client.query(statement.sql, parameters=dict(statement.params) or None, settings=settings)
    except (ClickHouseError, OSError) as error:
        raise translated(error, limits, user_written=USER_WRITTEN in statement.sql) from error
    summary = answer.summary
    return Rows(
        rows=cast(Sequence[tuple[Any, ...]], answer.result_rows),
        columns=tuple(answer.column_names),
        types=tuple(str(kind.name) for kind in answer.column_types),
        rows_read=int(summary.get("read_rows", 0)),
        bytes_read=int(summary.get("read_bytes", 0)),
        elapsed_seconds=time.monotonic() - started,
    )


def stream_rows(
    statement: Statement, *, client: Client, tag: QueryTag, limits: Limits
) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows in blocks, as the store makes them; memory holds one block. Errors as those of `execute`.

    What fails before the first block is raised by the first `next`.
    """
    settings = _settings(statement, tag, limits)
    try:
        with client.query_row_block_stream(
            statement.sql, parameters=dict(statement.params) or None, settings=settings
        ) as blocks:
            yield from blocks
    except (ClickHouseError, OSError) as error:
        raise translated(error, limits, user_written=USER_WRITTEN in statement.sql) from error


def stream_file(
    statement: Statement, form: str, *, client: Client, tag: QueryTag, limits: Limits
) -> Iterator[bytes]:
    """The rows as a file in one of the store's own formats (`Parquet`, `Arrow`), in pieces."""
    settings = _settings(statement, tag, limits)
    try:
        with client.raw_stream(
            statement.sql, parameters=dict(statement.params) or None, settings=settings, fmt=form
        ) as body:
            while piece := body.read(PIECE_BYTES):
                yield piece
    except (ClickHouseError, OSError) as error:
        raise translated(error, limits, user_written=USER_WRITTEN in statement.sql) from error


def _settings(statement: Statement, tag: QueryTag, limits: Limits) -> dict[str, object]:
    return {
        **limit_settings(limits),
        **statement.settings,
        "log_comment": tag.comment(),
        "readonly": 1,
    }


def progress(client: Client, *, project_id: int, query_id: str, cluster: str = "") -> Progress | None:
    """How far the run has come; None when none of its statements is running just now."""
    rows = client.query(
        "SELECT count(), sum(read_rows), sum(read_bytes), sum(greatest(total_rows_approx, read_rows)),"
        " toUInt64(max(elapsed)), sum(ProfileEvents['OSCPUVirtualTimeMicroseconds'])"
        f" FROM {_processes(cluster)} WHERE is_initial_query AND {_OF_RUN}",
        parameters={"project": project_id, "id": query_id},
    ).result_rows
    running, read, size, total, elapsed, cpu = rows[0]
    if not running:
        return None
    return Progress(int(read), int(size), int(total), int(elapsed), int(cpu))


@dataclass(frozen=True, slots=True)
class RunningStatement:
    """A statement of ours that the store works on now, whichever project's it is."""

    project_id: int
    kind: str
    query_id: str
    seconds: float
    rows_read: int
    memory_bytes: int


def running(client: Client, *, cluster: str = "") -> list[RunningStatement]:
    """All of them, the longest first."""
    rows = client.query(
        "SELECT Settings['log_comment'] AS tag, elapsed, read_rows, memory_usage"
        f" FROM {_processes(cluster)} WHERE is_initial_query AND JSONHas(tag, 'project')"
        " ORDER BY elapsed DESC"
    ).result_rows
    tags = [json.loads(row[0]) for row in rows]
    return [
        RunningStatement(tag["project"], tag["kind"], tag["id"], float(elapsed), int(read), int(memory))
        for tag, (_, elapsed, read, memory) in zip(tags, rows, strict=True)
    ]


def kill(client: Client, *, project_id: int, query_id: str, run: str = "", cluster: str = "") -> None:
    """Ask the store to stop every statement under this name, or of just one `run` under it.

    The project is part of the condition, so another project's statements are out of reach (api Q21).
    """
    only = " AND JSONExtractString(Settings['log_comment'], 'run') = {run:String}" if run else ""
    client.command(
        f"KILL QUERY{_everywhere(cluster)} WHERE {_OF_RUN}{only} ASYNC",
        parameters={"project": project_id, "id": query_id, "run": run},
    )


# --- limits -------------------------------------------------------------------------------------------


def limit_settings(limits: Limits) -> dict[str, object]:
    """ClickHouse settings of the limits; memory that a GROUP BY or a sort may not have is spilled to disk."""
    settings: dict[str, object] = {
        "max_execution_time": max(limits.timeout_seconds, 0.001),
        "timeout_overflow_mode": "throw",
        "join_algorithm": JOINS,
        **COMPILES,
    }
    if limits.memory_bytes:
        settings["max_memory_usage"] = limits.memory_bytes
        settings |= _spilling_from(limits, SPILL_SHARE)
    if limits.rows_to_read:
        settings["max_rows_to_read"] = limits.rows_to_read
    if limits.result_rows:
        settings["max_result_rows"] = limits.result_rows
    if limits.threads:
        settings["max_threads"] = limits.threads
    return settings


def _spilling_from(limits: Limits, share: float) -> dict[str, object]:
    names = ("max_bytes_before_external_group_by", "max_bytes_before_external_sort")
    return dict.fromkeys(names, int((limits.memory_bytes or 0) * share))


def _left(limits: Limits, used: Used) -> Limits:
    """What remains for the next statement. To the store no rows at all would mean no limit."""
    seconds = limits.timeout_seconds - used.seconds
    if seconds <= 0:
        raise _timed_out("", limits)
    if not limits.rows_to_read:
        return replace(limits, timeout_seconds=seconds)
    return replace(limits, timeout_seconds=seconds, rows_to_read=max(1, limits.rows_to_read - used.rows_read))


# --- finding a run in the store -------------------------------------------------------------------------

_OF_RUN = (
    "JSONExtractUInt(Settings['log_comment'], 'project') = {project:UInt64}"
    " AND JSONExtractString(Settings['log_comment'], 'id') = {id:String}"
)


def _processes(cluster: str) -> str:
    return f"clusterAllReplicas('{cluster}', system.processes)" if cluster else "system.processes"


def _everywhere(cluster: str) -> str:
    return f" ON CLUSTER '{cluster}'" if cluster else ""


# --- errors ---------------------------------------------------------------------------------------------


def _timed_out(_: str, limits: Limits) -> QueryError:
    return QueryTimedOut(
        f"The query hit the time limit of {limits.timeout_seconds:g} seconds before completing."
        " Narrow the date range or the filters."
    )


def _bound_reached(_: str, __: Limits) -> QueryError:
    return BoundReached("The query holds more in memory than it may. Narrow the date range.")


def _out_of_memory(message: str, limits: Limits) -> QueryError:
    wanted = _WOULD_USE.search(message)
    used = f" It would use {wanted[1]}, the limit is {wanted[2]}." if wanted else ""
    limit = f" of {limits.memory_bytes:,} bytes" if limits.memory_bytes and not wanted else ""
    return OutOfMemory(
        f"The query hit the memory limit{limit} before completing.{used}"
        " Narrow the date range, or use fewer breakdowns."
    )


def _too_many_rows(message: str, limits: Limits) -> QueryError:
    limit = f" of {limits.rows_to_read:,} rows to read" if limits.rows_to_read else ""
    wanted = _current_rows(message)
    read = f" It would read {wanted} or more." if wanted else ""
    return QueryTooExpensive(
        f"The query hit the limit{limit} before completing.{read} Narrow the date range.", code="rows_limit"
    )


def _current_rows(message: str) -> str:
    """How many rows it would have been, as far as the store came: `5`, `65.41 thousand`."""
    found = _CURRENT_ROWS.search(message)
    return found[1].removesuffix(".00") + (found[2] or "") if found else ""


def _result_too_large(message: str, limits: Limits) -> QueryError:
    limit = f" of {limits.result_rows:,} rows" if limits.result_rows else ""
    wanted = _current_rows(message)
    has = f" It has {wanted} or more." if wanted else ""
    return QueryTooExpensive(
        f"The result is larger than the limit{limit}.{has}"
        " Narrow the date range, or use fewer breakdowns or a lower `limit`.",
        code="rows_limit",
    )


def _cancelled(_: str, limits: Limits) -> QueryError:
    return QueryCancelled("The query was cancelled.")


def _saturated(_: str, limits: Limits) -> QueryError:
    return AtCapacity("The query store is busy, try again shortly.")


_WOULD_USE = re.compile(r"would use ([\d.]+ \w+).*?maximum: ([\d.]+ \w+)")

_CURRENT_ROWS = re.compile(r"current rows: (\d+(?:\.\d+)?)( thousand| million| billion| trillion)?")

_OUR_MISTAKES = (ProgrammingError, DataError, NotSupportedError)

# ClickHouse's error code -> our error.
ERRORS: Mapping[int, Callable[[str, Limits], QueryError]] = {
    158: _too_many_rows,  # TOO_MANY_ROWS
    307: _too_many_rows,  # TOO_MANY_BYTES
    396: _result_too_large,  # TOO_MANY_ROWS_OR_BYTES
    159: _timed_out,  # TIMEOUT_EXCEEDED
    160: _timed_out,  # TOO_SLOW
    241: _out_of_memory,  # MEMORY_LIMIT_EXCEEDED
    395: _bound_reached,  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
    394: _cancelled,  # QUERY_WAS_CANCELLED
    734: _cancelled,  # QUERY_WAS_CANCELLED_BY_CLIENT
    202: _saturated,  # TOO_MANY_SIMULTANEOUS_QUERIES
}


# Refusals that a badly written expression can cause: kinds of arguments, sizes, texts that are no numbers.
EXPRESSION_ERRORS = frozenset(
    {
        6, 10, 27, 32, 36, 38, 41, 42, 43, 44, 47, 48, 53, 59, 69, 70, 72, 125, 128, 131, 135, 153, 167,
        168, 184,
        190, 207, 215, 258, 306, 349, 352, 386, 403, 407, 427, 457,
    }
)  # fmt: skip


def translated(error: Exception, limits: Limits, *, user_written: bool = False) -> Exception:
    """What the caller of a query should see for an error of the client.

    Errors without a code never reached the store or lost it on the way, unless they are about how we
    wrote the statement. `user_written`: it holds an expression of the user's own, so that what the store
    refuses there is theirs to mend.
    """
    code = getattr(error, "code", None)
    if code is None and isinstance(error, _OUR_MISTAKES):
        return error
    if code is None:
        return StoreUnavailable("The query store does not answer. Try again shortly.")
    known = ERRORS.get(code)
    if known is None and user_written and code in EXPRESSION_ERRORS:
        return InvalidQuery(f"The SQL was refused: {_sentence(str(error))}")
    return known(str(error), limits) if known else error


_PREAMBLE = re.compile(r"^.*?DB::Exception: ", re.DOTALL)
_STATEMENT = re.compile(
    r"(: In scope |: while | In scope |\. In query | In query |\(version | \([A-Z_]+\)).*", re.DOTALL
)


def _sentence(message: str) -> str:
    """What the store said, without its code, its version and the statement."""
    return _STATEMENT.sub("", _PREAMBLE.sub("", message))[:300].strip()
