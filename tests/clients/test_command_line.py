"""A command-line client of the community (phog-cli), as it is published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api_client import Api

PROGRAM = Path(sys.executable).parent / "posthog"
TRENDS = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "A"}]},
}


@pytest.fixture
def run(live: Api, url: str, tmp_path: Path) -> Any:
    if shutil.which(str(PROGRAM)) is None:
        pytest.skip("needs the package phog-cli")
    live.capture([{"event": "A", "distinct_id": who} for who in ("u1", "u2")])

    def run(*arguments: str) -> Any:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "POSTHOG_HOST": url,
            "POSTHOG_API_KEY": str(live.key),
            "POSTHOG_PROJECT_ID": str(live.project.pk),
            "no_proxy": "*",
        }
        ran = subprocess.run(
            [str(PROGRAM), "--json", "--yes", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr or ran.stdout
        return json.loads(ran.stdout)

    return run


def test_a_day_at_the_prompt(run: Any, live: Api) -> None:
    assert [project["id"] for project in run("project", "list")] == [live.project.pk]
    made = run("insight", "create", "--name", "Mine", "--tags", "b,a", "--query-json", json.dumps(TRENDS))
    assert (made["name"], made["tags"], made["query"]) == ("Mine", ["a", "b"], TRENDS)
    number = str(made["id"])
    assert run("insight", "query", number)["results"][0]["count"] == 2.0
    assert run("insight", "update", number, "--favorited")["favorited"] is True
    assert [insight["id"] for insight in run("insight", "list")] == [made["id"]]
    dashboard = run("dashboard", "create", "--name", "Week", "--pinned")
    assert [one["id"] for one in run("dashboard", "list")] == [dashboard["id"]]
    found = run("query", "run", "--hogql", "SELECT event, count() AS n FROM events GROUP BY event")
    assert found["results"] == [["A", 2]]
    assert [one["name"] for one in run("search", "events")] == ["A"]
