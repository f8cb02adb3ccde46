"""Seeded events for the benchmarks, made inside the engine: `python -m benchmarks.generate DIR 10000000`.

Two projects share the events nine to one. Persons are as many as a twentieth of the events and skewed:
a few are very busy. Visits last up to eight events, spread over 90 days; a twentieth of all visits have
events at the very same instant. A tenth of the persons has a second distinct id, half of those merged.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.engine import Engine

VISIT = 8
DAYS = 90
START = "2024-01-01 00:00:00"

# name -> share of a thousand events
NAMES = {
    "$pageview": 520,
    "$autocapture": 200,
    "$pageleave": 90,
    "viewed item": 70,
    "searched": 45,
    "added item": 30,
    "signed up": 15,
    "started checkout": 12,
    "purchased": 9,
    "invited": 5,
    "upgraded": 3,
    "rated": 1,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("events", type=int)
    arguments = parser.parse_args()
    began = time.monotonic()
    engine = Engine(arguments.folder)
    engine.migrate()
    generate(engine, arguments.events)
    print(f"{arguments.events} events in {time.monotonic() - began:.0f} s")


def generate(engine: Engine, events: int) -> None:
    persons = max(events // 20, 100)
    engine.command("TRUNCATE TABLE events")
    engine.command(_events(events, persons))
    engine.command(_persons(persons))
    engine.command(_overrides(persons))
    engine.command("OPTIMIZE TABLE events FINAL")
    engine.command("SYSTEM RELOAD DICTIONARY actor_override_dict")


def _events(events: int, persons: int) -> str:
    names = list(NAMES)
    edges = [sum(list(NAMES.values())[: place + 1]) for place in range(len(names))]
    pick = ", ".join(f"draw < {edge}, '{name}'" for name, edge in zip(names[:-1], edges[:-1], strict=True))
    return f"""
    INSERT INTO events (team_id, event, ts, actor_no, uuid, distinct_id, properties, props, ingested_at)
    WITH
        intDiv(number, {VISIT}) AS visit,
        number % {VISIT} AS nth,
        cityHash64(visit, 'visit') AS v,
        cityHash64(number, 'event') AS e,
        pow((cityHash64(visit, 'person') % 1000003) / 1000003., 2) AS skewed,
        toUInt32(1 + floor(skewed * {persons})) AS person,
        if(person % 10 = 7 AND v % 3 = 0, person + {persons}, person) AS actor,
        cityHash64(person, 'traits') AS t,
        if(nth = 0, 0, e % 1000) AS draw,
        multiIf({pick}, '{names[-1]}') AS name,
        toDateTime64('{START}', 6, 'UTC') + toIntervalMillisecond(
            toInt64((cityHash64(visit, 'at') % 1000003) / 1000003. * {DAYS} * 86400000)
            + if(v % 20 = 0, intDiv(nth, 2) * 45000, nth * (15000 + v % 90000))) AS at,
        toString(toUInt32(300 * pow((e % 9973) / 9973., 3))) AS page,
        ['Chrome', 'Chrome', 'Chrome', 'Safari', 'Safari', 'Firefox', 'Edge'][1 + t % 7] AS browser,
        ['Windows', 'Mac OS X', 'iOS', 'Android', 'Linux'][1 + intDiv(t, 7) % 5] AS os,
        concat(char(65 + intDiv(t, 35) % 9), char(65 + intDiv(t, 315) % 7)) AS country,
        map('$current_url', concat('https://shop.example/', page), '$pathname', concat('/', page),
            '$browser', browser, '$os', os, '$geoip_country_code', country, '$session_id', hex(v),
            '$device_type', if(os IN ('iOS', 'Android'), 'Mobile', 'Desktop'), '$lib', 'web',
            '$screen_width', toString(320 + v % 1600), 'plan', ['free', 'pro', 'team'][1 + t % 3],
            'amount', if(name IN ('purchased', 'added item'), toString(round((e % 90000) / 100, 2)), ''),
            'campaign', concat('c', toString(v % 40))) AS everything
    SELECT
        if(v % 10 = 0, 2, 1), name, at, actor, reinterpretAsUUID(sipHash128(number)),
        concat('user-', toString(actor)), toJSONString(mapFilter((k, x) -> x != '', everything)),
        mapFilter((k, x) -> x != '', everything), at
    FROM numbers({events})
    SETTINGS max_insert_block_size = 500000"""


def _persons(persons: int) -> str:
    """Created with their first event, as capture does; who never acted was there from the start."""
    return f"""
    INSERT INTO person (team_id, person_no, uuid, created_at, is_deleted, version, properties, props)
    WITH cityHash64(toUInt32(number + 1), 'traits') AS t,
        map('email', concat('user', toString(number), '@example.org'),
            'plan', ['free', 'pro', 'team'][1 + t % 3])
            AS everything
    SELECT 1, toUInt32(number + 1), reinterpretAsUUID(sipHash128(number, 'p')),
        greatest(first, toDateTime64('{START}', 6, 'UTC')), 0, 1, toJSONString(everything), everything
    FROM numbers({persons}) AS every LEFT JOIN
        (SELECT {_person_of("actor_no", persons)} AS person, min(ts) AS first
        FROM events WHERE team_id = 1 GROUP BY person) AS acted ON person = number + 1"""


def _person_of(actor: str, persons: int) -> str:
    """The person whose first or merged second distinct id it is; 0 for a second one of its own."""
    second = f"{actor} - {persons}"
    return f"multiIf({actor} <= {persons}, {actor}, ({second}) % 20 = 7, {second}, 0)"


def _overrides(persons: int) -> str:
    """Half of the second distinct ids belong to the person of the first."""
    return f"""
    INSERT INTO actor_override (team_id, actor_no, person_no, version)
    SELECT 1, toUInt32(number + {persons}), toUInt32(number), 1
    FROM numbers(1, {persons}) WHERE number % 20 = 7"""


if __name__ == "__main__":
    main()
