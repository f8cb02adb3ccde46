"""Identities in memory, between the tables and the code that decides about them. Instants in microseconds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from queries.clickhouse.insert import stored_texts


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the sender of events should know: what kind of thing, about what, with which facts."""

    kind: str
    subject: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Actor:
    """A distinct id: its number for ever, and the person it had when it was read or made."""

    no: int
    distinct_id: str
    person_no: int


@dataclass(slots=True)
class Profile:
    """A person's profile. `is_stored`: it has a row already."""

    no: int
    uuid: uuid.UUID
    created: int
    properties: dict[str, Any]
    is_identified: bool = False
    is_stored: bool = True
    is_changed: bool = False
    _texts: dict[str, str] | None = None

    def texts(self) -> dict[str, str]:
        """Its properties now, in the store's form; the same object until they change."""
        if self._texts is None:
            self._texts = stored_texts(self.properties)
        return self._texts

    def replace(self, properties: dict[str, Any]) -> None:
        """Give it other properties; the old dictionary stays as it is."""
        self.properties = properties
        self.is_changed = True
        self._texts = None

    def absorb(self, other: Profile) -> None:
        """Take another person in: own properties win, the earliest creation counts (semantics I17)."""
        self.replace({**other.properties, **self.properties})
        self.created = min(self.created, other.created)
        self.is_identified = self.is_identified or other.is_identified


@dataclass(slots=True)
class GroupProfile:
    """A group and its properties."""

    type_index: int
    key: str
    created: int
    properties: dict[str, Any]
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class GroupKind:
    """A new type of groups with its index (semantics B8)."""

    name: str
    index: int
    created: int


@dataclass(slots=True)
class Mentioned:
    """Everything a batch of events may touch, so that it can be read in one go.

    `groups` holds (group type, key).
    """

    distinct_ids: set[str] = field(default_factory=set)
    group_types: set[str] = field(default_factory=set)
    groups: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Known:
    """What is stored of the things mentioned."""

    actors: list[Actor] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    group_types: dict[str, int] = field(default_factory=dict)
    groups: list[GroupProfile] = field(default_factory=list)


@dataclass(slots=True)
class Changes:
    """What must be written. `moved`: number of a person -> the person it is part of now, never in chains."""

    new_actors: list[Actor] = field(default_factory=list)
    moved: dict[int, int] = field(default_factory=dict)
    profiles: list[Profile] = field(default_factory=list)
    removed_profiles: list[int] = field(default_factory=list)
    new_group_types: list[GroupKind] = field(default_factory=list)
    groups: list[GroupProfile] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def touch_identities(self) -> bool:
        """Whether there is anything but notices."""
        return bool(
            self.new_actors
            or self.moved
            or self.profiles
            or self.removed_profiles
            or self.new_group_types
            or self.groups
        )
