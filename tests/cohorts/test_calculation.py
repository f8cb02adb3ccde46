"""How a calculation ends: count, time, errors, versions; static cohorts (semantics B25, api W15)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from insights.models import Cohort
from insights.services import cohort_calculation
from insights.services.cohort_calculation import calculate_cohort, due_cohorts
from insights_service import clock
from insights_service.persons.models import Person
from tests.api_client import Api
from tests.cohorts.people import calculate, counted, did, make, person, tree


def stored(cohort_id: int, store: Any) -> dict[int, int]:
    """Version -> how many members the event store keeps of it."""
    rows = store.query(
        "SELECT version, count() FROM cohort_member WHERE cohort_id = {c:UInt32} GROUP BY version",
        parameters={"c": cohort_id},
    ).result_rows
    return dict(rows)


def test_what_the_cohort_says(api: Api) -> None:
    api.journeys("u1: A@2024-01-14", "u2: A@2024-01-14", "u3: B@2024-01-14")
    cohort = make(api, name="did A", filters=tree(did()))
    assert api.get(f"cohorts/{cohort}/").body["is_calculating"] is True
    shown = calculate(api, cohort)
    assert (shown["count"], shown["is_calculating"]) == (2, False)
    assert shown["last_calculation"].startswith("2024-01-15T12:00:00")


def test_only_the_last_two_versions_are_kept(api: Api, store: Any) -> None:
    """A query that began before the new version was published still finds its own."""
    api.journeys("u1: A@2024-01-14")
    cohort = make(api, name="did A", filters=tree(did()))
    for _ in range(4):
        calculate(api, cohort)
    assert Cohort.objects.get(pk=cohort).version == 4
    assert stored(cohort, store) == {3: 1, 4: 1}


def test_members_of_a_calculation_cut_off_are_never_seen(api: Api, store: Any) -> None:
    api.journeys("u1: A@2024-01-14", "u2: B@2024-01-14")
    cohort = make(api, name="did A", filters=tree(did()))
    calculate(api, cohort)
    store.command(  # everybody, left behind under the next version
        f"INSERT INTO cohort_member (team_id, cohort_id, version, person_no)"
        f" SELECT team_id, {cohort}, 2, person_no FROM actor WHERE team_id = {api.project.pk}"
    )
    shown = calculate(api, cohort)
    assert (shown["count"], Cohort.objects.get(pk=cohort).version) == (1, 3)
    assert counted(api, cohort) == ["u1"]


def test_an_error_of_the_definition_is_visible_and_ends_it(api: Api) -> None:
    cohort = make(api, name="by action", filters=tree(did(999, event_type="actions")))
    shown = calculate(api, cohort)
    assert (shown["is_calculating"], shown["errors_calculating"], shown["count"]) == (False, 1, None)
    assert Cohort.objects.get(pk=cohort).last_error == "There is no action 999 in this project."


def test_an_error_of_ours_is_visible_and_ends_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of before stay in force."""
    api.journeys("u1: A@2024-01-14")
    cohort = make(api, name="did A", filters=tree(did()))
    calculate(api, cohort)

    def fail(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(cohort_calculation, "cohort_members", fail)
    shown = calculate(api, cohort)
    assert (shown["is_calculating"], shown["errors_calculating"], shown["count"]) == (False, 1, 1)
    assert counted(api, cohort) == ["u1"]


def test_changed_while_it_ran(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calculation goes on until it has seen the definition as it is."""
    api.journeys("u1: A@2024-01-14", "u2: B@2024-01-14")
    cohort = make(api, name="did", filters=tree(did("A")))
    evaluate = cohort_calculation.cohort_members

    def change_meanwhile(filters: Any, ctx: Any) -> Any:
        monkeypatch.setattr(cohort_calculation, "cohort_members", evaluate)
        assert api.patch(f"cohorts/{cohort}/", {"filters": tree(did("B"))}).status == 200
        return evaluate(filters, ctx)

    monkeypatch.setattr(cohort_calculation, "cohort_members", change_meanwhile)
    shown = calculate(api, cohort)
    assert (shown["is_calculating"], shown["count"]) == (False, 1)
    assert counted(api, cohort) == ["u2"]


def test_one_at_a_time(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second calculation of the same cohort leaves it to the first."""
    cohort = make(api, name="did", filters=tree(did("A")))
    outcome: list[int] = []

    def beside(filters: Any, ctx: Any) -> Any:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        return evaluate(filters, ctx)

    def second() -> None:
        before = Cohort.objects.get(pk=cohort).version or 0
        calculate_cohort(cohort)
        outcome.append((Cohort.objects.get(pk=cohort).version or 0) - before)
        connection.close()

    evaluate = cohort_calculation.cohort_members
    monkeypatch.setattr(cohort_calculation, "cohort_members", beside)
    calculate(api, cohort)
    assert outcome == [0]
    assert Cohort.objects.get(pk=cohort).version == 1


def test_what_the_clock_sends_off(api: Api) -> None:
    """Those under calculation (a worker may have died), old definitions; no static list, no lost cause."""
    fresh, old, failing, listed, stuck = (make(api, name=f"c{i}", filters=tree(did())) for i in range(5))
    hours = {fresh: 0, old: 2, failing: 2, listed: 2, stuck: 0}
    for cohort, ago in hours.items():
        Cohort.objects.filter(pk=cohort).update(
            is_calculating=cohort == stuck,
            is_static=cohort == listed,
            errors_calculating=99 if cohort == failing else 0,
            last_calculation=api.now - timedelta(hours=ago) if api.now else None,
        )
    with clock.frozen(api.now):
        due = set(due_cohorts())
    assert due & set(hours) == {old, stuck}


def test_a_list_of_persons(api: Api) -> None:
    """By distinct id, e-mail or uuid; unknown ones are left out, one person counts once."""
    api.journeys("u1: A@2024-01-14", "u2: A@2024-01-14", "u3: A@2024-01-14", "u4: A@2024-01-14")
    api.identify("u2", email="two@example.org")
    api.identify("u3", name="three")
    uuid = str(Person.objects.get(project=api.project, properties__name="three").uuid)
    names = ["u1", "two@example.org", "u2", uuid.upper(), "nobody", "0" * 36, "x" * 8 + "-x-x-x-" + "y" * 20]
    cohort = make(api, name="list", is_static=True, _create_static_person_ids=names)
    assert calculate(api, cohort)["count"] == 3
    assert counted(api, cohort) == ["u1", "u2", "u3"]


def test_a_static_cohort_before_its_calculation(api: Api) -> None:
    api.journeys("u1: A@2024-01-14")
    cohort = make(api, name="list", is_static=True, _create_static_person_ids=["u1"])
    assert counted(api, cohort) == []


def test_the_persons_behind_a_point(api: Api) -> None:
    """A static cohort made from an insight (B25)."""
    api.journeys("u1: A@2024-01-14", "u2: A@2024-01-13", "u3: B@2024-01-14")
    trend = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}]}
    source = {"kind": "InsightActorsQuery", "source": trend, "day": "2024-01-14", "series": 0}
    for query in ({"kind": "ActorsQuery", "source": source}, source):
        cohort = make(api, name="yesterday", is_static=True, query=query)
        assert calculate(api, cohort)["count"] == 1
        assert counted(api, cohort) == ["u1"]


def test_a_deleted_cohort_is_left_alone(api: Api) -> None:
    cohort = make(api, name="gone", filters=tree(person("plan", "pro")))
    Cohort.objects.filter(pk=cohort).update(deleted=True, is_calculating=True)
    with clock.frozen(api.now):
        calculate_cohort(cohort)
        assert cohort not in due_cohorts()
    assert Cohort.objects.get(pk=cohort).version is None
