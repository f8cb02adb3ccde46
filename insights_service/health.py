"""Whether this process and what it stands on work (api W23), and its figures for Prometheus.

Live means: do not restart me. Ready means: send me work. Nothing here needs credentials or tells secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from redis import RedisError

from insights_service import metrics, stores
from insights_service.accounts.models import Organization
from insights_service.celery import app as celery
from insights_service.config import get_config
from queries.clickhouse.client import connect

log = structlog.get_logger("insights.health")

_PATIENCE_SECONDS = 3
_WORKER_PATIENCE_SECONDS = 0.5
_FAILURES = (DatabaseError, RedisError, ClickHouseError, OSError)


def _http() -> bool:
    return True


def _postgres() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


@cache
def _has_all_migrations() -> bool:
    """Asked until it is true: the code of a process knows no later migrations than those."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _NotYet
    return True


def _migrations() -> bool:
    try:
        return _has_all_migrations()
    except _NotYet:
        return False


class _NotYet(Exception):
    """An exception, because `cache` keeps every returned value."""


@cache
def _event_store() -> Client:
    return connect(get_config().clickhouse_url, timeout_seconds=_PATIENCE_SECONDS)


def _clickhouse() -> bool:
    return bool(_event_store().command("SELECT 1"))


def _cache() -> bool:
    return bool(stores.cache_redis().ping())


def _broker() -> bool:
    return bool(stores.queue_redis().ping())


CHECKS: dict[str, Callable[[], bool]] = {
    "http": _http,
    "postgres": _postgres,
    "postgres_migrations_uptodate": _migrations,
    "clickhouse": _clickhouse,
    "cache": _cache,
    "celery_broker": _broker,
}
# What each kind of process cannot work without; no role means all of it.
ROLES: dict[str, frozenset[str]] = {
    "web": frozenset({"http", "postgres", "postgres_migrations_uptodate", "clickhouse", "cache"}),
    "worker": frozenset({"postgres", "postgres_migrations_uptodate", "clickhouse", "celery_broker"}),
    "events": frozenset({"http", "postgres", "postgres_migrations_uptodate", "clickhouse"}),
}


def check(name: str) -> bool:
    """Whether this works now; a failure is logged with its reason."""
    try:
        return CHECKS[name]()
    except _FAILURES as error:
        log.warning("check_failed", check=name, reason=f"{type(error).__name__}: {error}"[:300])
        return False


def healthy(request: HttpRequest) -> HttpResponse:
    """`ok`: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers, whatever happens to the stores."""
    return JsonResponse({"http": True})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when everything `?role=` needs works, 503 otherwise; `?exclude=` leaves checks out."""
    role = request.GET.get("role")
    if role is not None and role not in ROLES:
        return JsonResponse({"error": "InvalidRole"}, status=400)
    excluded = {name for text in request.GET.getlist("exclude") for name in text.split(",")}
    results = {name: check(name) for name in CHECKS if name not in excluded}
    needed = ROLES[role] if role else results.keys()
    good = all(results[name] for name in needed if name in results)
    return JsonResponse(results, status=200 if good else 503)


@never_cache
def preflight(request: HttpRequest) -> JsonResponse:
    """What an installer asks: which parts are there, and whether anybody has set the server up."""
    database = check("postgres")
    return JsonResponse(
        {
            "django": True,
            "redis": check("cache"),
            "db": database,
            "clickhouse": check("clickhouse"),
            "celery": _worker_answers(),
            "initiated": database and check("postgres_migrations_uptodate") and Organization.objects.exists(),
            "realm": "hosted-clickhouse",
        }
    )


def _worker_answers() -> bool:
    if not check("celery_broker"):
        return False
    try:
        return bool(celery.control.ping(timeout=_WORKER_PATIENCE_SECONDS, limit=1))
    except (OSError, celery.connection_for_write().connection_errors):
        return False


@never_cache
def prometheus(request: HttpRequest) -> HttpResponse:
    """Figures of all processes of this machine that share a metrics folder."""
    body, content_type = metrics.exposition()
    return HttpResponse(body, content_type=content_type)


def _both_spellings(name: str, view: Callable[[HttpRequest], HttpResponse]) -> list[object]:
    return [path(name, view), path(f"{name}/", view)]


urlpatterns = [
    *_both_spellings("_health", healthy),
    *_both_spellings("_livez", live),
    *_both_spellings("_readyz", ready),
    *_both_spellings("_preflight", preflight),
    path("metrics", prometheus),
]
