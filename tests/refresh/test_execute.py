"""What the engine does to a statement of ours: limits, values, tags, errors in our words."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from queries.context import Limits
from queries.errors import QueryCancelled, QueryError, QueryTimedOut, QueryTooExpensive, StoreUnavailable
from queries.execute import QueryTag, execute, kill, progress, run
from queries.plan import Plan, Result, Rows, Statement

TAG = QueryTag(7, "TrendsQuery", "me", "cache_1", "run_1")
SLEEP = Statement("SELECT count(), sum(sleepEachRow(0.05)) FROM numbers(100)", settings={"max_block_size": 1})


def ask(store: Any, sql: str, limits: Limits = Limits(), **params: Any) -> Rows:  # noqa: B008 - frozen
    return execute(Statement(sql, params), client=store, tag=TAG, limits=limits)


HARD_TEXTS = [
    "", "plain", "it's", 'say "hi"', "back\\slash", "\\", "\\'", "tab\there", "line\nbreak", "\r", "\b\f",
    "\0", "50% of {p0:String}", "%s %(x)s", "{", "}", "{}", "`tick`", "--", "/* */", ";", "日本語", "🦆",
    "a\\nb", "\\N", "NULL",
]  # fmt: skip


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_a_bound_text_arrives_as_it_is(store: Any, text: str) -> None:  # semantics J8
    assert ask(store, "SELECT {p0:String}", p0=text).rows == [(text,)]
    assert ask(store, "SELECT {p0:Array(String)}", p0=[text, "x"]).rows == [([text, "x"],)]


@pytest.mark.parametrize(
    ("type_", "value"),
    [("Int64", -5), ("Float64", 0.1), ("Float64", 1e300), ("UInt8", 1), ("Array(Int64)", [1, -2]),
     ("Array(Float64)", [0.5, 2.0]), ("Array(String)", [])],
)  # fmt: skip
def test_a_bound_number_arrives_as_it_is(store: Any, type_: str, value: Any) -> None:
    assert ask(store, f"SELECT {{p0:{type_}}}", p0=value).rows == [(value,)]


def test_rows_columns_and_cost(store: Any) -> None:
    found = ask(store, "SELECT number AS n, toString(number) AS text FROM numbers(3)")
    assert (found.rows, found.columns) == ([(0, "0"), (1, "1"), (2, "2")], ("n", "text"))
    assert found.types == ("UInt64", "String")
    assert found.rows_read == 3 and found.bytes_read > 0 and found.elapsed_seconds > 0


def test_no_rows(store: Any) -> None:
    """Columns are not known then: the engine's own format has none without a block."""
    assert list(ask(store, "SELECT number AS n FROM numbers(3) WHERE n > 5").rows) == []


@pytest.mark.parametrize(
    ("sql", "limits", "error", "code", "words"),
    [
        pytest.param(
            "SELECT length(groupArray(toString(number))) FROM numbers(20000000)",
            Limits(memory_bytes=64 * 1024**2), QueryTooExpensive, "memory_limit", "the limit is 64.00 MiB",
            id="memory",
        ),
        pytest.param(
            "SELECT count() FROM numbers(1000) WHERE number > 5", Limits(rows_to_read=10),
            QueryTooExpensive, "rows_limit", "10 rows to read", id="rows read",
        ),
        pytest.param(
            "SELECT number FROM numbers(1000)", Limits(result_rows=10),
            QueryTooExpensive, "rows_limit", "10 rows", id="rows of the result",
        ),
    ],
)  # fmt: skip
def test_a_limit(
    store: Any, sql: str, limits: Limits, error: type[QueryError], code: str, words: str
) -> None:
    with pytest.raises(error) as caught:
        ask(store, sql, limits)
    assert caught.value.code == code
    assert words in caught.value.detail


def test_the_limit_of_time(store: Any) -> None:
    with pytest.raises(QueryTimedOut) as caught:
        execute(SLEEP, client=store, tag=TAG, limits=Limits(timeout_seconds=0.5))
    assert (caught.value.code, "0.5 seconds" in caught.value.detail) == ("query_timeout", True)


def test_a_group_by_that_is_too_big_for_memory_is_spilled(store: Any) -> None:
    limits = Limits(memory_bytes=96 * 1024**2, threads=1)
    found = ask(
        store, "SELECT count() FROM (SELECT toString(number) AS t FROM numbers(2000000) GROUP BY t)", limits
    )
    assert found.rows == [(2_000_000,)]


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE t (x Int8) ENGINE = Memory", "DROP TABLE events", "SYSTEM FLUSH LOGS"]
)
def test_nothing_can_be_written(store: Any, sql: str) -> None:
    with pytest.raises(Exception, match=r"READONLY|readonly"):
        ask(store, sql)


def test_our_own_mistake_stays_an_error_of_the_engine(store: Any) -> None:
    with pytest.raises(Exception, match="UNKNOWN_IDENTIFIER") as caught:
        ask(store, "SELECT no_such_column")
    assert not isinstance(caught.value, QueryError)


def test_nobody_answers(engines: Any) -> None:
    from clickhouse_connect.driver.exceptions import OperationalError

    from queries.execute import translated

    assert isinstance(translated(OperationalError("refused"), Limits()), StoreUnavailable)


def test_time_is_for_all_statements_together(store: Any) -> None:
    half = Statement("SELECT sum(sleepEachRow(0.05)) FROM numbers(12)", settings={"max_block_size": 1})
    plan = Plan((half, half), lambda rows: Result([]))
    with pytest.raises(QueryTimedOut):
        run(plan, client=store, tag=TAG, limits=Limits(timeout_seconds=0.9))


def test_rows_to_read_are_for_all_statements_together(store: Any) -> None:
    some = Statement("SELECT count() FROM numbers(1000) WHERE number > 5")
    plan = Plan((some, some), lambda rows: Result([]))
    assert 1000 < run(plan, client=store, tag=TAG, limits=Limits(rows_to_read=2000)).rows_read <= 2000
    with pytest.raises(QueryTooExpensive) as caught:
        run(plan, client=store, tag=TAG, limits=Limits(rows_to_read=1500))
    assert "limit of 1,500 rows to read" in caught.value.detail


def test_a_plan_may_ask_again(store: Any) -> None:
    def second(rows: Any) -> Plan:
        seen = rows[0].rows[0][0]
        return Plan(
            (Statement("SELECT {n:UInt64} + 1", {"n": seen}),), lambda more: Result(more[0].rows[0][0])
        )

    ran = run(Plan((Statement("SELECT 41"),), second), client=store, tag=TAG, limits=Limits())
    assert ran.result.results == 42


# --- while it runs ---------------------------------------------------------------------------------------


class Running:
    """A statement in a thread, and how it ended."""

    def __init__(self, store: Any, tag: QueryTag) -> None:
        self.error: Exception | None = None
        self.ended_at = 0.0
        self._thread = threading.Thread(target=self._run, args=(store, tag))
        self._thread.start()

    def _run(self, store: Any, tag: QueryTag) -> None:
        try:
            execute(SLEEP, client=store, tag=tag, limits=Limits())
        except Exception as error:
            self.error = error
        self.ended_at = time.monotonic()

    def join(self) -> None:
        self._thread.join(10)


def until(condition: Any, seconds: float = 5) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def test_progress_and_cancel(store: Any, unique: str) -> None:
    tag = QueryTag(7, "TrendsQuery", f"q-{unique}", "key", "run")
    running = Running(store, tag)
    seen = until(
        lambda: (p := progress(store, project_id=7, query_id=tag.query_id)) and p.rows_read > 2 and p
    )
    assert seen.estimated_rows_total >= seen.rows_read
    assert seen.time_elapsed >= 0 and seen.active_cpu_time >= 0

    # Another project's, another name's and another run's statements are left alone.
    kill(store, project_id=8, query_id=tag.query_id)
    kill(store, project_id=7, query_id=f"{tag.query_id}x")
    kill(store, project_id=7, query_id="q-%")
    kill(store, project_id=7, query_id=tag.query_id, run="other")
    time.sleep(0.3)
    assert progress(store, project_id=7, query_id=tag.query_id) is not None

    asked_at = time.monotonic()
    kill(store, project_id=7, query_id=tag.query_id)
    running.join()
    assert isinstance(running.error, QueryCancelled)
    assert running.ended_at - asked_at < 1
    assert progress(store, project_id=7, query_id=tag.query_id) is None


def test_the_run_is_stopped_before_its_next_statement(store: Any) -> None:
    def stop() -> None:
        raise QueryCancelled("stop")

    with pytest.raises(QueryCancelled):
        run(Plan((SLEEP,), lambda rows: Result([])), client=store, tag=TAG, limits=Limits(), before_each=stop)
