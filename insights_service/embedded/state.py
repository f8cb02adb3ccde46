"""The run file: what one checkout's stack is made of, for every other process to find.

`RUN_DIR/state.json`, readable by its owner only, because it holds passwords:

    secrets     secret_key and one password per store; made once, kept for ever (the data depend on them)
    ports       the ports last used, taken again when they are free
    urls        web, database, redis, clickhouse; there only while a stack runs
    supervisor  {"pid", "started"} of the process that owns the stack
    children    name -> {"pid", "started"}
    ready       true once the web process has answered
    demo        what `manage.py demo_data` printed: project_id, project_token, personal_api_key, ...
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

State = dict[str, Any]  # finished JSON: it lives in a file and is read by other programs

FILE_NAME = "state.json"
CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_RUN_DIR = CHECKOUT / ".run"
_WHILE_RUNNING = ("urls", "supervisor", "children", "ready", "web_failed")


def read(run_dir: Path) -> State:
    """The stored state; empty when no stack was ever started here, or when others may not read it."""
    try:
        found = json.loads((run_dir / FILE_NAME).read_text())
    except (FileNotFoundError, PermissionError, NotADirectoryError):
        return {}
    return found if isinstance(found, dict) else {}


def write(run_dir: Path, state: State) -> None:
    """Replace the file as a whole, so that a reader never meets half of it."""
    draft = run_dir / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(state, file, indent=1)
        file.write("\n")
    draft.replace(run_dir / FILE_NAME)


def with_secrets(state: State) -> State:
    """The state with every secret present; those it already has stay as they are."""
    made = {
        "secret_key": secrets.token_urlsafe(48),
        "postgres": secrets.token_urlsafe(18),
        "valkey": secrets.token_urlsafe(18),
        "clickhouse": secrets.token_urlsafe(18),
    }
    return {**state, "secrets": {**made, **state.get("secrets", {})}}


def stopped(state: State) -> State:
    """The state of a stack that runs no more: data and secrets stay, addresses and pids go."""
    return {key: value for key, value in state.items() if key not in _WHILE_RUNNING}
