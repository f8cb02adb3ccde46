"""SQL expressions in filters, breakdowns and maths, over HTTP (semantics C30, D19; docs/hogql.md)."""

from __future__ import annotations

from typing import Any

import pytest

from insights_service.persons.models import Person
from queries.hogql.functions import FUNCTIONS, Want
from tests.api_client import Api, make_project
from tests.cohorts.people import calculate, make, person, tree


@pytest.fixture(scope="module")
def town(service: None) -> Api:
    api = make_project(timezone="Europe/Berlin", week_start_day=1)
    api.capture(
        [
            _event(
                "ann",
                "A",
                "2024-01-10T23:30:00Z",
                a=1,
                b="x",
                flag=True,
                list=["p", "q"],
                obj={"k": {"z": 5}},
            ),
            _event("bob", "A", "2024-01-11T10:00:00Z", a="2.5", b=None, flag="true", empty=""),
            _event("cid", "B", "2024-01-12T10:00:00Z", a="abc", when="2024-03-10"),
        ]
    )
    api.capture([_event("ann", "S", "2024-01-10T22:30:00Z", **{"$session_id": "s"})])
    api.capture([_event("ann", "S", "2024-01-10T22:32:00Z", **{"$session_id": "s"})])
    api.identify("ann", email="ann@x.io", age=30)
    api.capture(
        [
            {
                "event": "$groupidentify",
                "distinct_id": "ann",
                "properties": {
                    "$group_type": "company",
                    "$group_key": "acme",
                    "$group_set": {"tier": "gold"},
                },
            },
            _event("ann", "G", "2024-01-10T10:00:00Z", **{"$groups": {"company": "acme"}}),
        ]
    )
    return api  # fmt: skip


def _event(who: str, name: str, at: str, **properties: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": who, "timestamp": at, "properties": properties}


def values(api: Api, expression: str, *events: str) -> dict[str, str]:
    """Person -> the expression's value for their A or B event, as a breakdown shows it."""
    node = {
        "kind": "EventsQuery",
        "select": ["distinct_id", expression],
        "where": [f"event in ({', '.join(repr(e) for e in events or ('A', 'B'))})"],
        "after": "all",
    }
    return dict(api.query(node).result)


VALUES = [
    ("properties.a", {"ann": "1", "bob": "2.5", "cid": "abc"}),
    ("properties.a + 1", {"ann": 2, "bob": 3.5, "cid": None}),  # C21: text that is no number is nothing
    ("properties.b", {"ann": "x", "bob": None, "cid": None}),
    ("properties.empty", {"ann": None, "bob": "", "cid": None}),  # C2
    ("properties.obj.k.z", {"ann": "5", "bob": None, "cid": None}),
    ("properties['list']", {"ann": '["p","q"]', "bob": None, "cid": None}),
    ("person.properties.email", {"ann": "ann@x.io", "bob": None, "cid": None}),
    ("upper(person.properties.email)", {"ann": "ANN@X.IO", "bob": None, "cid": None}),
    ("toDate(timestamp)", {"ann": "2024-01-11", "bob": "2024-01-11", "cid": "2024-01-12"}),  # project zone
    ("toHour(timestamp)", {"ann": 0, "bob": 11, "cid": 11}),
    ("toStartOfDay(timestamp)", dict.fromkeys(("ann", "bob"), "2024-01-11T00:00:00+01:00") | {"cid": "2024-01-12T00:00:00+01:00"}),
    ("toStartOfWeek(timestamp)", dict.fromkeys(("ann", "bob", "cid"), "2024-01-08")),  # A13
    ("now()", dict.fromkeys(("ann", "bob", "cid"), "2024-01-15T13:00:00+01:00")),  # J2
    ("today()", dict.fromkeys(("ann", "bob", "cid"), "2024-01-15")),
    ("dateDiff('day', timestamp, now())", {"ann": 4, "bob": 4, "cid": 3}),
    ("timestamp - interval 1 day", {"ann": "2024-01-10T00:30:00+01:00", "bob": "2024-01-10T11:00:00+01:00", "cid": "2024-01-11T11:00:00+01:00"}),
    ("concat(event, '-', properties.b)", {"ann": "A-x", "bob": "A-", "cid": "B-"}),
    ("if(properties.a > 1, 'big', 'small')", {"ann": "small", "bob": "big", "cid": "small"}),
    ("case event when 'A' then 1 when 'B' then 2 end", {"ann": 1, "bob": 1, "cid": 2}),
    ("case when properties.a = 1 then 'one' else event end", {"ann": "one", "bob": "A", "cid": "B"}),
    ("coalesce(properties.b, 'none')", {"ann": "x", "bob": "none", "cid": "none"}),
    ("properties.a / 0", {"ann": None, "bob": None, "cid": None}),
    ("greatest(2, properties.a)", {"ann": 2, "bob": 2.5, "cid": 2}),
    ("length(properties.b)", {"ann": 1, "bob": None, "cid": None}),
    ("arrayMap(x -> upper(x), properties.list)", {"ann": ["P", "Q"], "bob": [], "cid": []}),
    ("JSONExtractInt(properties, 'obj', 'k', 'z')", {"ann": 5, "bob": 0, "cid": 0}),
    ("properties.flag = true", {"ann": True, "bob": True, "cid": False}),  # C27
    ("properties.b != 'x'", {"ann": False, "bob": True, "cid": True}),  # as is_not, C9
    ("properties.b is null", {"ann": False, "bob": True, "cid": True}),
    ("properties.a::Float", {"ann": 1, "bob": 2.5, "cid": None}),
    ("toDateTime(properties.when)", {"ann": None, "bob": None, "cid": "2024-03-10T00:00:00+01:00"}),
    ("person_id = person.id", {"ann": True, "bob": True, "cid": True}),
    ("(1, 'a').2", dict.fromkeys(("ann", "bob", "cid"), "a")),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted"), VALUES, ids=[text for text, _ in VALUES])
def test_values(town: Api, expression: str, wanted: dict[str, Any]) -> None:
    assert values(town, expression) == wanted


def test_values_of_others(town: Api) -> None:
    assert values(town, "session.$session_duration", "S") == {"ann": 120}
    assert values(town, "group_0.properties.tier", "G") == {"ann": "gold"}
    assert values(town, "group_0.key", "G") == {"ann": "acme"}


CONDITIONS = [
    ("event = 'A'", {"ann", "bob"}),
    ("properties.a = 1", {"ann"}),
    ("properties.a = '1'", {"ann"}),
    ("properties.a > 1", {"bob"}),
    ("properties.a between 1 and 2", {"ann"}),
    ("properties.a in (1, 2.5)", {"ann", "bob"}),
    ("properties.a not in ('1')", {"bob", "cid"}),
    ("not properties.flag", {"cid"}),
    ("person.properties.age > 20 or event = 'B'", {"ann", "cid"}),
    ("timestamp > '2024-01-11 00:00:00'", {"ann", "bob", "cid"}),  # in the project's zone
    ("timestamp >= '2024-01-11T10:00:00Z' and timestamp < toDateTime('2024-01-12')", {"bob"}),
    ("properties.when < '2024-03-11'", {"cid"}),
    ("distinct_id like 'a%' or distinct_id ilike 'CI_'", {"ann", "cid"}),
    ("match(distinct_id, '^(b|c)')", {"bob", "cid"}),
    ("dateDiff('hour', timestamp, now()) > 90", {"ann", "bob"}),
    ("arrayExists(x -> x = 'q', properties.list)", {"ann"}),
    ("1", {"ann", "bob", "cid"}),
    ("null", set()),
]


@pytest.mark.parametrize(("expression", "who"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_conditions(town: Api, expression: str, who: set[str]) -> None:
    """The same in a filter, and in the legacy endpoint's breakdown by distinct id."""
    found = town.trend(
        "A",
        "B",
        properties=[{"key": expression, "type": "hogql"}],
        date_from="2024-01-01",
        breakdown="distinct_id",
        breakdown_type="hogql",
    )
    assert {series["breakdown_value"] for series in found if series["count"]} == who


def test_membership(town: Api) -> None:
    cohort = make(town, name="mailed", filters=tree(person("email", operator="is_set")))
    for _ in range(2):  # evaluated on the spot, then as calculated
        for text, count in (("person_id in cohort {0}", 1), ("person_id not in cohort {0}", 1)):
            leaf = {"key": text.format(cohort), "type": "hogql"}
            assert town.trend("A", properties=[leaf], date_from="2024-01-01")[0]["count"] == count
        calculate(town, cohort)
    leaf = {"key": "person_id in cohort 'mailed'", "type": "hogql"}
    assert town.trend("A", properties=[leaf], date_from="2024-01-01")[0]["count"] == 1


BREAKDOWNS = [
    ("person.properties.email", "hogql", {"ann@x.io": 1, "": 1}),
    ("concat(event, person.properties.email)", "hogql", {"Aann@x.io": 1, "A": 1}),
    ("toHour(timestamp)", "hogql", {"0": 1, "11": 1}),
    ("properties.a > 1", "hogql", {"true": 1, "false": 1}),
    ("session.$session_duration", "hogql", {"": 2}),
    ("distinct_id", "event_metadata", {"ann": 1, "bob": 1}),
]


@pytest.mark.parametrize(("expression", "kind", "wanted"), BREAKDOWNS)
def test_breakdowns(town: Api, expression: str, kind: str, wanted: dict[str, int]) -> None:
    found = town.trend("A", date_from="2024-01-01", breakdown=expression, breakdown_type=kind)
    none = "$$_posthog_breakdown_null_$$"
    assert {
        "" if series["breakdown_value"] in (none, "nan", None) else series["breakdown_value"]: series["count"]
        for series in found
    } == wanted


def test_a_breakdown_by_person(town: Api) -> None:
    """Ids of persons, also behind a merge."""
    ids = {str(person.uuid) for person in Person.objects.filter(project=town.project)}
    found = town.trend("A", date_from="2024-01-01", breakdown="person_id", breakdown_type="event_metadata")
    assert len(found) == 2 and {series["breakdown_value"] for series in found} <= ids


MATHS = [
    ("count()", 2),
    ("sum(properties.a)", 3.5),
    ("avg(properties.a)", 1.75),
    ("max(toFloat(properties.a))", 2.5),
    ("count(distinct properties.flag)", 1),
    ("uniq(person_id)", 2),
    ("countIf(properties.b = 'x') / count()", 0.5),
    ("sumIf(properties.a, properties.a > 2)", 2.5),
    ("quantile(0.5)(properties.a)", 1.75),
    ("sum(properties.none)", 0),
    ("max(properties.a + 1) * 2", 7),
    ("uniq(distinct_id, event)", 2),
]


@pytest.mark.parametrize(("expression", "number"), MATHS, ids=[text for text, _ in MATHS])
def test_maths(town: Api, expression: str, number: float) -> None:
    series = {"id": "A", "math": "hogql", "math_hogql": expression}
    found = town.trend(series, date_from="2024-01-01", display="BoldNumber")
    assert found[0]["aggregated_value"] == number


REFUSED = [
    {"properties": [{"key": "sleep(3)", "type": "hogql"}]},
    {"properties": [{"key": "event = ", "type": "hogql"}]},
    {"properties": [{"key": "count() > 1", "type": "hogql"}]},
    {"breakdown": "team_id", "breakdown_type": "hogql"},
    {"breakdown": "(select 1)", "breakdown_type": "hogql"},
    {"events": [{"id": "A", "math": "hogql", "math_hogql": "properties.a"}]},
    {"events": [{"id": "A", "math": "hogql", "math_hogql": "url('http://x')"}]},
    # only the store can know that these kinds do not fit
    {"properties": [{"key": "arrayMap(x -> x, [[1]])[1] = 'a'", "type": "hogql"}]},
    {"breakdown": "arrayElement([1, 2], 'x')", "breakdown_type": "hogql"},
]


@pytest.mark.parametrize("parameters", REFUSED)
def test_refusals_are_the_callers_errors(town: Api, parameters: dict[str, Any]) -> None:
    answer = town.calculate("trend", **{"events": [{"id": "A"}], **parameters})
    assert answer.status == 400, answer.body
    assert answer.body["type"] == "validation_error"
    assert "SELECT" not in answer.body["detail"]


SAMPLES = {
    Want.TEXT: "properties.b", Want.NUMBER: "properties.a", Want.WHOLE: "properties.a", Want.BOOLEAN: "properties.flag",
    Want.INSTANT: "timestamp", Want.MOMENT: "timestamp", Want.ANY: "event", Want.SAME: "properties.b",
    Want.ARRAY: "properties.list", Want.WRITTEN_TEXT: "'a'", Want.WRITTEN_NUMBER: "2", Want.PATTERN: "'a.*'",
}  # fmt: skip


def test_every_listed_function_works(town: Api) -> None:
    """With as few and with as many arguments as it takes, on properties that may be missing."""
    calls = []
    for name, function in FUNCTIONS.items():
        for count in {function.least, len(function.wants)}:
            arguments = [SAMPLES[want] for want in function.wants[:count]]
            calls.append(f"{name}({', '.join(arguments)})")
    node = {"kind": "EventsQuery", "select": calls, "after": "all"}
    rows = town.query(node).result
    assert len(rows[0]) == len(calls)
