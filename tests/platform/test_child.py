"""A supervised child: started again when it ends, given up when it never comes up, ended with its family."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from insights_service.embedded import child as supervised
from insights_service.embedded.child import Child, GaveUp, keep_log_short, restart_wait, tail
from insights_service.embedded.ports import free_port, is_free
from insights_service.embedded.processes import Command, is_alive, spawn, start_mark
from insights_service.embedded.run_lock import RunLock, is_running
from insights_service.embedded.state import CHECKOUT
from insights_service.embedded.supervisor import end_leftovers

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
FAMILY = """
import subprocess, time
subprocess.Popen(["sleep", "60"])
print("up", flush=True)
time.sleep(60)
"""


@dataclass
class Script:
    """A service that is a few lines of Python; ready when it has printed something."""

    code: str
    log: Path
    name: str = "script"
    stop_seconds: float = 5

    def prepare(self) -> None:
        """Nothing."""

    def command(self) -> Command:
        arguments = [sys.executable, "-c", self.code]
        return Command(name=self.name, arguments=arguments, stop_seconds=self.stop_seconds)

    def is_ready(self, pid: int) -> bool:
        return bool(self.log.read_text())


def _child(code: str, folder: Path, **options: float) -> Child:
    return Child(Script(code, folder / "script.log", **options), folder)  # type: ignore[arg-type]


def _tick_until(child: Child, wanted: str, seconds: float = 10) -> list[str]:
    seen: list[str] = []
    deadline = time.monotonic() + seconds
    while not any(wanted in text for text in seen):
        assert time.monotonic() < deadline, seen
        if news := child.tick():
            seen.append(news)
        time.sleep(0.01)
    return seen


def _gone(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not condition()


def test_a_killed_child_is_started_again(tmp_path: Path) -> None:
    child = _child(STUBBORN, tmp_path)
    child.start()
    _tick_until(child, "is ready")
    first = child.identity
    os.kill(int(str(first["pid"])), signal.SIGKILL)
    seen = _tick_until(child, "started again")
    assert seen[0] == "script ended (killed by SIGKILL); starting it again in 0.1 s"
    assert child.identity != first
    child.service.stop_seconds = 0.1  # type: ignore[attr-defined]
    child.finish()


def test_a_child_that_never_comes_up_is_given_up_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "_LONGEST_WAIT_SECONDS", 0.02)
    child = _child("import sys; sys.exit('no such thing')", tmp_path)
    child.service.is_ready = lambda pid: False  # type: ignore[method-assign]
    child.start()
    with pytest.raises(GaveUp, match=r"(?s)script did not start 6 times.*no such thing"):
        _tick_until(child, "never")


def test_waits_grow_only_while_it_does_not_come_up() -> None:
    assert [restart_wait(failed) for failed in range(8)] == [0.1, 1, 2, 4, 8, 16, 30, 30]


def test_a_stubborn_child_is_killed_after_its_time(tmp_path: Path) -> None:
    child = _child(STUBBORN, tmp_path, stop_seconds=0.2)
    child.start()
    _tick_until(child, "is ready")
    identity = child.identity
    child.ask_to_stop()
    child.finish()
    assert not is_alive(int(str(identity["pid"])), str(identity["started"]))


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    child = _child(FAMILY, tmp_path)
    child.start()
    _tick_until(child, "is ready")
    pid = int(str(child.identity["pid"]))
    (grandchild,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    mark = start_mark(grandchild)
    child.ask_to_stop()
    child.finish()
    assert _gone(lambda: is_alive(grandchild, mark))


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path;"
        "from insights_service.embedded.processes import Command, spawn;"
        f"p = spawn(Command('c', ['sleep', '60']), Path({str(tmp_path / 'c.log')!r}));"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    mark = start_mark(pid)
    assert is_alive(pid, mark)
    parent.kill()
    parent.wait()
    assert _gone(lambda: is_alive(pid, mark))


def test_what_an_earlier_run_left_behind_is_ended_and_nothing_else(tmp_path: Path) -> None:
    left, other = (spawn(Command("left", ["sleep", "60"]), tmp_path / "left.log") for _ in range(2))
    old = {"children": {
        "web": {"pid": left.pid, "started": start_mark(left.pid)},
        "worker": {"pid": other.pid, "started": "the mark of a process that had this pid before"},
        "valkey": {},
    }}  # fmt: skip
    end_leftovers(old, patience_seconds=0.1)
    assert left.wait(5) == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    process = spawn(Command("short", [sys.executable, "-c", ""]), tmp_path / "short.log")
    assert _gone(lambda: bool(start_mark(process.pid)))
    os.kill(process.pid, 0)  # still answers: nobody has waited for it
    process.wait()


def test_one_holder_of_a_run_folder(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    with RunLock(tmp_path) as first, RunLock(tmp_path) as second:
        assert (first.taken, second.taken) == (True, False)
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_a_wanted_port_is_taken_when_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not is_free(port)
        assert free_port(port) != port


def test_a_long_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "_LOG_BYTES", 10)
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as file:
        file.write(b"0123456789")
        keep_log_short(log)
        file.write(b"new")
    assert log.read_text() == "new"
    assert (tmp_path / "x.log.1").read_text() == "0123456789"
    assert tail(log) == "    new"
