"""Who is who: linking ids, refusing to, properties, groups (api X7, semantics B1-B10). No engine.

The last test compares the book, fed in any number of batches through a stand-in for its tables, with a
model of a few lines that knows neither numbers nor batches.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights_service.capture import times
from insights_service.capture.identity import ILLEGAL_IDS, IdentityBook, mentioned, updated_properties
from insights_service.capture.normalize import Arrival, Event, normalize
from insights_service.persons.values import Actor, Changes, GroupProfile, Known, Profile

START = times.microseconds(datetime(2024, 3, 1, tzinfo=UTC))


@dataclass
class Tables:
    """The rows a project has between batches, in dictionaries."""

    actors: dict[str, Actor] = field(default_factory=dict)
    profiles: dict[int, Profile] = field(default_factory=dict)
    group_types: dict[str, int] = field(default_factory=dict)
    groups: dict[tuple[int, str], GroupProfile] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    warnings: list[str] = field(default_factory=list)

    def send(self, *raws: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
        """One batch through the book; numbers and person properties of its events."""
        events = [found for raw in raws if isinstance(found := normalize(raw, Arrival(START)), Event)]
        known = [actor for id_ in mentioned(events).distinct_ids if (actor := self.actors.get(id_))]
        stored = Known(
            actors=[Actor(actor.no, actor.distinct_id, actor.person_no) for actor in known],
            profiles=[self._copy(p) for no in {a.person_no for a in known} if (p := self.profiles.get(no))],
            group_types=self.group_types,
            groups=list(self.groups.values()),
        )
        book = IdentityBook(stored, self.numbers.__next__)
        placed = [book.apply(event) for event in events]
        self._write(book.changes())
        return placed

    @staticmethod
    def _copy(p: Profile) -> Profile:
        return Profile(p.no, p.uuid, p.created, dict(p.properties), p.is_identified)

    def _write(self, changes: Changes) -> None:
        for actor in self.actors.values():
            actor.person_no = changes.moved.get(actor.person_no, actor.person_no)
        self.actors.update({actor.distinct_id: actor for actor in changes.new_actors})
        for number in changes.removed_profiles:
            del self.profiles[number]
        self.profiles.update({profile.no: profile for profile in changes.profiles})
        self.group_types.update({kind.name: kind.index for kind in changes.new_group_types})
        self.groups.update({(group.type_index, group.key): group for group in changes.groups})
        self.warnings += [notice.kind for notice in changes.notices]

    def people(self) -> set[frozenset[str]]:
        """The partition of distinct ids into persons."""
        return {
            frozenset(a.distinct_id for a in self.actors.values() if a.person_no == number)
            for number in {actor.person_no for actor in self.actors.values()}
        }

    def profile(self, distinct_id: str) -> Profile | None:
        return self.profiles.get(self.actors[distinct_id].person_no)


def said(name: str, distinct_id: str, minute: int = 0, **properties: Any) -> dict[str, Any]:
    moment = times.moment(START - 3600 * times.SECOND + minute * 60 * times.SECOND).isoformat()
    return {"event": name, "distinct_id": distinct_id, "timestamp": moment, "properties": properties}


def identify(user: str, anonymous: Any, **properties: Any) -> dict[str, Any]:
    return said("$identify", user, **{"$anon_distinct_id": anonymous, **properties})


def alias(user: str, other: Any) -> dict[str, Any]:
    return said("$create_alias", user, alias=other)


def force(user: str, other: Any) -> dict[str, Any]:
    return said("$merge_dangerously", user, alias=other)


@pytest.mark.parametrize(
    "batches, people, warnings",
    [
        pytest.param([[said("A", "a")], [identify("u", "a")]], ["au"], [], id="identify an anonymous id"),
        pytest.param([[said("A", "a"), said("B", "u")], [identify("u", "a")]], ["au"], [], id="both known"),
        pytest.param([[identify("u", "a")]], ["au"], [], id="neither known"),
        pytest.param([[alias("u", "b")]], ["bu"], [], id="alias"),
        pytest.param(
            [[identify("u", "a"), identify("v", "b")], [identify("u", "v")]],
            ["au", "bv"],
            ["cannot_merge_already_identified"],
            id="two identified persons stay two",
        ),
        pytest.param(
            [[identify("u", "a"), identify("v", "b")], [alias("u", "b")]],
            ["au", "bv"],
            ["cannot_merge_already_identified"],
            id="an alias does not join them either",
        ),
        pytest.param(
            [[identify("u", "a"), identify("v", "b")], [force("u", "v")]],
            ["abuv"],
            [],
            id="unless it is meant",
        ),
        pytest.param(
            [[said("A", "x"), identify("u", "a")], [alias("x", "u")]],
            ["aux"],
            [],
            id="one of them identified",
        ),
        pytest.param(
            [[identify("u", "a"), identify("u", "b"), identify("u", "c")]], ["abcu"], [], id="three devices"
        ),
        pytest.param(
            [[alias("a", "b")], [alias("c", "d")], [force("b", "c"), said("A", "d")]],
            ["abcd"],
            [],
            id="chains",
        ),
        pytest.param([[identify("u", "u")], [identify("u", None)]], ["u"], [], id="itself"),
        pytest.param(
            [[alias("u", None)]], ["u"], ["cannot_merge_with_illegal_distinct_id"], id="alias with nothing"
        ),
        pytest.param(
            [[said("A", "a", **{"$process_person_profile": False})], [identify("u", "a")]],
            ["au"],
            [],
            id="an id without profile is linked",
        ),
        pytest.param(
            [[identify("u", "a", **{"$process_person_profile": False})]],
            ["u"],
            ["identity_event_without_profile"],
            id="an event without profile links nothing",
        ),
    ],
)
def test_linking(batches: list[list[dict[str, Any]]], people: list[str], warnings: list[str]) -> None:
    tables = Tables()
    for batch in batches:
        tables.send(*batch)
    assert tables.people() == {frozenset(letters) for letters in people}
    assert tables.warnings == warnings


@pytest.mark.parametrize(
    "illegal", [*sorted(ILLEGAL_IDS), "NULL", " Anonymous ", "[object Object]", "NaN", 0, True]
)
def test_illegal_ids_are_never_linked(illegal: Any) -> None:
    """api X7; they stay what they are: ordinary ids of events."""
    for link in (alias, force):
        tables = Tables()
        tables.send(said("A", "u"), link("u", illegal))
        assert tables.people() == {frozenset("u")}
        assert tables.warnings == ["cannot_merge_with_illegal_distinct_id"]
    tables = Tables()
    tables.send(identify("null", "a"), said("A", "a"))
    assert tables.people() == {frozenset("a"), frozenset(["null"])}


def test_a_merge_keeps_the_survivors_values_and_the_earliest_creation() -> None:
    """semantics B2, I17."""
    tables = Tables()
    tables.send(said("A", "a", 1, **{"$set": {"plan": "free", "from": "ad"}}))
    tables.send(said("A", "u", 2, **{"$set": {"plan": "pro"}}))
    tables.send(identify("u", "a", **{"$set": {"name": "Ada"}, "$set_once": {"from": "search", "age": 1}}))
    profile = tables.profile("a")
    assert profile is not None
    assert profile is tables.profile("u")
    assert profile.properties == {"plan": "pro", "from": "ad", "name": "Ada", "age": 1}
    assert profile.created == START - 3600 * times.SECOND + 60 * times.SECOND
    assert profile.is_identified


def test_an_event_carries_the_properties_right_after_it() -> None:
    """semantics B6, mode on events."""
    tables = Tables()
    placed = tables.send(
        said("A", "u", **{"$set": {"plan": "free"}}),
        said("B", "u", **{"$process_person_profile": False}),
        said("C", "u", **{"$set": {"plan": "pro"}, "$unset": ["x"]}),
        said("D", "u", **{"$set_once": {"plan": "other"}, "$unset": ["plan"]}),
    )
    assert [texts for _, texts in placed] == [{"plan": "free"}, {}, {"plan": "pro"}, {}]


def test_no_profile_is_left_when_the_event_says_so() -> None:
    tables = Tables()
    tables.send(said("A", "u", **{"$process_person_profile": False, "$set": {"a": 1}}))
    assert tables.profile("u") is None
    tables.send(said("A", "u", 5))
    profile = tables.profile("u")
    assert profile is not None
    assert profile.properties == {}


@pytest.mark.parametrize(
    "before, update, after",
    [
        ({}, {"set_": {"a": 1}}, {"a": 1}),
        ({"a": 1}, {"set_": {"a": True}}, {"a": True}),
        ({"a": 1}, {"set_": {"a": 1.0}}, {"a": 1.0}),
        ({"a": [1]}, {"set_": {"a": [True]}}, {"a": [True]}),
        ({"a": 1}, {"set_once": {"a": 2, "b": 2}}, {"a": 1, "b": 2}),
        ({"a": None}, {"set_once": {"a": 2}}, {"a": None}),
        ({}, {"set_once": {"a": 1}, "set_": {"a": 2}}, {"a": 2}),
        ({"a": 1, "b": 2}, {"unset": ["a", 5, None]}, {"b": 2}),
        ({"a": 1, "b": 2}, {"unset": {"a": ""}}, {"b": 2}),
        ({"a": 1}, {"unset": "a"}, {}),
        ({"a": 1}, {"set_": [1], "set_once": "x", "unset": 3}, {"a": 1}),
    ],
)
def test_updated_properties(before: dict[str, Any], update: dict[str, Any], after: dict[str, Any]) -> None:
    found = updated_properties(before, **update)
    assert found == after
    assert {key: type(value) for key, value in found.items()} == {key: type(v) for key, v in after.items()}


def test_nothing_new_is_no_change() -> None:
    properties = {"a": {"x": 1, "y": 2}}
    assert updated_properties(properties, set_={"a": {"y": 2, "x": 1}}, unset=["z"]) is properties


def test_a_profile_has_bounds() -> None:
    tables = Tables()
    for part in range(3):
        tables.send(said("A", "u", **{"$set": {f"k{part}": "x" * 400_000}}))
    profile = tables.profile("u")
    assert profile is not None
    assert set(profile.properties) == {"k0", "k1"}
    assert tables.warnings == ["person_properties_too_large"]


def test_groups() -> None:
    """semantics B8-B10: indexes in order of first use, the sixth type is ignored."""
    tables = Tables()
    event = normalize(said("A", "u", **{"$groups": {"org": 5, "team": "", "site": " "}}), Arrival(START))
    assert isinstance(event, Event)
    book = IdentityBook(Known(), tables.numbers.__next__)
    book.apply(event)
    assert event.properties["$group_0"] == "5"
    assert b'"$group_0":"5"' in event.properties_json
    assert "$group_1" not in event.properties

    tables.send(said("A", "u", **{"$groups": {"org": "x"}}))
    kinds = ["team", "site", "shop", "fleet", "sixth"]
    tables.send(*(said("$groupidentify", "u", **{"$group_type": kind, "$group_key": "k"}) for kind in kinds))
    assert tables.group_types == {"org": 0, "team": 1, "site": 2, "shop": 3, "fleet": 4}
    assert tables.warnings == ["too_many_group_types"]
    tables.send(
        said("$groupidentify", "u", **{"$group_type": "org", "$group_key": 7, "$group_set": {"a": 1}})
    )
    tables.send(
        said("$groupidentify", "u", **{"$group_type": "org", "$group_key": "7", "$group_set": {"b": 2}})
    )
    assert tables.groups[0, "7"].properties == {"a": 1, "b": 2}


# Against a model

IDS = "abcdef"
steps = st.one_of(
    st.builds(lambda i: said("A", i), st.sampled_from(IDS)),
    st.builds(lambda i: said("A", i, **{"$process_person_profile": False}), st.sampled_from(IDS)),
    st.builds(lambda i, v: said("A", i, **{"$set": {"p": v}}), st.sampled_from(IDS), st.integers(0, 3)),
    st.builds(identify, st.sampled_from(IDS), st.sampled_from([*IDS, None, "null"])),
    st.builds(alias, st.sampled_from(IDS), st.sampled_from(IDS)),
    st.builds(force, st.sampled_from(IDS), st.sampled_from(IDS)),
)


class Model:
    """Persons as plain sets of ids, each with a profile or not: the rules of api X7 and nothing else."""

    def __init__(self) -> None:
        self.persons: list[set[str]] = []
        self.profiles: dict[int, dict[str, Any]] = {}  # id() of the set -> properties
        self.identified: set[int] = set()

    def person(self, distinct_id: str) -> set[str]:
        for person in self.persons:
            if distinct_id in person:
                return person
        self.persons.append({distinct_id})
        return self.persons[-1]

    def see(self, raw: dict[str, Any]) -> None:
        properties, main_id = raw["properties"], raw["distinct_id"]
        main = self.person(main_id)
        if properties.get("$process_person_profile") is False:
            return
        other_id = properties.get("alias") or properties.get("$anon_distinct_id")
        if raw["event"] == "$identify" and other_id is None:
            other_id = main_id
        if other_id and other_id != "null":
            main = self.link(main, self.person(other_id), raw["event"] == "$merge_dangerously")
        self.profiles.setdefault(id(main), {}).update(properties.get("$set", {}))

    def link(self, main: set[str], other: set[str], forced: bool) -> set[str]:
        if main is not other:
            if {id(main), id(other)} <= self.identified and not forced:
                return main
            self.persons.remove(other)
            main |= other
            self.profiles[id(main)] = self.profiles.pop(id(other), {}) | self.profiles.get(id(main), {})
        self.profiles.setdefault(id(main), {})
        self.identified.add(id(main))
        return main


@given(st.lists(st.lists(steps, max_size=6), max_size=6))
def test_like_the_model_however_cut_into_batches(batches: list[list[dict[str, Any]]]) -> None:
    tables, model = Tables(), Model()
    keep_alive = model.persons[:]
    for batch in batches:
        tables.send(*batch)
        for raw in batch:
            model.see(raw)
            keep_alive += model.persons  # so that no id() is ever used twice
    assert tables.people() == {frozenset(person) for person in model.persons}
    for person in model.persons:
        profile = tables.profile(min(person))
        assert (profile.properties if profile else None) == model.profiles.get(id(person))
        assert bool(profile and profile.is_identified) == (id(person) in model.identified)
    for actor in tables.actors.values():
        roots = [a for a in tables.actors.values() if a.no == actor.person_no]
        assert [root.person_no for root in roots] == [actor.person_no]  # chains are flat
