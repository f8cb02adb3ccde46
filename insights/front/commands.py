"""The same question for a shell: a curl command, and the addresses of the downloads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode

from insights.shown import ShownInsight

KEY = "$INSIGHTS_KEY"
Changes = Mapping[str, str]


def curl(request: HttpRequest, shown: ShownInsight, changes: Changes) -> str:
    """A command that prints the answer as JSON; the key comes from the environment."""
    if {"by", "display"} & changes.keys():
        return curl_of_query(request, shown.insight.project_id, shown.question.query)
    return f"curl -s {shlex.quote(download(request, shown, changes)['json'])} -H {_key()}"


def curl_of_query(request: HttpRequest, project_id: int, query: Any) -> str:
    """A command that asks a question that is not saved."""
    url = request.build_absolute_uri(f"/api/projects/{project_id}/query/")
    body = shlex.quote(json.dumps({"query": query}, ensure_ascii=False))
    return f"curl -s -X POST {url} -H {_key()} -H 'Content-Type: application/json' -d {body}"


def download(request: HttpRequest, shown: ShownInsight, changes: Changes) -> dict[str, str]:
    """Absolute addresses of the insight with its answer, by format; a session may follow them."""
    path = f"/api/projects/{shown.insight.project_id}/insights/{shown.insight.pk}/"
    dates = {name: changes[name] for name in ("date_from", "date_to") if name in changes}
    parameters: dict[str, Any] = {"refresh": "blocking"}
    if dates:
        parameters["filters_override"] = json.dumps(dates)
    if shown.context.tile is not None:
        parameters["from_dashboard"] = shown.context.tile.dashboard_id
    base = request.build_absolute_uri(path)
    return {form: f"{base}?{urlencode({**parameters, 'format': form})}" for form in ("json", "csv")}


def _key() -> str:
    return f'"Authorization: Bearer {KEY}"'
