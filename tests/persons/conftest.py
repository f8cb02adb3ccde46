"""The persons of a project as a query sees them, and as PostgreSQL has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insights_service.persons.models import DistinctId
from insights_service.persons.sync import prepare_for_query
from tests.api_client import Api

People = set[frozenset[str]]

PERSON_OF_EVENT = "dictGetOrDefault('actor_override_dict', 'person_no', toUInt64(actor_no), actor_no)"


@pytest.fixture
def people(api: Api, store: Any) -> Callable[[], People]:
    """The distinct ids of all events, one set per person, as the event store resolves them."""

    def ask() -> People:
        return seen_people(store, api.project.pk)

    return ask


def seen_people(store: Any, project_id: int) -> People:
    prepare_for_query(project_id)
    ids = f"SELECT groupUniqArray(distinct_id) FROM events WHERE team_id = {project_id}"
    return {frozenset(group) for (group,) in store.query(f"{ids} GROUP BY {PERSON_OF_EVENT}").result_rows}


def person_no(api: Api, distinct_id: str) -> int:
    return DistinctId.objects.get(project=api.project, distinct_id=distinct_id).person_no


def profiles(api: Api, store: Any) -> dict[str, Any]:
    """Stored uuid -> property texts of the live profiles in the event store."""
    prepare_for_query(api.project.pk)
    rows = store.query(
        f"SELECT uuid, props FROM person FINAL WHERE team_id = {api.project.pk} AND is_deleted = 0"
    ).result_rows
    return {str(uuid): props for uuid, props in rows}
