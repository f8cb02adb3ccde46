"""Links from a number to the people behind it (api S6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def people_url(facts: Mapping[str, Any], endpoint: str, coordinates: Mapping[str, Any]) -> str:
    """The path of the people behind one point: the whole filter plus the point's coordinates.

    `facts["project_path"]` is the project's URL prefix, `facts["filter"]` the echo of the question.
    Lists, objects and booleans are written as JSON, absent values are left out.
    """
    parameters = {**facts["filter"], **coordinates}
    query = urlencode(
        [(key, _text(value)) for key, value in parameters.items() if value not in (None, {}, [])]
    )
    return f"{facts['project_path']}/persons/{endpoint}/?{query}"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
