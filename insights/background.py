"""Runs in the background: starting them, telling how they are, stopping them (api R10-R13, W3, W4)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from django.db import connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from insights import keeping
from insights.compute import kill_run, reaching_the_store, store_client
from insights_service import clock
from insights_service.celery import app
from insights_service.config import get_config
from queries.cache.connection import CacheUnavailable
from queries.cache.fair_queue import Ticket
from queries.cache.status import NewRun, QueryStatus
from queries.context import Limits
from queries.errors import StoreUnavailable
from queries.execute import Progress, RunningStatement, progress, running
from queries.wrappers import SourceNode

log = structlog.get_logger(__name__)

WORK_TASK = "insights.work"


class Stopped(StrEnum):
    """What a cancel did; the text is the answer (api W4)."""

    CANCELLED = "Query cancelled."
    DEQUEUED = "Query removed from the queue before it was started."
    ALREADY_STARTED = "Query has already been started and was left running."
    COMPLETE = "Query was already complete."
    UNKNOWN = "No such query is running."


def start(new: NewRun, *, now: datetime, limits: Limits, reuse_failed: bool) -> QueryStatus:
    """The run's status; it begins once the transaction around us has committed (api R13).

    An unfinished run of the same id or question is returned instead, and nothing begins (api R11).
    Raises `CacheUnavailable` when there is nobody to run it.
    """
    new = replace(new, work={**new.work, "limits": asdict(limits)}, allowance=repr(limits))
    status, is_new = keeping.board().start(
        new, now=now, limit_seconds=limits.timeout_seconds, reuse_failed=reuse_failed
    )
    if is_new and connection.in_atomic_block:
        transaction.on_commit(lambda: send(status), robust=True)  # too late to fail the request
    elif is_new:
        send(status)
    return status


def work(node: SourceNode) -> dict[str, Any]:
    """What a worker has to know: the question, and the time if it is held (tests)."""
    held = clock.held()
    return {"query": node.to_wire(), "now": held and held.isoformat()}


def send(status: QueryStatus) -> None:
    """Let the run wait for a worker. Without a queue it is taken back: `CacheUnavailable`."""
    keeping.waiting_runs().push(ticket_of(status))
    try:
        wake_a_worker()
    except CacheUnavailable:
        with suppress(CacheUnavailable):
            keeping.board().delete(status)
        raise


def ticket_of(status: QueryStatus) -> Ticket:
    """What a worker needs to find the run."""
    return Ticket(status.project_id, status.id, status.token, status.work.get("now"))


def wake_a_worker() -> None:
    """Tell the workers that something waits. Raises `CacheUnavailable` when the queue does not answer."""
    try:
        app.send_task(WORK_TASK, ignore_result=True)
    except (BrokerError, OSError) as error:
        log.warning("queue_unreachable")
        raise CacheUnavailable("The queue does not answer.") from error


def status_json(
    status: QueryStatus, *, results: Any = None, running: Progress | None = None
) -> dict[str, Any]:
    """The status as callers see it, keys in the contract's order (api R10)."""
    return {
        "id": status.id,
        "team_id": status.project_id,
        "insight_id": status.insight_id,
        "dashboard_id": status.dashboard_id,
        "query_async": True,
        "complete": status.complete,
        "error": status.error,
        "error_message": status.error_message,
        "results": results,
        "start_time": status.start_time,
        "pickup_time": status.pickup_time,
        "end_time": status.end_time,
        "expiration_time": status.expiration_time,
        "task_id": status.task_id,
        "labels": None,
        "query_progress": None if running is None else _progress_json(running),
    }


def progress_of(status: QueryStatus) -> Progress | None:
    """How far the run has come in the event store; None while none of its statements is running."""
    if status.complete or not status.is_picked_up:
        return None
    with suppress(ClickHouseError, OSError, StoreUnavailable):
        return progress(
            store_client(),
            project_id=status.project_id,
            query_id=status.id,
            cluster=get_config().clickhouse_cluster,
        )
    return None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A run that goes on now. `kind` and `insight_id` are known of background runs only."""

    id: str
    since: datetime
    is_background: bool = False
    is_picked_up: bool = True
    kind: str | None = None
    insight_id: int | None = None


def under_way(project_id: int) -> list[UnderWay]:
    """What runs or waits in a project, the oldest first. Raises `CacheUnavailable`."""
    statuses = keeping.board().unfinished(project_id, now=clock.now())
    in_background = [
        UnderWay(
            id=status.id,
            since=status.start_time,
            is_background=True,
            is_picked_up=status.is_picked_up,
            kind=(status.work.get("query") or {}).get("kind"),
            insight_id=status.insight_id,
        )
        for status in statuses
    ]
    known = {run.id for run in in_background}
    waited_for = [
        UnderWay(id=run.id, since=datetime.fromtimestamp(run.since, UTC))
        for run in keeping.active_runs().under_way(project_id)
        if run.id not in known
    ]
    return sorted([*in_background, *waited_for], key=lambda run: run.since)


def running_statements() -> list[RunningStatement]:
    """What the event store works on now, of all projects. Raises `StoreUnavailable`."""
    with reaching_the_store(Limits()):
        return running(store_client(), cluster=get_config().clickhouse_cluster)


def cancel(project_id: int, name: str, *, dequeue_only: bool = False) -> Stopped:
    """Stop everything of the project that runs or waits under this name (api Q21, W4).

    Whoever waits for it is told; its status is gone. With `dequeue_only` a run that has begun goes on.
    """
    try:
        status = keeping.board().get(project_id, name, now=clock.now())
        if dequeue_only:
            return _dequeue(status)
        active = keeping.active_runs().cancel(project_id, name)
        if status is not None and not status.complete:
            keeping.board().delete(status)
    except CacheUnavailable:
        status, active = None, 0
    kill_run(project_id, name)
    if status is not None:
        return Stopped.COMPLETE if status.complete and not active else Stopped.CANCELLED
    return Stopped.CANCELLED if active else Stopped.UNKNOWN


def _dequeue(status: QueryStatus | None) -> Stopped:
    if status is None:
        return Stopped.UNKNOWN
    if status.complete:
        return Stopped.COMPLETE
    if status.is_picked_up:
        return Stopped.ALREADY_STARTED
    keeping.board().delete(status)
    return Stopped.DEQUEUED


def _progress_json(running: Progress) -> Mapping[str, int]:
    return asdict(running)
