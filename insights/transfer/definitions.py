"""Names of events and properties from elsewhere. They are learnt from events here too; what cannot be
learnt is the type that a person declared for a property, which decides how filters compare (semantics C4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from insights.transfer.records import EVENT_DEFINITIONS, PROPERTY_DEFINITIONS, Record
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.persons.definitions import MAX_NAME_LENGTH
from insights_service.persons.models import (
    NO_GROUP_TYPE,
    EventDefinition,
    PropertyDefinition,
    PropertyOwner,
    PropertyType,
)

OWNERS = (PropertyOwner.EVENT, PropertyOwner.PERSON)
_AT_ONCE = 1000


def define_events(project: Project, records: Sequence[Record]) -> int:
    """How many names were new."""
    names = dict.fromkeys(name for record in records if _is_name(name := record.get("name")))
    before = EventDefinition.objects.filter(project=project).count()
    EventDefinition.objects.bulk_create(
        (EventDefinition(project=project, name=name, created_at=clock.now()) for name in names),
        ignore_conflicts=True,
        batch_size=_AT_ONCE,
    )
    return EventDefinition.objects.filter(project=project).count() - before


def define_properties(project: Project, records: Sequence[Record]) -> int:
    """How many names were new. A declared type is taken over also for a name that is here already."""
    rows = {
        (owner, name): PropertyDefinition(
            project=project,
            type=owner,
            group_type_index=NO_GROUP_TYPE,
            name=name,
            declared_type=_declared(record),
        )
        for record in records
        if (owner := record.get("type") or PropertyOwner.EVENT) in OWNERS
        and _is_name(name := record.get("name"))
    }
    before = PropertyDefinition.objects.filter(project=project).count()
    declared = [row for row in rows.values() if row.declared_type]
    PropertyDefinition.objects.bulk_create(
        declared,
        update_conflicts=True,
        unique_fields=["project", "type", "group_type_index", "name"],
        update_fields=["declared_type"],
        batch_size=_AT_ONCE,
    )
    PropertyDefinition.objects.bulk_create(
        [row for row in rows.values() if not row.declared_type], ignore_conflicts=True, batch_size=_AT_ONCE
    )
    return PropertyDefinition.objects.filter(project=project).count() - before


def _is_name(name: Any) -> TypeGuard[str]:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH and "\x00" not in name


def _declared(record: Record) -> str | None:
    declared = record.get("property_type")
    return declared if declared in PropertyType.values else None


DEFINITIONS: Mapping[str, Callable[[Project, Sequence[Record]], int]] = {
    EVENT_DEFINITIONS: define_events,
    PROPERTY_DEFINITIONS: define_properties,
}
