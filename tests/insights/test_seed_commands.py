"""The commands of the reference page, run through a shell as they are printed there.

Filled in are only the host, the key and the ids; the blanks and line breaks that the page's layout has
lost around a backslash are put back. Calculation endpoints have a test of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.api.accounts_world import World
from tests.insights.conftest import Desk

HEADER = '-H "Authorization: Bearer $POSTHOG_PERSONAL_API_KEY" \\\n'
SEND = "curl \\\n-H 'Content-Type: application/json' \\\n" + HEADER
HOST = "    <ph_app_host>/api/projects/:project_id/insights/"
NAMED = ' \\\n-d name="string"'

# what is printed, expected status
COMMANDS = {
    "list": ("curl \\\n" + HEADER + HOST, 200),
    "create": (SEND + HOST + NAMED, 201),
    "sharing": ("curl \\\n" + HEADER + HOST + ":insight_id/sharing/", 200),
    "retrieve": ("curl \\\n" + HEADER + HOST + ":id/", 200),
    "update": ("curl -X PATCH \\\n" + HEADER + HOST + ":id/" + NAMED, 200),
    "delete": ("curl -X DELETE \\\n" + HEADER + HOST + ":id/", 405),
    "activity of one": ("curl \\\n" + HEADER + HOST + ":id/activity/", 200),
    "viewed": (SEND + HOST + ":id/viewed/" + NAMED, 200),
    "activity": ("curl \\\n" + HEADER + HOST + "activity/", 200),
    "cancel": (SEND + HOST + "cancel/" + NAMED, 200),
    "my last viewed": ("curl \\\n" + HEADER + HOST + "my_last_viewed/", 200),
    "timing": (SEND + HOST + "timing/" + NAMED, 200),
}


class Shell:
    """Runs a command against a server; ids are those of one insight."""

    def __init__(self, server: Any) -> None:
        self.desk = Desk(World.make())
        self.insight = self.desk.insight(name="first")
        self.server = server

    def run(self, command: str) -> tuple[int, Any]:
        """Status and body of the answer; an empty body is None."""
        text = command.replace("curl", "curl -s -w '\\n%{http_code}'", 1)
        for name, value in {
            "<ph_app_host>": self.server.url,
            ":project_id": str(self.desk.project.pk),
            ":insight_id": str(self.insight["id"]),
            ":id": str(self.insight["id"]),
        }.items():
            text = text.replace(name, value)
        environment = {**os.environ, "POSTHOG_PERSONAL_API_KEY": self.desk.key, "no_proxy": "*"}
        printed = subprocess.run(
            ["sh", "-c", text], capture_output=True, text=True, env=environment, check=True
        )
        body, _, status = printed.stdout.rpartition("\n")
        return int(status), json.loads(body) if body else None


@pytest.fixture
def shell(live_server: Any) -> Shell:
    return Shell(live_server)


@pytest.mark.parametrize("name", COMMANDS)
def test_as_printed(shell: Shell, name: str) -> None:
    command, expected = COMMANDS[name]
    status, body = shell.run(command)
    assert status == expected, body
    if name in ("viewed", "cancel", "timing", "delete"):
        assert body is None
    if name in ("create", "update"):
        assert body["name"] == "string"
    if name == "sharing":
        assert list(body) == ["created_at", "enabled", "access_token"]
    if name == "my last viewed":
        assert body == []
