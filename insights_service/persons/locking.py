"""One writer at a time per project: the lock that everything changing identities or events takes first.

Taking it first everywhere means that two transactions never wait for each other in a circle. PostgreSQL
gives it up by itself when its holder dies.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection

# First half of the lock's 64-bit name; the second is the project's id.
_NAMESPACE = 0x1D5
_ATTEMPTS = 5
# Serialization failure and deadlock: the transaction did nothing and may simply run again.
_TRANSIENT = {"40001", "40P01"}

T = TypeVar("T")


@contextmanager
def project_locked(project_id: int) -> Iterator[None]:
    """Hold the project's lock over several transactions of this thread's connection, and what is between."""
    _execute("SELECT pg_advisory_lock(%s, %s)", project_id)
    try:
        yield
    finally:
        # A broken connection has lost the lock already.
        if connection.connection is not None and connection.is_usable():
            _execute("SELECT pg_advisory_unlock(%s, %s)", project_id)


def lock_project(project_id: int) -> None:
    """Take the project's lock until the end of the current transaction."""
    _execute("SELECT pg_advisory_xact_lock(%s, %s)", project_id)


def retried(transaction: Callable[[], T]) -> T:
    """The result of a function that runs one whole transaction, run again if PostgreSQL had to abort it."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return transaction()
        except OperationalError as exc:
            if attempt == _ATTEMPTS or getattr(exc.__cause__, "sqlstate", None) not in _TRANSIENT:
                raise
            time.sleep(random.uniform(0, 0.02 * attempt))
    raise AssertionError("unreachable")


def _execute(statement: str, project_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_NAMESPACE, project_id])
