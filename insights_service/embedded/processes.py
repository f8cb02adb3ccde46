"""Child processes that cannot outlive their parent, and facts about processes by pid."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """Another user of the machine, as whom a child runs."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `stop_signal` asks it to end in order; after `stop_seconds` it is killed."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)  # on top of our own
    folder: str = "/"
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10


class Service(Protocol):
    """Something that runs as a child process."""

    @property
    def name(self) -> str: ...

    def prepare(self) -> None:
        """What must be there before the first start. RuntimeError with a sentence when it cannot be."""

    def command(self) -> Command: ...

    def is_ready(self, pid: int) -> bool:
        """Whether the process of this pid does its work."""


class Engine(Service, Protocol):
    """A store: a service that others reach by a URL."""

    @property
    def url(self) -> str: ...


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start it, in a session of its own, its output at the end of `log`.

    When this process dies, however it dies, the child gets its stop signal from the kernel (Linux). Call
    it from the main thread: the kernel looks at the thread that started the child.
    """
    parent = os.getpid()
    account = command.account
    with log.open("ab", buffering=0) as output:
        return subprocess.Popen(
            list(command.arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=command.folder,
            env={**os.environ, **command.environment},
            start_new_session=True,  # Ctrl-C is ours to pass on, in order
            preexec_fn=lambda: follow_parent(parent, command.stop_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def follow_parent(parent: int, number: signal.Signals) -> None:
    """Ask the kernel to send us `number` when our parent ends; if it has already ended, end too."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def start_mark(pid: int) -> str:
    """Something that is different for two processes which had the same pid; empty when it is gone.

    A zombie is gone: it holds nothing any more.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _mark_without_proc(pid)
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if fields[0] in "ZX" else fields[19]


def _mark_without_proc(pid: int) -> str:
    """The same where there is no /proc."""
    if sys.platform == "linux":
        return ""
    shown = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def is_alive(pid: int, mark: str) -> bool:
    return bool(mark) and start_mark(pid) == mark


def kill_group(pid: int) -> None:
    """End a child and whatever it started, at once."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody left


def memory_kb(pid: int) -> int:
    """Proportional memory of one process in kB: pages shared by n processes count 1/n. 0 when unknown."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def descendants(pid: int) -> list[int]:
    """The process and everything below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(found for child in children for found in descendants(int(child)))]
