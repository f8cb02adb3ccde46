"""Connections to the event store: the embedded gateway, a server or a cluster, by one URL.

One client object is safe to share between threads: it holds no session, so each statement stands alone.
"""

from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.httputil import get_pool_manager

from queries.clickhouse.migrate import Target

_POOL = get_pool_manager(maxsize=32, num_pools=4)


def connect(url: str, *, database: str | None = None, timeout_seconds: int = 660) -> Client:
    """A client for `http(s)://user:password@host:port/database`; `database` replaces the URL's own.

    `timeout_seconds` is the longest a socket waits for an answer; a statement's own limit is its
    `max_execution_time`. Raises clickhouse_connect's OperationalError when nobody answers.
    """
    parts = urlsplit(url)
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return clickhouse_connect.get_client(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or (8443 if parts.scheme == "https" else 8123),
        username=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=database if database is not None else target_of(url).database,
        secure=parts.scheme == "https",
        compress=not loopback,
        connect_timeout=5,
        send_receive_timeout=timeout_seconds,
        autogenerate_session_id=False,
        form_encode_query_params=True,
        pool_mgr=_POOL if parts.scheme != "https" else None,
    )


def target_of(url: str, cluster: str = "") -> Target:
    """Where the schema of this URL lives."""
    parts = urlsplit(url)
    return Target(
        database=parts.path.strip("/") or "default",
        cluster=cluster,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
    )
