"""Links from a number to the people behind it (api S6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

# The range of the whole answer, beside the dates of the bucket that a point of a trend is (ours).
RANGE_FROM, RANGE_TO = "range_from", "range_to"
DEFAULT_FROM = "-7d"  # semantics A2
NOT_IN_LINKS = frozenset({"offset"})  # of the breakdown values; in a list of people it means people


def people_url(facts: Mapping[str, Any], endpoint: str, coordinates: Mapping[str, Any]) -> str:
    """The path of the people behind one point: the whole filter plus the point's coordinates.

    `facts["project_path"]` is the project's URL prefix, `facts["filter"]` the echo of the question.
    Lists, objects and booleans are written as JSON, absent values are left out.
    """
    parameters = {**facts["filter"], **coordinates}
    query = urlencode(
        [
            (key, _text(value))
            for key, value in parameters.items()
            if value not in (None, {}, []) and key not in NOT_IN_LINKS
        ]
    )
    return f"{facts['project_path']}/persons/{endpoint}/?{query}"


def range_of(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The range as the question wrote it, for links whose dates are a bucket's."""
    return {RANGE_FROM: filters.get("date_from") or DEFAULT_FROM, RANGE_TO: filters.get("date_to")}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
