"""The house rules, executable: who imports whom, one clock, one reader of the events table, sizes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("insights_service", "insights", "queries")
# Words of a rule -> files that may hold them.
ONE_HOME = {
    r"datetime\.now\(|datetime\.utcnow\(|timezone\.now\(": {"insights_service/clock.py"},
    r"FROM events\b": {
        "queries/sql/events.py",
        "queries/clickhouse/",
        "queries/hogql/",
        "insights_service/persons/",
    },
}
# What a package may never import. The service's floor carries both apps, and they do not know each other.
FORBIDDEN = {
    "queries": ("django", "rest_framework", "celery", "insights", "insights_service"),
    "insights_service/capture": ("insights",),
    "insights_service/persons": ("insights", "insights_service.capture"),
    "insights_service/accounts": ("insights", "insights_service.capture"),
    "insights": ("insights_service.capture",),
    # The pages stand on everything else of the app, and nothing on them.
    "insights/api": ("insights.front",),
    "insights/services": ("insights.front", "insights.api"),
    "insights/drawing": ("django", "rest_framework", "insights_service", "insights.models", "queries"),
}


def modules(folder: str) -> Iterator[Path]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        if "migrations" not in path.parts:
            yield path


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_only_go_downwards(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imported(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in FORBIDDEN[folder])
    ]
    assert wrong == []


@pytest.mark.parametrize("pattern", ONE_HOME)
def test_a_rule_has_one_home(pattern: str) -> None:
    elsewhere = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if re.search(pattern, path.read_text())
        and not any(str(path.relative_to(ROOT)).startswith(home) for home in ONE_HOME[pattern])
    ]
    assert elsewhere == []


def test_no_module_does_two_jobs() -> None:
    """A module beyond 600 lines is two."""
    long = {
        str(path.relative_to(ROOT)): lines
        for package in PACKAGES
        for path in modules(package)
        if (lines := len(path.read_text().splitlines())) > 600
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in modules(package)
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []
