"""Refreshed answers against full computations, over random interleavings of everything that changes answers.

Both come from the service, over HTTP; what a full computation should give is the other oracles' business.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from insights import cells
from insights_service.persons import services
from insights_service.persons.models import DistinctId, Person
from queries.incremental import known
from tests.api_client import Answer, Api, make_project
from tests.cohorts.people import calculate, make, person
from tests.oracle.disagreement import Disagreement

START = datetime(2024, 3, 4, 9, tzinfo=UTC)  # the clocks of Europe and North America change in between
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
NAMES = ("A", "A", "A", "B", "C")
PEOPLE = tuple(f"u{number}" for number in range(8))
BACK_DAYS = 45
POOL = 5  # questions that are asked again and again
LIFECYCLES = 0.3  # of them; the others are trends

MATHS = (
    {},
    {},
    {"math": "dau"},
    {"math": "dau"},
    {"math": "unique_session"},
    {"math": "unique_group", "math_group_type_index": 0},
    {"math": "sum", "math_property": "n"},
    {"math": "avg", "math_property": "n"},
    {"math": "max", "math_property": "n"},
    {"math": "p90", "math_property": "n"},
    {"math": "avg_count_per_actor"},
    {"math": "sum", "math_property": "level", "math_property_type": "person_properties"},
    {"math": "weekly_active"},  # from here on nothing can be kept
    {"math": "first_time_for_user"},
    {"math": "hogql", "math_hogql": "count() + 1"},
)
DATES = (
    {"date_from": "-7d"},
    {"date_from": "-30d"},
    {"date_from": "-30d", "date_to": "-3d"},
    {"date_from": "2024-02-10", "date_to": "2024-02-25"},
    {"date_from": "2024-02-20T10:30:00", "explicitDate": True},
    {"date_from": "all"},
    {"date_from": "mStart"},
)
# What only some of the questions have, so that most can be kept.
BREAKDOWNS = (
    {"breakdown": "p", "breakdown_type": "event"},
    {"breakdown": "p", "breakdown_type": "event", "breakdown_limit": 2},
    {"breakdown": "plan", "breakdown_type": "person", "breakdown_limit": 1},
    {"breakdowns": [{"property": "p", "type": "event"}, {"property": "plan", "type": "person"}]},
    {"breakdown": "size", "breakdown_type": "group", "breakdown_group_type_index": 0},
    {"breakdown": "n", "breakdown_type": "event", "breakdown_histogram_bin_count": 3},
)
FILTERS = (
    {"type": "event", "key": "p", "value": ["x", "y"], "operator": "exact"},
    {"type": "event", "key": "n", "value": 2, "operator": "gt"},
    {"type": "person", "key": "plan", "value": "pro", "operator": "exact"},
    {"type": "person", "key": "plan", "value": "free", "operator": "is_not"},
    {"type": "group", "key": "size", "value": "big", "operator": "exact", "group_type_index": 0},
    {"type": "session", "key": "$session_duration", "value": 60, "operator": "gt"},
    {"type": "event", "key": "when", "value": "-10d", "operator": "is_date_after"},
    {"type": "hogql", "key": "person.properties.plan = 'pro'"},
)


@dataclass
class World:
    """One project under way: what was sent, what can be asked, what time it is."""

    api: Api
    rng: random.Random
    sent: list[dict[str, Any]] = field(default_factory=list)
    cohorts: list[int] = field(default_factory=list)
    action: int = 0

    @property
    def now(self) -> datetime:
        assert self.api.now is not None
        return self.api.now

    def event(self, at: datetime) -> dict[str, Any]:
        rng = self.rng
        properties: dict[str, Any] = {"$groups": {"company": rng.choice(("acme", "apex"))}}
        for key, values in (("p", ("x", "y", "z", "", None)), ("n", (1, 2.5, 4, "7"))):
            if rng.random() < 0.8:
                properties[key] = rng.choice(values)
        if rng.random() < 0.5:
            properties["$session_id"] = rng.choice(("s1", "s2", "s3"))
        if rng.random() < 0.3:
            properties["when"] = (at - timedelta(days=rng.randint(0, 20))).isoformat()
        return {
            "event": rng.choice(NAMES),
            "distinct_id": rng.choice(PEOPLE),
            "uuid": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "timestamp": at.isoformat(),
            "properties": properties,
        }

    def send(self, events: list[dict[str, Any]]) -> None:
        self.api.capture(events)
        self.sent.extend(events)


# --- what happens between two answers --------------------------------------------------------------------


def _new_events(world: World) -> None:
    ago = [timedelta(minutes=world.rng.randint(0, 180)) for _ in range(world.rng.randint(1, 4))]
    world.send([world.event(world.now - each) for each in ago])


def _late_events(world: World) -> None:
    ago = [timedelta(minutes=world.rng.randint(0, BACK_DAYS * 1440)) for _ in range(world.rng.randint(1, 3))]
    world.send([world.event(world.now - each) for each in ago])


def _duplicates(world: World) -> None:
    if world.sent:
        again = dict(world.rng.choice(world.sent))
        moved = world.now - timedelta(days=world.rng.randint(0, 20))
        world.api.capture([again, {**again, "timestamp": moved.isoformat()}])


def _identify(world: World) -> None:
    one, other = world.rng.sample(PEOPLE, 2)
    world.api.capture([_told(world, one, {"$anon_distinct_id": other})])


def _set_properties(world: World) -> None:
    traits = {"plan": world.rng.choice(("pro", "free", None)), "level": world.rng.randint(1, 3)}
    world.api.capture([_told(world, world.rng.choice(PEOPLE), {"$set": traits})])


def _set_group(world: World) -> None:
    group = {"$group_type": "company", "$group_key": world.rng.choice(("acme", "apex"))}
    traits = {"$group_set": {"size": world.rng.choice(("big", "small"))}}
    world.api.capture([_told(world, "u0", {**group, **traits}, "$groupidentify")])


def _told(world: World, who: str, properties: dict[str, Any], name: str = "$identify") -> dict[str, Any]:
    return {"event": name, "distinct_id": who, "timestamp": world.now.isoformat(), "properties": properties}


def _merge(world: World) -> None:
    numbers = sorted(set(_numbers(world)))
    if len(numbers) > 1:
        into, other = world.rng.sample(numbers, 2)
        services.merge_persons(project_id=world.api.project.pk, into=into, other=other)


def _split(world: World) -> None:
    if numbers := sorted(set(_numbers(world))):
        services.split_person(project_id=world.api.project.pk, person_no=world.rng.choice(numbers))


def _delete(world: World) -> None:
    persons = Person.objects.filter(project_id=world.api.project.pk).order_by("person_no")
    if numbers := list(persons.values_list("person_no", flat=True)):
        services.delete_person(project_id=world.api.project.pk, person_no=world.rng.choice(numbers))


def _numbers(world: World) -> Iterator[int]:
    return DistinctId.objects.filter(project_id=world.api.project.pk).values_list("person_no", flat=True)


def _calculate_cohort(world: World) -> None:
    calculate(world.api, world.rng.choice(world.cohorts))


def _edit_action(world: World) -> None:
    steps = [{"event": world.rng.choice(NAMES)} for _ in range(world.rng.randint(1, 2))]
    assert world.api.patch(f"actions/{world.action}/", {"steps": steps}).status == 200


def _change_settings(world: World) -> None:
    change = world.rng.choice(("timezone", "week_start_day", "aggregate_users_by_distinct_id", "mode"))
    values: dict[str, dict[str, Any]] = {
        "timezone": {"timezone": world.rng.choice(ZONES)},
        "week_start_day": {"week_start_day": world.rng.choice((0, 1))},
        "aggregate_users_by_distinct_id": {"aggregate_users_by_distinct_id": world.rng.random() < 0.5},
        "mode": {"person_properties_mode": world.rng.choice(("current", "on_events"))},
    }
    world.api.settings(**values[change])


def _nothing(world: World) -> None:
    pass


# What happens, how often.
STEPS: dict[Callable[[World], None], int] = {
    _new_events: 8,
    _late_events: 6,
    _duplicates: 2,
    _identify: 3,
    _set_properties: 3,
    _set_group: 1,
    _merge: 2,
    _split: 2,
    _delete: 1,
    _calculate_cohort: 1,
    _edit_action: 1,
    _change_settings: 1,
    _nothing: 2,
}


# --- questions -------------------------------------------------------------------------------------------


def random_question(world: World) -> dict[str, Any]:
    return random_lifecycle(world) if world.rng.random() < LIFECYCLES else random_trend(world)


def random_lifecycle(world: World) -> dict[str, Any]:
    rng = world.rng
    node: dict[str, Any] = {
        "kind": "LifecycleQuery",
        "series": [{**_random_series(world), "math": "total"}],
        "interval": rng.choice(("day", "day", "week", "hour")),
        "dateRange": rng.choice(DATES),
    }
    if rng.random() < 0.3:
        node["properties"] = [_random_filter(world)]
    if rng.random() < 0.1:
        node["aggregation_group_type_index"] = 0
    return node


def random_trend(world: World) -> dict[str, Any]:
    rng = world.rng
    interval = rng.choice(("day", "day", "day", "hour", "week", "month"))
    node: dict[str, Any] = {
        "kind": "TrendsQuery",
        "series": [_random_series(world) for _ in range(rng.choice((1, 1, 1, 2)))],
        "interval": interval,
        "dateRange": rng.choice(DATES),
    }
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        node["breakdownFilter"] = rng.choice((*BREAKDOWNS, _by_cohort(world)))
    if rng.random() < 0.3:
        node["properties"] = [_random_filter(world)]
    if rng.random() < 0.2:
        node["compareFilter"] = {"compare": True}
    if rng.random() < 0.2:
        options["smoothingIntervals"] = 3
    if rng.random() < 0.2:
        options["display"] = rng.choice(("ActionsLineGraphCumulative", "BoldNumber", "ActionsBar"))
    if rng.random() < 0.1:
        options["hideWeekends"] = True
    if rng.random() < 0.2 and len(node["series"]) == 2:
        options["formula"] = "A + 2 * B"
    if rng.random() < 0.1:
        node["samplingFactor"] = 0.5
    return {**node, "trendsFilter": options}


def _random_series(world: World) -> dict[str, Any]:
    rng = world.rng
    math_ = rng.choice(MATHS)
    if rng.random() < 0.15:
        return {"kind": "ActionsNode", "id": world.action, **math_}
    series = {"kind": "EventsNode", "event": rng.choice(("A", "A", "B", None)), **math_}
    return {**series, "properties": [_random_filter(world)]} if rng.random() < 0.2 else series


def _random_filter(world: World) -> dict[str, Any]:
    cohort = {"type": "cohort", "key": "id", "value": world.rng.choice(world.cohorts)}
    return world.rng.choice((*FILTERS, cohort))


def _by_cohort(world: World) -> dict[str, Any]:
    return {"breakdown_type": "cohort", "breakdown": [world.cohorts[0], "all"]}


# --- both answers ----------------------------------------------------------------------------------------


def check(seed: int, questions: int) -> int:
    """How many refreshed answers were compared. Disagreement on the first that differs."""
    world = make_world(seed)
    pool = [random_question(world) for _ in range(POOL)]
    for number in range(questions):
        happened = world.rng.choices(list(STEPS), list(STEPS.values()), k=world.rng.randint(0, 2))
        for step in happened:
            step(world)
        world.api.now = world.now + timedelta(minutes=world.rng.choice((0, 5, 60, 600, 1440)))
        node = world.rng.choice(pool)
        with always():
            found = world.api.query(node)
        with in_full():
            wanted = world.api.query(node)
        if found.status != wanted.status or not same(_answer(found), _answer(wanted)):
            raise Disagreement(
                f"seed {seed}, question {number}, after {[step.__name__ for step in happened]}\n{node}\n"
                f"refreshed {found.status} {found.body}\nin full   {wanted.status} {wanted.body}"
            )
    return questions


def make_world(seed: int) -> World:
    rng = random.Random(seed)
    api = make_project(timezone=rng.choice(ZONES), week_start_day=rng.choice((0, 1)))
    api.now = START
    world = World(api, rng)
    world.cohorts = [make(api, name=name, filters=_members(name)) for name in ("pro", "free")]
    calculate(api, world.cohorts[0])  # the other one is evaluated on the spot
    world.action = api.post("actions/", {"name": "Any", "steps": [{"event": "A"}]}).body["id"]
    for _ in range(4):
        _late_events(world)
        _set_properties(world)
    return world


def _members(plan: str) -> dict[str, Any]:
    return {"properties": {"type": "AND", "values": [person("plan", plan)]}}


def _answer(given: Answer) -> Any:
    return given.body["results"] if given.status == 200 else given.body


@contextmanager
def always() -> Iterator[None]:
    """Inside the block cells are kept of however few events."""
    with mock.patch.object(known, "WORTHWHILE_EVENTS", 0):
        yield


@contextmanager
def in_full() -> Iterator[None]:
    """Inside the block every question is computed as a whole."""
    with mock.patch.object(cells, "refreshing", lambda *_: None):
        yield


def same(found: Any, wanted: Any) -> bool:
    """Equal as JSON; numbers to the last digits, since sums of fractions vary with the order of rows."""
    if isinstance(found, float | int) and isinstance(wanted, float | int):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
    return bool(found == wanted)
