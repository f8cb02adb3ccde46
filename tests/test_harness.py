"""The suite's own ground: engines run, a project of one's own, events in, a count out."""

from __future__ import annotations

from typing import Any

from tests.api_client import Api


def test_events_are_in_the_store(api: Api, store: Any) -> None:
    api.journeys("u1: A@10:00 B@10:30", "u2: A@11:00")
    count = store.query(
        "SELECT count(), uniqExact(actor_no) FROM events WHERE team_id = {p:UInt32}",
        parameters={"p": api.project.pk},
    )
    assert count.result_rows == [(3, 2)]
