"""The files around the code say what the code does."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from insights_service.config import Config
from insights_service.embedded.state import CHECKOUT

SETTINGS = {field.metadata["name"] for field in fields(Config)}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
    return found


def test_compose_sets_only_settings_that_exist(compose: dict[str, Any]) -> None:
    assert set(compose["services"]["web"]["environment"]) <= SETTINGS


def test_compose_runs_each_kind_of_process(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {
        "web", "worker", "beat", "migrate", "postgres", "valkey", "clickhouse"
    }  # fmt: skip
    for service in ("web", "worker", "beat"):
        assert compose["services"][service]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }


@pytest.mark.parametrize("script", ["run", ".ci/run", "manage.py"])
def test_scripts_can_be_run(script: str) -> None:
    assert os.access(CHECKOUT / script, os.X_OK)


def test_help_helps_from_anywhere_without_an_environment(tmp_path: Path) -> None:
    link = tmp_path / "insights"
    link.symlink_to(CHECKOUT / "run")
    shown = subprocess.run(
        [str(link), "--help"],
        env={"PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    for word in ("start --detach", "status [--json]", "stop", "doctor", "test", "PORT=8080"):
        assert word in shown.stdout


def test_make_targets_are_few_and_of_one_line() -> None:
    lines = (CHECKOUT / "Makefile").read_text().splitlines()
    targets = [line for line in lines if re.match(r"[a-z]+:", line)]
    phony = next(line for line in lines if line.startswith(".PHONY")).split()[1:]
    assert phony == [target.partition(":")[0] for target in targets]
    assert len(targets) <= 12
