"""Retention of the service held against brute force, over HTTP: tables, the older form, people of a cell."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.api_client import Answer, Api, make_project
from tests.oracle import retention
from tests.oracle.disagreement import Disagreement
from tests.oracle.retention import ACTION_STEPS, PRO, Reading, RetentionWorld, Table, Value
from tests.oracle.trends import OTHER

PEOPLE_SHARE = 0.3
LEGACY_SHARE = 0.3
NAMES = {  # of the older endpoint
    "period": "period",
    "totalIntervals": "total_intervals",
    "retentionType": "retention_type",
    "targetEntity": "target_entity",
    "returningEntity": "returning_entity",
    "cumulative": "cumulative",
    "minimumOccurrences": "minimum_occurrences",
    "timeWindowMode": "time_window_mode",
    "retentionCustomBrackets": "retention_custom_brackets",
    "aggregationType": "aggregation_type",
    "aggregationProperty": "aggregation_property",
    "aggregationPropertyType": "aggregation_property_type",
}


def world_in_service(seed: int) -> tuple[RetentionWorld, Api]:
    """A new project holding the world of this seed, its action and its cohort."""
    ours = retention.make_world(seed)
    world = ours.world
    api = make_project(
        timezone=world.zone,
        week_start_day=world.week_start,
        aggregate_users_by_distinct_id=ours.by_distinct_id,
    )
    api.now = world.now
    rng = random.Random(seed)
    api.capture([event.payload() for event in world.events if event.person == retention.OFFICE])
    events = [event.payload() for event in world.events if event.name in retention.NAMES]
    rng.shuffle(events)
    links = list(world.identifies)
    cut = rng.randint(0, len(links))
    for batch in (links[:cut], events, links[cut:]):  # some persons are merged before their events arrive
        if batch:
            api.capture(batch)
    ours.action = int(api.post("actions/", {"name": "ours", "steps": ACTION_STEPS}).body["id"])
    filters = {"properties": {"type": "AND", "values": [PRO]}}
    ours.cohort = int(api.post("cohorts/", {"name": "pro", "filters": filters}).body["id"])
    return ours, api


def check(seed: int, questions: int) -> int:
    """How many answers were compared. Disagreement on the first that differs."""
    ours, api = world_in_service(seed)
    for number in range(questions):
        rng = random.Random(f"{seed}-{number}")
        node = retention.random_question(rng, ours)
        place = f"seed {seed}, question {number}, zone {ours.world.zone}, ids {ours.by_distinct_id}\n{node}"
        if rng.random() < LEGACY_SHARE:
            _check_legacy(api, node, ours, rng, place)
        else:
            _check_node(api, node, ours, rng, place)
    return questions


def _check_node(api: Api, node: Any, ours: RetentionWorld, rng: random.Random, place: str) -> None:
    rows = _ok(api.query(node), place).result
    shown, reading = retention.tables(node, ours)
    size = len(reading.periods)
    found = [rows[start : start + size] for start in range(0, len(rows), size or 1)]
    wanted = [[_row(reading, table, row) for row in range(size)] for _, table in shown]
    _compare([[_read(row) for row in of_value] for of_value in found], wanted, place)
    if "breakdownFilter" in node:
        values = [of_value[0]["breakdown_value"] for of_value in found]
        _compare(values, [_wire(node, value) for value, _ in shown], place)
    if shown and rng.random() < PEOPLE_SHARE:
        value, table = rng.choice(shown)
        row, column = rng.randrange(size), rng.choice((None, *range(reading.columns)))
        point = {
            "kind": "InsightActorsQuery",
            "source": node,
            "interval": row,
            "returningInterval": column,
            "breakdown": _wire(node, value) if value else None,
        }
        asked = {"kind": "ActorsQuery", "source": point, "select": ["actor", "appearances"], "limit": 1000}
        people = _ok(api.query(asked), f"{place}\n{point}").result
        wanted_people = _people(reading, table, row, column)
        _compare(
            sorted((_name(actor, ours), seen) for actor, seen in people), wanted_people, f"{place}\n{point}"
        )


def _check_legacy(api: Api, node: Any, ours: RetentionWorld, rng: random.Random, place: str) -> None:
    """The older endpoint: triangles, and rows that are breakdown values (H10, H15)."""
    parameters = {NAMES[name]: value for name, value in node["retentionFilter"].items()}
    dates = {"date_to": node["dateRange"]["date_to"]} if "date_to" in node["dateRange"] else {}
    parameters |= dates | node.get("breakdownFilter", {})
    for name in ("properties", "aggregation_group_type_index"):
        if node.get(name) is not None:
            parameters[name] = node[name]
    rows = _ok(api.calculate("retention", **parameters), place).result
    by_value = "breakdownFilter" in node
    shown, reading = retention.tables(node | {"dateRange": dates}, ours, by_value=by_value)
    size = len(reading.periods)
    if by_value:
        wanted = [_row(reading, table, 0, is_marked=False) for _, table in shown]
    else:
        wanted = [_row(reading, shown[0][1], row)[: max(1, size - row)] for row in range(size)]
    _compare([_read(row) for row in rows], wanted, place)
    if rows and rng.random() < PEOPLE_SHARE:
        row = rng.randrange(len(rows))
        column = rng.randrange(len(rows[row]["values"]))
        table = shown[row][1] if by_value else shown[0][1]
        url = rows[row]["values"][column]["people_url"]
        people = _ok(api.get(f"{url}&limit=1000"), f"{place}\n{url}").body["results"]
        members = sorted(table.actors.get((0 if by_value else row, column), ()))
        _compare(sorted(_name(actor, ours) for actor in people), members, f"{place}\n{url}")


def _row(reading: Reading, table: Table, row: int, *, is_marked: bool = True) -> list[tuple[Any, ...]]:
    """(count, amount, is finished) of each column."""
    cells = []
    for column in range(reading.columns):
        actors = len(table.actors.get((row, column), ()))
        kind = reading.options.get("aggregationType")
        amount = table.amounts.get((row, column), 0.0) if kind else None
        if kind == "avg":
            amount = amount / actors if actors else 0.0
        cells.append((actors, amount, retention.is_finished(reading, row, column) if is_marked else True))
    return cells


def _read(row: Any) -> list[tuple[Any, ...]]:
    return [
        (cell["count"], cell.get("aggregation_value"), not cell.get("is_incomplete", False))
        for cell in row["values"]
    ]


def _people(reading: Reading, table: Table, row: int, column: int | None) -> list[tuple[str, list[int]]]:
    """Everybody of the row, or of the cell, with the columns of the triangle in which he appears (H22)."""
    width = reading.columns if reading.brackets else min(reading.columns, len(reading.periods) - row)
    return sorted(
        (actor, [int(actor in table.actors.get((row, place), ())) for place in range(width)])
        for actor in table.actors.get((row, column or 0), ())
    )


def _wire(node: Any, value: Value) -> Any:
    chosen = node["breakdownFilter"]
    if chosen.get("breakdown_type") == "cohort":
        return value[0] if value[0] == "all" else int(value[0])
    if value == (OTHER,):
        return OTHER
    return list(value) if "breakdowns" in chosen else value[0]


def _name(actor: Any, ours: RetentionWorld) -> str:
    if actor["type"] == "group":
        return str(actor["group_key"])
    first = str(actor["distinct_ids"][0])
    return first if ours.by_distinct_id else first.split("-")[0]


def _ok(answer: Answer, place: str) -> Answer:
    if answer.status != 200:
        raise Disagreement(f"{place}\n{answer.status} {answer.body}")
    return answer


def _compare(found: Any, wanted: Any, place: str) -> None:
    if not _same(found, wanted):
        raise Disagreement(f"{place}\nservice {found}\noracle  {wanted}")


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(_same(f, w) for f, w in zip(found, wanted, strict=True))
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == wanted)
