"""Refreshes that ask only for what is new: what is asked again after what, and that nothing is ever missed.

The laws over random interleavings are `tests/oracle/incremental.py`; here is each way of change by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from insights import cells
from insights_service.persons import services, store
from insights_service.persons.models import DistinctId, Person
from queries.context import ProjectContext
from queries.incremental import known, lifecycle, refresh
from queries.incremental.known import Seen
from queries.incremental.proof import Lean, provable
from queries.incremental.record import MAX_CELLS, Bucket, Record, merged, unpack
from queries.incremental.refresh import MAX_STRETCHES, Refresh, stretches
from queries.lifecycle.node import LifecycleQuery
from queries.parse import parse_query
from queries.trends.node import TrendsQuery
from tests.api_client import Api
from tests.cohorts.people import calculate, make, person

CTX = ProjectContext(project_id=1, now=datetime(2024, 1, 15, 12, tzinfo=UTC))


def trend(*series: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = series or ({},)
    nodes = [{"kind": "EventsNode", "event": "A", **each} for each in given]
    return {"kind": "TrendsQuery", "dateRange": {"date_from": "-10d"}, "series": nodes, **more}


def leaf(kind: str = "event", key: str = "p", value: Any = "x", **more: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value, "operator": "exact", **more}


def by(key: str, kind: str = "event", **more: Any) -> dict[str, Any]:
    return {"breakdownFilter": {"breakdown": key, "breakdown_type": kind, **more}}


# --- which questions -------------------------------------------------------------------------------------

P = {"properties": [leaf()]}
NOTHING: frozenset[Lean] = frozenset()
PERSONS = frozenset({Lean.ACTORS, Lean.PROFILES})


@pytest.mark.parametrize(
    ("node", "leans"),
    [
        pytest.param(trend(**P), NOTHING, id="total"),
        pytest.param(trend({"math": "dau"}, **P), {Lean.ACTORS}, id="unique persons"),
        pytest.param(trend({"math": "unique_session"}), NOTHING, id="sessions"),
        pytest.param(trend({"math": "sum", "math_property": "n"}), NOTHING, id="sum"),
        pytest.param(trend({"math": "p95", "math_property": "n"}), NOTHING, id="percentile"),
        pytest.param(trend({"math": "avg_count_per_actor"}), {Lean.ACTORS}, id="events per actor"),
        pytest.param(trend(properties=[leaf("person")]), PERSONS, id="person filter"),
        pytest.param(trend(**by("plan", "person")), PERSONS, id="person breakdown"),
        pytest.param(trend(properties=[leaf("group", group_type_index=0)]), {Lean.GROUPS}, id="group filter"),
        pytest.param(trend(**by("p"), trendsFilter={"smoothingIntervals": 3}), NOTHING, id="smoothed"),
        pytest.param(
            trend(
                {"math": "sum", "math_property": "n"}, trendsFilter={"display": "ActionsLineGraphCumulative"}
            ),
            NOTHING,
            id="running sum",
        ),
    ],
)
def test_what_cells_lean_on(node: dict[str, Any], leans: frozenset[Lean]) -> None:
    found = provable(_node(node), CTX)
    assert found is not None
    assert found.leans == leans


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(trend(), id="the rollup answers as fast"),
        pytest.param(trend({"math": "weekly_active"}, **P), id="rolling windows"),
        pytest.param(trend({"math": "first_time_for_user"}, **P), id="first times"),
        pytest.param(
            trend({"math": "dau"}, **P, trendsFilter={"display": "ActionsLineGraphCumulative"}),
            id="running uniques",
        ),
        pytest.param(trend(**P, trendsFilter={"display": "BoldNumber"}), id="one number"),
        pytest.param(trend(**by("n", breakdown_histogram_bin_count=3)), id="bins"),
        pytest.param(trend({"math": "hogql", "math_hogql": "count()"}), id="SQL as math"),
        pytest.param(trend(properties=[leaf("hogql", "now() > timestamp", None)]), id="SQL as filter"),
        pytest.param(trend(properties=[leaf("session", "$session_duration", 5)]), id="sessions filter"),
        pytest.param(trend({"math": "avg", "math_property": "$session_duration"}), id="session durations"),
        pytest.param(trend(properties=[leaf("person", "distinct_id", "u1")]), id="any distinct id"),
    ],
)
def test_what_is_computed_as_a_whole(node: dict[str, Any]) -> None:
    assert provable(_node(node), CTX) is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"project_id": 2}, id="project"),
        pytest.param({"timezone": "Europe/Berlin"}, id="zone"),
        pytest.param({"has_overrides": False}, id="first merge"),
        pytest.param({"person_properties_mode": "on_events"}, id="mode of person properties"),
        pytest.param({"now": CTX.now + timedelta(hours=1)}, id="what a relative date means"),
    ],
)
def test_cells_of_another_meaning_have_another_name(other: dict[str, Any]) -> None:
    since = {"type": "event", "key": "when", "value": "-3h", "operator": "is_date_after"}
    node = _node(trend({"math": "dau"}, properties=[since, leaf("person", "plan", True)]))
    here, there = provable(node, CTX), provable(node, ProjectContext(**{**_fields(CTX), **other}))
    assert here is not None
    assert there is not None
    assert here.name != there.name


def test_the_same_cells_for_every_range_and_look() -> None:
    nodes = [
        trend(**P),
        trend(**P, dateRange={"date_from": "-90d"}),
        trend(**P, compareFilter={"compare": True}),
        trend(**P, trendsFilter={"display": "ActionsBar"}),
    ]
    assert len({found.name for node in nodes if (found := provable(_node(node), CTX))}) == 1


def _node(node: dict[str, Any]) -> TrendsQuery:
    read = parse_query(node)
    assert isinstance(read, TrendsQuery)
    return read


def _fields(ctx: ProjectContext) -> dict[str, Any]:
    return {name: getattr(ctx, name) for name in ctx.__dataclass_fields__}


# --- what is kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        pytest.param("......", [], id="nothing"),
        pytest.param("xxxxxx", [(0, 6)], id="everything"),
        pytest.param(".xx..x", [(1, 3), (5, 6)], id="two stretches"),
        pytest.param(
            "x..x.x.x.x.x.x.x.x", [(0, 1), (3, 6), *((n, n + 1) for n in range(7, 19, 2))], id="many"
        ),
    ],
)
def test_stretches(missing: str, found: list[tuple[int, int]]) -> None:
    assert stretches([each == "x" for each in missing]) == found
    assert len(found) <= MAX_STRETCHES


def test_a_record_survives_packing() -> None:
    cells_ = ((0, ("x", 'quote " and ü'), 0.1), (1, (), -3.0))
    record = Record({19_000: Bucket(1, 2, 3, 4, cells_), 19_001: Bucket(2, 3, 0, 4)})
    assert unpack(record.pack()) == record
    assert unpack(b"\x00" + record.pack()[1:]) is None


def test_room_goes_to_the_buckets_asked_for_and_then_to_the_latest() -> None:
    full = tuple((0, (), float(n)) for n in range(MAX_CELLS // 2 - 10))
    old = {day: Bucket(day, day + 1, 1, 1, full) for day in (1, 2, 3)}
    assert set(merged(old, {9: Bucket(9, 10, 1, 1, full)}).buckets) == {9, 3}


# --- what has happened -----------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many buckets each refresh asked for; cells are kept of however few events."""
    found: list[int] = []

    def counted(given: Refresh, seen: Seen) -> Any:
        found.append(sum(not given.known.holds(slot, seen) for slot in given.every_slot()))
        return original(given, seen)

    original = refresh._ask_for_missing
    monkeypatch.setattr(refresh, "_ask_for_missing", counted)
    monkeypatch.setattr(known, "WORTHWHILE_EVENTS", 0)
    yield found


def _merge(api: Api) -> None:
    numbers = dict(
        DistinctId.objects.filter(project_id=api.project.pk).values_list("distinct_id", "person_no")
    )
    services.merge_persons(project_id=api.project.pk, into=numbers["u1"], other=numbers["u2"])


UNIQUE = trend({"math": "dau"}, properties=[leaf()])
FREE = trend(properties=[leaf("person", "plan", "free")])
SMALL = trend(properties=[leaf("group", "size", "small", group_type_index=0)])


@pytest.mark.parametrize(
    ("node", "happens", "again"),
    [
        pytest.param(UNIQUE, lambda api: None, 0, id="nothing"),
        pytest.param(UNIQUE, lambda api: api.journeys('u1: A@2024-01-15T11:00{p:"x"}'), 1, id="a new event"),
        pytest.param(UNIQUE, lambda api: api.journeys('u1: A@2024-01-08T11:00{p:"x"}'), 1, id="a late event"),
        pytest.param(UNIQUE, lambda api: api.journeys("u1: A@2024-01-08T11:00"), 1, id="one filtered out"),
        pytest.param(UNIQUE, lambda api: api.journeys('u1: B@2024-01-08T11:00{p:"x"}'), 0, id="another name"),
        pytest.param(
            UNIQUE, lambda api: api.journeys('u1: A@2023-01-08T11:00{p:"x"}'), 0, id="another range"
        ),
        pytest.param(UNIQUE, lambda api: api.identify("u3", plan="free"), 0, id="a property nobody asks for"),
        pytest.param(UNIQUE, lambda api: api.identify("u1", anonymous="u9"), 0, id="an id without events"),
        pytest.param(UNIQUE, _merge, 1, id="a merge: days of who was merged"),
        pytest.param(
            FREE, lambda api: api.identify("u2", plan="free"), 1, id="a property: days of its person"
        ),
        pytest.param(FREE, lambda api: api.identify("u9", plan="free"), 0, id="a new person"),
        pytest.param(SMALL, lambda api: _group(api, "small"), 11, id="a group: every day"),
        pytest.param(
            UNIQUE, lambda api: api.settings(timezone="Asia/Tokyo"), None, id="zone: another question"
        ),
    ],
)
def test_what_is_asked_again(
    api: Api, asked: list[int], node: dict[str, Any], happens: Callable[[Api], None], again: int | None
) -> None:
    api.identify("u0", anonymous="u00")  # a first merge, so that who is who is looked up at all
    api.journeys(
        'u1: A@2024-01-07T10:00{p:"x"} A@2024-01-12T10:00{p:"x"}',
        'u2: A@2024-01-09T10:00{p:"x"}',
        'u3: A@2024-01-11T10:00{p:"x"}',
    )
    _group(api, "big")
    api.identify("u2", plan="pro")
    api.query(node)
    happens(api)
    refreshed = api.query(node).result
    with mock.patch.object(cells, "refreshing", lambda *_: None):
        assert refreshed == api.query(node).result
    assert asked == ([] if again is None else [again])


def _group(api: Api, size: str) -> None:
    properties = {"$group_type": "company", "$group_key": "acme", "$group_set": {"size": size}}
    api.capture([{"event": "$groupidentify", "distinct_id": "u1", "properties": properties}])


def test_a_day_later_only_the_new_day_is_asked(api: Api, asked: list[int]) -> None:
    api.journeys('u1: A@2024-01-07T10:00{p:"x"}')
    api.query(UNIQUE)
    api.now += timedelta(days=1)  # type: ignore[operator]
    api.query(UNIQUE)
    assert asked == [1]


def test_another_range_draws_on_the_same_days(api: Api, asked: list[int]) -> None:
    api.journeys('u1: A@2024-01-07T10:00{p:"x"}')
    api.query(UNIQUE)
    found = api.query({**UNIQUE, "dateRange": {"date_from": "-12d"}}).result
    assert (asked, sum(found[0]["data"])) == ([2], 1)


def test_members_of_a_cohort(api: Api, asked: list[int]) -> None:
    """A merge can make every event of a person one of a member's, also those of ids that did not move."""
    api.identify("u0", anonymous="u00")
    api.journeys("u1: A@2024-01-07T10:00", "u2: A@2024-01-09T10:00", "u3: A@2024-01-10T10:00")
    api.identify("u2", plan="pro")
    api.identify("u1", plan="free")
    cohort = make(api, name="pro", filters={"properties": {"type": "AND", "values": [person("plan", "pro")]}})
    calculate(api, cohort)
    node = trend(properties=[{"type": "cohort", "key": "id", "value": cohort}])
    assert sum(api.query(node).result[0]["data"]) == 1
    _merge(api)
    assert sum(api.query(node).result[0]["data"]) == 2
    assert asked == [11]


def test_too_many_values_to_keep(api: Api, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "MAX_CELLS", 2)
    api.journeys(*(f'u1: A@2024-01-0{day}T10:00{{p:"{day}"}}' for day in range(6, 10)))
    node = trend(**by("p"))
    for _ in range(2):
        assert sum(map(len, (line["data"] for line in api.query(node).result))) == 4 * 11
    assert asked == []


def test_switched_off(api: Api, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    off = mock.Mock(incremental_refresh=False)
    monkeypatch.setattr(cells, "get_config", lambda: off)
    for _ in range(2):
        api.query(UNIQUE)
    assert asked == []


def test_a_store_without_one_snapshot(api: Api, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The watermark is then read before the cells, which asks for everything the first time."""
    monkeypatch.setattr(cells, "ONE_SNAPSHOT", "no_such_setting")
    api.journeys('u1: A@2024-01-07T10:00{p:"x"}')
    assert [sum(api.query(UNIQUE).result[0]["data"]) for _ in range(2)] == [1, 1]
    assert asked == [11, 0]


def test_kept_parts_of_a_bucket_are_no_whole_buckets(api: Api, asked: list[int]) -> None:
    """A range that ends in the middle of a day holds another part of it."""
    api.journeys('u1: A@2024-01-08T10:00{p:"x"}', 'u2: A@2024-01-08T20:00{p:"x"}')
    part = {"date_from": "2024-01-05T00:00:00", "date_to": "2024-01-08T12:00:00", "explicitDate": True}
    assert sum(api.query({**UNIQUE, "dateRange": part}).result[0]["data"]) == 1
    assert sum(api.query(UNIQUE).result[0]["data"]) == 2
    assert asked == [11 - 3]


# --- lifecycle -------------------------------------------------------------------------------------------

LIFECYCLE = {
    "kind": "LifecycleQuery",
    "series": [{"kind": "EventsNode", "event": "A"}],
    "dateRange": {"date_from": "-10d"},
}


@pytest.fixture
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many buckets each refresh of a lifecycle counted again."""
    found: list[int] = []

    def counted(question: Any) -> Any:
        if question.period.date_from.year > 2001:  # not the made-up range of the proof
            found.append(len(question.buckets) - 1)
        return original(question)

    original = lifecycle.counts
    monkeypatch.setattr(lifecycle, "counts", counted)
    monkeypatch.setattr(known, "WORTHWHILE_EVENTS", 0)
    yield found


@pytest.mark.parametrize(
    ("happens", "again"),
    [
        pytest.param(lambda api: None, [], id="nothing"),
        pytest.param(lambda api: api.journeys("u1: A@2024-01-15T11:00"), [1], id="a new event"),
        pytest.param(lambda api: api.journeys("new: A@2024-01-15T11:00"), [1], id="a new person"),
        pytest.param(lambda api: api.journeys("u1: A@2024-01-13T11:00"), [3], id="a late event"),
        pytest.param(lambda api: api.journeys("u1: A@2024-01-04T11:00"), [11], id="one before the range"),
        pytest.param(lambda api: api.journeys("u1: B@2024-01-13T11:00"), [], id="another name"),
        pytest.param(_merge, [9], id="a merge: from the first day of either on"),
        pytest.param(
            lambda api: _created(api, "u3", datetime(2024, 1, 14, tzinfo=UTC)),
            [5],
            id="created another day",
        ),
        pytest.param(
            # Not new on the 15th, since he had been active on the 7th.
            lambda api: (
                _created(api, "u1", datetime(2024, 1, 15, tzinfo=UTC)),
                api.journeys("u1: A@2024-01-15T11:00"),
            ),
            [9],
            id="active before he was created, and changed",
        ),
    ],
)
def test_a_lifecycle_is_asked_from_the_first_change_on(
    api: Api, anew: list[int], happens: Callable[[Api], None], again: list[int]
) -> None:
    """semantics I11: a bucket leans on all before it."""
    api.identify("u0", anonymous="u00")  # a first merge, so that who is who is looked up at all
    api.journeys(
        "u1: A@2024-01-07T10:00 A@2024-01-12T10:00", "u2: A@2024-01-09T10:00", "u3: A@2024-01-11T10:00"
    )
    api.query(LIFECYCLE)
    anew.clear()
    happens(api)
    refreshed = api.query(LIFECYCLE).result
    assert anew == again
    with mock.patch.object(cells, "refreshing", lambda *_: None):
        assert refreshed == api.query(LIFECYCLE).result


def _created(api: Api, distinct_id: str, moment: datetime) -> None:
    """As an import of persons does."""
    number = DistinctId.objects.get(project_id=api.project.pk, distinct_id=distinct_id).person_no
    with transaction.atomic():
        revision = store.new_revision()
        Person.objects.filter(person_no=number).update(created_at=moment, version=revision)
        store.record_revision(api.project.pk, revision, persons=[number])


def test_who_was_active_before_being_created_makes_all_be_asked(api: Api, anew: list[int]) -> None:
    """Whether a person of the new day is new there cannot be told from that day alone."""
    api.journeys("u1: A@2024-01-07T10:00")
    _created(api, "u1", datetime(2024, 1, 15, tzinfo=UTC))
    api.query(LIFECYCLE)
    anew.clear()
    api.journeys("u1: A@2024-01-15T10:00")
    by_status = {line["status"]: line["data"][-1] for line in api.query(LIFECYCLE).result}
    assert by_status == {"new": 0, "returning": 0, "resurrecting": 1, "dormant": 0}
    assert anew == [11]


def test_a_lifecycle_of_another_beginning_is_asked_anew(api: Api, anew: list[int]) -> None:
    api.journeys("u1: A@2024-01-07T10:00 A@2024-01-15T10:00")
    api.query(LIFECYCLE)
    api.now += timedelta(days=1)  # type: ignore[operator]
    api.query(LIFECYCLE)
    assert anew == [11, 11]


def test_a_lifecycle_of_groups_is_computed_as_a_whole() -> None:
    node = parse_query({**LIFECYCLE, "aggregation_group_type_index": 0})
    assert isinstance(node, LifecycleQuery)
    assert lifecycle.provable_lifecycle(node, CTX) is None
