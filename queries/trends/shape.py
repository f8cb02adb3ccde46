"""Rows of a trend -> its answer in the shape of the query endpoint and of saved insights (api V2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import days, labels
from queries.legacy import filter_echo
from queries.nodes import ActionsNode, EventsNode, SeriesNode
from queries.plan import Result, Rows
from queries.sql.breakdowns import ALL_USERS, NONE, OTHER
from queries.trends.formula import formula_lines
from queries.trends.lines import JsonSeries, Line, json_number, read_lines
from queries.trends.question import Question

COMPARE_LABELS = ("current", "previous")
ALL_EVENTS = "All events"


def shape_trends(question: Question, found: Sequence[Rows]) -> Result:
    """The list of series: all of the current period, then all of the previous one (D57)."""
    read = read_lines(question, found)
    formulas = question.node.trends_filter.all_formulas
    lines = formula_lines(question, read.lines) if formulas else read.lines
    echo = filter_echo(question.node)
    first = question.periods[0]
    return Result(
        results=[_series(question, line, echo) for line in lines],
        has_more=read.has_more,
        resolved_date_range={
            "date_from": first.date_from.isoformat(),
            "date_to": first.date_to.isoformat(),
        },
    )


def _series(question: Question, line: Line, echo: dict[str, Any]) -> JsonSeries:
    period = question.periods[line.period]
    series: JsonSeries = {"action": _action(question, line), "label": _label(question, line)}
    if question.is_aggregated:
        series |= {"count": 0, "data": [], "days": [], "aggregated_value": json_number(line.numbers[0])}
    else:
        buckets = question.buckets(period)
        series |= {
            "count": _count(question, line),
            "data": [json_number(number) for number in line.numbers],
            "labels": labels(buckets, period, "current", is_compared=question.node.is_compared),
            "days": days(buckets, period.interval),
        }
        if series["action"] is not None:
            series["action"]["days"] = [bucket.isoformat() for bucket in buckets]
    series["filter"] = echo
    if question.breakdown is not None:
        series["breakdown_value"] = _breakdown_value(question, line)
    if question.node.is_compared:
        series |= {"compare": True, "compare_label": COMPARE_LABELS[line.period]}
    if line.series is None:
        series["order"] = line.place
    return series


def _count(question: Question, line: Line) -> float:
    """The sum of the numbers; of a running sum its last (semantics D3)."""
    if question.is_cumulative:
        return float(line.numbers[-1]) if line.numbers else 0.0
    return float(sum(line.numbers))


def _action(question: Question, line: Line) -> dict[str, Any] | None:
    if line.series is None:
        return None
    return entity(question.ctx, question.node.series[line.series], line.series)


def entity(ctx: ProjectContext, series: SeriesNode, order: int) -> dict[str, Any]:
    """The series as a completed entity (api T1)."""
    is_action = isinstance(series, ActionsNode)
    return {
        "id": series.id if isinstance(series, ActionsNode) else getattr(series, "event", None),
        "type": "actions" if is_action else "events",
        "order": order,
        "name": series_name(ctx, series),
        "custom_name": series.custom_name,
        "math": series.math,
        "math_property": series.math_property,
        "math_hogql": series.math_hogql,
        "math_group_type_index": series.math_group_type_index,
        "properties": series.filters.to_wire() if series.filters else {},
    }


def series_name(ctx: ProjectContext, series: SeriesNode) -> str:
    """Event name, action name or "All events" (semantics D58)."""
    if isinstance(series, ActionsNode):
        return ctx.actions[series.id].name
    if isinstance(series, EventsNode):
        return series.event or series.name or ALL_EVENTS
    return series.name or ALL_EVENTS


def _label(question: Question, line: Line) -> str:
    """The breakdown label alone for one series, `series - breakdown` for several (semantics D39)."""
    name = _series_label(question, line)
    if question.breakdown is None:
        return name
    value = value_label(question, line)
    is_alone = len(question.node.series) == 1 and line.series is not None
    return value if is_alone else f"{name} - {value}"


def _series_label(question: Question, line: Line) -> str:
    if line.series is None:
        formula = question.node.trends_filter.all_formulas[line.place]
        return formula.custom_name or f"Formula ({formula.formula})"  # D50
    return series_name(question.ctx, question.node.series[line.series])


def value_label(question: Question, line: Line) -> str:
    """A cohort by its name, several properties joined by `::`; none and other by sentinels (D35, D42)."""
    if question.breakdown is not None and question.breakdown.cohorts:
        return _cohort_label(question, line.value[0])
    return "::".join(part or NONE for part in line.value)


def _cohort_label(question: Question, value: str) -> str:
    if value == ALL_USERS:
        return "all users"
    cohort = question.ctx.cohorts.get(int(value))
    return cohort.name if cohort else value


def _breakdown_value(question: Question, line: Line) -> Any:
    if question.breakdown is not None and question.breakdown.cohorts:
        return line.value[0] if line.value[0] == ALL_USERS else int(line.value[0])
    if line.is_other:
        size = len(question.breakdown.parts) if question.breakdown else 1
        return [OTHER] * size if question.breakdown and question.breakdown.is_list else OTHER
    values = [part or NONE for part in line.value]
    return values if len(values) > 1 or (question.breakdown and question.breakdown.is_list) else values[0]
