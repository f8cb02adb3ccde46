"""Persons as queries see them, over the wire: merges are retroactive and exact (semantics B1-B6, J4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insights_service.persons.models import DistinctId, IdentityState, Person, Revision
from tests.api_client import Api, make_project
from tests.capture.test_identity import Model, alias, force, identify, said, steps
from tests.persons.conftest import People, profiles, seen_people

AskPeople = Callable[[], People]


def test_a_merge_moves_events_sent_before_it(api: Api, people: AskPeople) -> None:
    """semantics B2."""
    api.capture([said("A", "a"), said("A", "u"), said("A", "v")])
    assert people() == {frozenset("a"), frozenset("u"), frozenset("v")}
    api.capture([identify("u", "a")])
    assert people() == {frozenset("au"), frozenset("v")}
    api.capture([force("v", "a"), said("A", "late"), alias("late", "w"), said("A", "w")])
    assert people() == {frozenset("auv"), frozenset(["late", "w"])}


def test_an_id_without_profile_is_a_user(api: Api, store: Any, people: AskPeople) -> None:
    """semantics B3."""
    api.capture([said("A", "p", **{"$process_person_profile": False}), said("A", "q")])
    assert people() == {frozenset("p"), frozenset("q")}
    assert len(profiles(api, store)) == 1


def test_properties_reach_the_store(api: Api, store: Any) -> None:
    api.capture([said("A", "u", **{"$set": {"plan": "free", "age": 3}})])
    api.capture([said("A", "u", **{"$set": {"plan": "pro"}, "$unset": ["age"], "$set_once": {"plan": "x"}})])
    person = Person.objects.get(project=api.project)
    assert person.properties == {"plan": "pro"}
    assert profiles(api, store) == {str(person.uuid): {"plan": "pro"}}
    texts = store.query(
        f"SELECT person_props['plan'] FROM events WHERE team_id = {api.project.pk} ORDER BY ingested_at, uuid"
    ).result_rows
    assert sorted(texts) == [("free",), ("pro",)]  # semantics B6, mode on events


def test_groups_reach_the_store(api: Api, store: Any) -> None:
    api.capture(
        [
            said(
                "$groupidentify", "u", **{"$group_type": "org", "$group_key": "x", "$group_set": {"size": 5}}
            ),
            said("A", "u", **{"$groups": {"org": "x", "site": 7}}),
        ]
    )
    rows = store.query(
        f"SELECT group_type_index, group_key, props FROM groups FINAL WHERE team_id = {api.project.pk}"
    ).result_rows
    assert rows == [(0, "x", {"size": "5"})]
    keys = store.query(
        f"SELECT group_0, group_1 FROM events WHERE team_id = {api.project.pk} AND event = 'A'"
    )
    assert keys.result_rows == [("x", "7")]


def test_chains_are_flat_and_nothing_is_pending(api: Api) -> None:
    api.capture([said("A", letter) for letter in "abcd"])
    api.capture([force("a", "b"), force("c", "d")])
    api.capture([force("b", "d")])
    ids = DistinctId.objects.filter(project=api.project)
    assert {row.person_no for row in ids} == {ids.get(distinct_id="a").actor_no}
    assert not Revision.objects.filter(project=api.project).exists()
    state = IdentityState.objects.get(project=api.project)
    assert state.current == state.moved > state.loaded  # reloaded by the next query only


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(steps, min_size=1, max_size=6), max_size=5))
def test_like_the_model_through_every_store(service: None, store: Any, batches: list[list[Any]]) -> None:
    """Random interleavings of events and links, in random batches: the same persons as the plain model."""
    api, model = make_project(), Model()
    keep_alive: list[set[str]] = []
    senders: set[str] = set()
    for batch in batches:
        api.capture(batch)
        senders.update(raw["distinct_id"] for raw in batch)
        for raw in batch:
            model.see(raw)
            keep_alive += model.persons
    with_events = {frozenset(person & senders) for person in model.persons} - {frozenset()}
    assert seen_people(store, api.project.pk) == with_events
    stored = sorted(sorted(props.items()) for props in profiles(api, store).values())
    expected = (model.profiles[id(person)] for person in model.persons if id(person) in model.profiles)
    assert stored == sorted(sorted((key, str(value)) for key, value in props.items()) for props in expected)
