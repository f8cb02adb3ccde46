"""One supervisor for each run folder: a lock that the kernel gives back however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

_PATIENCE_SECONDS = 0.5  # somebody who only looks holds the lock for an instant


class RunLock:
    """`with RunLock(run_dir) as lock: lock.taken` - whether it is ours inside the block."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "lock"
        self._descriptor = -1
        self.taken = False

    def __enter__(self) -> RunLock:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (taken := self._try()) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.taken = taken
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_running(run_dir: Path) -> bool:
    """Whether a supervisor holds this folder now."""
    if not (run_dir / "lock").exists():
        return False
    descriptor = os.open(run_dir / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
