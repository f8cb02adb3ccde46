"""Killed anywhere: no acknowledged event lost, none doubled, no query answered from old identities."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from insights_service import clock
from insights_service.capture import ingest, times
from insights_service.capture.normalize import Arrival, Event, normalize
from insights_service.persons import sync
from insights_service.persons.models import Revision
from queries.clickhouse.insert import EVENTS, insert_columns, running_inserts
from tests.api_client import Api
from tests.capture.test_identity import identify, said
from tests.persons.conftest import seen_people

Rows = Callable[..., list[tuple[Any, ...]]]


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, nothing is cleaned up but what the kernel would."""


def events(*raws: dict[str, Any]) -> list[Event]:
    arrival = Arrival(times.microseconds(clock.now()))
    found = [
        normalize({**raw, "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, repr(raw)))}, arrival) for raw in raws
    ]
    return [event for event in found if isinstance(event, Event)]


def before(step: Callable[..., Any]) -> Callable[..., Any]:
    def killed(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    return killed


def after(step: Callable[..., Any]) -> Callable[..., Any]:
    def killed(*args: Any, **kwargs: Any) -> Any:
        step(*args, **kwargs)
        raise Killed

    return killed


STEPS = [
    (ingest, "_resolve", before),
    (ingest, "_resolve", after),
    (sync, "_copy_persons", before),
    (sync, "_copy_persons", after),
    (sync, "_copy_actors", before),
    (sync, "_copy_actors", after),
    (ingest, "insert_columns", before),
    (ingest, "insert_columns", after),
]


@pytest.mark.parametrize(
    "module, step, when", STEPS, ids=[f"{when.__name__} {step}" for _, step, when in STEPS]
)
def test_killed_at_every_step(
    api: Api, store: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, when: Any
) -> None:
    """A merge is being written when the process dies; the client sends it again."""
    project, now = api.project.pk, clock.now()
    ingest.write_batch(project, events(said("A", "a"), said("A", "u")), now=now)
    batch = events(identify("u", "a", **{"$set": {"plan": "pro"}}), said("A", "new"))
    with monkeypatch.context() as dying:
        dying.setattr(module, step, when(getattr(module, step)))
        with pytest.raises(Killed):
            ingest.write_batch(project, batch, now=now)

    merged_already = seen_people(store, project) != {frozenset("a"), frozenset("u")}
    committed = (step, when) not in [("_resolve", before)]
    assert merged_already == committed
    assert not Revision.objects.filter(project=project).exists()  # the question above made good for it

    ingest.write_batch(project, batch, now=now)
    assert seen_people(store, project) == {frozenset("au"), frozenset(["new"])}
    assert rows("event, distinct_id") == [("$identify", "u"), ("A", "a"), ("A", "new"), ("A", "u")]
    assert rows("props", "person", "is_deleted = 0 AND props['plan'] != ''") == [({"plan": "pro"},)]


def test_the_next_process_waits_for_an_insert_of_a_dead_one(
    api: Api, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may still be working on what a killed process sent: only then can duplicates be seen."""
    project, batch = api.project.pk, events(said("A", "u"))
    seen: list[str] = []

    def still_running(client: Any, comment: str) -> int:
        seen.append(comment)
        if len(seen) == 1:
            return 1
        if len(seen) == 2:  # the dead process's insert comes in
            columns = ingest._columns(project, batch, [(1, {})])
            insert_columns(ingest.event_store(), EVENTS, columns, comment=comment)
        return running_inserts(client, comment)

    monkeypatch.setattr(ingest, "running_inserts", still_running)
    monkeypatch.setattr(ingest, "process_name", lambda pid: "successor")
    assert ingest.write_batch(project, batch, now=clock.now()) == 0
    assert len(seen) == 2
    assert rows("distinct_id") == [("u",)]
    ingest.write_batch(project, batch, now=clock.now())
    assert len(seen) == 2  # no need to look again


def test_an_insert_can_be_recognised_while_it_runs(api: Api) -> None:
    assert running_inserts(ingest.event_store(), f"events of project {api.project.pk}") == 0


WRITER = """
import sys
import django
django.setup()
from insights_service import clock
from insights_service.capture import ingest
from tests.capture.test_crashes import numbered
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    ingest.write_batch(int(sys.argv[1]), numbered(number), now=clock.now())
    print(number, flush=True)
"""


def numbered(number: int) -> list[Event]:
    """Batch n of the writer: events of three months and a merge, the same whenever it is asked for."""
    when = [f"2024-0{month}-0{1 + number % 9}T10:00:00Z" for month in (1, 2, 3)]
    raws = [{**said("A", f"u{number % 50}", n=number, m=m), "timestamp": at} for m, at in enumerate(when)]
    return events(*raws, identify(f"u{number % 50}", f"a{number}", n=number))


@pytest.mark.slow
def test_kill_9_in_the_middle_of_writing(api: Api, store: Any) -> None:
    """Three writers die one after the other; each next one repeats what was not acknowledged."""
    acknowledged = -1
    for patience in (1.0, 1.5, 2.0):
        acknowledged = max(acknowledged, _run_and_kill(api.project.pk, acknowledged + 1, patience))
    ingest.write_batch(api.project.pk, numbered(acknowledged + 1), now=clock.now())
    count, distinct, ids = store.query(
        f"SELECT count(), uniqExact(uuid), uniqExact(props['n']) FROM events WHERE team_id = {api.project.pk}"
    ).result_rows[0]
    assert acknowledged > 3
    assert count == distinct == 4 * (acknowledged + 2)
    assert ids == acknowledged + 2
    merged = {frozenset(person) for person in seen_people(store, api.project.pk)}
    assert merged == {frozenset([f"u{number}"]) for number in range(min(50, acknowledged + 2))}


def _run_and_kill(project: int, first: int, seconds: float) -> int:
    """Start a writer, kill it some time after its first acknowledgement; the last batch acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(project), str(first), "100000"],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "insights_service.settings",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(seconds)
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split()
    writer.wait()
    return int(rest[-1]) if rest else first


def database_url() -> str:
    """The URL of the database that tests use, for a process of its own."""
    it = connection.settings_dict
    return f"postgresql://{it['USER']}:{quote(it['PASSWORD'])}@{it['HOST']}:{it['PORT']}/{it['NAME']}"
