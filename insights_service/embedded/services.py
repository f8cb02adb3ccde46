"""Our own processes of the stack: web, worker with the periodic clock, and the one-off preparation."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from insights_service.embedded.clickhouse import answers
from insights_service.embedded.ports import HOST
from insights_service.embedded.processes import Command
from insights_service.embedded.state import CHECKOUT

READY_FILE_VARIABLE = "INSIGHTS_READY_FILE"
FOLLOW_PARENT_VARIABLE = "INSIGHTS_FOLLOW_PARENT"  # a web worker must not outlive its server


@dataclass(frozen=True, slots=True)
class Web:
    """The HTTP server: one process that keeps the socket, and workers that answer."""

    run_dir: Path
    port: int
    processes: int
    threads: int

    name = "web"

    def prepare(self) -> None:
        """Nothing: the schema is there when it starts."""

    def command(self) -> Command:
        flags = {
            "--interface": "wsgi",
            "--host": HOST,
            "--port": str(self.port),
            "--workers": str(self.processes),
            "--blocking-threads": str(self.threads),
            "--backlog": "1024",
            "--runtime-mode": "st",
            "--respawn-interval": "0.2",
            "--workers-kill-timeout": "8",
            "--log-level": "warning",
        }
        arguments = [sys.executable, "-m", "granian"]
        arguments += [part for flag in flags.items() for part in flag]
        # The socket stays open while a killed worker is replaced: callers wait instead of being refused.
        arguments += ["--no-ws", "--respawn-failed-workers", "insights_service.wsgi:application"]
        return _our_own(self.name, arguments, self.run_dir)

    def is_ready(self, pid: int) -> bool:
        return answers(self.port, "/_health")


@dataclass(frozen=True, slots=True)
class Worker:
    """The background worker; there is one, so the periodic clock runs in it as a thread."""

    run_dir: Path

    name = "worker"

    def prepare(self) -> None:
        """Nothing: queues make themselves."""

    def command(self) -> Command:
        self._ready_file.unlink(missing_ok=True)
        arguments = [sys.executable, "-m", "celery", "--app", "insights_service.celery", "--quiet", "worker"]
        arguments += ["--with-beat-thread", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
        return _our_own(self.name, arguments, self.run_dir, {READY_FILE_VARIABLE: str(self._ready_file)})

    def is_ready(self, pid: int) -> bool:
        return self._ready_file.exists()

    @property
    def _ready_file(self) -> Path:
        return self.run_dir / "worker.ready"


def preparation(run_dir: Path) -> Command:
    """Schema of both databases and the demo project; its last line of output is the demo as JSON."""
    return _our_own("prepare", [sys.executable, "manage.py", "prepare_stack"], run_dir)


def metrics_folder(run_dir: Path) -> Path:
    """Where web and worker write their figures."""
    return run_dir / "metrics"


def web_processes(chosen: int) -> int:
    """As many as were asked for; else one up to two cores, then half the cores."""
    return chosen or max(1, min(4, (os.cpu_count() or 2) // 2))


def _our_own(
    name: str, arguments: list[str], run_dir: Path, more: Mapping[str, str] | None = None
) -> Command:
    environment = {
        "RUN_DIR": str(run_dir),
        "DJANGO_SETTINGS_MODULE": "insights_service.settings",
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUNBUFFERED": "1",
        # Glibc gives each thread a heap of its own, which idle threads never return.
        "MALLOC_ARENA_MAX": "2",
        FOLLOW_PARENT_VARIABLE: "1",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics_folder(run_dir)),
        **(more or {}),
    }
    return Command(name=name, arguments=arguments, environment=environment, folder=str(CHECKOUT))
