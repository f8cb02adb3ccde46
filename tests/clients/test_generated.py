"""A client that a generator makes from our own description of the API, used without a line by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api_client import Api

pytest.importorskip("openapi_python_client", reason="needs the package openapi-python-client")

PROGRAM = """
import json, sys
sys.path.insert(0, {folder!r})
from made import AuthenticatedClient
from made.api.{tag} import insights_create, insights_list, insights_retrieve
from made.models import InsightBodyRequest, InsightsRetrieveRefresh

client = AuthenticatedClient(base_url={url!r}, token={key!r}, raise_on_unexpected_status=True)
project = {project!r}
made = insights_create.sync(project, client=client, body=InsightBodyRequest.from_dict({{"name": "By a client", "saved": True,
    "query": {{"kind": "TrendsQuery", "series": [{{"kind": "EventsNode", "event": "A"}}]}}}}))
listed = insights_list.sync(project, client=client)
found = insights_retrieve.sync(project, str(made.id), client=client, refresh=InsightsRetrieveRefresh.BLOCKING)
print(json.dumps([made.name, listed.count, [row["count"] for row in found.to_dict()["result"]]]))
"""


@pytest.fixture(scope="module")
def made(service: None, tmp_path_factory: Any) -> Path:
    """The generated package."""
    from django.test import Client

    folder = tmp_path_factory.mktemp("client")
    description = folder / "schema.json"
    description.write_bytes(Client().get("/api/schema/?format=json").content)
    config = folder / "config.yml"
    config.write_text("project_name_override: made\npackage_name_override: made\npost_hooks: []\n")
    ran = subprocess.run(
        [
            str(Path(sys.executable).parent / "openapi-python-client"),
            *("generate", "--path", str(description), "--config", str(config), "--meta", "none"),
            *("--output-path", str(folder / "made"), "--overwrite"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "WARNING" not in ran.stdout + ran.stderr, ran.stdout + ran.stderr
    return folder


def test_it_makes_lists_and_computes(made: Path, live: Api, url: str) -> None:
    live.capture([{"event": "A", "distinct_id": "u1"}])
    program = PROGRAM.format(
        folder=str(made), url=url, key=live.key, project=str(live.project.pk), tag="insights"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == '["By a client", 1, [1.0]]', ran.stdout + ran.stderr
