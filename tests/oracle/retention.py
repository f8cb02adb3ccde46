"""Retention by brute force (semantics H): random questions, plain loops over every actor's events."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.oracle import world as worlds
from tests.oracle.calendar import key, start_of_day
from tests.oracle.trends import HALF_HOUR_SHIFT, OTHER
from tests.oracle.values import number, passes, random_filters, text
from tests.oracle.world import FIRST_DAY, NAMES, Event, World

Json = dict[str, Any]
Value = tuple[str, ...]
Cell = tuple[int, int]  # row, column

SIZES = {"g1": "small", "g2": "big"}  # a property of the groups
OFFICE = "office"  # who tells of the groups
GROUPS = (None, "", "g1", "g2", "g3")
WINDOWS = {"Hour": 1, "Day": 24, "Week": 7 * 24, "Month": 30 * 24, "Quarter": 91 * 24, "Year": 365 * 24}
ACTION_STEPS = [
    {"event": "A", "properties": [{"key": "p", "value": "x", "operator": "exact", "type": "event"}]},
    {"event": "B"},
]
PRO = {"key": "plan", "value": "pro", "operator": "exact", "type": "person"}


@dataclass
class RetentionWorld:
    """A world whose events carry groups; `action` and `cohort` are the ids the service gave ours."""

    world: World
    by_distinct_id: bool
    action: int = 0
    cohort: int = 0


def make_world(seed: int) -> RetentionWorld:
    """Events crowd on a few days, so that whoever comes back is no exception."""
    rng = random.Random(f"retention-{seed}")
    made = worlds.make_world(seed, size=rng.choice((20, 60, 90)))
    events = [_grouped(rng, event) for event in made.events] + [_sized(group) for group in SIZES]
    persons = {**made.persons, OFFICE: {}}
    return RetentionWorld(replace(made, events=events, persons=persons), rng.random() < 0.2)


def _grouped(rng: random.Random, event: Event) -> Event:
    group = rng.choice(GROUPS)
    if event.name == "$identify" or group is None:
        return event
    return replace(event, properties={**event.properties, "$groups": {"company": group}})


def _sized(group: str) -> Event:
    properties = {"$group_type": "company", "$group_key": group, "$group_set": {"size": SIZES[group]}}
    return Event("$groupidentify", f"{OFFICE}-0", worlds.LONG_AGO, properties, OFFICE)


# --- questions -------------------------------------------------------------------------------------------


def random_question(rng: random.Random, ours: RetentionWorld) -> Json:
    """A RetentionQuery node."""
    period = rng.choice(("Day", "Day", "Day", "Week", "Week", "Month", "Hour", "Quarter", "Year"))
    if period == "Hour" and ours.world.zone == HALF_HOUR_SHIFT:  # no rule says which hour holds the odd half
        period = "Day"
    options: Json = {
        "period": period,
        "totalIntervals": rng.choice((2, 3, 5, 7, 11, 12, 20) if rng.random() < 0.95 else (65, 180)),
        "retentionType": "retention_"
        + rng.choice(("recurring", "recurring", "first_time", "first_ever_occurrence")),
        "targetEntity": _random_entity(rng, ours),
    }
    options["returningEntity"] = options["targetEntity"] if rng.random() < 0.4 else _random_entity(rng, ours)
    node: Json = {"kind": "RetentionQuery", "retentionFilter": options, "dateRange": _dates(rng, period)}
    if rng.random() < 0.15:  # nothing but two names, what rollups answer
        for role in ("targetEntity", "returningEntity"):
            options[role] = {"id": rng.choice(NAMES), "type": "events"}
        return node
    _choose_counting(rng, options)
    if rng.random() < 0.4:
        node["properties"] = random_filters(rng)
    if rng.random() < 0.4:
        node["breakdownFilter"] = _random_breakdown(rng, ours)
    if rng.random() < 0.15:
        node["aggregation_group_type_index"] = 0
    return node


def _random_entity(rng: random.Random, ours: RetentionWorld) -> Json:
    if rng.random() < 0.15:
        return {"id": ours.action, "type": "actions"}
    entity: Json = {"id": rng.choice((*NAMES, None)), "type": "events"}
    filters = random_filters(rng) if rng.random() < 0.5 else None
    return entity | ({"properties": filters} if filters else {})


def _choose_counting(rng: random.Random, options: Json) -> None:
    if rng.random() < 0.2:
        options["timeWindowMode"] = "24_hour_windows"
    elif rng.random() < 0.25:
        options["cumulative"] = True
    if rng.random() < 0.2:
        options["retentionCustomBrackets"] = rng.choice(([1, 3, 4], [2], [1, 1], [3, 10, 30]))
    if rng.random() < 0.2:
        options["minimumOccurrences"] = rng.choice((2, 3))
    if rng.random() < 0.2:
        kind = rng.choice(("event", "person"))
        options["aggregationType"] = rng.choice(("sum", "avg"))
        options["aggregationProperty"] = "n" if kind == "event" else "plan"
        options["aggregationPropertyType"] = kind


def _dates(rng: random.Random, period: str) -> Json:
    """Ends with what is crowded, or anywhere; a quarter of them are open."""
    if rng.random() < 0.25:
        return {}
    day = FIRST_DAY.date() + timedelta(days=rng.choice((19, 20, 22, 30, 40, 41, 59)))
    written: Json = {"date_to": day.isoformat()}
    if rng.random() < 0.3:
        written["date_to"] = f"{day.isoformat()}T{rng.choice((3, 9, 20)):02}:30:00Z"
    if rng.random() < 0.3:
        back = rng.choice((0, 1)) if period == "Hour" else rng.choice((0, 2, 9, 30))
        written["date_from"] = (day - timedelta(days=back)).isoformat()
    return written


def _random_breakdown(rng: random.Random, ours: RetentionWorld) -> Json:
    limit = rng.choice((1, 2, 25))
    kind = rng.choice(("event", "event", "person", "group", "cohort", "several"))
    if kind == "cohort":
        return {"breakdown": rng.choice((["all", ours.cohort], [ours.cohort])), "breakdown_type": "cohort"}
    if kind == "several":
        parts = [{"property": "p", "type": "event"}, {"property": "plan", "type": "person"}]
        return {"breakdowns": parts, "breakdown_limit": limit}
    name = {"event": rng.choice(("p", "n")), "person": "plan", "group": "size"}[kind]
    found: Json = {"breakdown": name, "breakdown_type": kind, "breakdown_limit": limit}
    return found | ({"breakdown_group_type_index": 0} if kind == "group" else {})


# --- events ----------------------------------------------------------------------------------------------


class Reading:
    """A question over a world: who does what when, in the words of the rules."""

    def __init__(self, node: Json, ours: RetentionWorld) -> None:
        self.node, self.ours, self.world = node, ours, ours.world
        self.options: Json = node["retentionFilter"]
        self.interval = self.options["period"].lower()
        self.periods = list(_periods(self))
        self.brackets: list[int] = self.options.get("retentionCustomBrackets") or []
        self.columns = len(self.brackets) + 1 if self.brackets else self.options["totalIntervals"]
        self.is_rolling = self.options.get("timeWindowMode") == "24_hour_windows"
        self.by_group = node.get("aggregation_group_type_index") == 0
        self.starts = [_instant(period, self.world) for period in self.periods]
        if self.periods:
            self.starts.append(_instant(_following(self.periods[-1], self), self.world))
        self.places = {period: place for place, period in enumerate(self.periods)}

    def start(self, place: int) -> datetime:
        """The first instant of a period; of the one after the last, the end of the table."""
        return self.starts[place]

    def place(self, at: datetime) -> int | None:
        return self.places.get(key(at, self.interval, self.world))

    def actor(self, event: Event) -> str | None:
        """None: it counts for nobody (B9)."""
        if self.by_group:
            return event.properties.get("$groups", {}).get("company") or None
        return event.distinct_id if self.ours.by_distinct_id else event.person

    def histories(self) -> dict[str, list[Event]]:
        """The events of each actor before the end of the table that pass the filters of the question."""
        found: dict[str, list[Event]] = defaultdict(list)
        end = self.start(len(self.periods))
        for event in self.world.events:
            actor = self.actor(event)
            if actor is not None and event.at < end and self._passes(self.node.get("properties"), event):
                found[actor].append(event)
        return found

    def is_of(self, event: Event, role: str, *, filtered: bool = True) -> bool:
        entity = self.options[role]
        if entity["type"] == "actions":
            return event.name == "B" or (event.name == "A" and event.properties.get("p") == "x")
        named = entity["id"] is None or event.name == entity["id"]
        return named and (not filtered or self._passes(entity.get("properties"), event))

    def _passes(self, tree: Any, event: Event) -> bool:
        return passes(tree, event.properties, self.world.persons[event.person])

    def values(self, event: Event) -> list[Value]:
        """The breakdown values an event counts for."""
        chosen = self.node.get("breakdownFilter")
        if chosen is None:
            return [()]
        person = self.world.persons[event.person]
        if "breakdowns" in chosen:
            return [(text(event.properties.get("p")) or "", text(person.get("plan")) or "")]
        if chosen["breakdown_type"] == "cohort":
            is_in = {"all": True, self.ours.cohort: person.get("plan") == "pro"}
            return [(str(cohort),) for cohort in chosen["breakdown"] if is_in[cohort]]
        if chosen["breakdown_type"] == "group":
            group = event.properties.get("$groups", {}).get("company") or ""
            return [(SIZES.get(group, ""),)]
        owner = person if chosen["breakdown_type"] == "person" else event.properties
        return [(text(owner.get(chosen["breakdown"])) or "",)]

    def amount(self, event: Event) -> float:
        name = self.options["aggregationProperty"]
        is_person = self.options["aggregationPropertyType"] == "person"
        return number((self.world.persons[event.person] if is_person else event.properties).get(name)) or 0.0


def _periods(reading: Reading) -> Iterator[Any]:
    """H2: the periods up to the one that holds the end, so many of them or from where the range begins."""
    written, world = reading.node.get("dateRange") or {}, reading.world
    last = key(_last_instant(written.get("date_to"), reading), reading.interval, world)
    if written.get("date_from"):
        at = key(start_of_day(date.fromisoformat(written["date_from"]), world), reading.interval, world)
        while _instant(at, world) <= _instant(last, world):
            yield at
            at = _following(at, reading)
        return
    found = [last]
    while len(found) < reading.options["totalIntervals"]:
        before = _instant(found[-1], world) - timedelta(microseconds=1)
        found.append(key(before, reading.interval, world))
    yield from reversed(found)


def _last_instant(text_: str | None, reading: Reading) -> datetime:
    if text_ is None:
        return reading.world.now
    if "T" in text_:
        return datetime.fromisoformat(text_)
    day = date.fromisoformat(text_)
    return start_of_day(day + timedelta(days=1), reading.world) - timedelta(microseconds=1)


def _instant(period: Any, world: World) -> datetime:
    return period if isinstance(period, datetime) else start_of_day(period, world)


def _following(period: Any, reading: Reading) -> Any:
    """The next period: the first other one that walking on by small steps comes to."""
    at = _instant(period, reading.world)
    step = timedelta(minutes=15) if isinstance(period, datetime) else timedelta(hours=12)
    if reading.interval in ("month", "quarter", "year"):
        at += timedelta(days={"month": 27, "quarter": 88, "year": 363}[reading.interval])
    while True:
        at += step
        found = key(at, reading.interval, reading.world)
        if found != period:
            return found


# --- cells -----------------------------------------------------------------------------------------------


@dataclass
class Member:
    """An actor of one value: the rows he is in, and the offset of each returning event from a row.

    `joins` and `returns` are (period or window, event); offsets are between those numbers.
    """

    joined: set[int] = field(default_factory=set)
    joins: list[tuple[int, Event]] = field(default_factory=list)
    returns: list[tuple[int, Event]] = field(default_factory=list)


@dataclass
class Table:
    """Who is in each cell, and what the property adds up to there."""

    actors: dict[Cell, set[str]] = field(default_factory=lambda: defaultdict(set))
    amounts: dict[Cell, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def size(self) -> int:
        return sum(len(found) for (_, column), found in self.actors.items() if column == 0)


def tables(
    node: Json, ours: RetentionWorld, *, by_value: bool = False
) -> tuple[list[tuple[Value, Table]], Reading]:
    """The shown values in order with their tables; one value, (), without a breakdown."""
    reading = Reading(node, ours)
    if not reading.periods:
        return [], reading
    members = _members(reading, lambda values: values)
    chosen = node.get("breakdownFilter")
    if chosen is None:
        return [((), _table(reading, members.get((), {}), by_value))], reading
    found = {value: _table(reading, actors, by_value) for value, actors in members.items()}
    if chosen.get("breakdown_type") == "cohort":
        return [((str(c),), found.get((str(c),), Table())) for c in chosen["breakdown"]], reading
    ranked = sorted(found, key=lambda value: (-found[value].size, value))
    limit = chosen["breakdown_limit"]
    shown = [(value, found[value]) for value in ranked[:limit]]
    if ranked[limit:]:
        kept = set(ranked[:limit])
        merged = _members(reading, lambda values: [v if v in kept else (OTHER,) for v in values])
        shown.append(((OTHER,), _table(reading, merged[OTHER,], by_value)))
    return shown, reading


Merge = Callable[[list[Value]], list[Value]]


def _members(reading: Reading, merge: Merge) -> dict[Value, dict[str, Member]]:
    """Value -> actor -> what he did, of those who joined with that value."""
    found: dict[Value, dict[str, Member]] = defaultdict(dict)
    for actor, events in reading.histories().items():
        joining = _joining(reading, events)
        if not joining:
            continue
        first = joining[0]
        targets = [event for event in events if reading.is_of(event, "targetEntity")]
        returns = [
            (w, e)
            for e in events
            if reading.is_of(e, "returningEntity")
            for w in _when(reading, e, first, True)
        ]
        for value in {value for event in joining for value in merge(reading.values(event))}:
            own = [event for event in joining if value in merge(reading.values(event))]
            member = Member(
                joined={place for event in own for place in _cohort(reading, event)},
                joins=[
                    (when, event)
                    for event in targets
                    if value in merge(reading.values(event))
                    for when in _when(reading, event, first, False)
                ],
                returns=returns,
            )
            if member.joined:
                found[value][actor] = member
    return found


def _joining(reading: Reading, events: list[Event]) -> list[Event]:
    """The events that make the actor part of a cohort (H4-H6, H19)."""
    targets = [event for event in events if reading.is_of(event, "targetEntity")]
    kind = reading.options["retentionType"]
    if kind == "retention_recurring":
        targets = [event for event in targets if reading.place(event.at) is not None]
        if not reading.is_rolling:
            return targets
    if kind == "retention_first_ever_occurrence":
        ever = [event.at for event in events if reading.is_of(event, "targetEntity", filtered=False)]
        targets = [event for event in targets if event.at == min(ever)]
    # Of several at one instant the smallest value decides.
    first = min(targets, key=lambda event: (event.at, reading.values(event)), default=None)
    return [] if first is None or reading.place(first.at) is None else [first]


def _cohort(reading: Reading, event: Event) -> list[int]:
    if not reading.is_rolling:
        return [place] if (place := reading.place(event.at)) is not None else []
    place = (event.at - reading.start(0)) // timedelta(hours=WINDOWS[reading.options["period"]])
    return [place] if place < len(reading.periods) else []


def _when(reading: Reading, event: Event, first: Event, is_later: bool) -> list[int]:
    """The period of an event in the table; with rolling windows the window after the actor's first."""
    place = reading.place(event.at)
    if place is None or not reading.is_rolling:
        return [] if place is None else [place]
    if event.at < first.at or (is_later and event.at == first.at):
        return []
    window = (event.at - first.at) // timedelta(hours=WINDOWS[reading.options["period"]])
    return [window + start for start in _cohort(reading, first)]


def _table(reading: Reading, members: dict[str, Member], by_value: bool) -> Table:
    table = Table()
    least = reading.options.get("minimumOccurrences", 1)
    for actor, member in members.items():
        times: dict[int, int] = defaultdict(int)
        for place, _ in member.returns:
            times[place] += 1
        back = {place for place, count in times.items() if count >= least}
        counted: dict[Cell, set[Event_]] = defaultdict(set)
        for row in member.joined:
            shown = 0 if by_value else row
            table.actors[shown, 0].add(actor)
            counted[shown, 0] |= {(n, e.at) for n, (place, e) in enumerate(member.joins) if place == row}
            for n, (place, event) in enumerate(member.returns):
                for column in _columns(reading, place - row) if place in back else ():
                    table.actors[shown, column].add(actor)
                    counted[shown, column].add((n, event.at))
        if reading.options.get("aggregationType"):
            for (row, column), events in counted.items():
                source = member.joins if column == 0 else member.returns
                table.amounts[row, column] += sum(reading.amount(source[n][1]) for n, _ in events)
    return table


Event_ = tuple[int, datetime]


def _columns(reading: Reading, offset: int) -> list[int]:
    """The columns that coming back after so many periods counts for (H8, H16, H18)."""
    if offset <= 0:
        return []
    column = offset
    if reading.brackets:
        column = 1
        for width in reading.brackets:
            offset -= width
            if offset <= 0:
                break
            column += 1
    if column >= reading.columns:
        return []
    return list(range(1, column + 1)) if reading.options.get("cumulative") else [column]


def is_finished(reading: Reading, row: int, column: int) -> bool:
    """Whether everything a cell counts has happened by now, and lies within the table (H11)."""
    last = row + (sum(reading.brackets[:column]) if reading.brackets else column)
    last += 1 if reading.is_rolling and column else 0
    return last < len(reading.periods) and reading.start(last + 1) <= reading.world.now.astimezone(UTC)
