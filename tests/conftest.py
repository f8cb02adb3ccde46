"""Fixtures of the whole suite: engines once, a project per test, everything over HTTP.

Tests that talk to the service take `api`. Nothing is rolled back or truncated: isolation is by project,
as in production. `@pytest.mark.django_db` also works where a test only needs rows of PostgreSQL.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test.utils import setup_databases
from hypothesis import settings as hypothesis_settings
from pytest_django.plugin import DjangoDbBlocker

from insights_service.config import get_config
from queries.clickhouse.client import connect, target_of
from queries.clickhouse.migrate import create_database, migrate
from tests.api_client import Api, make_project
from tests.engines import ENGINES
from tests.journeys import BASE_DAY

# A busy machine is no failure: no test asserts how long it takes.
hypothesis_settings.register_profile("suite", deadline=None)
hypothesis_settings.load_profile("suite")


# Longest first, so that no process is left with a long module at the end. Filling a column goes through every
# part that the store has by then: that one comes before all others.
FIRST = (
    "tests/trends/test_promoted_properties.py",
    "tests/test_oracle.py",
    "tests/api/test_matrix.py",
    "tests/refresh/test_workers.py",
    "tests/funnels/test_parts.py",
    "tests/platform/test_stack.py",
    "tests/people/test_links.py",
    "tests/fuzz/test_document.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of `FIRST`, then the order of the files."""
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.nodeid.split("::")[0], len(FIRST)))


@pytest.fixture(scope="session")
def engines() -> Any:
    """The three stores, running."""
    ENGINES.start()
    _wait_for_postgres()
    return ENGINES


@pytest.fixture(scope="session")
def django_db_setup(engines: Any, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The test database with all migrations, whichever way a test asks for it; it goes with the engines."""
    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False)


@pytest.fixture(scope="session")
def store(engines: Any) -> Any:
    """The event store with its schema."""
    return make_store()


def make_store() -> Any:
    """A client of the event store, its schema in place."""
    url = get_config().clickhouse_url
    target = target_of(url)
    create_database(connect(url, database="default"), target)
    client = connect(url)
    migrate(client, target)
    return client


@pytest.fixture(scope="session")
def service(django_db_setup: None, store: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Everything up: tests below may use the databases freely, nothing is undone after them."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def api(service: None) -> Api:
    """A client with a key for everything, on a project of its own (zone UTC, now 2024-01-15 12:00 UTC)."""
    return make_project()


@pytest.fixture
def day() -> date:
    return BASE_DAY


@pytest.fixture
def unique() -> str:
    """A text nobody else uses."""
    return secrets.token_hex(6)


@pytest.fixture
def noon() -> datetime:
    return datetime(2024, 1, 15, 12, tzinfo=UTC)


def _wait_for_postgres() -> None:
    database = settings.DATABASES["default"]
    for attempt in range(200):
        try:
            psycopg.connect(
                host=database["HOST"],
                port=database["PORT"],
                user=database["USER"],
                password=database["PASSWORD"],
                dbname="postgres",
            ).close()
            return
        except psycopg.OperationalError:
            if attempt == 199:
                raise
            time.sleep(0.05)
