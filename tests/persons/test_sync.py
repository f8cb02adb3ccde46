"""ClickHouse's copy of identities: cheap when it is fresh, complete when it was lost."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from insights_service.persons.models import Person
from insights_service.persons.selectors import people, person_number, person_of_distinct_id
from insights_service.persons.services import delete_person
from insights_service.persons.sync import Identities, prepare_for_query
from tests.api_client import Api, make_project
from tests.capture.test_identity import identify, said
from tests.persons.conftest import People, person_no, profiles

AskPeople = Callable[[], People]


def test_a_fresh_copy_costs_one_statement(api: Api) -> None:
    assert prepare_for_query(api.project.pk) == Identities()
    api.capture([said("A", "a"), said("A", "u")])
    assert not prepare_for_query(api.project.pk).has_overrides
    api.capture([identify("u", "a")])
    assert prepare_for_query(api.project.pk).has_overrides
    with CaptureQueriesContext(connection) as statements:
        assert prepare_for_query(api.project.pk).has_overrides
    assert len(statements) == 1


def test_everything_can_be_copied_again(api: Api, store: Any, people: AskPeople) -> None:
    """After the tables were lost; also what was deleted meanwhile stays deleted."""
    api.capture([said("A", letter, **{"$set": {"id": letter}}) for letter in "abcd"])
    api.capture(
        [identify("a", "b"), said("$groupidentify", "a", **{"$group_type": "org", "$group_key": "x"})]
    )
    delete_person(project_id=api.project.pk, person_no=person_no(api, "d"))
    expected = people(), profiles(api, store)
    for table in ("person", "actor", "actor_override", "groups"):
        store.command(
            f"ALTER TABLE {table} DELETE WHERE team_id = {api.project.pk} SETTINGS mutations_sync = 2"
        )
    store.command("SYSTEM RELOAD DICTIONARY actor_override_dict")
    assert len(people()) == 4
    out = io.StringIO()
    call_command("resync_persons", project=api.project.pk, stdout=out)
    assert "rows copied" in out.getvalue()
    assert (people(), profiles(api, store)) == expected
    groups = store.query(f"SELECT group_key FROM groups FINAL WHERE team_id = {api.project.pk}").result_rows
    assert groups == [("x",)]


def test_people_behind_numbers(api: Api) -> None:
    """api W17, W21."""
    anonymous = "0189a1b2-1234-7abc-8def-0123456789ab"
    api.capture(
        [
            said("A", anonymous, **{"$set": {"plan": "pro"}}),
            identify("ada", anonymous),
            said("A", "ghost", **{"$process_person_profile": False}),
        ]
    )
    ada, ghost = person_no(api, "ada"), person_no(api, "ghost")
    found = people(api.project.pk, [ghost, ada, 2**31])
    assert list(found) == [ghost, ada]
    assert (found[ada].distinct_ids, found[ada].name(), found[ada].is_identified) == (
        [anonymous, "ada"],
        "ada",
        True,
    )
    assert found[ada].name(["missing", "plan"]) == "pro"
    assert (found[ghost].created_at, found[ghost].properties, found[ghost].name()) == (None, {}, "ghost")
    assert people(make_project().project.pk, [ada]) == {}
    uuid = Person.objects.get(project=api.project).uuid
    assert person_number(api.project.pk, str(uuid)) == person_number(api.project.pk, str(ada)) == ada
    assert [person_number(api.project.pk, text) for text in ("x", str(ghost), "9" * 30, "٣")] == [None] * 4
    assert person_of_distinct_id(api.project.pk, anonymous) == ada
