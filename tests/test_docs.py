"""Every curl command of the pages, run through a shell against the demo project on a real server.

Filled in are the host, the key, the token of the project and ids; everything else is sent as printed. Where
a block of JSON follows, the answer has the keys that it shows.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.browser import serving

ROOT = Path(__file__).parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NEAR = 200  # characters of prose between a command and its answer; farther away it is something else
# No answer is followed, and each status is said.
CURL = """curl() { command curl --silent --show-error --write-out '%{stderr}%{http_code}\\n' "$@"; printf '\\n'; }\nset -e\n"""


@dataclass(frozen=True)
class Command:
    """A block of shell, and what the page says comes back."""

    page: str
    text: str
    shown: str | None

    def __str__(self) -> str:
        return f"{self.page} {self.text.partition('projects/1/')[2].split('/')[0][:40]}"


def commands() -> Iterator[Command]:
    for page in PAGES:
        blocks = list(BLOCK.finditer(page.read_text()))
        for block, following in zip_longest(blocks, blocks[1:]):
            if block[1] in ("sh", "bash", "") and re.search(r"^curl ", block[2], re.MULTILINE):
                is_near = following and following.start() - block.end() < NEAR
                shown = following[2] if following and is_near and following[1] == "json" else None
                yield Command(str(page.relative_to(ROOT)), block[2], shown)


COMMANDS = list(commands())


@pytest.fixture(scope="module")
def site(service: None) -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def names(site: str) -> Mapping[str, str]:
    """What the pages leave to the reader, by how they spell it."""
    out = io.StringIO()
    call_command("demo_data", "--new-secrets", stdout=out)
    demo = json.loads(out.getvalue().splitlines()[-1])
    base = f"/api/projects/{demo['project_id']}/"
    headers = {"Authorization": f"Bearer {demo['personal_api_key']}"}

    def call(method: str, path: str, **fields: Any) -> Any:
        body = json.dumps(fields).encode()
        answer = Client().generic(
            method, base + path, body if fields else b"", content_type="application/json", headers=headers
        )
        assert answer.status_code in (200, 201, 202), answer.content
        return answer.json()

    _capture_paths(demo["project_token"])
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "purchase"}]}
    insight = call("POST", "insights/", name="Purchases", query=query)["id"]
    share = call("PATCH", f"insights/{insight}/sharing/", enabled=True)["access_token"]
    action = call("POST", "actions/", name="Bought", steps=[{"event": "purchase"}])["id"]
    cohort = call("POST", "cohorts/", name="Everybody")["id"]
    run = call("POST", "query/", query=query, refresh="force_async")["query_status"]["id"]
    first = {
        kind: str(call("GET", f"{kind}/?limit=1")["results"][0]["id"])
        for kind in ("event_definitions", "property_definitions", "dashboards")
    }
    return {
        "api/projects/1/": base.lstrip("/"),
        "insights/17/": f"insights/{insight}/",
        "dashboards/3/": f"dashboards/{first['dashboards']}/",
        "actions/5/": f"actions/{action}/",
        "cohorts/9/": f"cohorts/{cohort}/",
        "event_definitions/7/": f"event_definitions/{first['event_definitions']}/",
        "property_definitions/21/": f"property_definitions/{first['property_definitions']}/",
        "query/cache_5d41.../": f"query/{run}/",
        "http://127.0.0.1:8000": site,
        "localhost:8000": site,
        "$POSTHOG_PERSONAL_API_KEY": "$KEY",
        "phx_...": demo["personal_api_key"],
        "phc_...": demo["project_token"],
        "$TOKEN": share,
        "KEY": demo["personal_api_key"],
    }


def _capture_paths(token: str) -> None:
    """The pages that docs/paths.md begins with: the demo project has none."""
    seen = {"/": "10:00", "/pricing": "10:01", "/signup": "10:03"}
    batch = [
        {
            "event": "$pageview",
            "distinct_id": "ann",
            "timestamp": f"2024-01-10T{clock}:00Z",
            "properties": {"$current_url": path, "$session_id": "s"},
        }
        for path, clock in seen.items()
    ]
    body = {"api_key": token, "batch": batch, "historical_migration": True}
    assert Client().post("/batch/", body, content_type="application/json").status_code == 200


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_as_printed(command: Command, names: Mapping[str, str], site: str, tmp_path: Path) -> None:
    text = command.text
    for spelt, meant in names.items():
        text = text if spelt == "KEY" else text.replace(spelt, meant)
    environment = {**os.environ, "HOST": site, "URL": site, "KEY": names["KEY"], "no_proxy": "*"}
    ran = subprocess.run(
        ["sh", "-c", CURL + text], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120
    )
    statuses = ran.stderr.split()
    assert ran.returncode == 0, ran.stderr
    assert statuses and all(re.fullmatch(r"2\d\d", status) for status in statuses), (statuses, ran.stdout)
    if command.shown is not None:
        answer = json.loads([line for line in ran.stdout.splitlines() if line.strip()][-1])
        assert list(missing(json.loads(command.shown), answer)) == []


def missing(shown: Any, answer: Any, place: str = "") -> Iterator[str]:
    """Where the answer lacks a key that the page shows, or is of another kind. `"..."` stands for anything."""
    if shown == "..." or shown == ["..."]:
        return
    if isinstance(shown, dict):
        if not isinstance(answer, dict):
            yield f"{place}: an object is shown"
            return
        for key, value in shown.items():
            if key == "...":
                continue
            if key not in answer:
                yield f"{place}.{key}"
            else:
                yield from missing(value, answer[key], f"{place}.{key}")
    elif isinstance(shown, list):
        if not isinstance(answer, list) or (shown and not answer):
            yield f"{place}: a list is shown"
        elif shown:
            yield from missing(shown[0], answer[0], f"{place}[0]")
    elif isinstance(shown, str) and answer is not None and not isinstance(answer, str):
        yield f"{place}: a text is shown"


def test_there_are_commands() -> None:
    """A pattern that finds nothing would test nothing."""
    pages = {command.page for command in COMMANDS}
    groups = {str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "api").glob("*.md")}
    assert groups <= pages, groups - pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not re.match(r"\w+:", link)]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_list_of_pages_has_all() -> None:
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text()))
    there = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert there <= listed, there - listed
