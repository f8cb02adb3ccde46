"""The answer of a lifecycle in the older shape: older labels, and a link for every point (api S7, S8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import LEGACY_LABELS
from queries.lifecycle.node import LifecycleQuery
from queries.people import people_url
from queries.plan import Result


def lifecycle_legacy(
    result: Result, node: LifecycleQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [_series(series, node, facts) for series in result.results]


def _series(series: Mapping[str, Any], node: LifecycleQuery, facts: Mapping[str, Any]) -> dict[str, Any]:
    starts = [datetime.fromisoformat(text) for text in series["action"]["days"]]
    label = LEGACY_LABELS[node.interval]
    return {
        **series,
        "action": {key: value for key, value in series["action"].items() if key != "days"},
        "filter": facts["filter"],
        "labels": [label(start) for start in starts],
        "persons_urls": [_person(series, start, facts) for start in starts],
    }


def _person(series: Mapping[str, Any], start: datetime, facts: Mapping[str, Any]) -> dict[str, Any]:
    coordinates = {"target_date": start.isoformat(), "lifecycle_type": series["status"]}
    return {"filter": coordinates, "url": people_url(facts, "lifecycle", coordinates)}
