"""The embedded engine through the client that production uses: unmodified clickhouse-connect over HTTP."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from insights_service.embedded.clickhouse import ClickHouse
from insights_service.embedded.ports import free_port
from insights_service.embedded.processes import spawn
from insights_service.embedded.state import CHECKOUT

INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "it's a \\ secret"
SLOW = "SELECT sum(sleepEachRow(0.01)) FROM numbers(6000) SETTINGS max_block_size = 10"


class Gateway:
    """One gateway process on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.engine = ClickHouse(folder / "clickhouse", free_port(), PASSWORD, memory_bytes=4 * 1024**3)
        self.log = folder / "gateway.log"
        self.start()

    def start(self) -> None:
        self.engine.prepare()
        self.process = spawn(self.engine.command(), self.log)
        assert _until(lambda: self.engine.is_ready(self.process.pid), 30), self.log.read_text()

    def client(self, **options: Any) -> Client:
        chosen = {"password": PASSWORD, "compress": False, "autogenerate_session_id": False, **options}
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.engine.port, username="default", **chosen
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(15)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    found = Gateway(tmp_path_factory.mktemp("gateway"))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Client:
    return gateway.client()


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    client.command("CREATE TABLE t (a UInt32, s String, d DateTime64(3)) ENGINE = MergeTree ORDER BY a")
    yield "t"
    client.command("DROP TABLE t SYNC")


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _running(client: Client, comment: str) -> list[tuple[Any, ...]]:
    question = (
        "SELECT read_rows, total_rows_approx, elapsed FROM system.processes"
        " WHERE Settings['log_comment'] = {comment:String}"
    )
    return list(client.query(question, parameters={"comment": comment}).result_rows)


# Values


@pytest.mark.parametrize("as_form", [False, True], ids=["in the url", "in a form"])
def test_bound_values_arrive_as_they_are(gateway: Gateway, as_form: bool) -> None:
    client = gateway.client(form_encode_query_params=as_form)
    values = {"n": 5, "s": "o'k\n\t\\x é", "l": ["q'", '"', "\\", ""], "d": INSTANT}
    asked = "SELECT {n:UInt32}, {s:String}, {l:Array(String)}, {d:DateTime64(6, 'UTC')}"
    (row,) = client.query(asked, parameters=values, query_tz="UTC", tz_mode="aware").result_rows
    assert row == tuple(values.values())


def test_inserted_rows_are_there_and_counted(client: Client, table: str) -> None:
    rows = [[1, "x", INSTANT], [2, "é", INSTANT]]
    summary = client.insert(table, rows, column_names=["a", "s", "d"]).summary
    assert summary["written_rows"] == "2"
    assert client.query("SELECT a, s FROM t ORDER BY a").result_rows == [(1, "x"), (2, "é")]


def test_one_insert_is_one_part(client: Client, table: str) -> None:
    client.insert(table, [[number, "x"] for number in range(20_000)], column_names=["a", "s"])
    parts = "SELECT count(), sum(rows) FROM system.parts WHERE table = 't' AND active"
    assert client.query(parts).result_rows == [(1, 20_000)]


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip"])
def test_a_compressed_insert(gateway: Gateway, client: Client, table: str, compress: str) -> None:
    gateway.client(compress=compress).insert(table, [[1, "x"]] * 10, column_names=["a", "s"])
    assert client.command("SELECT count() FROM t") == 10


def test_raw_inserts(client: Client, table: str) -> None:
    client.raw_insert(table, column_names=["a", "s"], insert_block="7,abc\n8,def\n", fmt="CSV")
    lines = gzip.compress(b'{"a": 9, "s": "z"}\n')
    client.raw_insert(table, ["a", "s"], insert_block=lines, fmt="JSONEachRow", compression="gzip")
    assert client.query("SELECT a, s FROM t ORDER BY a").result_rows == [(7, "abc"), (8, "def"), (9, "z")]


def test_an_asynchronous_insert_is_there_when_it_is_answered(client: Client, table: str) -> None:
    waiting = {"async_insert": 1, "wait_for_async_insert": 1}
    client.insert(table, [[3, "x"]], column_names=["a", "s"], settings=waiting)
    assert client.command("SELECT count() FROM t") == 1


def test_answers_come_in_any_format(client: Client) -> None:
    assert client.raw_query("SELECT 1 AS a, 2 AS b", fmt="JSONEachRow") == b'{"a":1,"b":2}\n'
    assert client.command("SELECT 1") == 1
    assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)
    assert client.query("SELECT number FROM numbers(0)").result_rows == []


def test_a_statement_without_result_has_a_summary(client: Client, table: str) -> None:
    assert client.command("INSERT INTO t (a) SELECT number FROM numbers(5)").summary["written_rows"] == "5"


def test_the_summary_counts_rows_read(client: Client) -> None:
    assert client.query("SELECT sum(number) FROM numbers(1000000)").summary["read_rows"] == "1000000"


# Streams


def test_a_million_rows_stream(client: Client) -> None:
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(1000000)") as blocks:
        assert sum(len(block) for block in blocks) == 1_000_000


def test_an_empty_stream(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(0)") as blocks:
        assert list(blocks) == []


def test_a_failure_inside_a_stream_is_told(client: Client) -> None:
    asked = "SELECT number, throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 10000"
    with pytest.raises(StreamFailureError, match="395"), client.query_row_block_stream(asked) as blocks:
        list(blocks)


# Errors and limits


@pytest.mark.parametrize(
    ("sql", "settings", "code"),
    [
        pytest.param("SELEC 1", {}, 62, id="syntax"),
        pytest.param("selec", {}, 62, id="a lone word is no expression, as on a server"),
        pytest.param("SELECT * FROM nowhere", {}, 60, id="unknown table"),
        pytest.param("SELECT nothing", {}, 47, id="unknown identifier"),
        pytest.param(SLOW, {"max_execution_time": 1}, 159, id="too long"),
        pytest.param(
            "SELECT groupArray(number) FROM numbers(1e8)", {"max_memory_usage": 10**7}, 241, id="memory"
        ),
        pytest.param("SELECT sum(number) FROM numbers(1e8)", {"max_rows_to_read": 1000}, 158, id="rows"),
        pytest.param("CREATE TABLE x (a Int) ENGINE = Memory", {"readonly": 1}, 164, id="read-only"),
        pytest.param("SELECT * FROM url('http://127.0.0.1:1/')", {"readonly": 1}, 164, id="read-only, url()"),
        pytest.param("SELECT * FROM file('/etc/passwd', 'LineAsString')", {"readonly": 1}, 164, id="file()"),
        pytest.param("SET max_threads = 1", {"readonly": 1}, 164, id="read-only settings"),
        pytest.param("SELECT addressToLine(1)", {}, 446, id="introspection"),
    ],
)
def test_errors_have_their_codes(client: Client, sql: str, settings: dict[str, Any], code: int) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query(sql, settings=settings)
    assert caught.value.code == code
    assert "(version 26." in str(caught.value)


def test_two_statements_are_refused(client: Client) -> None:
    with pytest.raises(DatabaseError, match="multi-statements"):
        client.command("SELECT 1; SELECT 2")


def test_an_unknown_setting_or_database_is_an_error(gateway: Gateway) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_DATABASE"):
        gateway.client(database="nowhere")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    connection.request("POST", "/?no_such_setting=1", "SELECT 1", _KEY)
    response = connection.getresponse()
    assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (404, "115")


def test_settings_do_not_leak_into_the_next_request(client: Client) -> None:
    asked = "SELECT getSetting('max_block_size')"
    usual = client.command(asked)
    assert client.query(asked, settings={"max_block_size": 7}).result_rows == [(7,)]
    assert client.command(asked) == usual


def test_only_with_the_password(gateway: Gateway) -> None:
    with pytest.raises(DatabaseError, match="516"):
        gateway.client(password="wrong")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    connection.request("GET", "/?query=SELECT+1")
    assert connection.getresponse().status == 403


def test_a_get_may_not_write(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    connection.request("GET", "/?query=CREATE+TABLE+x+(a+Int)+ENGINE=Memory", headers=_KEY)
    response = connection.getresponse()
    assert (response.status, b"READONLY" in response.read()) == (403, True)


_KEY = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": PASSWORD}


# Running statements


def test_progress_and_kill_by_log_comment(gateway: Gateway, client: Client) -> None:
    errors: list[DatabaseError] = []

    def victim() -> None:
        try:
            gateway.client().query(SLOW, settings={"log_comment": "job-7"})
        except DatabaseError as error:
            errors.append(error)

    thread = threading.Thread(target=victim)
    thread.start()
    assert _until(lambda: bool(_running(client, "job-7")), 5)
    assert _until(lambda: _running(client, "job-7")[0][0] > 0, 5)
    assert _running(client, "job-7")[0][1] == 6000
    client.command("KILL QUERY WHERE Settings['log_comment'] = 'job-7' SYNC")
    thread.join(5)
    assert [error.code for error in errors] == [394]


def test_a_caller_who_hangs_up_ends_the_query(gateway: Gateway, client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    connection.request("POST", "/?wait_end_of_query=1&log_comment=left", SLOW, _KEY)
    assert _until(lambda: bool(_running(client, "left")), 5)
    connection.close()
    assert _until(lambda: not _running(client, "left"), 2)


def test_a_reader_who_hangs_up_ends_the_stream(gateway: Gateway, client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    sql = "SELECT number FROM system.numbers FORMAT Native"
    connection.request("POST", "/?log_comment=reader", sql, _KEY)
    response = connection.getresponse()
    assert len(response.read(100_000)) == 100_000
    assert _running(client, "reader")
    response.close()
    connection.close()
    assert _until(lambda: not _running(client, "reader"), 2)


def test_two_queries_run_at_once(gateway: Gateway) -> None:
    began = time.monotonic()
    threads = [threading.Thread(target=gateway.client().command, args=("SELECT sleep(1)",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 3


def test_statements_are_logged_with_their_comment(client: Client) -> None:
    client.query("SELECT 41 + 1", settings={"log_comment": "remember me"})
    client.command("SYSTEM FLUSH LOGS")
    asked = "SELECT count() FROM system.query_log WHERE log_comment = 'remember me' AND type = 'QueryFinish'"
    assert client.command(asked) == 1


def test_a_session_keeps_its_temporary_tables(gateway: Gateway, client: Client) -> None:
    mine = gateway.client(session_id="s-1")
    mine.command("CREATE TEMPORARY TABLE mine (a Int32)")
    mine.command("INSERT INTO mine VALUES (1)")
    assert mine.query("SELECT a FROM mine").result_rows == [(1,)]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT a FROM mine")


def test_a_session_may_be_asked_for(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
    connection.request("POST", "/?session_id=never&session_check=1", "SELECT 1", _KEY)
    assert b"SESSION_NOT_FOUND" in connection.getresponse().read()


def test_an_idle_session_expires(gateway: Gateway) -> None:
    def asked(sql: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.engine.port)
        connection.request("POST", "/?session_id=short&session_timeout=1", sql, _KEY)
        return connection.getresponse().read()

    asked("CREATE TEMPORARY TABLE mine (a Int32)")
    assert asked("EXISTS TEMPORARY TABLE mine") == b"1\n"
    time.sleep(1.2)
    assert asked("EXISTS TEMPORARY TABLE mine") == b"0\n"


# What the schema needs


def test_a_dictionary_reads_a_local_table_with_the_gateways_password(client: Client) -> None:
    secret = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    source = f"USER 'default' PASSWORD '{secret}' DB 'things' QUERY 'SELECT k, v FROM things.source'"
    asked = "SELECT dictGetOrDefault('look_up', 'v', toUInt64(2), 0)"
    with _schema(client, "things"):
        client.command("CREATE TABLE source (k UInt64, v UInt32) ENGINE = MergeTree ORDER BY k")
        client.command(
            "CREATE DICTIONARY look_up (k UInt64, v UInt32) PRIMARY KEY k"
            f" SOURCE(CLICKHOUSE({source})) LAYOUT(HASHED()) LIFETIME(0)"
        )
        assert client.command(asked) == 0
        client.command("INSERT INTO source VALUES (1, 10), (2, 20)")
        client.command("SYSTEM RELOAD DICTIONARY look_up")
        assert client.command(asked) == 20


def test_views_and_projections_follow_inserts(client: Client) -> None:
    with _schema(client, "rolls"):
        client.command(
            "CREATE TABLE events (k UInt64, PROJECTION by_k (SELECT k, count() GROUP BY k))"
            " ENGINE = MergeTree ORDER BY tuple()"
        )
        client.command("CREATE TABLE sums (k UInt64, n UInt64) ENGINE = SummingMergeTree ORDER BY k")
        client.command("CREATE MATERIALIZED VIEW filler TO sums AS SELECT k, 1 AS n FROM events")
        client.command("INSERT INTO events SELECT number % 3 FROM numbers(10000)")
        assert client.command("SELECT sum(n) FROM sums") == 10_000
        plan = client.query("EXPLAIN SELECT k, count() FROM events GROUP BY k").result_rows
        assert any("by_k" in row[0] for row in plan)


def test_cluster_forms_can_be_parsed(client: Client) -> None:
    replicated = (
        "EXPLAIN AST CREATE TABLE x ON CLUSTER 'c' (a Int32)"
        " ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/x', '{replica}') ORDER BY a"
    )
    assert client.query(replicated).result_rows
    assert client.command("SELECT count() FROM system.macros") == 2


@contextlib.contextmanager
def _schema(client: Client, name: str) -> Iterator[None]:
    """A database that `client` works in for a while."""
    client.command(f"CREATE DATABASE {name}")
    client.database = name
    try:
        yield
    finally:
        client.database = "default"
        client.command(f"DROP DATABASE {name} SYNC")


# The process


def test_acknowledged_rows_survive_a_kill(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.client().command("CREATE TABLE k (a UInt64) ENGINE = MergeTree ORDER BY a")
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        client = gateway.client()
        with contextlib.suppress(Exception):  # the connection breaks when the process is killed
            while True:
                client.insert("k", [[number] for number in range(1000)], column_names=["a"])
                acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    assert _until(lambda: acknowledged > 20, 30)
    gateway.stop(signal.SIGKILL)
    writer.join()
    gateway.start()
    rows = gateway.client().command("SELECT count() FROM k")
    assert gateway.stop() == 0
    assert rows % 1000 == 0, "a block is there whole or not at all"
    assert acknowledged <= rows / 1000 <= acknowledged + 1


def test_a_stop_ends_running_queries_and_leaves_in_order(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    errors: list[Exception] = []

    def victim() -> None:
        try:
            gateway.client().query(SLOW, settings={"log_comment": "slow"})
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=victim)
    thread.start()
    watcher = gateway.client()
    assert _until(lambda: bool(_running(watcher, "slow")), 5)
    began = time.monotonic()
    assert gateway.stop() == 0
    thread.join(5)
    assert time.monotonic() - began < 4
    assert "QUERY_WAS_CANCELLED" in str(errors[0])


_MODULE = (sys.executable, "-m", "insights_service.embedded.gateway")


def test_it_serves_this_machine_only(tmp_path: Path) -> None:
    refused = subprocess.run(
        [*_MODULE, "--data", str(tmp_path / "d"), "--host", "0.0.0.0", "--port", str(free_port())],
        env={"CLICKHOUSE_GATEWAY_PASSWORD": "x"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "not loopback" in refused.stderr
