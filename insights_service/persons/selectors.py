"""Persons to look at: profile, distinct ids and name behind a number, also of those without a profile."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from insights_service.persons.models import DistinctId, Person, personless_uuid

DEFAULT_DISPLAY_PROPERTIES = ("email", "name", "username")  # api W21
MAX_DISTINCT_IDS = 1000
# What SDKs call a visitor before anybody says who it is: five groups of letters and digits.
_ANONYMOUS = re.compile(r"(?:[a-z0-9]+-){4}[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as the API shows it (api W17, W21).

    Without a profile, `created_at` and `is_identified` are None. `distinct_ids` are the oldest
    MAX_DISTINCT_IDS.
    """

    person_no: int
    uuid: uuid.UUID
    distinct_ids: Sequence[str]
    properties: Mapping[str, Any]
    created_at: datetime | None
    is_identified: bool | None

    def name(self, display_properties: Sequence[str] | None = None) -> str:
        """The first display property that is set, else the first id that somebody chose (api W21)."""
        for key in display_properties or DEFAULT_DISPLAY_PROPERTIES:
            if (value := self.properties.get(key)) not in (None, ""):
                return str(value)
        chosen = (one for one in self.distinct_ids if not _ANONYMOUS.fullmatch(one))
        return next(chosen, self.distinct_ids[0] if self.distinct_ids else str(self.uuid))


def people(project_id: int, person_nos: Iterable[int]) -> dict[int, PersonView]:
    """The persons with these numbers; those that the project does not have are left out. Two statements."""
    wanted = list(person_nos)
    ids = _distinct_ids(project_id, wanted)
    profiles = Person.objects.filter(project_id=project_id, person_no__in=wanted).in_bulk()
    return {
        number: _view(project_id, number, ids[number], profiles.get(number))
        for number in wanted
        if number in ids
    }


def person_number(project_id: int, id_or_uuid: str) -> int | None:
    """Number of the person that a path names by number or uuid; None if it has no profile (api W17)."""
    persons = Person.objects.filter(project_id=project_id)
    if id_or_uuid.isascii() and id_or_uuid.isdigit() and len(id_or_uuid) < 11:
        return persons.filter(person_no=int(id_or_uuid)).values_list("person_no", flat=True).first()
    try:
        found = persons.filter(uuid=uuid.UUID(id_or_uuid))
    except ValueError:
        return None
    return found.values_list("person_no", flat=True).first()


def person_of_distinct_id(project_id: int, distinct_id: str) -> int | None:
    """Number of the person a distinct id belongs to now."""
    found = DistinctId.objects.filter(project_id=project_id, distinct_id=distinct_id)
    return found.values_list("person_no", flat=True).first()


def _view(project_id: int, number: int, ids: Sequence[str], profile: Person | None) -> PersonView:
    if profile is None:
        return PersonView(number, personless_uuid(project_id, ids[0]), ids, {}, None, None)
    return PersonView(
        number, profile.uuid, ids, profile.properties, profile.created_at, profile.is_identified
    )


def _distinct_ids(project_id: int, person_nos: Sequence[int]) -> dict[int, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.no, array(SELECT d.distinct_id FROM persons_distinctid AS d"
            " WHERE d.project_id = %s AND d.person_no = p.no ORDER BY d.actor_no LIMIT %s)"
            " FROM unnest(%s::bigint[]) AS p (no)",
            [project_id, MAX_DISTINCT_IDS, list(person_nos)],
        )
        return {number: ids for number, ids in cursor.fetchall() if ids}
