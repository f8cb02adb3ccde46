"""A run in the background, told as it goes: server-sent events instead of polling (ours).

    event: progress     data: {"query_status": {...}}    at the start, and whenever something has changed
    event: complete     data: the same with `results`    the last one
    event: failed       data: the same with an error     the last one
    event: cancelled    data: {}                         the last one

A stream holds a thread of the web process, so a process gives only half of its threads to streams; the
next client is told to poll.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

from django.db import connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from insights import background, keeping
from insights.api.query import run_status, status_results
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.accounts.permissions import ProjectView
from insights_service.config import get_config
from insights_service.renderers import JSONRenderer, WrittenByView, to_json
from queries.cache.connection import CacheUnavailable
from queries.cache.status import QueryStatus
from queries.errors import AtCapacity

PAUSE_SECONDS = 0.5
SILENCE_SECONDS = 15.0  # after that much of it a comment is sent, so that proxies keep the line open


class EventStreamRenderer(WrittenByView):
    """Server-sent events."""

    media_type = "text/event-stream"
    format = "sse"


class QueryStreamView(ProjectView):
    """The progress of one run, as a stream."""

    required_scopes: ClassVar = {"query:read"}
    renderer_classes: ClassVar[Any] = (EventStreamRenderer, JSONRenderer)  # type: ignore[misc]

    @extend_schema(responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Any, query_id: str, **_: Any) -> StreamingHttpResponse:
        """Progress until the run has ended. 404 when there is no such run."""
        status = run_status(self.project, query_id)
        if not _lines().acquire(blocking=False):
            raise AtCapacity("Too many streams are open. Ask for the status from time to time instead.")
        stream = _Line(_stream(self.project, status))
        response = StreamingHttpResponse(stream, content_type="text/event-stream")
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect the events
        return response


@cache
def _lines() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, get_config().web_threads // 2))


class _Line:
    """The chunks of one stream. Closing it frees its place, also when nobody ever read from it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Called by the server when the answer is over or the client has gone."""
        if self._is_open:
            self._is_open = False
            _lines().release()


def _stream(project: Project, status: QueryStatus | None) -> Iterator[bytes]:
    connection.close()  # the stream may be long, and asks PostgreSQL once, at its end
    told, told_at = b"", time.monotonic()
    while status is not None and not status.complete:
        news = _data(background.status_json(status, running=background.progress_of(status)))
        if news != told:
            yield b"event: progress\n" + news
            told, told_at = news, time.monotonic()
        elif time.monotonic() - told_at > SILENCE_SECONDS:
            yield b":\n\n"
            told_at = time.monotonic()
        time.sleep(PAUSE_SECONDS)
        status = _again(status)
    yield _end(project, status)


def _again(status: QueryStatus) -> QueryStatus | None:
    """The status now; an absent cache changes nothing."""
    try:
        return keeping.board().get(status.project_id, status.id, now=clock.now())
    except CacheUnavailable:
        return status


def _end(project: Project, status: QueryStatus | None) -> bytes:
    if status is None:
        return b"event: cancelled\ndata: {}\n\n"
    if not status.is_success:
        return b"event: failed\n" + _data(background.status_json(status))
    results = status_results(project, status)
    return b"event: complete\n" + _data(background.status_json(status, results=results))


def _data(status: Any) -> bytes:
    """JSON is one line: it has no bare line breaks."""
    return b"data: " + to_json({"query_status": status}) + b"\n\n"
