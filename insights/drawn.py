"""A saved insight, as loaded and answered, as a drawing: what pages, previews and pictures are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from insights.drawing import Drawing, draw
from insights.drawing.draw import HEIGHT, WIDTH
from insights.shown import AnswerFacts, ShownInsight


def draw_insight(
    shown: ShownInsight, *, width: float = WIDTH, height: float = HEIGHT, shows_legend: bool = True
) -> Drawing:
    """The drawing of an insight with its answer; a failed or missing answer is said in its place."""
    answer, status = shown.answer, shown.answer.query_status or {}
    return draw(
        shown.question.query,
        plain(answer.result),
        title=shown.insight.title,
        columns=answer.columns,
        as_of=answer.last_refresh,
        until=_end_of(answer),
        timezone=shown.timezone,
        width=width,
        height=height,
        shows_legend=shows_legend,
        failure=_failure(shown) if answer.result is None else None,
        is_waiting=bool(status) and not status.get("complete"),
    )


def plain(result: Any) -> Any:
    """A result as a value, also one that was only to be passed on as JSON."""
    return orjson.loads(orjson.dumps(result)) if isinstance(result, orjson.Fragment) else result


def _end_of(answer: AnswerFacts) -> datetime | None:
    """The last instant the question asks about."""
    text = (answer.resolved_date_range or {}).get("date_to")
    return datetime.fromisoformat(text) if text else None


def _failure(shown: ShownInsight) -> str | None:
    status = shown.answer.query_status or {}
    if status.get("error"):
        return str(status.get("error_message") or "")
    unreadable = shown.question.unreadable
    return unreadable.detail if unreadable else None
