"""Which event properties have columns of their own: learnt from queries, looked after by the beat.

Queries note which properties they read (a call of Redis a computed answer). Once in a while the most read
ones get a column, at most as many as the operator wants, and those that nobody reads lose theirs. A query
uses a column once it is filled; answers are the same with and without.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog
from clickhouse_connect.driver.client import Client

from insights import keeping
from insights_service import clock
from insights_service.celery import app
from insights_service.config import get_config
from insights_service.persons.event_store import event_store
from queries.cache.connection import CacheUnavailable
from queries.clickhouse import promotion
from queries.clickhouse.client import target_of
from queries.clickhouse.migrate import Target
from queries.clickhouse.promotion import Column, State
from queries.context import PROMOTED

log = structlog.get_logger("insights.promotion")

LOOK_SECONDS = 600
KNOWN_SECONDS = 60  # how long a process goes by what it saw last
DROPPED_AFTER = timedelta(hours=1)  # longer than KNOWN_SECONDS and any query
LEAST_READS = 50  # within the window of `queries.cache.reads`


class NotedColumns(Mapping[str, str]):
    """Property -> column, and `asked`: every property that was looked up."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class _Known:
    """The columns as this process saw them last. Threads may look at the same time; the last one wins."""

    def __init__(self) -> None:
        self._columns: Mapping[str, str] = PROMOTED
        self._until = 0.0

    def columns(self, client: Client) -> Mapping[str, str]:
        if time.monotonic() >= self._until:
            self._columns = {**PROMOTED, **promotion.ready(promotion.columns(client))}
            self._until = time.monotonic() + KNOWN_SECONDS
        return self._columns

    def forget(self) -> None:
        self._until = 0.0


_known = _Known()
forget = _known.forget


def noted_columns(client: Client) -> NotedColumns:
    """The columns a query may use. Asks the store once a minute."""
    return NotedColumns(_known.columns(client))


def note_reads(columns: NotedColumns) -> None:
    """Count what a query has read."""
    keys = {key for key in columns.asked if promotion.can_be_promoted(key)}
    if keys and get_config().promoted_properties:
        with suppress(CacheUnavailable):
            keeping.property_reads().note(keys, clock.now().date())


@app.task(name="insights.promote_properties", ignore_result=True, expires=LOOK_SECONDS)  # type: ignore[untyped-decorator]
def promote_properties() -> None:
    """One look at what is read and what there is."""
    with suppress(CacheUnavailable):
        look_after_columns()


def look_after_columns() -> tuple[Column, ...]:
    """Take every column one step further, and return what there is then.

    CacheUnavailable without Redis: nobody can say what is read.
    """
    client, config = event_store(), get_config()
    target = target_of(config.clickhouse_url, config.clickhouse_cluster)
    today, reads = clock.now().date(), keeping.property_reads()
    totals = reads.totals(today)
    found = promotion.columns(client)
    unused = set()
    if reads.covers_window(today):
        unused = {column.property for column in found if not totals.get(column.property)}
    wanted = chosen(totals, found, unused, config.promoted_properties)
    known: set[str] = set()
    for column in found:  # two processes may have made one each
        _one_step(client, target, column, column.property in wanted - known)
        known.add(column.property)
    for key in sorted(wanted):
        if key not in known:
            log.info("property_promoted", property=key, reads=totals.get(key, 0))
            promotion.fill(client, target, promotion.add(client, target, key, clock.now()))
    return promotion.columns(client)


def chosen(
    totals: Mapping[str, int], found: tuple[Column, ...], unused: set[str], most: int
) -> frozenset[str]:
    """The properties that shall have columns: those that have one and are read, then the most read others.

    A column that is there stays while it is read, so that two properties do not take turns.
    """
    kept = [c.property for c in found if c.state is not State.RETIRED and c.property not in unused]
    kept.sort(key=lambda key: (-totals.get(key, 0), key))
    others = [
        key
        for key, reads in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        if reads >= LEAST_READS and key not in PROMOTED and key not in kept
    ]
    return frozenset([*kept, *others][:most])


def _one_step(client: Client, target: Target, column: Column, is_wanted: bool) -> None:
    now = clock.now()
    match column.state, is_wanted:
        case State.RETIRED, True:
            promotion.mark(client, target, column, State.FILLING, now)
        case State.RETIRED, False:
            if now - column.since >= DROPPED_AFTER:
                promotion.drop(client, target, column)
        case _, False:
            log.info("property_retired", property=column.property)
            promotion.mark(client, target, column, State.RETIRED, now)
        case State.FILLING, True:
            _filled(client, target, column)


def _filled(client: Client, target: Target, column: Column) -> None:
    """Ready when the filling is done; begun again when the store knows of none."""
    match promotion.filling(client, target).get(column.name):
        case True:
            promotion.mark(client, target, column, State.READY, clock.now())
        case None:
            promotion.fill(client, target, column)


app.conf.beat_schedule["insights.promote_properties"] = {
    "task": "insights.promote_properties",
    "schedule": LOOK_SECONDS,
}
