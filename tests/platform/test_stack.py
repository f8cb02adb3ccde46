"""The life of a whole stack, with every process real: start, find, break, end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from insights_service.embedded import state
from insights_service.embedded.processes import descendants, is_alive, start_mark
from insights_service.embedded.state import CHECKOUT

CHILDREN = ("clickhouse", "valkey", "postgres", "web", "worker")


class Stack:
    """One run folder, and the commands of `./run` on it."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        # An environment of its own: the suite's URLs would replace the stack's stores.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {**kept, "RUN_DIR": str(run_dir), "INSIGHTS_TEST_CLOCK": "1"}
        self.environment["PYTHONPATH"] = str(CHECKOUT)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "insights_service.embedded", *arguments],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def foreground(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "insights_service.embedded", "start"],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(CHECKOUT / "manage.py"), *arguments],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found

    def pid(self, name: str) -> int:
        return int(self.status()["processes"][name]["pid"])

    def is_ready(self) -> bool:
        url = state.read(self.run_dir).get("urls", {}).get("web", "http://127.0.0.1:9")
        try:
            with urllib.request.urlopen(f"{url}/_readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def has_started(self, name: str, supervisor: int) -> bool:
        found = state.read(self.run_dir)
        return found.get("supervisor", {}).get("pid") == supervisor and bool(found["children"].get(name))

    def family(self) -> list[tuple[int, str]]:
        """Every process of the stack, with its start mark."""
        owner = state.read(self.run_dir)["supervisor"]["pid"]
        return [(pid, start_mark(pid)) for pid in descendants(owner)]


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _all_gone(family: list[tuple[int, str]]) -> bool:
    return not any(is_alive(pid, mark) for pid, mark in family)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that was started detached; the tests below use it one after the other."""
    found = Stack(tmp_path_factory.mktemp("stack") / "run")
    started = found.run("start", "--detach")
    assert started.returncode == 0, started.stdout + started.stderr
    yield found
    found.run("stop")
    found.run("reset", "--yes")


@pytest.fixture
def idle(tmp_path: Path) -> Stack:
    """A run folder where nothing runs."""
    return Stack(tmp_path / "run")


def test_start_returns_when_everything_answers(stack: Stack) -> None:
    assert stack.is_ready()
    status = stack.status()
    assert (status["running"], status["ready"]) == (True, True)
    assert {"url", "project_id", "project_token", "personal_api_key"} <= status.keys()
    assert set(status["processes"]) == {"supervisor", *CHILDREN}
    assert all(process["alive"] for process in status["processes"].values())
    assert (stack.run_dir / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_second_start_says_where_the_first_one_runs(stack: Stack) -> None:
    again = stack.run("start", "--detach")
    assert again.returncode == 0
    assert f"running already (pid {stack.pid('supervisor')}" in again.stdout
    assert stack.status()["url"] in again.stdout


def test_commands_find_the_running_stack(stack: Stack) -> None:
    checked = stack.manage("migrate_clickhouse", "--check")
    assert (checked.returncode, checked.stdout) == (0, "Nothing is missing.\n"), checked.stderr


def test_the_doctor_finds_nothing_wrong(stack: Stack) -> None:
    said = stack.run("doctor")
    assert said.returncode == 0, said.stdout


def test_every_killed_process_is_replaced(stack: Stack) -> None:
    before = {name: stack.pid(name) for name in CHILDREN}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    assert _until(lambda: all(_new_and_alive(stack, before).values()), 60), _new_and_alive(stack, before)
    assert _until(stack.is_ready, 60)


def test_a_killed_web_worker_is_replaced_while_callers_wait(stack: Stack) -> None:
    (worker,) = descendants(stack.pid("web"))[1:2]
    os.kill(worker, signal.SIGKILL)
    assert _until(stack.is_ready, 60)


def _new_and_alive(stack: Stack, before: dict[str, int]) -> dict[str, bool]:
    now = stack.status()["processes"]
    return {
        name: name in now and now[name]["pid"] != pid and now[name]["alive"] for name, pid in before.items()
    }


def test_stop_leaves_no_process_and_keeps_the_data(stack: Stack) -> None:
    family = stack.family()
    secrets = state.read(stack.run_dir)["secrets"]
    stopped = stack.run("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
    assert _all_gone(family)
    assert stack.run("status").returncode == 3
    assert state.read(stack.run_dir)["secrets"] == secrets
    assert "urls" not in state.read(stack.run_dir)
    assert "Start one with ./run" in stack.manage("migrate_clickhouse").stderr


def test_killing_the_supervisor_leaves_nothing_and_the_next_start_works(stack: Stack) -> None:
    process = stack.foreground()
    assert _until(lambda: bool(state.read(stack.run_dir).get("ready")), 240)
    family = stack.family()
    assert len(family) > len(CHILDREN)
    process.kill()
    output, _ = process.communicate()
    assert "  Open " in output
    assert _until(lambda: _all_gone(family), 20), family

    # Ctrl-C while it comes up: the engines end in order, too.
    process = stack.foreground()
    assert _until(lambda: stack.has_started("postgres", process.pid), 30)
    family = stack.family()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert _all_gone(family)
    assert "stopped" in output


def test_a_checkout_is_itself_from_inside_another(idle: Stack, tmp_path: Path) -> None:
    decoy = tmp_path / "insights_service"
    decoy.mkdir()
    (decoy / "__init__.py").write_text("raise SystemExit('the wrong checkout')")
    shown = subprocess.run(
        [str(CHECKOUT / "run"), "status"],
        env=idle.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, "Nothing runs in" in shown.stdout) == (3, True), shown.stderr


def test_a_wrong_variable_stops_the_start(idle: Stack) -> None:
    idle.environment["QUERY_TIMEOUT_SECONDS"] = "soon"
    refused = idle.run("start", "--detach")
    del idle.environment["QUERY_TIMEOUT_SECONDS"]
    assert refused.returncode == 2
    assert "QUERY_TIMEOUT_SECONDS must be a whole number" in refused.stderr


def test_a_taken_port_stops_the_start_before_anything_runs(idle: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        idle.environment["PORT"] = str(other.getsockname()[1])
        refused = idle.run("start", "--detach")
        del idle.environment["PORT"]
    assert refused.returncode == 1
    assert "is taken by another program" in refused.stderr


def test_reset_deletes_only_when_told_twice(idle: Stack) -> None:
    idle.run_dir.mkdir()
    (idle.run_dir / "log").mkdir()
    assert idle.run("reset").returncode == 1
    assert idle.run_dir.exists()
    assert idle.run("reset", "--yes").returncode == 0
    assert not idle.run_dir.exists()
