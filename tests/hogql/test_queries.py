"""Questions in SQL over HTTP (api U4, V11): tables, joins, values, limits, and nothing of other projects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Answer, Api, make_project
from tests.cohorts.people import calculate, make, person, tree


@pytest.fixture(scope="module")
def town(service: None) -> Api:
    api = make_project()
    api.journeys(
        'ann: A@2024-01-14T10:00{a:1,$session_id:"s"} A@2024-01-14T11:00{a:"2.5",$session_id:"s"}',
        "bob: B@2024-01-13T10:00{a:3}",
    )
    api.identify("ann", email="ann@x.io")
    return api


def ask(api: Api, text: str, **more: Any) -> Answer:
    return api.query({"kind": "HogQLQuery", "query": text, **more})


def rows(api: Api, text: str, **more: Any) -> Any:
    return ask(api, text, **more).result


def test_the_answer(town: Api) -> None:
    body = ask(town, "SELECT event, count() AS n FROM events GROUP BY event ORDER BY n DESC, event").body
    assert body["results"] == [["A", 2], ["$identify", 1], ["B", 1]]
    assert body["columns"] == ["event", "n"]
    assert [name for name, _ in body["types"]] == ["event", "n"]
    assert (body["hasMore"], body["limit"], body["offset"], body["error"]) == (False, 100, 0, None)
    assert body["query"].startswith("SELECT event")


QUERIES: list[tuple[str, Any]] = [
    ("SELECT 1, 'a', null, true, 1.5", [[1, "a", None, True, 1.5]]),
    ("SELECT event FROM events WHERE properties.a > 2 ORDER BY timestamp", [["B"], ["A"]]),
    ("SELECT event e FROM events GROUP BY e HAVING count() > 1", [["A"]]),
    ("SELECT toDate(timestamp) AS day, uniq(person_id) FROM events WHERE event != '$identify' GROUP BY 1 ORDER BY 1",
     [["2024-01-13", 1], ["2024-01-14", 1]]),
    ("SELECT DISTINCT event FROM events ORDER BY event DESC LIMIT 2", [["B"], ["A"]]),
    ("SELECT event FROM events ORDER BY timestamp LIMIT 1 OFFSET 1", [["A"]]),
    ("SELECT event FROM events ORDER BY timestamp LIMIT 1, 2", [["A"], ["A"]]),
    ("SELECT event, properties.a FROM events WHERE event != '$identify' ORDER BY timestamp LIMIT 1 BY event",
     [["B", "3"], ["A", "1"]]),
    ("SELECT lower(event) AS event FROM events WHERE event = 'B'", [["b"]]),  # WHERE means the column
    ("SELECT event AS x, x || '!' AS y FROM events WHERE event = 'B'", [["B", "B!"]]),
    ("SELECT id = person_id FROM persons p JOIN events e ON e.person_id = p.id WHERE e.event = 'B'", [[True]]),
    ("SELECT e.event, p.properties.email FROM events e LEFT JOIN persons p ON e.person_id = p.id"
     " AND p.properties.email != '' ORDER BY e.timestamp LIMIT 2", [["B", None], ["A", "ann@x.io"]]),
    ("SELECT count() FROM events a, events b", [[16]]),
    ("SELECT a.event FROM events a JOIN events b USING (uuid) WHERE b.event = 'B'", [["B"]]),
    ("SELECT session_id, duration, $start_timestamp FROM sessions", [["s", 3600, "2024-01-14T10:00:00Z"]]),
    ("SELECT e.event, s.duration FROM events e JOIN sessions s ON e.$session_id = s.session_id LIMIT 1", [["A", 3600]]),
    ("SELECT n FROM (SELECT event, count() AS n FROM events GROUP BY event) WHERE event = 'A'", [[2]]),
    ("WITH x AS (SELECT event, count() AS n FROM events GROUP BY event), y AS (SELECT max(n) AS m FROM x) SELECT m FROM y",
     [[2]]),
    ("SELECT event FROM events WHERE event IN (SELECT event FROM events WHERE properties.a = 3)", [["B"]]),
    ("SELECT event FROM events WHERE properties.a NOT IN (SELECT properties.a FROM events WHERE event = 'A')"
     " AND event != '$identify'", [["B"]]),
    ("SELECT (SELECT count() FROM events)", [[4]]),
    ("SELECT 'a' AS x, 1 UNION ALL SELECT 'b', 2.5", [["a", 1], ["b", 2.5]]),
    ("SELECT 1 UNION DISTINCT SELECT 1", [[1]]),
    ("SELECT event, row_number() OVER (PARTITION BY event ORDER BY timestamp) AS r FROM events"
     " WHERE event = 'A' ORDER BY timestamp", [["A", 1], ["A", 2]]),
    ("SELECT event, lag(properties.a) OVER (ORDER BY timestamp) FROM events WHERE event = 'A' ORDER BY timestamp",
     [["A", None], ["A", "1"]]),
    ("SELECT groupArray(event) FROM (SELECT event FROM events ORDER BY timestamp LIMIT 2)", [[["B", "A"]]]),
    ("SELECT count() FROM events -- a comment\n/* another */", [[4]]),
    ("SELECT properties FROM persons WHERE properties.email IS NOT NULL", [['{"email":"ann@x.io"}']]),
    ("SELECT count() FROM groups", [[0]]),
    ("SELECT 1/0, 0.1", [[None, 0.1]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), QUERIES, ids=[text[:60] for text, _ in QUERIES])
def test_queries(town: Api, text: str, wanted: Any) -> None:
    assert rows(town, text) == wanted


def test_limits(town: Api) -> None:
    """V11: 100 rows unless asked otherwise, 50,000 at most."""
    many = "SELECT a.event FROM events a, events b, events c, events d"  # 256 rows
    body = ask(town, many).body
    assert (len(body["results"]), body["hasMore"], body["limit"]) == (100, True, 100)
    body = ask(town, f"{many} LIMIT 1000000").body
    assert (len(body["results"]), body["hasMore"], body["limit"]) == (256, False, 50_000)
    body = ask(town, f"{many} LIMIT 10 OFFSET 250").body
    assert (len(body["results"]), body["hasMore"], body["offset"]) == (6, False, 250)


def test_filters(town: Api) -> None:
    """The node's own filters stand where {filters} stands."""
    text = "SELECT count() FROM events WHERE {filters}"
    assert rows(town, text) == [[4]]
    leaf = {"key": "a", "value": 1, "operator": "gt"}
    assert rows(town, text, filters={"properties": [leaf]}) == [[2]]
    assert rows(town, text, filters={"dateRange": {"date_from": "2024-01-14", "date_to": "2024-01-14"}}) == [
        [2]
    ]
    both = {"dateRange": {"date_from": "2024-01-14"}, "properties": [leaf]}
    assert rows(town, text, filters=both) == [[1]]
    joined = "SELECT e.event FROM events e JOIN persons p ON p.id = e.person_id WHERE {filters}"
    assert rows(town, joined, filters=both) == [["A"]]
    since = "SELECT count() FROM events WHERE timestamp >= {filters.dateRange.from}"
    assert rows(town, since, filters={"dateRange": {"date_from": "2024-01-15"}}) == [[1]]
    assert ask(town, "SELECT 1 FROM persons WHERE {filters}", filters=both).status == 400


def test_values_and_variables(town: Api) -> None:
    text = "SELECT {name}, {variables.most} FROM events WHERE event IN {names} LIMIT 1"
    values = {"name": "it's", "names": ["A", "x'); DROP TABLE events --"]}
    variables = {"1": {"code_name": "most", "value": 3}}
    assert rows(town, text, values=values, variables=variables) == [["it's", 3]]
    assert ask(town, text, values=values).status == 400
    assert ask(town, "SELECT {x}", values={"x": {"a": 1}}).status == 400
    limited = rows(town, "SELECT event FROM events ORDER BY timestamp LIMIT {n}", values={"n": 1})
    assert limited == [["B"]]


def test_members_of_cohorts(town: Api) -> None:
    cohort = make(town, name="mailed", filters=tree(person("email", operator="is_set")))
    text = f"SELECT p.properties.email FROM cohort_people c JOIN persons p ON p.id = c.person_id WHERE c.cohort_id = {cohort}"
    assert rows(town, text) == []
    calculate(town, cohort)
    calculate(town, cohort)  # the version before this one is none of it
    assert rows(town, text) == [["ann@x.io"]]


def test_other_projects_are_out_of_reach(town: Api) -> None:
    """J3: every table, alone, joined, in a subquery and behind an alias."""
    other = make_project()
    other.journeys("eve: secret@2024-01-14{a:1}")
    other.identify("eve", email="eve@x.io")
    for text in (
        "SELECT count() FROM events",
        "SELECT count() FROM events a JOIN events b ON 1 = 1 WHERE a.event = 'secret' OR b.event = 'secret'",
        "SELECT count() FROM (SELECT * FROM events) WHERE event = 'secret'",
        "SELECT count() FROM persons WHERE properties.email = 'eve@x.io'",
        "SELECT count() FROM events e RIGHT JOIN persons p ON p.id = e.person_id WHERE p.properties.email = 'eve@x.io'",
        "SELECT count() FROM sessions WHERE distinct_id = 'eve'",
        "SELECT count() FROM events WHERE event IN (SELECT event FROM events WHERE event = 'secret') OR event = 'secret'",
        "WITH e AS (SELECT event FROM events) SELECT count() FROM e a, e b WHERE a.event = 'secret'",
    ):
        count = rows(town, text)[0][0]
        assert count == (4 if text == "SELECT count() FROM events" else 0), text
    assert rows(other, "SELECT event FROM events WHERE event = 'secret'") == [["secret"]]


REFUSED = [
    "SELECT count(), event FROM events",
    "SELECT event FROM events GROUP BY timestamp",
    "SELECT arrayElement([1], 'a')",
    "SELECT sum(arrayMap(x -> x, [1]))",
    "SELECT (SELECT event FROM events)",
    "SELECT 1 FROM events e JOIN persons p ON length(e.event) > length(p.id) AND 1",
    "",
    "SELECT",
    "EXPLAIN SELECT 1",
    "SHOW TABLES",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_store_refuses_is_the_callers_error(town: Api, text: str) -> None:
    answer = ask(town, text)
    if answer.status == 200:  # the store has learnt to answer it
        assert text.startswith("SELECT 1 FROM events e JOIN")
        return
    assert answer.error == (400, "invalid_input", "query")
    assert "team_id" not in answer.body["detail"] and "_CAST" not in answer.body["detail"]


def test_events(town: Api) -> None:
    """EventsQuery: whole events and persons, the newest first, in the last day unless asked otherwise."""
    node = {"kind": "EventsQuery", "select": ["*", "person", "properties.a -- Amount"], "after": "2024-01-14"}
    body = town.query({**node, "event": "A"}).body
    assert body["columns"] == ["*", "person", "Amount"]
    event, someone, amount = body["results"][0]
    assert (event["event"], event["properties"]["a"], amount) == ("A", "2.5", "2.5")
    assert event["timestamp"] == "2024-01-14T11:00:00Z"
    assert someone["properties"] == {"email": "ann@x.io"}
    assert len(body["results"]) == 2

    def select(*columns: str, **more: Any) -> Any:
        return town.query({"kind": "EventsQuery", "select": list(columns), "after": "all", **more}).result

    assert select("event", after="2024-01-01", before="2024-01-14") == [["B"]]
    assert select("event", "count()") == [["$identify", 1], ["A", 2], ["B", 1]]
    assert select("event", orderBy=["event DESC"], limit=1) == [["B"]]
    assert select("event", where=["properties.a = 1", "event = 'A'"]) == [["A"]]
    assert select("event", properties=[{"key": "a", "value": 3}]) == [["B"]]
    assert select("event", personId=someone["id"], event="A", limit=1, offset=1) == [["A"]]
    made = town.post("actions/", {"steps": [{"event": "B"}]}).body["id"]
    assert select("event", actionId=made) == [["B"]]


@pytest.mark.parametrize(
    ("fields", "attr"),
    [
        ({"select": ["event;"]}, "query__select__0"),
        ({"select": []}, "query__select"),
        ({"select": ["event"], "after": "soon"}, "query__after"),
        ({"select": ["event"], "where": ["event ="]}, "query__where__0"),
        ({"select": ["event"], "limit": 100_000}, "query__limit"),
    ],
)
def test_bad_lists_of_events(town: Api, fields: dict[str, Any], attr: str) -> None:
    answer = town.query({"kind": "EventsQuery", **fields})
    assert (answer.status, answer.body["attr"]) == (400, attr)
