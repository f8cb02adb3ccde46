"""What is in a cache key and what is not (api R9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from queries.cache.key import cache_key, mentions
from queries.context import Action, ActionStep, Cohort, Limits, PathCleaningRule, ProjectContext
from queries.parse import parse_query
from queries.properties import read_properties
from queries.wrappers import source_of

NOW = datetime(2024, 3, 15, 9, 30, tzinfo=UTC)
CTX = ProjectContext(
    1,
    NOW,
    actions={1: Action(1, "one", (ActionStep(event="A"),), "1"), 2: Action(2, "two", (), "1")},
    cohorts={
        5: Cohort(5, "buyers", 1),
        6: Cohort(6, "nested", None, filters={"properties": {"type": "AND", "values": [
            {"type": "cohort", "key": "id", "value": 5},
            {"type": "behavioral", "event_type": "actions", "key": 2, "value": "performed_event"},
        ]}}),
    },
    test_account_filters=read_properties([{"key": "email", "value": "x", "type": "person"}]),
    path_cleaning=(PathCleaningRule("a", "b"),),
)  # fmt: skip


def node(**fields: Any) -> Any:
    series = fields.pop("series", [{"kind": "EventsNode", "event": "A"}])
    return source_of(parse_query({"kind": "TrendsQuery", "series": series, **fields}))


def leaf(**fields: Any) -> Any:
    return node(properties=[fields])


COHORT_LEAF = {"key": "id", "type": "cohort", "value": 6}
IN_COHORT = leaf(**COHORT_LEAF)
BY_ACTION = node(series=[{"kind": "ActionsNode", "id": 1}])


def same(first: Any, second: Any, ctx: ProjectContext = CTX, other: ProjectContext = CTX) -> bool:
    return cache_key(first, ctx) == cache_key(second, other)


def test_order_presentation_and_defaults_do_not_matter() -> None:
    written = {
        "kind": "InsightVizNode",
        "full": True,
        "source": {
            "interval": "day",
            "trendsFilter": {"showLegend": True, "display": "ActionsLineGraph"},
            "series": [{"event": "A", "kind": "EventsNode"}],
            "kind": "TrendsQuery",
            "version": 2,
        },
    }
    assert same(source_of(parse_query(written)), node())


def test_custom_names_matter_since_they_are_in_the_answer() -> None:
    assert not same(node(series=[{"kind": "EventsNode", "event": "A", "custom_name": "Z"}]), node())


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"project_id": 2}, id="project"),
        pytest.param({"timezone": "Europe/Berlin"}, id="zone"),
        pytest.param({"week_start": 1}, id="start of the week"),
        pytest.param({"person_properties_mode": "on_events"}, id="person properties"),
        pytest.param({"aggregate_by_distinct_id": True}, id="who is counted"),
        pytest.param({"human_friendly_comparison_periods": True}, id="comparison"),
    ],
)
def test_settings_of_the_project_matter(changed: dict[str, Any]) -> None:
    assert not same(node(), node(), other=replace(CTX, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"now": NOW + timedelta(days=1)}, id="the time"),
        pytest.param({"limits": Limits(timeout_seconds=600, memory_bytes=1)}, id="limits"),
        pytest.param({"has_overrides": False}, id="whether persons were merged"),
        pytest.param({"promoted": {}}, id="columns"),
        pytest.param({"test_account_filters": None}, id="test filters, when not used"),
        pytest.param({"path_cleaning": ()}, id="path cleaning, when not used"),
        pytest.param({"actions": {}, "cohorts": {}}, id="actions and cohorts, when not mentioned"),
        pytest.param({"property_types": {("event", "plan"): "Numeric"}}, id="types of other properties"),
    ],
)
def test_what_cannot_change_the_numbers_does_not_matter(changed: dict[str, Any]) -> None:
    assert same(node(), node(), other=replace(CTX, **changed))


def test_test_filters_matter_when_used() -> None:
    tested = node(filterTestAccounts=True)
    assert not same(tested, node())
    assert not same(tested, tested, other=replace(CTX, test_account_filters=None))


def test_path_cleaning_matters_when_used() -> None:
    paths = source_of(parse_query({"kind": "PathsQuery", "pathsFilter": {}}))
    assert not same(paths, paths, other=replace(CTX, path_cleaning=()))
    cleaned = leaf(key="$current_url", value="/x", operator="is_cleaned_path_exact")
    assert not same(cleaned, cleaned, other=replace(CTX, path_cleaning=()))


def test_declared_types_matter_for_the_properties_mentioned() -> None:
    by_plan = leaf(key="plan", value="1")
    assert not same(by_plan, by_plan, other=replace(CTX, property_types={("event", "plan"): "Numeric"}))


def changed_action(number: int) -> ProjectContext:
    return replace(CTX, actions={**CTX.actions, number: replace(CTX.actions[number], version="2")})


def changed_cohort(number: int) -> ProjectContext:
    return replace(CTX, cohorts={**CTX.cohorts, number: replace(CTX.cohorts[number], version=2)})


@pytest.mark.parametrize(
    ("question", "other", "is_same"),
    [
        pytest.param(BY_ACTION, changed_action(1), False, id="a changed action"),
        pytest.param(BY_ACTION, changed_action(2), True, id="another action"),
        pytest.param(BY_ACTION, changed_cohort(5), True, id="a cohort that is not mentioned"),
        pytest.param(BY_ACTION, replace(CTX, actions={}), False, id="a deleted action"),
        pytest.param(IN_COHORT, changed_cohort(6), False, id="a recalculated cohort"),
        pytest.param(IN_COHORT, changed_cohort(5), False, id="a cohort inside the cohort"),
        pytest.param(IN_COHORT, changed_action(2), False, id="an action inside the cohort"),
        pytest.param(IN_COHORT, changed_action(1), True, id="an action that is not in it"),
    ],
)
def test_definitions_matter_when_mentioned(question: Any, other: ProjectContext, is_same: bool) -> None:
    assert same(question, question, other=other) is is_same


def test_cohorts_in_used_test_filters_matter() -> None:
    tests = read_properties([{"key": "id", "type": "cohort", "value": 5}])
    ctx = replace(CTX, test_account_filters=tests)
    other = replace(changed_cohort(5), test_account_filters=tests)
    assert not same(node(filterTestAccounts=True), node(filterTestAccounts=True), ctx, other)


def test_sql_may_mention_anything() -> None:
    question = source_of(parse_query({"kind": "HogQLQuery", "query": "SELECT 1"}))
    for other in (changed_action(1), changed_cohort(5), replace(CTX, group_types={0: "company"})):
        assert not same(question, question, other=other)


@pytest.mark.parametrize(
    ("wire", "actions", "cohorts"),
    [
        ({"kind": "ActionsNode", "id": 7}, {7}, set()),
        ({"targetEntity": {"id": "8", "type": "actions"}}, {8}, set()),
        ({"targetEntity": {"id": "A", "type": "events"}}, set(), set()),
        ({"key": "id", "type": "cohort", "value": [3, "4"]}, set(), {3, 4}),
        ({"breakdownFilter": {"breakdown_type": "cohort", "breakdown": [3, "all"]}}, set(), {3}),
        ({"breakdowns": [{"type": "cohort", "property": 9}]}, set(), {9}),
        ({"event_type": "actions", "key": 1, "seq_event_type": "actions", "seq_event": 2}, {1, 2}, set()),
        ({"kind": "EventsNode", "event": "7"}, set(), set()),
    ],
)
def test_what_a_question_mentions(wire: Any, actions: set[int], cohorts: set[int]) -> None:
    found = mentions({"somewhere": [wire]})
    assert (found.actions, found.cohorts) == (actions, cohorts)
