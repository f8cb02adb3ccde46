"""Names learnt from events: which events and properties a project has (api W18).

Each process remembers what it has seen, so an event whose names are all known costs a few set operations
and no statement. What is new is written with the batch it came in.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from insights_service.persons.models import NO_GROUP_TYPE, PropertyOwner, PropertyType

# Beyond these a project's names are made up by a machine; they still work in queries.
MAX_EVENTS = 20_000
MAX_PROPERTIES = 100_000
MAX_NAME_LENGTH = 400
_SEEN_AGAIN_AFTER = timedelta(hours=1)
# Instructions to the intake, not properties anybody asks for.
_NOT_LEARNT = frozenset({"$set", "$set_once", "$unset", "$groups", "$group_set", "$elements"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?")

Property = tuple[str, int, str]  # owner, group type index, name


@dataclass(slots=True)
class Learnt:
    """Names of one project. As `seen`: what this process knows to be stored; as a batch: what is new."""

    events: dict[str, datetime] = field(default_factory=dict)
    properties: dict[Property, str | None] = field(default_factory=dict)
    pairs: dict[str, set[str]] = field(default_factory=dict)
    pair_count: int = 0
    # Event properties whose values have said nothing about their type yet.
    untyped: set[str] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether its memory, and the tables, have what they are allowed to have."""
        return len(self.events) >= MAX_EVENTS or max(len(self.properties), self.pair_count) >= MAX_PROPERTIES

    def __bool__(self) -> bool:
        return bool(self.events or self.properties or self.pairs)


class Learner:
    """Collects the names of one batch that `seen` does not have yet."""

    def __init__(self, seen: Learnt) -> None:
        self._seen = seen
        self.new = Learnt()

    def event(self, name: str, properties: Mapping[str, Any], at: datetime) -> None:
        """An event with its properties, and those it gives to its person."""
        known = self._seen.events.get(name)
        if known is None or at - known > _SEEN_AGAIN_AFTER:
            if known is None and self._seen.is_full:
                return
            self.new.events[name] = max(at, self.new.events.get(name, at))
        fresh = properties.keys() - self._seen.pairs.get(name, _NOT_LEARNT)
        if fresh:
            self._pairs(name, fresh, properties)
        if self._seen.untyped:
            self._types(self._seen.untyped & properties.keys(), properties)
        for key in ("$set", "$set_once"):
            given = properties.get(key)
            if given and isinstance(given, dict):
                self._properties(PropertyOwner.PERSON, NO_GROUP_TYPE, given)

    def group(self, type_index: int, properties: Mapping[str, Any]) -> None:
        """Properties that a group got."""
        self._properties(PropertyOwner.GROUP, type_index, properties)

    def _pairs(self, name: str, fresh: Iterable[str], properties: Mapping[str, Any]) -> None:
        learnt = {key for key in fresh if len(key) <= MAX_NAME_LENGTH}
        if self._seen.is_full or not learnt:
            return
        self.new.pairs.setdefault(name, set()).update(learnt)
        self._properties(PropertyOwner.EVENT, NO_GROUP_TYPE, {key: properties[key] for key in learnt})

    def _types(self, untyped: Iterable[str], properties: Mapping[str, Any]) -> None:
        for key in untyped:
            if found := inferred_type(properties[key]):
                self.new.properties[PropertyOwner.EVENT, NO_GROUP_TYPE, key] = found

    def _properties(self, owner: str, type_index: int, properties: Mapping[str, Any]) -> None:
        for key, value in properties.items():
            found = (owner, type_index, key)
            if found not in self._seen.properties and len(key) <= MAX_NAME_LENGTH and not self._seen.is_full:
                self.new.properties.setdefault(found, inferred_type(value))


_seen: dict[int, Learnt] = {}


def learner(project_id: int) -> Learner:
    """A collector for one batch of the project."""
    return Learner(_seen.setdefault(project_id, Learnt()))


def remember(project_id: int, new: Learnt) -> None:
    """Note that these are stored: call it after the commit."""
    seen = _seen.setdefault(project_id, Learnt())
    seen.events.update(new.events)
    seen.properties.update(new.properties)
    for (owner, _, name), kind in new.properties.items():
        if owner == PropertyOwner.EVENT:
            (seen.untyped.discard if kind else seen.untyped.add)(name)
    for event, properties in new.pairs.items():
        stored = seen.pairs.setdefault(event, set(_NOT_LEARNT))
        stored.update(properties)
        seen.pair_count += len(properties)


def inferred_type(value: object) -> str | None:
    """What a value looks like; None when that says nothing (null, list, object)."""
    if isinstance(value, bool):
        return PropertyType.BOOLEAN
    if isinstance(value, int | float):
        return PropertyType.NUMERIC
    if isinstance(value, str):
        return PropertyType.DATETIME if _DATE.fullmatch(value) else PropertyType.STRING
    return None


def write(project_id: int, new: Learnt) -> None:
    """Store names that are new. Sorted, so that two writers never wait for each other in a circle."""
    with connection.cursor() as cursor:
        _write_events(cursor, project_id, new)
        _write_properties(cursor, project_id, new)
        _write_pairs(cursor, project_id, new)


def _write_events(cursor: Any, project_id: int, new: Learnt) -> None:
    if not new.events:
        return
    names = sorted(new.events)
    cursor.execute(
        "INSERT INTO persons_eventdefinition (id, project_id, name, created_at, last_seen_at)"
        " SELECT n.id, %(project)s, n.name, n.at, n.at"
        " FROM unnest(%(ids)s::uuid[], %(names)s::text[], %(at)s::timestamptz[]) AS n (id, name, at)"
        " WHERE (SELECT count(*) FROM persons_eventdefinition WHERE project_id = %(project)s) < %(most)s"
        " OR EXISTS (SELECT 1 FROM persons_eventdefinition AS d"
        " WHERE d.project_id = %(project)s AND d.name = n.name)"
        " ON CONFLICT (project_id, name) DO UPDATE"
        " SET last_seen_at = greatest(persons_eventdefinition.last_seen_at, excluded.last_seen_at)",
        {
            "project": project_id,
            "ids": [uuid.uuid4() for _ in names],
            "names": names,
            "at": [new.events[name] for name in names],
            "most": MAX_EVENTS,
        },
    )


def _write_properties(cursor: Any, project_id: int, new: Learnt) -> None:
    if not new.properties:
        return
    rows = sorted(new.properties)
    cursor.execute(
        "INSERT INTO persons_propertydefinition (id, project_id, name, type, group_type_index, inferred_type)"
        " SELECT n.id, %(project)s, n.name, n.type, n.index, n.inferred"
        " FROM unnest(%(ids)s::uuid[], %(names)s::text[], %(types)s::text[], %(indexes)s::int[],"
        " %(inferred)s::text[]) AS n (id, name, type, index, inferred)"
        " WHERE (SELECT count(*) FROM persons_propertydefinition WHERE project_id = %(project)s) < %(most)s"
        # The first value that says something decides; until then the type stays open.
        " ON CONFLICT (project_id, type, group_type_index, name) DO UPDATE SET inferred_type ="
        " coalesce(persons_propertydefinition.inferred_type, excluded.inferred_type)",
        {
            "project": project_id,
            "ids": [uuid.uuid4() for _ in rows],
            "names": [name for _, _, name in rows],
            "types": [str(owner) for owner, _, _ in rows],
            "indexes": [index for _, index, _ in rows],
            "inferred": [new.properties[row] for row in rows],
            "most": MAX_PROPERTIES,
        },
    )


def _write_pairs(cursor: Any, project_id: int, new: Learnt) -> None:
    pairs = sorted((event, key) for event, keys in new.pairs.items() for key in keys)
    if not pairs:
        return
    cursor.execute(
        "INSERT INTO persons_eventproperty (project_id, event, property)"
        " SELECT %(project)s, n.event, n.property FROM unnest(%(events)s::text[], %(keys)s::text[])"
        " AS n (event, property)"
        " WHERE (SELECT count(*) FROM persons_eventproperty WHERE project_id = %(project)s) < %(most)s"
        " ON CONFLICT DO NOTHING",
        {
            "project": project_id,
            "events": [event for event, _ in pairs],
            "keys": [key for _, key in pairs],
            "most": MAX_PROPERTIES,
        },
    )
