"""What a guest of a public link sees of an insight: the picture, not how it was asked (api Q6, Q10). Pure.

Filters may name customers or e-mails, SQL names tables, tiles name other dashboards: none of it leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from insights.models import SharingConfiguration
from insights.question import Question
from insights.shown import AnswerFacts, ShownInsight

# Keys of a query that say whom or what it leaves out, or are text of the query language.
HIDDEN = frozenset({"properties", "fixedProperties", "filters", "math_hogql", "variables", "values"})
SQL_KINDS = ("HogQLQuery", "EventsQuery", "ActorsQuery")
SQL_TEXTS = frozenset({"query", "select", "where", "orderBy"})


def for_guest(shown: ShownInsight, sharing: SharingConfiguration | None) -> ShownInsight:
    """The insight as a guest of `sharing` may see it."""
    dashboard_id = sharing.dashboard_id if sharing else None
    return replace(
        shown,
        question=Question(_without_filters(shown.question.query), {}),
        tiles=[tile for tile in shown.tiles if tile.dashboard_id == dashboard_id],
        answer=_answer(shown.answer),
    )


def _answer(answer: AnswerFacts) -> AnswerFacts:
    status = None if answer.query_status is None else {**answer.query_status, "results": None}
    return replace(answer, result=_result(answer.result), hogql=None, query_status=status)


def _without_filters(query: Any) -> Any:
    """A query (or part of one) without the keys that are nobody else's business."""
    if isinstance(query, list):
        return [_without_filters(part) for part in query]
    if not isinstance(query, Mapping):
        return query
    hidden = HIDDEN | SQL_TEXTS if query.get("kind") in SQL_KINDS else HIDDEN
    return {key: _without_filters(value) for key, value in query.items() if key not in hidden}


def _result(result: Any) -> Any:
    """Series and steps without the echo of their filters; numbers and labels stay."""
    if isinstance(result, list):
        return [_result(row) for row in result]
    if not isinstance(result, Mapping):
        return result
    emptied: dict[str, Any] = {key: {} for key in ("filter", "properties") if key in result}
    action = result.get("action")
    if isinstance(action, Mapping):
        emptied["action"] = {**action, "properties": {}, "math_hogql": None}
    return {**result, **emptied}
