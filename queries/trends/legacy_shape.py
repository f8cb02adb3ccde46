"""The answer of a trend in the older shape of the calculation endpoint (api S7-S11).

The numbers are those of `shape.py`; the texts are the older ones, every point links to the people behind
it, and "none" is written `""` / `none` (semantics D35).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import LEGACY_LABELS
from queries.people import people_url, range_of
from queries.plan import Result
from queries.sql.breakdowns import NONE
from queries.trends.node import TrendsQuery
from queries.vocabulary import Display

NONE_LABEL = "none"


def trends_legacy(
    result: Result, node: TrendsQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """`result` of the trend endpoint. `facts`: `filter` (the echo, api S5) and `people_url`, the path
    of the persons endpoint the points link to."""
    return [_series(series, node, facts) for series in result.results]


def _series(series: Mapping[str, Any], node: TrendsQuery, facts: Mapping[str, Any]) -> dict[str, Any]:
    legacy = {key: value for key, value in series.items() if key not in ("days", "labels", "order")}
    starts = [datetime.fromisoformat(text) for text in (series["action"] or {}).get("days", ())]
    if legacy["action"] is not None:
        legacy["action"] = {k: v for k, v in legacy["action"].items() if k != "days"}
    legacy["filter"] = facts["filter"]
    if "breakdown_value" in legacy:
        _plain_none(legacy)
    if "aggregated_value" in series:
        return legacy | {"labels": [], "days": facts["days"], **_everybody(legacy, facts)}
    legacy["days"] = series["days"]
    legacy["labels"] = _labels(series, starts, node)
    if starts:
        is_cumulative = node.display is Display.LINE_CUMULATIVE
        firsts = [starts[0]] * len(starts) if is_cumulative else starts
        legacy["persons_urls"] = [
            _person(legacy, (first.isoformat(), start.isoformat()), facts)
            for first, start in zip(firsts, starts, strict=True)
        ]
    return legacy


def _everybody(legacy: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The people of an aggregated number; behind a formula stands no list."""
    if legacy["action"] is None:
        return {}
    return {"persons": _person(legacy, (facts["date_from"], facts["date_to"]), facts)}


def _labels(series: Mapping[str, Any], starts: list[datetime], node: TrendsQuery) -> list[str]:
    if node.is_compared:  # A20
        return [f"{node.interval} {position}" for position in range(len(series["data"]))]
    if not starts:
        starts = [datetime.fromisoformat(text) for text in series["days"]]
    label = LEGACY_LABELS[node.interval]
    return [label(start) for start in starts]


def _plain_none(legacy: dict[str, Any]) -> None:
    value = legacy["breakdown_value"]
    legacy["label"] = legacy["label"].replace(NONE, NONE_LABEL)
    legacy["breakdown_value"] = (
        ["" if part == NONE else part for part in value]
        if isinstance(value, list)
        else ("" if value == NONE else value)
    )


def _person(
    legacy: Mapping[str, Any], dates: tuple[str | None, str | None], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The people behind one point: the filter's coordinates and a link (api S8).

    The dates are those of the bucket, and the link also knows the range they were cut from; or they are
    the range itself.
    """
    action = legacy["action"] or {}
    coordinates = {
        "entity_id": action.get("id"),
        "entity_type": action.get("type"),
        "entity_math": action.get("math"),
        "entity_order": action.get("order"),
        "date_from": dates[0],
        "date_to": dates[1],
    }
    if "breakdown_value" in legacy:
        coordinates |= {
            "breakdown_value": legacy["breakdown_value"],
            "breakdown_type": facts["breakdown_type"],
        }
    if "compare_label" in legacy:
        coordinates["compare_label"] = legacy["compare_label"]
    is_exact = "aggregated_value" in legacy and coordinates.get("compare_label") != "previous"
    link = coordinates if is_exact else coordinates | range_of(facts["filter"])
    return {"filter": coordinates, "url": people_url(facts, "trends", link)}
