"""The answer of stickiness in the older shape: the same numbers, and a link for every column (api S7, S8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.context import ProjectContext
from queries.people import people_url
from queries.plan import Result
from queries.stickiness.node import StickinessQuery


def stickiness_legacy(
    result: Result, node: StickinessQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [_series(series, facts) for series in result.results]


def _series(series: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    urls = [_person(series, day, facts) for day in series["days"]]
    return {**series, "filter": facts["filter"], "persons_urls": urls}


def _person(series: Mapping[str, Any], day: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    action = series["action"]
    coordinates = {
        "entity_id": action["id"],
        "entity_type": action["type"],
        "entity_math": action["math"],
        "entity_order": action["order"],
        "stickiness_days": day,
    }
    if "compare_label" in series:
        coordinates["compare_label"] = series["compare_label"]
    return {"filter": coordinates, "url": people_url(facts, "stickiness", coordinates)}
