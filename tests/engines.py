"""The three real stores for one test run: started once, when the first test asks, on throw-away folders.

A pytest plugin (`-p tests.engines`), loaded before Django's settings: it chooses ports and passwords and
puts the URLs in the environment, so that settings can be read at once; tests that need no store never
start one. `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_CLICKHOUSE_URL` run the suite on servers instead.

They are the engines of `./run` (`insights_service.embedded`), told to forget everything at the end.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from insights_service.embedded.child import tail
from insights_service.embedded.clickhouse import ClickHouse
from insights_service.embedded.ports import free_port as _free_port
from insights_service.embedded.postgres import Postgres
from insights_service.embedded.processes import Engine, follow_parent, spawn
from insights_service.embedded.valkey import Valkey

_START_SECONDS = 60
_PASSWORD = secrets.token_hex(12)
FOLDER = Path(tempfile.gettempdir()) / f"insights-tests-{os.getpid()}-{secrets.token_hex(4)}"

# By the variable that names a store; the slowest to come up is started first.
STORES: Mapping[str, Engine] = {
    "CLICKHOUSE_URL": ClickHouse(FOLDER / "clickhouse", _free_port(), _PASSWORD),
    "REDIS_URL": Valkey(FOLDER / "valkey", _free_port(), _PASSWORD, durable=False),
    "DATABASE_URL": Postgres(FOLDER / "postgres", _free_port(), _PASSWORD, durable=False),
}
URLS = {variable: engine.url for variable, engine in STORES.items()}


def _environment() -> None:
    for name, url in URLS.items():
        os.environ[name] = os.environ.get(f"TEST_{name}", url)
    os.environ.update(
        {
            "DEBUG": "1",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
            "INSIGHTS_TEST_CLOCK": "1",
            "RUN_DIR": str(FOLDER / "run"),
            "LOG_LEVEL": "WARNING",
        }
    )


_environment()


class Engines:
    """The processes of one run. `start` is idempotent; `stop` ends exactly what it started."""

    def __init__(self) -> None:
        self._children: dict[str, tuple[Engine, subprocess.Popen[bytes]]] = {}
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        """Start them side by side and come back when all are ready."""
        with self._lock:
            if self._started:
                return
            FOLDER.mkdir(mode=0o755)
            for variable, engine in STORES.items():
                if f"TEST_{variable}" not in os.environ:
                    engine.prepare()
                    self._children[engine.name] = (engine, spawn(engine.command(), _log(engine)))
            for engine, child in self._children.values():
                _wait_for(engine, child)
            self._started = True

    def stop(self) -> None:
        for engine, child in self._children.values():
            child.send_signal(engine.command().stop_signal)
        for _, child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
        shutil.rmtree(FOLDER, ignore_errors=True)

    def pid(self, name: str) -> int:
        return self._children[name][1].pid


ENGINES = Engines()


def _die_with_parent() -> None:
    follow_parent(os.getppid(), signal.SIGTERM)


def _log(engine: Engine) -> Path:
    return FOLDER / f"{engine.name}.log"


def _wait_for(engine: Engine, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not engine.is_ready(child.pid):
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{engine.name} did not start:\n{tail(_log(engine))}")
        time.sleep(0.02)


def pytest_unconfigure(config: pytest.Config) -> None:
    ENGINES.stop()
