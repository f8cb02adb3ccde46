"""Rows of funnel trends -> the answer (api S14, V3, semantics E38-E40)."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from queries.date_labels import Style, days, labels
from queries.funnels.question import Question
from queries.funnels.steps import value_limit
from queries.funnels.values import label, reported
from queries.plan import Result, Rows
from queries.sql.buckets import key_of

JsonSeries = dict[str, Any]  # one series of the answer, ready for JSON


def shape_trends(question: Question, found: Rows | None) -> Result:
    """One series without a breakdown, else one per value, "Other" last (semantics E40)."""
    rows = found.rows if found else ()
    places: dict[int, tuple[list[str], dict[int, float]]] = {}
    for place, value, bucket, entered, converted in rows:
        _, rates = places.setdefault(int(place), (list(value), {}))
        rates[int(bucket)] = _rate(int(entered), int(converted))
    facts: dict[str, Any] = {"extra": {"window_open_from": open_from(question)}}
    if not question.steps:
        return Result(results=[], **facts)
    if question.breakdown is None:
        _, rates = places.get(1, ([], {}))
        return Result(results=[_series(question, rates)], **facts)
    limit = value_limit(question)
    series = []
    for place, (value, rates) in sorted(places.items()):
        shown = reported(question.breakdown, value, is_other=limit is not None and place > limit)
        named = {"breakdown": label(question.breakdown, shown, question.ctx), "breakdown_value": shown}
        series.append(_series(question, rates) | named)
    return Result(results=series, has_more=limit is not None and len(places) > limit, **facts)


def _rate(entered: int, converted: int) -> float | int:
    return round(100 * converted / entered, 2) if entered else 0


def _series(question: Question, rates: dict[int, float]) -> JsonSeries:
    buckets = question.period.buckets()
    style: Style = "current"
    return {
        "count": len(buckets),
        "data": [rates.get(key_of(question.node.interval, bucket), 0) for bucket in buckets],
        "days": days(buckets, question.node.interval),
        "labels": labels(buckets, question.period, style),
    }


def open_from(question: Question) -> str | None:
    """The first bucket whose entrants may still convert: its window has not passed (None: all have)."""
    now = question.ctx.now.astimezone(UTC)
    window = timedelta(microseconds=question.window)
    buckets = question.period.buckets()
    following = [*buckets[1:], question.period.events_before]
    still_open = (
        start for start, end in zip(buckets, following, strict=True) if end.astimezone(UTC) + window > now
    )
    first = next(still_open, None)
    return days([first], question.node.interval)[0] if first else None
