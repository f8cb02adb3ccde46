"""What a started stack tells its user: address, login, and a question to paste."""

from __future__ import annotations

import json
from typing import Any

from insights_service.embedded.state import State

# Purchases by month of the demo data.
_QUESTION = {
    "events": [{"id": "purchase"}],
    "interval": "month",
    "date_from": "2024-01-01",
    "date_to": "2024-06-30",
}


def facts(state: State) -> dict[str, Any]:
    """What `status --json` prints of a running stack; the demo's keys are absent until it is there."""
    demo = state.get("demo", {})
    return {
        "url": state.get("urls", {}).get("web", ""),
        "project_id": demo.get("project_id"),
        "project_token": demo.get("project_token"),
        "personal_api_key": demo.get("personal_api_key"),
        "email": demo.get("email"),
        "password": demo.get("password"),
        "seconds_to_ready": state.get("seconds_to_ready"),
    }


def curl(state: State) -> str:
    """One line for a shell: a trend of the demo project."""
    known = facts(state)
    return (
        f"curl -s -X POST {known['url']}/api/projects/{known['project_id']}/insights/trend/"
        f" -H 'Authorization: Bearer {known['personal_api_key']}'"
        f" -H 'Content-Type: application/json' -d '{json.dumps(_QUESTION)}'"
    )


def banner(state: State) -> str:
    """The text shown when everything answers."""
    known = facts(state)
    lines = ["", f"  Open           {known['url']}/"]
    if known["email"]:
        lines.append(f"  Log in as      {known['email']} / {known['password']}")
    lines.append(f"  API in words   {known['url']}/api/schema/swagger-ui/")
    if known["personal_api_key"]:
        lines += [
            f"  Send events    project token {known['project_token']}",
            "",
            "  Purchases by month in the demo project:",
            "",
            curl(state),
        ]
    return "\n".join([*lines, ""])
