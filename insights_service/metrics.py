"""What the service counts, for Prometheus. Labels are few and bounded: never an id, a name or a path.

With PROMETHEUS_MULTIPROC_DIR set, as the embedded stack and the compose file do, every process writes its
figures there and any web process shows the sum.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from redis import RedisError

from insights_service import stores
from queries.cache.connection import CacheUnavailable, Connection
from queries.cache.fair_queue import FairQueue

REQUESTS = Counter("insights_requests", "Answered requests.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("insights_request_seconds", "Time until the answer began.", ["route"])
QUERIES = Counter("insights_queries", "Queries computed.", ["kind", "outcome"])
QUERY_SECONDS = Histogram(
    "insights_query_seconds",
    "Time of a computed query.",
    ["kind"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 600),
)
QUERY_ROWS = Counter("insights_query_rows_read", "Rows read by computed queries.", ["kind"])
ANSWERS = Counter(
    "insights_answers", "Answers given, by refresh mode and where they came from.", ["mode", "source"]
)
EVENTS = Counter("insights_events", "Events received, by what became of them.", ["outcome"])
CAPTURE_SECONDS = Histogram("insights_capture_seconds", "Time until a batch of events was on disk.")


class CountRequests:
    """Counts every answer by its route, which is the pattern and not the path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = match.route if match else "none"
        count_request(request.method, route, response.status_code, time.perf_counter() - started)
        return response


def count_request(method: str | None, route: str, status: int, seconds: float) -> None:
    """One answered request."""
    answered, took = _of_requests(method, route, status)
    answered.inc()
    took.observe(seconds)


@cache
def _of_requests(method: str | None, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, str(status)), REQUEST_SECONDS.labels(route)


@contextmanager
def measured_query(kind: str) -> Iterator[Callable[[int], None]]:
    """Counts the block as one computed query; call what it gives with the number of rows read."""
    started = time.perf_counter()
    outcome = "error"
    try:
        yield QUERY_ROWS.labels(kind).inc
        outcome = "ok"
    finally:
        QUERIES.labels(kind, outcome).inc()
        QUERY_SECONDS.labels(kind).observe(time.perf_counter() - started)


def count_answer(mode: str, *, is_cached: bool, has_result: bool) -> None:
    """One answered question: `cache`, `computed`, or `none` when there is no result (yet)."""
    ANSWERS.labels(mode, "none" if not has_result else "cache" if is_cached else "computed").inc()


def count_events(**outcomes: int) -> None:
    """`count_events(stored=10, duplicate=2)`: events by what became of them."""
    for outcome, number in outcomes.items():
        EVENTS.labels(outcome).inc(number)


class _QueueDepth:
    """What waits, read when somebody looks; absent while Redis is down.

    Runs wait in lines of their own; the tasks of the message queue only wake workers up.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            tasks = stores.queue_redis().llen(stores.QUEUE)
            runs = FairQueue(Connection(stores.queue_redis)).length()
        except (RedisError, CacheUnavailable):
            return
        yield GaugeMetricFamily("insights_queue_depth", "Background tasks waiting.", value=float(tasks))
        yield GaugeMetricFamily("insights_waiting_runs", "Queries that wait for a worker.", value=float(runs))


def exposition() -> tuple[bytes, str]:
    """Body and content type of `/metrics`."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    queue = CollectorRegistry()
    queue.register(_QueueDepth())
    return generate_latest(registry) + generate_latest(queue), CONTENT_TYPE_LATEST
