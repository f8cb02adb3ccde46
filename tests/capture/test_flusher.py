"""Many at once: group commit keeps every promise, and one bad request harms no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from insights_service import clock
from insights_service.capture.flusher import Flusher, Submission, flush
from insights_service.capture.refusals import Refused
from insights_service.persons.models import DistinctId, Person, Revision
from tests.api_client import Api, make_project
from tests.capture.test_crashes import WRITER, database_url, events
from tests.capture.test_identity import identify, said
from tests.persons.conftest import seen_people

Rows = Callable[..., list[tuple[Any, ...]]]


def submission(api: Api, *raws: dict[str, Any]) -> Submission:
    return Submission(api.project.pk, clock.now(), events(*raws), [])


def test_requests_of_many_threads(api: Api, rows: Rows) -> None:
    """Each says who its visitor is, twelve at a time, every event twice."""

    def send(number: int) -> int:
        batch = [identify(f"u{number % 5}", f"a{number}"), said("A", f"a{number}", n=number)]
        for event in batch:
            event["uuid"] = f"018e1f00-0000-7000-8000-{number:06}{len(event['event']):06}"
        body = json.dumps({"token": api.project.api_token, "batch": batch})
        codes = {
            Client().post("/batch/", body, content_type="application/json").status_code for _ in range(2)
        }
        return codes.pop() if len(codes) == 1 else 0

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(send, range(60))) == {200}
    assert rows("count(), uniqExact(uuid)") == [(120, 120)]
    assert Person.objects.filter(project=api.project).count() == 5
    assert len(set(DistinctId.objects.filter(project=api.project).values_list("person_no", flat=True))) == 5
    assert not Revision.objects.filter(project=api.project).exists()


def test_one_bad_submission_harms_no_other(api: Api, rows: Rows) -> None:
    good, bad = submission(api, said("A", "u")), submission(api, said("A", "v"))
    bad.events[0].distinct_id = "no\0text"  # the wire lets none through; the database refuses it
    flush([good, bad])
    assert good.done.result() is None
    with pytest.raises(Refused) as refusal:
        bad.done.result()
    assert refusal.value.code == "invalid_payload"
    assert rows("distinct_id") == [("u",)]


def test_events_of_a_deleted_project_are_refused(api: Api) -> None:
    late = submission(make_project(), said("A", "u"))
    late.project_id = 2**31 - 1
    flush([late])
    with pytest.raises(Refused) as refusal:
        late.done.result()
    assert refusal.value.code == "invalid_api_key"


def test_a_batch_is_of_one_project_and_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insights_service.capture.flusher.MAX_BATCH_EVENTS", 2)
    waiting = Flusher()
    other = make_project()
    mine = [submission(api, said("A", f"u{number}")) for number in range(4)]
    theirs = submission(other, said("A", "v"))
    waiting._waiting.extend([mine[0], theirs, *mine[1:]])
    batches = [waiting._next_batch() for _ in range(3)]
    assert batches == [mine[:2], [theirs], mine[2:]]


def test_a_stopped_flusher_has_written_everything(api: Api, rows: Rows) -> None:
    flusher = Flusher()
    sent = [submission(api, said("A", f"u{number}")) for number in range(5)]
    for one in sent:
        flusher.submit(one)
    flusher.stop()
    assert all(one.done.done() for one in sent)
    assert len(rows("uuid")) == 5
    again = replace(sent[0], events=events(said("B", "u")), done=type(sent[0].done)())
    flusher.submit(again)  # starts again
    assert again.done.result(30) is None
    flusher.stop()


@pytest.mark.slow
def test_two_processes_write_the_same_at_once(api: Api, store: Any) -> None:
    """Both send the same 25 batches of events and merges; together they store them once."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WRITER, str(api.project.pk), "0", "25"],
            cwd=Path(__file__).parents[2],
            env={
                **os.environ,
                "DATABASE_URL": database_url(),
                "DJANGO_SETTINGS_MODULE": "insights_service.settings",
            },
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    counted = store.query(f"SELECT count(), uniqExact(uuid) FROM events WHERE team_id = {api.project.pk}")
    assert counted.result_rows == [(100, 100)]
    assert seen_people(store, api.project.pk) == {frozenset([f"u{number}"]) for number in range(25)}


def test_a_large_request_is_written_in_parts(api: Api, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("insights_service.capture.flusher.MAX_BATCH_EVENTS", 3)
    large = submission(api, *(said("A", f"u{number}") for number in range(8)))
    flush([large])
    assert large.done.result() is None
    assert len(rows("uuid")) == 8
