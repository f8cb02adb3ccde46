"""ClickHouse's engine as a child process: the gateway on the loopback address, with a password."""

from __future__ import annotations

import http.client
import sys
from dataclasses import dataclass
from pathlib import Path

from insights_service.embedded.gateway.config import PASSWORD_VARIABLE
from insights_service.embedded.ports import HOST
from insights_service.embedded.processes import Command
from insights_service.embedded.state import CHECKOUT

DATABASE = "insights"


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """One gateway: `prepare` once, then run `command`, then wait until `is_ready`."""

    folder: Path
    port: int
    password: str
    memory_bytes: int | None = None

    name = "clickhouse"

    @property
    def url(self) -> str:
        return f"http://default:{self.password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Command:
        arguments = [sys.executable, "-m", "insights_service.embedded.gateway"]
        arguments += ["--data", str(self.folder), "--port", str(self.port)]
        if self.memory_bytes:
            arguments += ["--memory-bytes", str(self.memory_bytes)]
        return Command(
            name=self.name,
            arguments=arguments,
            environment={PASSWORD_VARIABLE: self.password},
            folder=str(CHECKOUT),
        )

    def is_ready(self, pid: int) -> bool:
        return answers(self.port, "/ping")


def answers(port: int, path: str, seconds: float = 2) -> bool:
    """Whether a GET of `path` on this machine is answered 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
