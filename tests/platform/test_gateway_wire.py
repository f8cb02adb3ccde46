"""The wire of the gateway, without an engine: what a request means, and how errors leave."""

from __future__ import annotations

import gzip

import pytest

from insights_service.embedded.gateway import wire


def _read(body: bytes = b"", *, method: str = "POST", query: str = "", **headers: str) -> wire.Statement:
    parameters = wire.read_query_string(query)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.read_statement(method, parameters, named, body)


@pytest.mark.parametrize(
    ("text", "sql", "data", "form"),
    [
        pytest.param(
            b"INSERT INTO t (a) FORMAT Native\n\x01\x02", b"INSERT INTO t (a) ", b"\x01\x02", "Native"
        ),
        pytest.param(b"insert into t format CSV 1,2\n", b"insert into t ", b"1,2\n", "CSV", id="same line"),
        pytest.param(
            b"INSERT INTO `FORMAT x` (`a'b`) FORMAT TSV\n1\n",
            b"INSERT INTO `FORMAT x` (`a'b`) ",
            b"1\n",
            "TSV",
        ),
        pytest.param(b"/* why */ INSERT INTO t FORMAT TSV\n", b"/* why */ INSERT INTO t ", b"", "TSV"),
    ],
)
def test_an_insert_is_cut_before_its_payload(text: bytes, sql: bytes, data: bytes, form: str) -> None:
    statement = _read(text)
    assert (statement.sql, statement.data, statement.format) == (sql, data, form)
    assert not statement.only_reads


def test_a_payload_may_follow_a_statement_in_the_url() -> None:
    statement = _read(b"1\n2\n", query="query=INSERT+INTO+t+FORMAT+CSV")
    assert (statement.sql, statement.data) == (b"INSERT INTO t ", b"1\n2\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"INSERT INTO t SELECT 1", id="from a query"),
        pytest.param(b"INSERT INTO t VALUES ('x FORMAT CSV')", id="a quoted FORMAT"),
    ],
)
def test_an_insert_without_a_format_goes_as_it_is(text: bytes) -> None:
    statement = _read(text)
    assert (statement.sql, statement.data) == (text, None)


@pytest.mark.parametrize(
    ("text", "form", "named"),
    [
        pytest.param(b"SELECT 1\n FORMAT Native", "Native", True, id="named"),
        pytest.param(b"SELECT 1 FORMAT JSON SETTINGS max_threads=1;", "JSON", True, id="before settings"),
        pytest.param(b"SELECT 'FORMAT CSV'", "TabSeparated", False, id="quoted"),
    ],
)
def test_the_format_of_an_answer(text: bytes, form: str, named: bool) -> None:
    statement = _read(text)
    assert (statement.format, statement.has_format) == (form, named)


@pytest.mark.parametrize("text", [b"SELECT 1;", b"SELECT ';'", b"SELECT 1; -- end", b"SELECT 1 /* a; b */"])
def test_one_statement_may_end_in_a_semicolon(text: bytes) -> None:
    assert _read(text).sql == text


@pytest.mark.parametrize("text", [b"SELECT 1; SELECT 2", b"SELECT ';'; DROP TABLE t", b"SELECT 1; /* x */ t"])
def test_two_statements_are_refused(text: bytes) -> None:
    with pytest.raises(wire.Refused, match="Code: 62"):
        _read(text)


def test_parameters_are_bound_values_settings_or_transport() -> None:
    statement = _read(b"SELECT 1", query="param_x=5&max_threads=1&database=d&query_id=q&wait_end_of_query=1")
    assert statement.parameters == {"x": "5"}
    assert statement.settings == {"max_threads": "1"}
    assert (statement.database, statement.query_id, statement.may_stream) == ("d", "q", False)


def test_a_setting_that_is_no_name_is_refused() -> None:
    with pytest.raises(wire.Refused, match="Code: 115"):
        _read(b"SELECT 1", query="a%3D1%2C+readonly=0")


def test_reading_methods_may_only_read() -> None:
    assert _read(method="GET", query="query=SELECT+1").readonly == 2
    assert _read(b"SELECT 1").readonly is None
    assert _read(b"SELECT 1", query="readonly=1").readonly == 1


def test_a_form_carries_the_statement_and_long_values() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="param_x"\r\n\r\na\r\nb--\r\n--b--\r\n'
    )
    statement = _read(body, content_type="multipart/form-data; boundary=b")
    assert (statement.sql, statement.parameters) == (b"SELECT {x:String}", {"x": "a\r\nb--"})


def test_a_compressed_body_is_inflated_and_an_unknown_coding_refused() -> None:
    assert _read(gzip.compress(b"SELECT 1"), content_encoding="gzip").sql == b"SELECT 1"
    with pytest.raises(wire.Refused, match="Unknown compression method 'br'"):
        _read(b"x", content_encoding="br")


@pytest.mark.parametrize(
    ("text", "reads", "controls"),
    [
        (b"SELECT 1", True, False),
        (b" -- why\n(SELECT 1) UNION ALL (SELECT 2)", True, False),
        (b"WITH 1 AS a SELECT a", True, False),
        (b"CREATE TABLE t (a Int) ENGINE = Memory", False, False),
        (b"KILL QUERY WHERE 1", False, True),
        (b"SELECT count() FROM system.processes", True, True),
    ],
)
def test_kinds_of_statements(text: bytes, reads: bool, controls: bool) -> None:
    statement = _read(text)
    assert (statement.only_reads, statement.is_control) == (reads, controls)


def test_errors_leave_with_code_status_and_version() -> None:
    text = "Streaming query failed: Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)"
    status, code, body = wire.error_answer(text, "26.9.2.1")
    assert (status, code) == (408, 159)
    expected = b"Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED) (version 26.9.2.1)\n"
    assert body == expected


def test_our_own_failures_have_the_same_form() -> None:
    status, code, body = wire.error_answer("no more memory", "1.2")
    assert (status, code) == (500, 1002)
    assert body == b"Code: 1002. DB::Exception: no more memory (UNKNOWN_EXCEPTION) (version 1.2)\n"


def test_names_and_values_are_quoted() -> None:
    assert wire.quoted("a'b\\c") == "'a\\'b\\\\c'"
    assert wire.quoted_name("a`b") == "`a\\`b`"
