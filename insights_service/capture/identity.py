"""Events -> who did them, and what that changes about persons and groups (api X7, semantics B1-B10). Pure.

`IdentityBook` is the part of a project's identities that a batch of events can touch, held in memory:
filled with what is stored, shown one event after the other, and asked for its `changes` at the end. The
outcome is the same however a stream of events is cut into batches.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from insights_service.capture.normalize import MAX_DISTINCT_ID_LENGTH, Event, text_of
from insights_service.persons.values import (
    Actor,
    Changes,
    GroupKind,
    GroupProfile,
    Known,
    Mentioned,
    Notice,
    Profile,
)

MAX_GROUP_TYPES = 5  # semantics B8
MAX_GROUP_KEY_LENGTH = 400
MAX_PROFILE_BYTES = 1_000_000

# Ids that some library sends for everybody: linking one would merge strangers (api X7).
# fmt: off
ILLEGAL_IDS = frozenset({
    "", "0", "[object object]", "anonymous", "distinct_id", "distinctid", "email", "false", "guest", "id",
    "nan", "none", "not_authenticated", "null", "true", "undefined",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Link:
    """An event that says two ids are one person: where the other id is, and whether it may join any two."""

    key: str
    joins_identified: bool = False


LINKS: dict[str, Link] = {  # api X7
    "$identify": Link("$anon_distinct_id"),
    "$create_alias": Link("alias"),
    "$merge_dangerously": Link("alias", joins_identified=True),
}
_NO_TEXTS: dict[str, str] = {}


def mentioned(events: Iterable[Event]) -> Mentioned:
    """The ids and groups these events speak of."""
    found = Mentioned()
    for event in events:
        found.distinct_ids.add(event.distinct_id)
        if link := LINKS.get(event.name):
            found.distinct_ids.add(_other_id(event, link))
        if event.name == "$groupidentify":
            found.groups.add(_group_of(event.properties))
        found.group_types.update(_groups_of(event.properties))
    found.distinct_ids.discard("")
    found.group_types.update(group_type for group_type, _ in found.groups)
    return found


def is_illegal(distinct_id: str) -> bool:
    """Whether an id must never be linked to another (api X7)."""
    return distinct_id.strip().casefold() in ILLEGAL_IDS


class IdentityBook:
    """The identities that a batch can touch. `next_no` gives the numbers of new distinct ids."""

    def __init__(self, known: Known, next_no: Callable[[], int]) -> None:
        self._next_no = next_no
        self._actors = {actor.distinct_id: actor for actor in known.actors}
        self._profiles = {profile.no: profile for profile in known.profiles}
        self._group_types = dict(known.group_types)
        self._groups = {(group.type_index, group.key): group for group in known.groups}
        self._new_actors: list[Actor] = []
        self._moved: dict[int, int] = {}
        self._removed: list[int] = []
        self._new_group_types: list[GroupKind] = []
        self._notices: list[Notice] = []

    def apply(self, event: Event) -> tuple[int, dict[str, str]]:
        """Number of the event's distinct id, and its person's properties right after it, in stored form.

        Adds the group keys to the event's properties.
        """
        if event.has_profile:
            self._link(event)
        elif event.name in LINKS or event.name == "$groupidentify":
            self._warn("identity_event_without_profile", event, event=event.name)
        actor = self._actor(event.distinct_id)
        if "$groups" in event.properties:
            self._add_group_keys(event)
        if not event.has_profile:
            return actor.no, _NO_TEXTS
        profile = self._profile(actor, event)
        self._update(profile, event)
        if event.name == "$groupidentify":
            self._update_group(event)
        return actor.no, profile.texts()

    def changes(self) -> Changes:
        """Everything that must be written."""
        for actor in self._new_actors:
            actor.person_no = self._root(actor.person_no)
        return Changes(
            new_actors=self._new_actors,
            moved={old: self._root(old) for old in self._moved},
            profiles=[profile for profile in self._profiles.values() if profile.is_changed],
            removed_profiles=self._removed,
            new_group_types=self._new_group_types,
            groups=[group for group in self._groups.values() if group.is_changed],
            notices=self._notices,
        )

    # Persons

    def _root(self, person_no: int) -> int:
        while person_no in self._moved:
            person_no = self._moved[person_no]
        return person_no

    def _actor(self, distinct_id: str) -> Actor:
        actor = self._actors.get(distinct_id)
        if actor is None:
            number = self._next_no()
            actor = self._actors[distinct_id] = Actor(number, distinct_id, number)
            self._new_actors.append(actor)
        return actor

    def _profile(self, actor: Actor, event: Event) -> Profile:
        person_no = self._root(actor.person_no)
        profile = self._profiles.get(person_no)
        if profile is None:
            profile = Profile(person_no, uuid.uuid4(), event.instant, {}, is_stored=False, is_changed=True)
            self._profiles[person_no] = profile
        return profile

    def _link(self, event: Event) -> None:
        link = LINKS.get(event.name)
        if link is None:
            return
        other_id = _other_id(event, link)
        if not other_id and event.name == "$identify":
            other_id = event.distinct_id  # only says that this id is somebody's name
        if is_illegal(event.distinct_id) or is_illegal(other_id):
            self._warn("cannot_merge_with_illegal_distinct_id", event, other=other_id)
            return
        self._join(event, other_id, link)

    def _join(self, event: Event, other_id: str, link: Link) -> None:
        """Make both ids one person, the event's own surviving; two identified persons stay two (api X7)."""
        main_no = self._root(self._actor(event.distinct_id).person_no)
        other_no = self._root(self._actor(other_id).person_no)
        main, other = self._profiles.get(main_no), self._profiles.get(other_no)
        if main_no != other_no:
            if main and other and main.is_identified and other.is_identified and not link.joins_identified:
                self._warn("cannot_merge_already_identified", event, other=other_id)
                return
            if main is None and other is not None:
                main_no, other_no, main, other = other_no, main_no, other, main
            self._moved[other_no] = main_no
        survivor = main or self._profile(self._actor(event.distinct_id), event)
        if other is not None and other is not survivor:
            survivor.absorb(other)
            del self._profiles[other.no]
            if other.is_stored:
                self._removed.append(other.no)
        if not survivor.is_identified:
            survivor.is_identified = survivor.is_changed = True

    def _update(self, profile: Profile, event: Event) -> None:
        updated = updated_properties(
            profile.properties,
            set_once=event.properties.get("$set_once"),
            set_=event.properties.get("$set"),
            unset=event.properties.get("$unset"),
        )
        if updated is profile.properties:
            return
        if len(orjson.dumps(updated)) > MAX_PROFILE_BYTES:
            self._warn("person_properties_too_large", event, limit=MAX_PROFILE_BYTES)
            return
        profile.replace(updated)

    # Groups

    def _group_index(self, group_type: str, event: Event) -> int | None:
        index = self._group_types.get(group_type)
        if index is not None or not group_type.strip():
            return index
        if len(self._group_types) >= MAX_GROUP_TYPES:
            self._warn("too_many_group_types", event, group_type=group_type)
            return None
        free = min(set(range(MAX_GROUP_TYPES)) - set(self._group_types.values()))
        self._group_types[group_type] = free
        self._new_group_types.append(GroupKind(group_type, free, event.arrived))
        return free

    def _add_group_keys(self, event: Event) -> None:
        keys = {
            f"$group_{index}": key
            for group_type, key in _groups_of(event.properties).items()
            if (index := self._group_index(group_type, event)) is not None
        }
        if keys:
            event.add_properties(keys)

    def _update_group(self, event: Event) -> None:
        group_type, key = _group_of(event.properties)
        index = self._group_index(group_type, event) if key else None
        if index is None:
            return
        group = self._groups.get((index, key))
        if group is None:
            group = GroupProfile(index, key, event.instant, {}, is_changed=True)
            self._groups[index, key] = group
        updated = updated_properties(group.properties, set_=event.properties.get("$group_set"))
        if updated is group.properties:
            return
        if len(orjson.dumps(updated)) > MAX_PROFILE_BYTES:
            self._warn("group_properties_too_large", event, limit=MAX_PROFILE_BYTES)
            return
        group.properties = updated
        group.is_changed = True

    def _warn(self, kind: str, event: Event, /, **details: Any) -> None:
        self._notices.append(
            Notice(kind, event.distinct_id, {"event_uuid": str(uuid.UUID(int=event.uuid)), **details})
        )


def updated_properties(
    properties: dict[str, Any], *, set_once: Any = None, set_: Any = None, unset: Any = None
) -> dict[str, Any]:
    """The properties after an update: `set_once` only fills gaps, `set_` overwrites, `unset` removes last.

    The very same object when nothing changes. What is not of the right shape is ignored.
    """
    if not (set_once or set_ or unset):
        return properties
    updated = dict(properties)
    if isinstance(set_once, dict):
        updated = {**set_once, **updated}
    if isinstance(set_, dict):
        updated.update(set_)
    for key in _keys_of(unset):
        updated.pop(key, None)
    # As text, because 1, 1.0 and true are equal in Python and different properties.
    same = updated == properties and orjson.dumps(updated, option=_SORTED) == orjson.dumps(
        properties, option=_SORTED
    )
    return properties if same else updated


_SORTED = orjson.OPT_SORT_KEYS


def _keys_of(unset: Any) -> list[str]:
    """`$unset` is a list of keys, an object whose keys count, or one key."""
    keys = [unset] if isinstance(unset, str) else unset if isinstance(unset, list | dict) else []
    return [key for key in keys if isinstance(key, str)]


def _other_id(event: Event, link: Link) -> str:
    other = text_of(event.properties.get(link.key))[:MAX_DISTINCT_ID_LENGTH]
    return other if other.strip() else ""


def _group_of(properties: Mapping[str, Any]) -> tuple[str, str]:
    """Type and key that a `$groupidentify` speaks of; the key '' when it names none."""
    key = text_of(properties.get("$group_key"))[:MAX_GROUP_KEY_LENGTH]
    group_type = text_of(properties.get("$group_type"))[:MAX_GROUP_KEY_LENGTH]
    return group_type, key if key.strip() and group_type.strip() else ""


def _groups_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """`$groups` as type -> key; types without a key are left out (semantics B9)."""
    groups = properties.get("$groups")
    if not isinstance(groups, dict):
        return {}
    keys = {kind[:MAX_GROUP_KEY_LENGTH]: text_of(key)[:MAX_GROUP_KEY_LENGTH] for kind, key in groups.items()}
    return {kind: key for kind, key in keys.items() if key.strip() and kind.strip()}
