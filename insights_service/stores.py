"""Connections to Redis, shared by the whole process and safe between threads.

PostgreSQL is Django's, ClickHouse is `queries.clickhouse.client`'s.
"""

from __future__ import annotations

from functools import cache

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from insights_service.config import get_config

QUEUE = "insights"  # the Redis list of background tasks that wait


def _connect(url: str) -> redis.Redis:
    """A client that notices a restarted server: dead connections are checked and replaced."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=2,
        socket_timeout=5,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=2),
        retry_on_error=[redis.ConnectionError],
        max_connections=256,
    )


@cache
def queue_redis() -> redis.Redis:
    """Statuses, locks and progress: what must not be evicted. Raises redis.RedisError when it is down."""
    return _connect(get_config().redis_url)


@cache
def cache_redis() -> redis.Redis:
    """Cached results, which may vanish at any time."""
    return _connect(get_config().effective_cache_url)
