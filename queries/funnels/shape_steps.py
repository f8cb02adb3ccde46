"""Rows of funnel steps -> the answer (api V3, semantics E13, E18, E27, E33)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queries.context import ProjectContext
from queries.funnels.question import Question
from queries.funnels.steps import value_limit
from queries.funnels.values import label, reported
from queries.nodes import ActionsNode, EventsNode, GroupNode, SeriesNode
from queries.plan import Result, Rows

JsonStep = dict[str, Any]  # one step of the answer, ready for JSON
ALL_EVENTS = "All events"
MICROSECONDS = 1_000_000


def shape_steps(question: Question, found: Rows | None) -> Result:
    """A list of steps; with a breakdown a list of such lists, "Other" last."""
    rows = found.rows if found else ()
    if not question.steps:
        return Result(results=[])
    if question.breakdown is None:
        _, _, counts, sums, medians = rows[0] if rows else (1, [], [], [], [])
        return Result(results=_steps(question, counts, sums, medians))
    limit = value_limit(question)
    funnels = []
    for place, value, counts, sums, medians in rows:
        shown = reported(question.breakdown, list(value), is_other=limit is not None and int(place) > limit)
        named = {"breakdown": label(question.breakdown, shown, question.ctx), "breakdown_value": shown}
        funnels.append([step | named for step in _steps(question, counts, sums, medians)])
    return Result(results=funnels, has_more=limit is not None and len(rows) > limit)


def _steps(
    question: Question, counts: Sequence[int], sums: Sequence[int], medians: Sequence[float]
) -> list[JsonStep]:
    return [
        {
            **described(question, order),
            "order": order,
            "people": [],
            "count": scaled(question, counts[order] if order < len(counts) else 0),
            **_times(order, counts, sums, medians),
        }
        for order in range(len(question.steps))
    ]


def _times(
    order: int, counts: Sequence[int], sums: Sequence[int], medians: Sequence[float]
) -> dict[str, float | None]:
    """Seconds from the step before; the first step has none, and one that nobody took has none (E33)."""
    if order == 0 or order >= len(counts) or not counts[order]:
        return {"average_conversion_time": None, "median_conversion_time": None}
    return {
        "average_conversion_time": sums[order] / counts[order] / MICROSECONDS,
        "median_conversion_time": medians[order] / MICROSECONDS,
    }


def scaled(question: Question, count: int) -> int:
    """Actors of a sample stand for the whole (semantics D61)."""
    factor = question.node.sampling_factor
    return int(count) if factor is None else round(int(count) / factor)


def described(question: Question, order: int) -> JsonStep:
    """What a step is. In an unordered funnel it is no event, but having done so many of them (E18)."""
    step = question.node.series[order]
    if question.is_unordered:
        name = f"Completed {order + 1} step{'s' if order else ''}"
        return {"action_id": None, "name": name, "custom_name": None, "type": kind_of_step(step)}
    return described_step(step, question.ctx)


def described_step(step: SeriesNode, ctx: ProjectContext) -> JsonStep:
    return {
        "action_id": action_id(step),
        "name": step_name(step, ctx),
        "custom_name": step.custom_name,
        "type": kind_of_step(step),
    }


def action_id(step: SeriesNode) -> str | None:
    """The event's name or the action's id as text; None for any event and for several (api S13)."""
    if isinstance(step, ActionsNode):
        return str(step.id)
    return step.event if isinstance(step, EventsNode) else None


def step_name(step: SeriesNode, ctx: ProjectContext) -> str:
    if isinstance(step, ActionsNode):
        return ctx.actions[step.id].name
    if isinstance(step, GroupNode):
        return step.name or ", ".join(step_name(node, ctx) for node in step.nodes)
    event = step.event if isinstance(step, EventsNode) else None
    return event if event is not None else step.name or ALL_EVENTS


def kind_of_step(step: SeriesNode) -> str:
    if isinstance(step, ActionsNode):
        return "actions"
    return "groups" if isinstance(step, GroupNode) else "events"
