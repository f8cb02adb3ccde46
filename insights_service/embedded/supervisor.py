"""The process that owns a stack: starts it in order, keeps it up, ends it in reverse order.

    PostgreSQL, Valkey, ClickHouse   side by side; each only when its URL is not in the environment
    prepare                          migrations of both databases, the demo project
    web, worker                      side by side

It runs no Django and no engine itself, so it stays small and hardly anything can break it. The children
end with it even when it is killed (`processes.spawn`).
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from insights_service.config import Config
from insights_service.embedded import state as run_file
from insights_service.embedded.child import Child, GaveUp, keep_log_short, tail
from insights_service.embedded.clickhouse import ClickHouse
from insights_service.embedded.ports import HOST, free_port, is_free
from insights_service.embedded.postgres import Postgres
from insights_service.embedded.processes import Engine, Service, is_alive, kill_group, spawn, start_mark
from insights_service.embedded.run_lock import RunLock
from insights_service.embedded.services import Web, Worker, metrics_folder, preparation, web_processes
from insights_service.embedded.valkey import Valkey

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_START_SECONDS = 180
_TICK_SECONDS = 0.03  # while something comes up
_IDLE_SECONDS = 2.0  # an ended child wakes us at once
_WEB_PORT = 8000
STORE_VARIABLES = {"database": "DATABASE_URL", "redis": "REDIS_URL", "clickhouse": "CLICKHOUSE_URL"}


class _StopRequested(Exception):
    pass


class Supervisor:
    """One stack in one run folder. `run` returns the exit code."""

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        when_ready: Callable[[run_file.State], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._run_dir = config.run_dir
        self._given = {name: environ.get(variable, "") for name, variable in STORE_VARIABLES.items()}
        self._children: list[Child] = []
        self._state: run_file.State = {}
        self._when_ready = when_ready
        self._alarm = -1

    def run(self) -> int:
        """Bring the stack up and keep it up until a signal, or until something gives up (1)."""
        make_folders(self._run_dir)
        with RunLock(self._run_dir) as lock:
            if not lock.taken:
                say(f"another supervisor has {self._run_dir}")
                return 1
            self._listen_to_signals()
            try:
                self._start_all()
                self._watch()
            except _StopRequested:
                return 0
            except (GaveUp, RuntimeError) as problem:
                say(f"stopping: {problem}")
                return 1
            finally:
                self._stop_all()
        return 0

    # Coming up

    def _start_all(self) -> None:
        began = time.monotonic()
        old = run_file.read(self._run_dir)
        end_leftovers(old)
        self._state = run_file.with_secrets(run_file.stopped(old))
        self._choose_ports()
        me = os.getpid()
        self._state["supervisor"] = {"pid": me, "started": start_mark(me)}
        self._write()
        self._start_and_wait(self._engines())
        self._write()
        self._empty_metrics_folder()
        self._prepare_schema_and_demo()
        self._start_and_wait(self._services())
        self._state["ready"] = True
        self._state["seconds_to_ready"] = round(time.monotonic() - began, 1)
        self._write()
        say(f"ready after {self._state['seconds_to_ready']} s at {self._state['urls']['web']}")
        self._when_ready(self._state)

    def _choose_ports(self) -> None:
        """The ports of the last time when they are free, so that addresses stay the same."""
        if self._config.port and not is_free(self._config.port):
            raise RuntimeError(f"PORT {self._config.port} is taken by another program; choose another.")
        last = self._state.get("ports", {})
        ports = {name: free_port(last.get(name, 0)) for name in ("postgres", "valkey", "clickhouse")}
        ports["web"] = self._config.port or free_port(last.get("web") or _WEB_PORT)
        self._state["ports"] = ports
        self._state["urls"] = {"web": f"http://{HOST}:{ports['web']}", **_only_set(self._given)}

    def _engines(self) -> list[Service]:
        """The stores nobody gave us a URL for."""
        data, ports, secrets = self._run_dir / "data", self._state["ports"], self._state["secrets"]
        engines: dict[str, Engine] = {
            "clickhouse": ClickHouse(data / "clickhouse", ports["clickhouse"], secrets["clickhouse"]),
            "redis": Valkey(data / "valkey", ports["valkey"], secrets["valkey"]),
            "database": Postgres(data / "postgres", ports["postgres"], secrets["postgres"]),
        }
        started = {name: engine for name, engine in engines.items() if not self._given[name]}
        self._state["urls"].update({name: engine.url for name, engine in started.items()})
        return list(started.values())

    def _services(self) -> list[Service]:
        config = self._config
        web = Web(
            self._run_dir,
            self._state["ports"]["web"],
            web_processes(config.web_processes),
            config.web_threads,
        )
        return [web, Worker(self._run_dir)]

    def _start_and_wait(self, services: Sequence[Service]) -> None:
        """Start them side by side and come back when all are ready."""
        started = [Child(service, self._run_dir / "log") for service in services]
        for child in started:
            child.service.prepare()
            self._children.append(child)
            child.start()
        self._write()
        deadline = time.monotonic() + _START_SECONDS
        while not all(child.ready for child in started):
            self._tick()
            if time.monotonic() > deadline:
                late = next(child for child in started if not child.ready)
                raise GaveUp(f"{late.name} is not ready after {_START_SECONDS} s.\n{tail(late.log)}")
            self._pause(_TICK_SECONDS)

    def _empty_metrics_folder(self) -> None:
        """Figures are since the start: files of earlier processes would be added to them."""
        folder = metrics_folder(self._run_dir)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def _prepare_schema_and_demo(self) -> None:
        """Run the one-off command; what it prints last is what `status` shows of the demo project."""
        log = self._run_dir / "log" / "prepare.log"
        keep_log_short(log)
        start = log.stat().st_size if log.exists() else 0
        process = spawn(preparation(self._run_dir), log)
        try:
            while process.poll() is None:
                self._tick()
                self._pause(_TICK_SECONDS)
        finally:
            kill_group(process.pid)
        if process.returncode != 0:
            raise RuntimeError(f"the databases could not be prepared.\n{tail(log)}")
        self._state["demo"] = {**self._state.get("demo", {}), **_last_json(log, start)}

    # Being up

    def _watch(self) -> None:
        checked_logs = time.monotonic()
        while True:
            self._tick()
            if time.monotonic() - checked_logs > 60:
                checked_logs = time.monotonic()
                for child in self._children:
                    keep_log_short(child.log)
            self._pause(_IDLE_SECONDS if all(child.ready for child in self._children) else _TICK_SECONDS)

    def _tick(self) -> None:
        happened = [news for child in self._children if (news := child.tick())]
        if not happened:
            return
        for news in happened:
            say(news)
        self._write()

    # Going down

    def _stop_all(self) -> None:
        """Ours first and together, then the engines one by one, in reverse order of their start."""
        if not self._state:
            return
        say("stopping")
        ours = [child for child in self._children if isinstance(child.service, (Web, Worker))]
        for child in ours:
            child.ask_to_stop()
        for child in ours:
            child.finish()
        for child in reversed([child for child in self._children if child not in ours]):
            child.ask_to_stop()
            child.finish()
        run_file.write(self._run_dir, run_file.stopped(self._state))
        say("stopped")

    # Signals and the run file

    def _listen_to_signals(self) -> None:
        """Signals wake `_pause` through a pipe; the end of a child does, too."""
        self._alarm, writing_end = os.pipe()
        for end in (self._alarm, writing_end):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing_end, warn_on_full_buffer=False)
        for number in (*_STOP_SIGNALS, signal.SIGCHLD):
            signal.signal(number, _do_nothing)

    def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until a signal. Raises _StopRequested when it says so."""
        awake, _, _ = select.select([self._alarm], [], [], seconds)
        if awake and any(number in _STOP_SIGNALS for number in os.read(self._alarm, 4096)):
            raise _StopRequested

    def _write(self) -> None:
        self._state["children"] = {child.name: child.identity for child in self._children}
        run_file.write(self._run_dir, self._state)


def say(text: str) -> None:
    """One line of the supervisor's own log: the terminal, or `log/supervisor.log` when detached."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def make_folders(run_dir: Path) -> None:
    """The run folder: closed to others, but passable for the user PostgreSQL runs as when we are root."""
    passable = 0o711 if os.geteuid() == 0 else 0o700
    for folder, mode in ((run_dir, passable), (run_dir / "data", passable), (run_dir / "log", 0o700)):
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(mode)


def _do_nothing(*_: object) -> None:
    return None


def _only_set(urls: Mapping[str, str]) -> dict[str, str]:
    return {name: url for name, url in urls.items() if url}


def end_leftovers(old: run_file.State, patience_seconds: float = 10) -> None:
    """End what an earlier supervisor left behind: first wait, since its children stop by themselves."""
    left = [entry for entry in old.get("children", {}).values() if entry]
    deadline = time.monotonic() + patience_seconds
    while any(is_alive(entry["pid"], entry["started"]) for entry in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    for entry in left:
        if is_alive(entry["pid"], entry["started"]):
            say(f"ending pid {entry['pid']}, left behind by an earlier run")
            kill_group(entry["pid"])


def _last_json(log: Path, start: int) -> dict[str, Any]:
    """The object on the last line written since `start`, without its empty values."""
    with log.open() as file:
        file.seek(start)
        lines = file.read().strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if value} if isinstance(found, dict) else {}
