"""Work that no request waits for: computing a query, and looking after runs whose worker died.

Every task may run twice (a message of a dead worker is delivered again); each starts by asking whether
there still is something to do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog

from insights import background, keeping
from insights.answer import message_of
from insights.compute import Run, compute_once, kill_run
from insights.context import project_context
from insights.warming import keep_warm
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.celery import app
from insights_service.config import get_config
from queries.cache.connection import CacheUnavailable
from queries.cache.fair_queue import Ticket
from queries.cache.key import cache_key
from queries.cache.single_flight import beating
from queries.cache.status import BEAT_SECONDS, QueryStatus
from queries.context import Limits
from queries.errors import QueryCancelled, QueryError
from queries.parse import parse_query
from queries.wrappers import source_of

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 10
WARM_SECONDS = 600


@app.task(name=background.WORK_TASK, bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def work(task: Any) -> None:
    """Do what waits, one run after the other, whichever project's turn it is; until nothing waits."""
    with suppress(CacheUnavailable):
        while (ticket := keeping.waiting_runs().pop()) is not None:
            compute(ticket, task.request.id)


def compute(ticket: Ticket, task_id: str | None) -> None:
    """Compute the query of a run and write down how it ended; nothing when it was cancelled meanwhile."""
    with clock.frozen(clock.read_instant(ticket.now) if ticket.now else None):
        status = keeping.board().pick_up(
            ticket.project_id, ticket.run_id, ticket.token, now=clock.now(), task_id=task_id
        )
        if status is None:
            return
        with beating(lambda: _beat(status), every_seconds=BEAT_SECONDS):
            _end(status, _failure_of(status))


@app.task(name="insights.sweep", ignore_result=True, expires=SWEEP_SECONDS)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Give the runs of dead workers to another one, once; after that they have failed (api R13)."""
    with suppress(CacheUnavailable):
        board = keeping.board()
        for status in board.lost(now=clock.now()):
            log.warning("run_lost", project=status.project_id, query_id=status.id, attempts=status.attempts)
            kill_run(status.project_id, status.id, status.token)  # the dead worker's statement runs on
            if board.requeue(status, now=clock.now()):
                background.send(status)
            else:
                board.fail(status, now=clock.now(), message=None)
        for status in board.unclaimed():
            # A worker, or the cache, died between taking the ticket and writing it down.
            if not keeping.waiting_runs().holds(background.ticket_of(status)):
                log.warning("ticket_lost", project=status.project_id, query_id=status.id)
                background.send(status)
        if not keeping.waiting_runs().is_empty():
            background.wake_a_worker()  # in case the message that should have done it was lost


@app.task(name="insights.warm", ignore_result=True, expires=WARM_SECONDS)  # type: ignore[untyped-decorator]
def warm() -> None:
    """Keep the insights fresh that people look at, as many as the operator wants."""
    keep_warm(get_config().warm_insights)


def _failure_of(status: QueryStatus) -> Exception | None:
    """Compute; the error, or None when the answer is in the cache."""
    try:
        node = source_of(parse_query(status.work["query"]))
        project = Project.objects.get(pk=status.project_id)
        limits = Limits(**status.work["limits"])
        ctx = project_context(project, [node], limits=limits)
        # The project may have changed since the run was asked for: the answer belongs to what it is now.
        compute_once(node, ctx, cache_key(node, ctx), Run(project.pk, status.id, status.token))
    except QueryError as error:
        return error
    except Exception as error:
        log.exception("background_query_failed", project=status.project_id, query_id=status.id)
        return error
    return None


def _end(status: QueryStatus, failure: Exception | None) -> None:
    if isinstance(failure, QueryCancelled):
        keeping.board().delete(status)
    elif failure is None:
        keeping.board().succeed(status, now=clock.now())
    else:
        code = getattr(failure, "code", None)
        message = message_of(failure)
        keeping.board().fail(status, now=clock.now(), message=message, code=code)


def _beat(status: QueryStatus) -> None:
    keeping.board().beat(status)


app.conf.beat_schedule["insights.sweep"] = {"task": "insights.sweep", "schedule": SWEEP_SECONDS}
app.conf.beat_schedule["insights.warm"] = {"task": "insights.warm", "schedule": WARM_SECONDS}
