"""One supervised child: started, watched, started again after a while when it ends by itself."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from insights_service.embedded.processes import Command, Service, kill_group, spawn, start_mark

MOST_FAILED_STARTS = 6
_LONGEST_WAIT_SECONDS = 30.0
_LOG_BYTES = 20 * 1024 * 1024


class GaveUp(RuntimeError):
    """A child that does not come up, with the end of its log."""


class Child:
    """`tick` does whatever is due and tells in words what happened; it never waits."""

    def __init__(self, service: Service, log_folder: Path) -> None:
        self.service = service
        self.log = log_folder / f"{service.name}.log"
        self.ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._command: Command | None = None
        self._failed_starts = 0
        self._restart_at = 0.0

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def identity(self) -> dict[str, object]:
        """Pid and start mark for the run file; empty while there is no process."""
        if self._process is None:
            return {}
        return {"pid": self._process.pid, "started": start_mark(self._process.pid)}

    def start(self) -> None:
        keep_log_short(self.log)
        self._command = self.service.command()
        self._process = spawn(self._command, self.log)
        self.ready = False

    def tick(self) -> str:
        """Start again, notice readiness or an end. Returns what happened, or nothing. Raises GaveUp."""
        if self._process is None:
            return self._start_when_due()
        if (code := self._process.poll()) is not None:
            return self._ended(code)
        if not self.ready and self.service.is_ready(self._process.pid):
            self.ready = True
            self._failed_starts = 0
            return f"{self.name} is ready"
        return ""

    def ask_to_stop(self) -> None:
        """Send the stop signal, if it runs."""
        if self._process is not None and self._command is not None and self._process.poll() is None:
            self._process.send_signal(self._command.stop_signal)

    def finish(self) -> None:
        """Wait until it has ended, for as long as its command allows; then kill all that is left of it."""
        if self._process is None or self._command is None:
            return
        try:
            self._process.wait(self._command.stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        kill_group(self._process.pid)
        self._process = None

    def _start_when_due(self) -> str:
        if time.monotonic() < self._restart_at:
            return ""
        self.start()
        return f"{self.name} started again"

    def _ended(self, code: int) -> str:
        assert self._process is not None
        kill_group(self._process.pid)  # what it started would hold its port
        self._process = None
        self._failed_starts = 0 if self.ready else self._failed_starts + 1
        self.ready = False
        if self._failed_starts >= MOST_FAILED_STARTS:
            raise GaveUp(f"{self.name} did not start {self._failed_starts} times.\n{tail(self.log)}")
        wait = restart_wait(self._failed_starts)
        self._restart_at = time.monotonic() + wait
        return f"{self.name} ended ({_shown_code(code)}); starting it again in {wait:g} s"


def restart_wait(failed_starts: int) -> float:
    """Seconds before the next start: at once after it had worked, then 1, 2, 4 ... 30."""
    if failed_starts == 0:
        return 0.1
    return min(_LONGEST_WAIT_SECONDS, 2.0 ** (failed_starts - 1))


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, for a message."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def keep_log_short(log: Path) -> None:
    """Move the log aside when it is long. It is open for appending, so cutting it is safe."""
    if not log.exists() or log.stat().st_size < _LOG_BYTES:
        return
    log.with_suffix(".log.1").write_bytes(log.read_bytes())
    with log.open("r+b") as file:
        file.truncate()


def _shown_code(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
