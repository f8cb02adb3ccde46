"""What happens around every request: its id in logs and answer, and the clock of tests."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from insights_service import clock, throttling, timing
from insights_service.config import get_config

GetResponse = Callable[[HttpRequest], HttpResponseBase]

TEST_NOW_HEADER = "X-Test-Now"
REQUEST_ID_HEADER = "X-Request-Id"
TEST_NOW_META, REQUEST_ID_META = "HTTP_X_TEST_NOW", "HTTP_X_REQUEST_ID"
_GOOD_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_QUIET_PATHS = ("/_health", "/_livez", "/_readyz", "/metrics")

log = logging.getLogger("insights.requests")


def request_id_of(meta: Mapping[str, Any]) -> str:
    """The id that the caller chose, if it is fit for a log, or a new one."""
    offered = meta.get(REQUEST_ID_META, "")
    return offered if _GOOD_REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())


def log_answer(method: str | None, path: str, status: int, seconds: float, **ids: str) -> None:
    """The line of one answer. The path only: a query string may hold a key.

    Below structlog's chain and without a look for the caller: together they take as long as a kept response.
    """
    if log.isEnabledFor(logging.INFO):
        about = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 1), **ids}
        log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, "request", (), None, extra=about))


def held_instant(meta: Mapping[str, Any]) -> datetime | None:
    """The instant that a request is to be answered at, where tests may choose it.

    ValueError or OverflowError when it cannot be read.
    """
    text = meta.get(TEST_NOW_META)
    return clock.read_instant(text) if text is not None and get_config().test_clock else None


class RequestLog:
    """Gives each request an id, for its log lines and its answer, and logs one line per answer.

    The answer also says what the time went into (`timing`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_of(request.META)  # `headers` would be built for this alone
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        throttling.forget_caller()  # of the request before, on the same thread
        started, spent = time.perf_counter(), timing.begin()
        response = self.get_response(request)
        seconds = time.perf_counter() - started
        response.headers[REQUEST_ID_HEADER] = request_id
        if not request.path.startswith(_QUIET_PATHS):
            for name, value in spent.headers(seconds).items():
                response.headers[name] = value
            ids = structlog.contextvars.get_contextvars()
            log_answer(request.method, request.path, response.status_code, seconds, **ids)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """From here on log lines say which project it is about."""
        if "project_id" in kwargs:
            structlog.contextvars.bind_contextvars(project=kwargs["project_id"])


class TestClock:
    """Holds time at the header X-Test-Now, when the server was started with INSIGHTS_TEST_CLOCK=1."""

    __test__ = False  # not a class of tests

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            instant = held_instant(request.META)
        except (ValueError, OverflowError):
            return _unreadable_instant(request.META[TEST_NOW_META])
        if instant is None:
            return self.get_response(request)
        with clock.frozen(instant):
            response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _at(instant, iter(response))
        return response


def _at(instant: datetime, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks, each made while time is held: a stream is produced after the middleware returned."""
    iterator = iter(chunks)
    while True:
        with clock.frozen(instant):
            chunk = next(iterator, None)
        if chunk is None:
            return
        yield chunk


def _unreadable_instant(text: str) -> HttpResponse:
    """The contract's error form (api N1), made here because the request never reaches a view."""
    detail = (
        f"{TEST_NOW_HEADER} must be an ISO 8601 instant such as 2024-03-15T09:30:00Z; it is {text[:64]!r}."
    )
    body = {"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": TEST_NOW_HEADER}
    return JsonResponse(body, status=400)
