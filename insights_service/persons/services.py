"""Changes of persons by hand: merge, split, delete, edit. Each is one transaction and exact for every query.

Events stay where they are (semantics B2, B5): only the numbers they are resolved to change. The copy in
ClickHouse is written after the commit; if that fails, the next query writes it (`sync`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from insights_service.errors import NotFound
from insights_service.persons import store, sync
from insights_service.persons.locking import lock_project, retried
from insights_service.persons.models import DistinctId, Person
from insights_service.persons.values import Changes, Profile

T = TypeVar("T")


def merge_persons(*, project_id: int, into: int, other: int) -> None:
    """Make `other` a part of the person `into`, whose properties win (semantics B2, I17).

    Both are numbers of persons. NotFound when the project has no such persons.
    """

    def merge() -> None:
        numbers = DistinctId.objects.filter(project_id=project_id, person_no__in={into, other})
        if into == other or set(numbers.values_list("person_no", flat=True)) != {into, other}:
            raise NotFound("Two different persons of this project are needed.")
        profiles = {profile.no: profile for profile in store.read_profiles(project_id, {into, other})}
        absorbed = profiles.get(other)
        survivor = profiles.get(into)
        if absorbed and survivor is None:
            survivor = Profile(into, absorbed.uuid, absorbed.created, {}, is_stored=False)
        if absorbed and survivor:
            survivor.absorb(absorbed)
        store.write(
            project_id,
            Changes(
                moved={other: into},
                profiles=[survivor] if absorbed and survivor else [],
                removed_profiles=[other] if absorbed else [],
            ),
        )

    _in_transaction(project_id, merge)


def split_person(*, project_id: int, person_no: int, main_distinct_id: str | None = None) -> None:
    """Make each distinct id of a person a user of its own; the profile stays with one of them.

    It stays with `main_distinct_id`, by default the oldest. NotFound for an unknown person or id.
    """

    def split() -> None:
        ids = _ids_of(project_id, person_no)
        main = person_no if main_distinct_id is None else ids.get(main_distinct_id)
        if main is None or not ids:
            raise NotFound("The person has no such distinct id.")
        revision, moved = _scatter(project_id, person_no, ids.values())
        profile = Person.objects.filter(project_id=project_id, person_no=person_no)
        # A primary key cannot be changed on an instance; as an update it is one statement.
        has_profile = bool(profile.update(person_no=main, version=revision))
        persons = [person_no, main] if has_profile else []
        store.record_revision(project_id, revision, actors=moved, moved=moved, persons=persons)

    _in_transaction(project_id, split)


def delete_person(*, project_id: int, person_no: int) -> None:
    """Remove a profile; its distinct ids then count as a user each (semantics B5). NotFound without one."""

    def delete() -> None:
        if not Person.objects.filter(project_id=project_id, person_no=person_no).delete()[0]:
            raise NotFound("Not found.")
        ids = _ids_of(project_id, person_no)
        revision, moved = _scatter(project_id, person_no, ids.values())
        store.record_revision(project_id, revision, actors=moved, moved=moved, persons=[person_no])

    _in_transaction(project_id, delete)


def update_person_properties(
    *,
    project_id: int,
    person_no: int,
    set_: Mapping[str, Any] | None = None,
    unset: Sequence[str] = (),
) -> dict[str, Any]:
    """Set and remove properties of a profile; returns all of them. NotFound without profile."""

    def update() -> dict[str, Any]:
        profiles = store.read_profiles(project_id, [person_no])
        if not profiles:
            raise NotFound("Not found.")
        properties = {**profiles[0].properties, **(set_ or {})}
        profiles[0].replace({key: value for key, value in properties.items() if key not in set(unset)})
        store.write(project_id, Changes(profiles=profiles))
        return profiles[0].properties

    return _in_transaction(project_id, update)


def _in_transaction(project_id: int, change: Callable[[], T]) -> T:
    def transact() -> T:
        with transaction.atomic():
            lock_project(project_id)
            result = change()
            # Robust: the change is done; a store that is down now is caught up with before the next query.
            transaction.on_commit(partial(sync.push, project_id), robust=True)
            return result

    return retried(transact)


def _ids_of(project_id: int, person_no: int) -> dict[str, int]:
    rows = DistinctId.objects.filter(project_id=project_id, person_no=person_no)
    return dict(rows.values_list("distinct_id", "actor_no"))


def _scatter(project_id: int, person_no: int, actor_nos: Iterable[int]) -> tuple[int, list[int]]:
    """Make each distinct id a person of its own; returns the new revision and the ids that were moved."""
    revision = store.new_revision()
    moved = [number for number in actor_nos if number != person_no]
    store.move_actors(project_id, revision, {number: number for number in moved})
    return revision, moved
