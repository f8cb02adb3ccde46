"""This process's connection to ClickHouse, for copying identities and writing events."""

from __future__ import annotations

from functools import cache

from clickhouse_connect.driver.client import Client

from insights_service.config import get_config
from queries.clickhouse.client import connect


@cache
def event_store() -> Client:
    """The shared client, safe between threads. clickhouse_connect's OperationalError when it is down."""
    return connect(get_config().clickhouse_url)
