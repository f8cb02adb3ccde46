"""Dynamic cohorts: who the filter tree holds for, calculated and on the spot (semantics B26-B33).

Now is Monday 2024-01-15 12:00 UTC. Everybody here has at least one event, so that membership shows.
"""

from __future__ import annotations

from typing import Any

import pytest

from insights.models import Cohort
from tests.api_client import Api
from tests.cohorts.people import calculate, counted, did, make, member_of, person, times, tree

PEOPLE = (
    "ann: seen@2023-06-01 A@2024-01-14T10:00 A@2024-01-13T10:00 B@2024-01-14T11:00",
    "bob: seen@2023-06-01 A@2024-01-08T12:00 A@2023-12-01T10:00",
    "cid: seen@2023-06-01 A@2023-12-20T10:00",
    "dot: seen@2023-06-01 B@2024-01-12T10:00 A@2024-01-12T11:00",
    "eve: seen@2023-06-01",
)
EVERYBODY = ["ann", "bob", "cid", "dot", "eve"]


@pytest.fixture
def town(api: Api) -> Api:
    api.journeys(*PEOPLE)
    for name, properties in {
        "ann": {"plan": "pro", "age": 30},
        "bob": {"plan": "free"},
        "cid": {"plan": "pro"},
        "dot": {},
    }.items():
        api.identify(name, **properties)
    return api


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    # B28: now - N < t < now; bob's event is exactly seven days old
    ("within seven days, both ends excluded", tree(did()), ["ann", "dot"]),
    ("a window in hours", tree(did(time_value=27, time_interval="hour")), ["ann"]),
    ("since a day", tree(did(explicit_datetime="2024-01-13")), ["ann"]),
    ("since so long ago", tree(did(explicit_datetime="-30d")), ["ann", "bob", "cid", "dot"]),
    ("at least twice", tree(times("A", "gte", 2)), ["ann"]),
    ("exactly once", tree(times("A", "exact", 1)), ["dot"]),
    # B28, K26: persons with no such event are candidates too
    ("at most once", tree(times("A", "lte", 1)), ["bob", "cid", "dot", "eve"]),
    ("less than once", tree(times("A", "lt", 1)), ["bob", "cid", "eve"]),
    ("never", tree(times("A", "eq", 0)), ["bob", "cid", "eve"]),
    # B29
    ("for the first time in 30 days", tree(did(days=30, value="performed_event_first_time")), ["ann", "cid", "dot"]),
    # B30: some in (now-60d, now-7d], none since
    (
        "stopped",
        tree(did(days=60, value="stopped_performing_event", seq_time_value=7, seq_time_interval="day")),
        ["bob", "cid"],
    ),
    # B31: some before, none in between, some in the last 40 days
    (
        "restarted",
        tree(
            did(
                "seen",
                days=300,
                value="restarted_performing_event",
                seq_time_value=250,
                seq_time_interval="day",
            )
        ),
        [],
    ),
    # B32: in at least two of seven weeks
    (
        "regularly",
        tree(
            did(
                value="performed_event_regularly",
                operator="gte",
                operator_value=1,
                total_periods=7,
                min_periods=2,
            )
        ),
        ["bob"],
    ),
    # B33: B and then A within two hours: dot yes, ann's A comes before her B
    (
        "sequence",
        tree(
            did(
                "B",
                value="performed_event_sequence",
                seq_event="A",
                seq_event_type="events",
                seq_time_value=2,
                seq_time_interval="hour",
            )
        ),
        ["dot"],
    ),
    ("a person property", tree(person("plan", "pro")), ["ann", "cid"]),
    ("a negative operator holds for persons without it", tree(person("plan", "pro", "is_not")), ["bob", "dot", "eve"]),
    ("is set", tree(person("age", operator="is_set")), ["ann"]),
    ("and", tree(person("plan", "pro"), did()), ["ann"]),
    ("or", tree(person("plan", "pro"), did(), word="OR"), ["ann", "cid", "dot"]),
    (
        "nested",
        tree({"type": "OR", "values": [tree(person("plan", "free"))["properties"], did("B")]}, did(days=60)),
        ["ann", "bob", "dot"],
    ),
    # B27: includes persons who did nothing, if something positive selects them
    ("not performed", tree(person("plan", "pro"), did(negation=True)), ["cid"]),
    ("all of them", tree(person("plan", operator="is_not_set")), ["dot", "eve"]),
    # B26
    ("an empty tree holds for nobody", tree(), []),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "members"), [pytest.param(f, m, id=name) for name, f, m in CASES])
def test_members(town: Api, filters: dict[str, Any], members: list[str]) -> None:
    cohort = make(town, name="some", filters=filters)
    assert Cohort.objects.get(pk=cohort).version is None
    assert counted(town, cohort) == members, "evaluated on the spot"
    shown = calculate(town, cohort)
    assert (shown["is_calculating"], shown["count"], shown["errors_calculating"]) == (False, len(members), 0)
    assert counted(town, cohort) == members, "as calculated"


def test_an_action(town: Api) -> None:
    """Event filters inside the action count (B23)."""
    town.journeys("fay: A@2024-01-14{size:5} A@2024-01-14{size:1}", "gil: A@2024-01-14{size:1}")
    action = town.post(
        "actions/",
        {
            "name": "big",
            "steps": [{"event": "A", "properties": [{"key": "size", "value": 3, "operator": "gt"}]}],
        },
    ).body["id"]
    cohort = make(town, name="big", filters=tree(did(action, event_type="actions")))
    calculate(town, cohort)
    assert counted(town, cohort) == ["fay"]


def test_cohorts_inside_cohorts(town: Api) -> None:
    """B26: a dynamic cohort is evaluated anew, a static one is as it was listed; both may be negated."""
    pro = make(town, name="pro", filters=tree(person("plan", "pro")))
    some = make(town, name="list", is_static=True, _create_static_person_ids=["ann", "eve"])
    calculate(town, some)
    both = make(town, name="both", filters=tree(member_of(pro), member_of(some)))
    rest = make(town, name="rest", filters=tree(member_of(pro), member_of(some, negation=True)))
    for cohort in (both, rest):
        calculate(town, cohort)
    assert (counted(town, both), counted(town, rest)) == (["ann"], ["cid"])


def test_a_merge_after_the_calculation(api: Api) -> None:
    """B25: somebody merged away follows the surviving person."""
    api.journeys("anon: A@2024-01-14", "user: B@2024-01-13")
    api.identify("user")
    cohort = make(api, name="did A", filters=tree(did()))
    calculate(api, cohort)
    assert counted(api, cohort) == ["anon"]
    api.identify("user", anonymous="anon")
    assert counted(api, cohort) == ["anon", "user"]


def test_a_cohort_of_another_project(town: Api, service: None) -> None:
    """J3: another project's cohort is unknown; nobody is in it, everybody is not (C29)."""
    from tests.api_client import make_project

    other = make_project()
    cohort = make(other, name="theirs", filters=tree(person("plan", operator="is_not_set")))
    assert counted(town, cohort) == []
    without = [{"key": "id", "type": "cohort", "value": cohort, "operator": "not_in"}]
    assert town.trend("seen", properties=without, date_from="2023-01-01")[0]["count"] == 5
