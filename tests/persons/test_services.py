"""Changes of persons by hand: exact for every event, before and after (semantics B2, B5, I17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insights_service.errors import NotFound
from insights_service.persons.models import DistinctId, Person, personless_uuid
from insights_service.persons.services import (
    delete_person,
    merge_persons,
    split_person,
    update_person_properties,
)
from tests.api_client import Api, make_project
from tests.capture.test_identity import identify, said
from tests.persons.conftest import People, person_no, profiles

AskPeople = Callable[[], People]
THREE = {frozenset("a"), frozenset("b"), frozenset("c")}


@pytest.fixture
def merged(api: Api) -> int:
    """Person {a, b, c} with property plan; its number."""
    api.capture([said("A", letter, **{"$set": {"plan": letter}}) for letter in "abc"])
    merge_persons(project_id=api.project.pk, into=person_no(api, "a"), other=person_no(api, "b"))
    merge_persons(project_id=api.project.pk, into=person_no(api, "a"), other=person_no(api, "c"))
    return person_no(api, "a")


def test_merge(api: Api, store: Any, people: AskPeople, merged: int) -> None:
    assert people() == {frozenset("abc")}
    assert list(profiles(api, store).values()) == [{"plan": "a"}]
    assert Person.objects.get(project=api.project).person_no == merged


def test_merge_into_an_id_without_profile(api: Api, store: Any, people: AskPeople) -> None:
    api.capture([said("A", "p", **{"$process_person_profile": False}), said("A", "q", **{"$set": {"x": 1}})])
    merge_persons(project_id=api.project.pk, into=person_no(api, "p"), other=person_no(api, "q"))
    assert people() == {frozenset("pq")}
    assert list(profiles(api, store).values()) == [{"x": "1"}]


def test_split(api: Api, store: Any, people: AskPeople, merged: int) -> None:
    uuid = Person.objects.get(project=api.project).uuid
    split_person(project_id=api.project.pk, person_no=merged, main_distinct_id="b")
    assert people() == THREE
    assert Person.objects.get(project=api.project).person_no == person_no(api, "b")
    assert profiles(api, store) == {str(uuid): {"plan": "a"}}


def test_delete(api: Api, store: Any, people: AskPeople, merged: int) -> None:
    """semantics B5: every id counts as a user of its own; a new event starts a new profile."""
    before = Person.objects.get(project=api.project).uuid
    delete_person(project_id=api.project.pk, person_no=merged)
    assert people() == THREE
    assert profiles(api, store) == {}
    api.capture([said("B", "a")])
    assert people() == THREE
    (after,) = profiles(api, store)
    assert after != str(before)


def test_linking_again_after_deletion(api: Api, people: AskPeople, merged: int) -> None:
    delete_person(project_id=api.project.pk, person_no=merged)
    api.capture([identify("c", "b")])
    assert people() == {frozenset("a"), frozenset("bc")}


def test_update_properties(api: Api, store: Any, merged: int) -> None:
    update_person_properties(
        project_id=api.project.pk, person_no=merged, set_={"x": None, "y": [1]}, unset=["plan"]
    )
    assert Person.objects.get(project=api.project).properties == {"x": None, "y": [1]}
    assert list(profiles(api, store).values()) == [{"y": "[1]"}]


def test_persons_of_others_are_unknown(api: Api, merged: int) -> None:
    other = make_project()
    for change in (
        lambda: delete_person(project_id=other.project.pk, person_no=merged),
        lambda: split_person(project_id=other.project.pk, person_no=merged),
        lambda: merge_persons(project_id=other.project.pk, into=merged, other=merged + 1),
        lambda: merge_persons(project_id=api.project.pk, into=merged, other=merged),
        lambda: update_person_properties(project_id=other.project.pk, person_no=merged, set_={"a": 1}),
        lambda: split_person(project_id=api.project.pk, person_no=merged, main_distinct_id="nobody"),
    ):
        with pytest.raises(NotFound):
            change()
    assert DistinctId.objects.filter(project=api.project, person_no=merged).count() == 3


def test_the_id_of_a_person_without_profile_never_changes() -> None:
    """semantics B3; a changed namespace would break links that people have kept."""
    assert str(personless_uuid(7, "ü")) == "bdd31ff3-0355-5ce1-a76b-a1523565d98c"
