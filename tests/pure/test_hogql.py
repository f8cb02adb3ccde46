"""SQL that users write: what is read, what is refused, and that nothing of it is ever copied."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.context import Cohort, ProjectContext
from queries.errors import InvalidQuery
from queries.hogql.aggregates import AGGREGATES, WINDOW_FUNCTIONS
from queries.hogql.forms import FORMS
from queries.hogql.functions import ALIASES, FUNCTIONS
from queries.hogql.query import compile_hogql
from queries.hogql.tables import TABLES
from queries.hogql_node import HogQLQuery
from queries.sql.fragment import Sql
from queries.sql.hogql import aggregate_expression, boolean_expression, number_expression, value_expression

CTX = ProjectContext(
    project_id=7,
    now=datetime(2024, 1, 15, 12, tzinfo=UTC),
    cohorts={5: Cohort(5, "friends", version=2)},
    property_types={("event", "amount"): "Numeric"},
)


def shown(text: str) -> str:
    """The condition with its values put in, for reading."""
    rendered = boolean_expression(text, CTX).render()
    return re.sub(r"\{(\w+):[^}]*\}", lambda m: repr(rendered.params[m[1]]), rendered.text)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("event = 'A'", "event = 'A'"),
        ("properties.plan = 'pro'", "props['plan'] = 'pro'"),
        ("properties['a b'] = 'x'", "props['a b'] = 'x'"),
        ("properties.`a b` = 'x'", "props['a b'] = 'x'"),
        ('properties."a""b" = \'x\'', "props['a\"b'] = 'x'"),
        ("properties.plan in ('pro', 'free')", "props['plan'] IN ['pro', 'free']"),
        ("properties.paid = true", "props['paid'] = 'true'"),  # C27
        ("properties.paid", "props['paid'] = 'true'"),
        ("properties.plan is null", "props['plan'] = ''"),  # C1
        ("properties.plan = ''", "props['plan'] = '\\x00'"),  # C2: the empty string is a value
        ("not event = 'A'", "NOT (event = 'A')"),
        ("event = 'A' and event = 'B' and event = 'C'", "(event = 'A') AND (event = 'B') AND (event = 'C')"),
        ("timestamp > '2024-01-10'", "ts > fromUnixTimestamp64Micro(1704844800000000, 'UTC')"),
        ("person_id in cohort 5", "actor_override_dict"),
        ("person_id in cohort 'friends'", "actor_override_dict"),
        ("person_id in cohort 6", "(0 "),  # C29
    ],
)
def test_conditions(text: str, condition: str) -> None:
    assert condition in shown(text)


HOSTILE = [
    # statements and clauses that are none of an expression's business
    ("1; DROP TABLE events", "';' is not understood here (position 2)"),
    ("event = 'a' -- and more", "Comments are not allowed here (position 13)"),
    ("event = 'a' /* x */", "Comments are not allowed here (position 13)"),
    ("1 SETTINGS max_threads = 1", '"SETTINGS" is not expected here (position 3)'),
    ("1 FORMAT JSON", '"FORMAT" is not expected here (position 3)'),
    ("event IN (SELECT event FROM events)", "Subqueries are not allowed here (position 11)"),
    ("(SELECT 1)", "Subqueries are not allowed here (position 2)"),
    ("exists(SELECT 1)", "Subqueries are not allowed here (position 8)"),
    ("1 UNION ALL SELECT 2", '"UNION" is not expected here (position 3)'),
    # names that are not ours to give
    ("team_id = 1", "team_id is not allowed: a query sees its own project only (position 1)"),
    ("events.team_id = 1", 'There is no column "events.team_id" here (position 1)'),
    ("actor_no = 1", 'There is no column "actor_no" here (position 1)'),
    ("props['x'] = '1'", 'There is no column "props.x" here (position 1)'),
    ("system.tables", 'There is no column "system.tables" here (position 1)'),
    ("person.uuid", 'There is no column "person.uuid" here (position 1)'),
    ("session.password", 'There is no column "session.password" here (position 1)'),
    ("group_5.properties.x = 1", 'There is no column "group_5.properties.x" here (position 1)'),
    # functions
    ("sleep(3)", 'The function "sleep" is not allowed (position 1)'),
    ("sleepEachRow(3) = 0", 'The function "sleepEachRow" is not allowed (position 1)'),
    ("file('/etc/passwd')", 'The function "file" is not allowed (position 1)'),
    ("url('http://127.0.0.1')", 'The function "url" is not allowed (position 1)'),
    ("remote('h', system.one)", 'The function "remote" is not allowed (position 1)'),
    ("dictGet('actor_override_dict', 'person_no', 1)", 'The function "dictGet" is not allowed (position 1)'),
    ("getSetting('max_threads') = 1", 'The function "getSetting" is not allowed (position 1)'),
    ("currentUser() = 'x'", 'The function "currentUser" is not allowed (position 1)'),
    ("hostName() = 'x'", 'The function "hostName" is not allowed (position 1)'),
    ("throwIf(1)", 'The function "throwIf" is not allowed (position 1)'),
    ("generateUUIDv4() = 'x'", 'The function "generateUUIDv4" is not allowed (position 1)'),
    ("rand() > 0", 'The function "rand" is not allowed (position 1)'),
    ("eval('1')", 'The function "eval" is not allowed (position 1)'),
    ("countIf(1)", 'Aggregates are not allowed here: "countIf" (position 1)'),
    ("quantile(0.5)(properties.x)", 'Aggregates are not allowed here: "quantile" (position 1)'),
    ("row_number() over ()", 'Aggregates are not allowed here: "row_number" (position 1)'),
    ("lower(distinct event) = 'a'", '"lower" is not an aggregate (position 1)'),
    # text that tries to leave its quotes
    ("event = 'a\\'", '"\'" is not understood here'),
    ("event = 'a' OR 1=1) OR (1=1", '")" is not expected here (position 19)'),
    ("event = 'a\0b'", "A text cannot hold the character NUL (position 9)"),
    ("{filters}", "Braces are not allowed here (position 1)"),
    ("properties.{x}", "A name is expected after the dot"),
    ("*", "* is not allowed here (position 1)"),
    ("x -> x", "A lambda stands only inside functions of arrays"),
    # wrong kinds
    ("event", "A condition is needed here, not a text (position 1)"),
    ("event > 5", "A text cannot be compared with a number"),
    ("event + 1", "A number is needed here, not a text"),
    ("match(event, '(')", '"(" is not a regular expression (position 14)'),
    ("timestamp > 'soon'", '"soon" is not a date (position 13)'),
    ("lower() = 'a'", '"lower" takes 1 arguments, not 0 (position 1)'),
    ("if(1)", '"if" takes 3 arguments, not 1 (position 1)'),
    # size
    ("(" * 200 + "1" + ")" * 200, "The SQL is nested too deep"),
    ("not " * 500 + "1", "The SQL is nested too deep"),
    ("1" + "+1" * 4000, "The SQL is nested too deep"),
    ("a" * 20_000, "The SQL is longer than 10,000 characters."),
    ("", "The expression ends too early (position 1)"),
    ("   ", "The expression ends too early (position 4)"),
    ("é = 1", "'é' is not understood here (position 1)"),
]


@pytest.mark.parametrize(("text", "complaint"), HOSTILE, ids=[text[:40] or "empty" for text, _ in HOSTILE])
def test_hostile_conditions(text: str, complaint: str) -> None:
    """Always an error of the user's that says what and where."""
    with pytest.raises(InvalidQuery) as caught:
        boolean_expression(text, CTX)
    assert complaint in caught.value.detail


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE])
@pytest.mark.parametrize("read", [value_expression, number_expression, aggregate_expression])
def test_hostile_values(text: str, read: Callable[[str, ProjectContext], Sql]) -> None:
    """What is no condition may be a value; then nothing of its text is in the statement."""
    with suppress(InvalidQuery):
        assert text == "event" or text not in read(text, CTX).render().text


QUERIES = [
    ("DROP TABLE events", 'SELECT is expected, not "DROP"'),
    ("SELECT 1; SELECT 2", "';' is not understood here (position 9)"),
    ("SELECT * FROM system.tables", "Other databases are not allowed (position 15)"),
    ("SELECT * FROM insights.events", "Other databases are not allowed (position 15)"),
    ("SELECT * FROM person", None),
    ("SELECT * FROM actor_override", 'There is no table "actor_override" (position 15)'),
    ("SELECT * FROM cohort_member", 'There is no table "cohort_member" (position 15)'),
    ("SELECT * FROM schema_migrations", 'There is no table "schema_migrations" (position 15)'),
    ("SELECT * FROM `system.tables`", 'There is no table "system.tables" (position 15)'),
    ("SELECT * FROM numbers(10)", 'Table functions such as "numbers" are not allowed (position 15)'),
    ("SELECT * FROM url('http://h/', CSV)", 'Table functions such as "url" are not allowed (position 15)'),
    ("SELECT * FROM file('/etc/passwd')", 'Table functions such as "file" are not allowed (position 15)'),
    (
        "SELECT * FROM remote('h', system.one)",
        'Table functions such as "remote" are not allowed (position 15)',
    ),
    ("SELECT * FROM events SETTINGS max_threads = 1", '"SETTINGS" is not expected here (position 22)'),
    ("SELECT * FROM events FORMAT JSON", '"FORMAT" is not expected here (position 22)'),
    ("SELECT * FROM events INTO OUTFILE 'x'", '"INTO" is not expected here (position 22)'),
    ("SELECT * FROM events FINAL", '"FINAL" is not expected here (position 22)'),
    ("SELECT * FROM events PREWHERE 1", '"PREWHERE" is not expected here (position 22)'),
    ("SELECT * FROM events ARRAY JOIN [1] AS x", '"ARRAY" is not expected here (position 22)'),
    ("SELECT team_id FROM events", "team_id is not allowed: a query sees its own project only (position 8)"),
    ("SELECT e.team_id FROM events e", 'There is no column "e.team_id" here (position 8)'),
    ("SELECT x FROM (SELECT team_id AS x FROM events)", "team_id is not allowed"),
    ("SELECT 1 FROM events WHERE team_id = 2", "team_id is not allowed"),
    ("SELECT 1 FROM events ORDER BY team_id", "team_id is not allowed"),
    ("SELECT 1 AS team_id FROM events e JOIN persons p ON e.team_id = p.team_id", "There is no column"),
    ("SELECT sleep(1)", 'The function "sleep" is not allowed (position 8)'),
    ("SELECT count(count()) FROM events", "Aggregates do not stand inside each other"),
    ("SELECT 1 FROM events WHERE count() > 1", "Aggregates are not allowed in WHERE"),
    ("SELECT k0, c0, t1 FROM events", 'There is no column "k0" here (position 8)'),
    ("SELECT event FROM events e, events e", 'The name "e" stands twice in FROM'),
    ("SELECT event FROM events a, events b", '"event" could be of several tables; write which (position 8)'),
    ("SELECT 1 LIMIT -1", "A whole number is needed here"),
    ("SELECT 1 LIMIT (SELECT 1)", "A whole number is needed here"),
    ("SELECT 1 UNION ALL SELECT 1, 2", "The parts of a UNION have different numbers of columns"),
    ("SELECT a FROM (SELECT b AS a)", 'There is no column "b" here'),
    ("SELECT a AS a", 'There is no column "a" here (position 8)'),
    ("SELECT b AS a, a AS b", "There is no column"),
    ("WITH x AS (SELECT 1) SELECT * FROM y", 'There is no table "y"'),
    ("WITH x AS (SELECT * FROM x) SELECT * FROM x", 'There is no table "x"'),
    ("SELECT {nobody}", "There is no value for {nobody} (position 8)"),
    ("SELECT {variables.none}", "There is no value for {variables.none} (position 8)"),
    ("SELECT 1 FROM persons WHERE {filters}", None),
    ("SELECT event FROM events WHERE event IN (SELECT event, uuid FROM events)", None),
    ("SELECT " + "(SELECT " * 70 + "1" + ")" * 70, "nested too deep"),
    ("SELECT 1 UNION ALL " * 150 + "SELECT 1", "There are more than 100 SELECTs"),
    ("SELECT x FROM events " + "x" * 100_000, "The SQL is longer than 100,000 characters."),
]


@pytest.mark.parametrize(("text", "complaint"), QUERIES, ids=[text[:60] for text, _ in QUERIES])
def test_hostile_queries(text: str, complaint: str | None) -> None:
    """`None`: allowed, and every table in it keeps to the project."""
    if complaint is not None:
        with pytest.raises(InvalidQuery) as caught:
            compile_hogql(HogQLQuery(query=text), CTX)
        assert complaint in caught.value.detail
        return
    (statement,) = compile_hogql(HogQLQuery(query=text), CTX).statements
    tables = len(re.findall(r"FROM (?:events|person|groups|cohort_member|actor)\b", statement.sql))
    assert tables == statement.sql.count("team_id = {")


def test_doubling_is_bounded() -> None:
    """Named queries that read each other twice would grow without end."""
    named = ["x0 AS (SELECT 1 AS a)"]
    named += [f"x{i} AS (SELECT l.a AS a FROM x{i - 1} l, x{i - 1} r)" for i in range(1, 20)]
    with pytest.raises(InvalidQuery, match=r"too many subqueries|nested too deep"):
        compile_hogql(HogQLQuery(query=f"WITH {', '.join(named)} SELECT * FROM x19"), CTX)


def test_aliases_do_not_multiply() -> None:
    aliases = ["1 AS a0"] + [f"a{i - 1} + a{i - 1} AS a{i}" for i in range(1, 60)]
    with pytest.raises(InvalidQuery, match=r"too complex|too deep"):
        compile_hogql(HogQLQuery(query=f"SELECT {', '.join(aliases)}"), CTX)


@given(st.text(min_size=1, max_size=60))
def test_any_text_is_bound_or_refused(text: str) -> None:
    """Texts, keys and aliases never become part of the statement, whatever they hold (J8)."""
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    key = "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"
    query = f"SELECT properties.{key} AS {key}, {quoted} FROM events WHERE event = {quoted}"
    baseline = compile_hogql(
        HogQLQuery(query="SELECT properties.`k` AS `k`, 'v' FROM events WHERE event = 'v'"), CTX
    )
    with suppress(InvalidQuery):
        (statement,) = compile_hogql(HogQLQuery(query=query), CTX).statements
        same = statement.sql if text not in CTX.promoted else baseline.statements[0].sql
        assert re.sub(r"p\d+", "p", same) == re.sub(r"p\d+", "p", baseline.statements[0].sql)


@given(st.text(alphabet="()[]{}'`\"\\.,;:-+*/%=<>! \nabexyzNOTINSELECTFROM0159$_", max_size=80))
def test_any_noise_is_read_or_refused(text: str) -> None:
    for read in (lambda: boolean_expression(text, CTX), lambda: compile_hogql(HogQLQuery(query=text), CTX)):
        with suppress(InvalidQuery):
            read()


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_a_star_stands_for_exists(table: str) -> None:
    alone = HogQLQuery(query=f"SELECT * FROM {table}")
    joined = HogQLQuery(query=f"SELECT a.* FROM {table} a CROSS JOIN events b")
    for node in (alone, joined):
        assert compile_hogql(node, CTX).statements


def test_no_name_is_listed_twice() -> None:
    everything = [*FUNCTIONS, *AGGREGATES, *WINDOW_FUNCTIONS, *FORMS]
    forms_win = set(FORMS) & set(FUNCTIONS)  # a form decides, and may use the row of the same name
    assert sorted(set(everything)) == sorted(everything) or forms_win
    assert {name for name in ALIASES.values() if name not in everything} == set()


@pytest.mark.parametrize("name", ["x" * 300, "a.b.c.d.e.f.g.h.i.j"])
def test_long_names(name: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        boolean_expression(name, CTX)
    assert len(caught.value.detail) < 200
