"""A batch of events of one project, made durable exactly once (api X5, semantics J5).

The order of the steps is what makes it safe to be killed anywhere: identities commit in PostgreSQL first
(doing that twice changes nothing), then their copy, then the events, each only if its uuid is not stored
yet. Only one process at a time does this for a project, and one that takes over from another first waits
until the store has finished what the other one sent.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from django.db import InterfaceError, OperationalError, connection, transaction

from insights_service.accounts.models import Project
from insights_service.capture.identity import IdentityBook, mentioned
from insights_service.capture.normalize import Event, UuidOrigin
from insights_service.persons import definitions, store, sync, warnings
from insights_service.persons.event_store import event_store
from insights_service.persons.locking import project_locked, retried
from insights_service.persons.values import Notice
from queries.clickhouse.insert import EVENTS, existing_uuids, insert_columns, running_inserts, uuids_between

Placement = tuple[int, dict[str, str]]  # number of the distinct id, person's properties in stored form

log = structlog.get_logger("insights.capture")

STORE_IS_DOWN = (ClickHouseError, OperationalError, InterfaceError)
RETRY_AFTER_SECONDS = (0.1, 0.3, 0.6, 1, 2, 4, 8)
_POLL_SECONDS = 0.02
# Up to this many stored events per new one, fetching all of a time range beats asking for single ones.
_SURPLUS = 5
# Projects whose last insert of this process ended in an error, so it may still be running.
_uncertain: set[int] = set()
# Projects known to be marked as having received an event.
_marked: set[int] = set()


def write_batch(
    project_id: int, events: Sequence[Event], notices: Sequence[Notice] = (), *, now: datetime
) -> int:
    """Store those events whose uuid the project does not have yet, and return how many that were.

    In the order given, which matters where they say who is who. When it returns, the events are durable
    and in the next query. A store that does not answer is given a quarter of a minute to come back; then
    its error is raised: all, some or none are stored, and the same call may simply be made again.
    """
    for delay in RETRY_AFTER_SECONDS:
        try:
            return _write_once(project_id, events, notices, now)
        except STORE_IS_DOWN as exc:
            log.warning("capture_retry", project=project_id, error=type(exc).__name__)
            connection.close_if_unusable_or_obsolete()
            time.sleep(delay)
    return _write_once(project_id, events, notices, now)


def _write_once(project_id: int, events: Sequence[Event], notices: Sequence[Notice], now: datetime) -> int:
    with project_locked(project_id):
        if events:
            _take_over(project_id)
        fresh = _not_stored_yet(project_id, events)
        placements, changed = retried(lambda: _resolve(project_id, fresh, notices, now))
        if changed:
            sync.push(project_id)
        _uncertain.add(project_id)
        insert_columns(
            event_store(), EVENTS, _columns(project_id, fresh, placements), comment=_comment(project_id)
        )
        _uncertain.discard(project_id)
    return len(fresh)


def _take_over(project_id: int) -> None:
    """Wait until no insert of a former holder of the lock is running: it could have died in the middle."""
    own_name = process_name(os.getpid())
    if store.last_inserter(project_id) == own_name and project_id not in _uncertain:
        return
    while running_inserts(event_store(), _comment(project_id)):
        time.sleep(_POLL_SECONDS)
    store.set_inserter(project_id, own_name)


@cache
def process_name(pid: int) -> str:
    """A name that no other process has or had; also not a fork of this one, hence the argument."""
    return secrets.token_hex(16)


def _comment(project_id: int) -> str:
    return f"events of project {project_id}"


def _not_stored_yet(project_id: int, events: Iterable[Event]) -> list[Event]:
    """The first of each uuid, less those the store has (semantics J5: the first arrival is kept)."""
    first: dict[int, Event] = {}
    for event in events:
        first.setdefault(event.uuid, event)
    stored = _stored(project_id, list(first.values()))
    return [event for uuid, event in first.items() if uuid not in stored] if stored else list(first.values())


def _stored(project_id: int, events: Sequence[Event]) -> set[int]:
    """Uuids that are stored already: all of those among `events`, and perhaps others."""
    given = [event.uuid for event in events if event.uuid_origin is UuidOrigin.GIVEN]
    derived = [event for event in events if event.uuid_origin is UuidOrigin.DERIVED]
    between: set[int] | None = set()
    if derived:
        instants = [event.instant for event in derived]
        most = _SURPLUS * len(derived)
        between = uuids_between(event_store(), project_id, min(instants), max(instants), at_most=most)
    if between is None:
        given += [event.uuid for event in derived]
    return existing_uuids(event_store(), project_id, given) | (between or set())


def _resolve(
    project_id: int, events: Sequence[Event], notices: Sequence[Notice], now: datetime
) -> tuple[list[Placement], bool]:
    """Who did the events, and whether that changed identities.

    Writes what they change about persons and groups, the names learnt and the notices, in one transaction.
    """
    names = definitions.learner(project_id)
    with transaction.atomic():
        wanted = mentioned(events)
        known = store.read(project_id, wanted)
        numbers = store.reserve_numbers(len(wanted.distinct_ids) - len(known.actors))
        book = IdentityBook(known, iter(numbers).__next__)
        placements = []
        for event in events:
            placements.append(book.apply(event))
            names.event(event.name, event.properties, now)
        changes = book.changes()
        for group in changes.groups:
            names.group(group.type_index, group.properties)
        if changes.touch_identities:
            store.write(project_id, changes)
        if found := [*notices, *changes.notices]:
            warnings.record(project_id, found, now)
        if names.new:
            definitions.write(project_id, names.new)
        if events and project_id not in _marked:
            Project.objects.filter(id=project_id, ingested_event=False).update(ingested_event=True)
    definitions.remember(project_id, names.new)
    _marked.add(project_id)
    return placements, changes.touch_identities


def _columns(project_id: int, events: Sequence[Event], placements: Sequence[Placement]) -> list[list[object]]:
    """One list per column of EVENTS, in its order."""
    return [
        [project_id] * len(events),
        [event.name for event in events],
        [event.instant for event in events],
        [actor_no for actor_no, _ in placements],
        [event.uuid for event in events],
        [event.distinct_id for event in events],
        [event.properties_json for event in events],
        [event.texts for event in events],
        [person_texts for _, person_texts in placements],
        [event.elements_chain for event in events],
        [int(event.has_profile) for event in events],
        [event.arrived for event in events],
    ]
