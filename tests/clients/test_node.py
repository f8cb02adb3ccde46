"""The SDK for Node.js sends its events (api X)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.api_client import Api
from tests.clients.conftest import NODE


def test_the_node_sdk(live: Api, url: str, node_modules: Path) -> None:
    ran = subprocess.run(
        ["node", "capture.mjs", url, live.project.api_token],
        cwd=NODE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    rows = {row["event"]: row for row in live.get("events/").body["results"]}
    assert sorted(rows) == ["$create_alias", "$groupidentify", "$identify", "A", "B"]
    # To the minute: the time that the request took on its way is taken for clock skew (api X6).
    assert rows["A"]["timestamp"].startswith("2024-01-10T10:00:")
    assert rows["A"]["id"] == "018cf2c0-0000-7000-8000-00000000000a"
    assert rows["B"]["properties"]["$group_0"] == "acme"
    [person] = live.get("persons/").body["results"]
    assert sorted(person["distinct_ids"]) == ["a", "other name", "u"]
    assert person["properties"]["plan"] == "pro"
    [group] = live.get("groups/", {"group_type_index": "0"}).body["results"]
    assert (group["group_key"], group["group_properties"]["size"]) == ("acme", 5)
