"""Clients that others have written, against this server on a socket: unchanged but for host and key."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_client import Api, make_project
from tests.browser import serving

NODE = Path(__file__).parent / "node"
INSTALL_SECONDS = 120


@pytest.fixture(scope="module")
def url(service: None) -> Iterator[str]:
    with serving() as site:
        yield site


@pytest.fixture
def live(service: None) -> Api:
    """A project whose time is the machine's, as it is for clients outside."""
    api = make_project()
    api.now = None
    return api


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of `node/package-lock.json`, installed once beside it."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    packages = NODE / "node_modules"
    with (NODE / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = packages / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (NODE / "package-lock.json").stat().st_mtime:
            found = subprocess.run(
                ["npm", "ci", "--omit=dev"], cwd=NODE, capture_output=True, text=True, timeout=INSTALL_SECONDS
            )
            assert found.returncode == 0, found.stderr
    return packages
