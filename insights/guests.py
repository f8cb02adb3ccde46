"""What a guest of a public link sees of an insight: the picture, not how it was asked (api Q6, Q10). Pure.

Filters may name customers or e-mails, SQL names tables, tiles name other dashboards, errors quote values:
none of it leaves. Of a query only what is listed here stays: a new key is hidden until somebody lists it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from insights.models import SharingConfiguration
from insights.question import Question
from insights.shown import AnswerFacts, ShownInsight
from queries.part import PRESENTATIONAL

# Keys of a query that say what kind of picture it is, and over which time.
SHOWN = (PRESENTATIONAL - {"response", "tags"}) | {
    *("kind", "source", "full", "display"),
    *("dateRange", "date_from", "date_to", "explicitDate", "interval", "intervalCount"),
    *("series", "event", "name", "custom_name", "math"),
    *("compareFilter", "compare", "compare_to"),
    *("trendsFilter", "formula", "formulas", "formulaNodes", "smoothingIntervals"),
    *(
        "funnelsFilter",
        "funnelVizType",
        "funnelOrderType",
        "funnelWindowInterval",
        "funnelWindowIntervalUnit",
    ),
    *("retentionFilter", "period", "totalIntervals", "retentionType", "cumulative", "timeWindowMode"),
    *("stickinessFilter", "computedAs", "lifecycleFilter", "pathsFilter", "stepLimit"),
}
FAILED = "This insight could not be computed."
EXPRESSION = re.compile(r"\w\(|['=<>*/]")  # a column without a name of its own: `count()`, `price * 2`


def for_guest(shown: ShownInsight, sharing: SharingConfiguration | None) -> ShownInsight:
    """The insight as a guest of `sharing` may see it."""
    dashboard_id = sharing.dashboard_id if sharing else None
    return replace(
        shown,
        question=Question(_shown(shown.question.query), {}),
        tiles=[tile for tile in shown.tiles if tile.dashboard_id == dashboard_id],
        answer=_answer(shown.answer),
    )


def _answer(answer: AnswerFacts) -> AnswerFacts:
    names = [_column(name, place) for place, name in enumerate(answer.columns or ())]
    types = [[name, *kind[1:]] for name, kind in zip(names, answer.types or (), strict=False)]
    return replace(
        answer,
        result=_result(answer.result),
        columns=names if answer.columns is not None else None,
        types=types if answer.types is not None else None,
        hogql=None,
        query_status=_status(answer),
    )


def _column(name: str, place: int) -> str:
    """A column by its name, unless that is the expression it was computed with."""
    return f"column {place + 1}" if EXPRESSION.search(name) else name


def _status(answer: AnswerFacts) -> Mapping[str, Any] | None:
    """How far the run is; why it failed is for who may change the insight."""
    status = answer.query_status
    if status is None:
        return None
    return {
        **status,
        "results": None,
        "labels": None,
        "error_message": FAILED if status.get("error") else None,
    }


def _shown(query: Any) -> Any:
    """A query, or part of one, with the keys that may be seen."""
    if isinstance(query, list):
        return [_shown(part) for part in query]
    if not isinstance(query, Mapping):
        return query
    return {key: _shown(value) for key, value in query.items() if key in SHOWN}


def _result(result: Any) -> Any:
    """Series and steps without the echo of their filters; numbers and labels stay."""
    if isinstance(result, list):
        return [_result(row) for row in result]
    if not isinstance(result, Mapping):
        return result
    emptied: dict[str, Any] = {key: {} for key in ("filter", "properties") if key in result}
    action = result.get("action")
    if isinstance(action, Mapping):
        emptied["action"] = {**_without_id(action), "properties": {}, "math_hogql": None}
    return {**_without_id(result), **emptied}


def _without_id(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entity by its name alone, when its id is that of an action."""
    if entity.get("type") != "actions":
        return entity
    return {**entity, **{key: None for key in ("id", "action_id") if key in entity}}
