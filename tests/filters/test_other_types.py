"""Filters on sessions, cohorts, metadata, groups and SQL, alone and nested (semantics B6-B14, C28-C35)."""

from __future__ import annotations

from typing import Any

import pytest

from insights_service.persons.models import Person
from tests.api_client import Api, make_project
from tests.cohorts.people import calculate, make, person, tree


@pytest.fixture(scope="module")
def town(service: None) -> Api:
    api = make_project()
    api.journeys(
        'ann: A@2024-01-10T10:00{$session_id:"s1",$current_url:"https://x.io/in"}'
        ' $pageview@2024-01-10T11:00{$session_id:"s1",$current_url:"https://x.io/out"}',
        'bob: A@2024-01-10T10:00{$session_id:"s2"}',
        "cid: A@2024-01-10T10:00 A@2024-01-11T10:00{size:3}",
        'dot: A@2024-01-10T10:00{$session_id:""}',
    )
    api.identify("ann", email="ann@x.io", plan="pro")
    api.identify("bob", email="bob@y.io")
    return api


def passing(api: Api, *leaves: Any, **more: Any) -> set[str]:
    found = api.trend(
        "A",
        properties=leaves[0] if len(leaves) == 1 and "values" in leaves[0] else list(leaves),
        date_from="2024-01-01",
        breakdown="distinct_id",
        breakdown_type="hogql",
        **more,
    )
    return {series["breakdown_value"] for series in found if series["count"]}


def session(key: str, value: Any = None, operator: str = "exact") -> dict[str, Any]:
    return {"type": "session", "key": key, "value": value, "operator": operator}


SESSIONS = [
    # B12: from the first to the last event of the session, also those the question leaves out
    (session("$session_duration", 3600), {"ann"}),
    (session("$session_duration", 0), {"bob"}),
    (session("$session_duration", 3600, "gte"), {"ann"}),
    # B13: without a session nothing is known
    (session("$session_duration", 10_000, "lt"), {"ann", "bob"}),
    (session("$session_duration", operator="is_not_set"), {"cid", "dot"}),
    (session("$session_duration", 0, "is_not"), {"ann", "cid", "dot"}),
    (session("$pageview_count", 1), {"ann"}),
    (session("$entry_current_url", "https://x.io/in"), {"ann"}),
    (session("$exit_current_url", "out", "icontains"), {"ann"}),
    (session("$num_uniq_urls", 2), {"ann"}),
    (session("$is_bounce", "false"), {"ann"}),
    (session("$channel_type", "Direct"), {"ann", "bob"}),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "who"), SESSIONS)
def test_sessions(town: Api, leaf: dict[str, Any], who: set[str]) -> None:
    assert passing(town, leaf) == who


def test_an_unknown_session_key(town: Api) -> None:
    answer = town.calculate("trend", events=[{"id": "A"}], properties=[session("$colour", "red")])
    assert answer.status == 400


METADATA = [
    ({"key": "distinct_id", "value": "ann"}, {"ann"}),
    ({"key": "distinct_id", "value": ["ann", "bob"], "operator": "is_not"}, {"cid", "dot"}),
    ({"key": "event", "value": "A"}, {"ann", "bob", "cid", "dot"}),
    ({"key": "event", "value": "A", "operator": "is_not"}, set()),
    ({"key": "timestamp", "value": "2024-01-10T12:00:00Z", "operator": "is_date_after"}, {"cid"}),
]


@pytest.mark.parametrize(("leaf", "who"), METADATA)
def test_metadata(town: Api, leaf: dict[str, Any], who: set[str]) -> None:
    assert passing(town, {"type": "event_metadata", **leaf}) == who


def test_person_ids(town: Api) -> None:
    ann = str(Person.objects.get(project=town.project, properties__email="ann@x.io").uuid)
    leaf = {"type": "event_metadata", "key": "person_id", "value": ann}
    assert passing(town, leaf) == {"ann"}
    assert passing(town, {**leaf, "operator": "is_not"}) == {"bob", "cid", "dot"}


@pytest.mark.parametrize(
    ("operator", "who"),
    [("exact", {"ann"}), ("is_not", {"bob", "cid", "dot"}), ("icontains", {"ann"})],
)
def test_distinct_ids_of_a_person(town: Api, operator: str, who: set[str]) -> None:
    """B7: any of them; negative operators: all of them."""
    leaf = {"type": "person", "key": "distinct_id", "value": "ann", "operator": operator}
    assert passing(town, leaf) == who


def test_cohorts(town: Api) -> None:
    """C29, K24."""
    cohort = make(town, name="pro", filters=tree(person("plan", "pro")))
    calculate(town, cohort)
    leaf = {"type": "cohort", "key": "id", "value": cohort}
    assert passing(town, leaf) == {"ann"}
    assert passing(town, {**leaf, "value": [str(cohort)]}) == {"ann"}
    assert passing(town, {**leaf, "operator": "not_in"}) == {"bob", "cid", "dot"}
    assert passing(town, {**leaf, "negation": True}) == {"bob", "cid", "dot"}
    nobody = {**leaf, "value": 99_999}
    assert passing(town, nobody) == set()
    assert passing(town, {**nobody, "operator": "not_in"}) == {"ann", "bob", "cid", "dot"}
    sibling = {"type": "OR", "values": [nobody, {"type": "person", "key": "plan", "value": "pro"}]}
    assert passing(town, sibling) == {"ann"}


def test_levels_are_all_needed(town: Api) -> None:
    """C33, C34, K28: the question's, the series' and the project's own; who lacks the e-mail stays."""
    town.settings(
        test_account_filters=[
            {"key": "email", "type": "person", "operator": "not_icontains", "value": "@y.io"}
        ]
    )
    assert passing(town, {"key": "size", "operator": "is_not_set"}, filter_test_accounts=True) == {
        "ann",
        "cid",
        "dot",
    }
    found = town.trend(
        {"id": "A", "properties": [{"key": "size", "value": 1, "operator": "gt"}]},
        properties=[{"key": "plan", "type": "person", "operator": "is_not_set"}],
        date_from="2024-01-01",
    )
    assert found[0]["count"] == 1


def test_nesting(town: Api) -> None:
    """C32: to any depth, all owners mixed; an empty group is true."""
    inner = {
        "type": "OR",
        "values": [
            {
                "type": "AND",
                "values": [session("$session_duration", 0), person("email", "y.io", "icontains")],
            },
            {"type": "AND", "values": [{"key": "size", "value": "3"}]},
            {"type": "AND", "values": []},
        ],
    }
    assert passing(town, inner) == {"ann", "bob", "cid", "dot"}
    inner["values"] = inner["values"][:2]  # type: ignore[index]
    assert passing(town, {"type": "AND", "values": [inner, {"type": "OR", "values": []}]}) == {"bob", "cid"}
    deep: dict[str, Any] = {"key": "size", "value": 3}
    for level in range(30):
        deep = {"type": "OR" if level % 2 else "AND", "values": [deep]}
    assert passing(town, deep) == {"cid"}


def test_person_properties_on_events(service: None) -> None:
    """B6: current values also for old events; or the value when the event came in."""
    api = make_project()
    for plan, at in (("free", "2024-01-10T10:00:00Z"), ("pro", "2024-01-11T10:00:00Z")):
        api.capture(
            [{"event": "A", "distinct_id": "ann", "properties": {"$set": {"plan": plan}}, "timestamp": at}]
        )
    leaf = [{"key": "plan", "type": "person", "value": "pro"}]
    sql = [{"key": "person.properties.plan = 'pro'", "type": "hogql"}]
    for filters in (leaf, sql):
        assert api.trend("A", properties=filters, date_from="2024-01-01")[0]["count"] == 2
    api.settings(person_properties_mode="on_events")
    for filters in (leaf, sql):
        assert api.trend("A", properties=filters, date_from="2024-01-01")[0]["count"] == 1


@pytest.mark.parametrize("kind", ["recording", "flag", "log_entry", "data_warehouse", "error_tracking_issue"])
def test_types_that_are_not_built(town: Api, kind: str) -> None:
    """api T5."""
    answer = town.calculate(
        "trend", events=[{"id": "A"}], properties=[{"key": "x", "type": kind, "value": 1}]
    )
    assert answer.error[:2] == (400, "not_supported")


def test_feature_flags_are_event_properties(town: Api) -> None:
    """C31, api T5."""
    town.journeys('eve: F@2024-01-10{"$feature/new":"test"}')
    for leaf in ({"key": "new", "type": "feature"}, {"key": "$feature/new", "type": "event"}):
        assert (
            town.trend("F", properties=[{**leaf, "value": "test"}], date_from="2024-01-01")[0]["count"] == 1
        )
