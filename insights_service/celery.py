"""The task queue: background computation of queries, warming, sweeping, recalculation of cohorts.

Workers run a pool of threads: tasks wait for ClickHouse most of the time, and eight threads take a
quarter of the memory of eight processes. A thread cannot be killed, so a task's limit is its query's
`max_execution_time`, and cancelling is a KILL QUERY.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import click
import structlog
from celery import Celery, Task, bootsteps
from celery.beat import Scheduler, Service
from celery.signals import before_task_publish, setup_logging, worker_ready

from insights_service import clock
from insights_service.config import get_config
from insights_service.embedded.services import READY_FILE_VARIABLE
from insights_service.stores import QUEUE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insights_service.settings")

_config = get_config()
_NOW_HEADER = "insights_now"
_REQUEST_HEADER = "insights_request_id"


class CarryingTask(Task):  # type: ignore[misc]  # celery ships no types
    """A task that sees the held time and the request id of whoever sent it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        sent_at = self.request.get(_NOW_HEADER)
        instant = clock.read_instant(sent_at) if sent_at else clock.held()
        fields = {"task_id": self.request.id, "task": self.name}
        if request_id := self.request.get(_REQUEST_HEADER):
            fields["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(**fields), clock.frozen(instant):
            return super().__call__(*args, **kwargs)


@before_task_publish.connect  # type: ignore[untyped-decorator]
def _carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Write what `CarryingTask` reads into the message."""
    if headers is None:
        return
    if instant := clock.held():
        headers[_NOW_HEADER] = instant.isoformat()
    if request_id := structlog.contextvars.get_contextvars().get("request_id"):
        headers[_REQUEST_HEADER] = request_id


@setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_our_logging(**_: Any) -> None:
    """Celery installs its own log handlers unless this signal has a receiver; Django's are in force."""


@worker_ready.connect  # type: ignore[untyped-decorator]
def _tell_the_supervisor(**_: Any) -> None:
    """The embedded stack waits for this file before it says that it is ready."""
    if path := os.environ.get(READY_FILE_VARIABLE):
        Path(path).touch()


# A message not acknowledged within this time is given to another worker. Longer than any task may run.
_VISIBILITY_SECONDS = max(900, _config.background_query_timeout_seconds + 300)
_TRANSPORT = {
    "visibility_timeout": _VISIBILITY_SECONDS,
    # Look for messages of dead workers every 10 s instead of every 100 s.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    "health_check_interval": 15,
}

app = Celery("insights", broker=_config.redis_url or "memory://", task_cls=CarryingTask)
app.conf.update(
    result_backend=_config.redis_url or None,
    broker_transport_options=_TRANSPORT,
    result_backend_transport_options={"global_keyprefix": "insights:celery:"},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    result_expires=3600,
    # Acknowledged when done: a task of a killed worker runs again, hence every task is idempotent.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    worker_prefetch_multiplier=1,
    worker_pool="threads",
    worker_concurrency=_config.worker_threads,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_send_task_events=False,
    task_send_sent_event=False,
    task_publish_retry_policy={
        "max_retries": 2,
        "interval_start": 0.05,
        "interval_step": 0.2,
        "interval_max": 0.5,
    },
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    enable_utc=True,
    # Each module of tasks adds what it wants to be run periodically.
    beat_schedule={},
)
app.autodiscover_tasks(["insights", "insights_service.capture", "insights_service.persons"])
app.autodiscover_tasks(["insights"], related_name="cohort_tasks")


class BeatThread(bootsteps.StartStopStep):  # type: ignore[misc]
    """`worker --with-beat-thread`: the periodic clock in the only worker there is, instead of a process.

    With several workers run `celery beat` once, and this nowhere: each clock sends every task.
    """

    _RESTART_SECONDS = 5

    def __init__(self, parent: Any, with_beat_thread: bool = False, **options: Any) -> None:
        super().__init__(parent, **options)
        self.enabled = with_beat_thread
        self._service: Service | None = None

    def start(self, parent: Any) -> None:
        threading.Thread(target=self._run, name="beat", daemon=True).start()

    def stop(self, parent: Any) -> None:
        service, self._service = self._service, None
        if service:
            service.stop()

    def _run(self) -> None:
        log = structlog.get_logger("insights.beat")
        app.set_current()
        self._service = Service(app, scheduler_cls=Scheduler)
        while (service := self._service) is not None:
            try:
                service.start(embedded_process=False)
            except Exception:
                log.exception("the periodic clock failed; it starts again", seconds=self._RESTART_SECONDS)
                time.sleep(self._RESTART_SECONDS)


app.steps["worker"].add(BeatThread)
app.user_options["worker"].add(
    click.Option(("--with-beat-thread",), is_flag=True, help="Send periodic tasks from this worker.")
)
