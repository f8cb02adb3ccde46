"""Answers as tables for spreadsheets (api section Y): one function per shape of a result.

The shape decides, not the endpoint: saved insights (section V) and calculations (section S) have the
same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.text import slugify

from insights.api.serializers import InsightBasicSerializer, UserBasicSerializer
from insights.shown import ShownInsight
from insights_service.renderers import NO_RESULT, CsvTable

Row = Mapping[str, Any]
PEOPLE = tuple(UserBasicSerializer().fields)


def list_table(data: Any) -> CsvTable:
    """A list of insights: the keys of the basic form in their order, people taken apart (api Y7)."""
    rows = data["results"] if isinstance(data, Mapping) else data
    names = list(InsightBasicSerializer().fields)
    columns = [part for name in names for part in _columns_of(name)]
    return CsvTable(columns, ([_cell(row, column) for column in columns] for row in rows))


def shown_table(shown: ShownInsight) -> CsvTable:
    """The result of one insight as a download named after it (api Y8)."""
    answer, source = shown.answer, shown.question.source
    if answer.result is None or source is None:
        return NO_RESULT
    table = result_table(str(source.get("kind")), answer.result, columns=answer.columns)
    name = slugify(shown.insight.title) or "export"
    return CsvTable(table.columns, table.rows, table.preamble, filename=f"{name}.csv")


def result_table(kind: str, result: Any, *, columns: Sequence[str] | None = None) -> CsvTable:
    """The result of a node of this kind; NO_RESULT when there is nothing in it (api Y2-Y6).

    `columns` are those of tabular kinds (SQL, actors, events).
    """
    if columns is not None:
        return CsvTable(list(columns), _tabular_rows(result))
    shape = TABLES.get(kind)
    if shape is None or not result:
        return NO_RESULT
    return shape(result)


def _columns_of(name: str) -> list[str]:
    return [f"{name}.{part}" for part in PEOPLE] if name == "created_by" else [name]


def _cell(row: Row, column: str) -> Any:
    name, _, part = column.partition(".")
    value = row.get(name)
    return value.get(part) if part and isinstance(value, Mapping) else None if part else value


def _tabular_rows(result: Any) -> Iterable[Sequence[Any]]:
    rows = result if isinstance(result, list) else []
    return (list(row.values()) if isinstance(row, Mapping) else row for row in rows)


# --- series (api Y2) -------------------------------------------------------------------------------------


def _series(result: Sequence[Row]) -> CsvTable:
    """A line per series; a column per bucket, or one total where there are no buckets."""
    has_breakdown = any("breakdown_value" in row for row in result)
    is_total = any("aggregated_value" in row for row in result)
    head = ["series", *(["breakdown"] if has_breakdown else [])]
    labels = ["total count"] if is_total else [str(label) for label in _labels(result)]
    rows = (
        [_series_name(row), *([_breakdown(row)] if has_breakdown else []), *_numbers(row, is_total)]
        for row in result
    )
    return CsvTable([*head, *labels], rows)


def _labels(result: Sequence[Row]) -> Sequence[Any]:
    """Bucket labels of the longest series of the current period."""
    current = [row for row in result if row.get("compare_label") != "previous"] or result
    longest = max(current, key=lambda row: len(row.get("labels") or ()))
    return longest.get("labels") or longest.get("days") or ()


def _series_name(row: Row) -> str:
    action = row.get("action") or {}
    name = str(action.get("custom_name") or row.get("label") or action.get("name") or "")
    period = row.get("compare_label")
    return f"{name} - {period}" if period else name


def _breakdown(row: Row) -> Any:
    value = row.get("breakdown_value")
    return "::".join(map(str, value)) if isinstance(value, list) else value


def _numbers(row: Row, is_total: bool) -> list[Any]:
    values = [row.get("aggregated_value")] if is_total else row.get("data") or []
    return [float(value) if isinstance(value, int | float) else value for value in values]


# --- funnels (api Y3) ------------------------------------------------------------------------------------


def _funnel(result: Any) -> CsvTable:
    """Steps, a trend, or the times to convert: told apart by what the rows carry."""
    if isinstance(result, Mapping):
        return CsvTable(["bin", "value"], result.get("bins") or [])
    first = result[0]
    if isinstance(first, Mapping) and "data" in first:
        return _series([{**row, "label": "conversion"} for row in result])
    return _steps(result)


STEP_COLUMNS: Mapping[str, Callable[[Row], Any]] = {
    "name": lambda step: step.get("custom_name") or step.get("name"),
    "breakdown_value": _breakdown,
    "action_id": lambda step: step.get("action_id"),
    "count": lambda step: step.get("count"),
    "median_conversion_time (seconds)": lambda step: step.get("median_conversion_time"),
    "average_conversion_time (seconds)": lambda step: step.get("average_conversion_time"),
}


def _steps(result: Sequence[Any]) -> CsvTable:
    steps = [step for each in result for step in (each if isinstance(each, list) else [each])]
    return CsvTable(list(STEP_COLUMNS), ([read(step) for read in STEP_COLUMNS.values()] for step in steps))


# --- retention, paths, correlation (api Y4-Y6) -------------------------------------------------------------


def _retention(result: Sequence[Row]) -> CsvTable:
    """A line per cohort; cells that a triangle does not have stay empty."""
    width = max(len(row.get("values") or ()) for row in result)
    head = ["cohort", "cohort size", *_period_labels(result, width)]
    return CsvTable(head, (_retention_row(row, width) for row in result))


def _period_labels(result: Sequence[Row], width: int) -> list[str]:
    """`Day 0`, `Day 1`... as the rows call themselves; `Period 0`... with a breakdown."""
    word = str(result[0].get("label") or "").rpartition(" ")
    is_plain = all("breakdown_value" not in row and "breakdown_values" not in row for row in result)
    unit = word[0] if is_plain and word[0] and word[2].isdecimal() else "Period"
    return [f"{unit} {number}" for number in range(width)]


def _retention_row(row: Row, width: int) -> list[Any]:
    counts = [cell.get("count") for cell in row.get("values") or ()]
    return [_cohort_name(row), counts[0] if counts else None, *counts, *[None] * (width - len(counts))]


def _cohort_name(row: Row) -> Any:
    """The day of the cohort; with a breakdown the label, after the value where that is not all there is."""
    label = row.get("label")
    if "breakdown_value" not in row and "breakdown_values" not in row:
        return row.get("date") or label
    value = _breakdown(row)
    return label if value is None or value == label else f"{value} - {label}"


PATH_COLUMNS = ["source", "target", "value", "average_conversion_time"]
CORRELATION_COLUMNS = ["event", "success_count", "failure_count", "odds_ratio", "correlation_type"]


def _paths(result: Sequence[Row]) -> CsvTable:
    return CsvTable(PATH_COLUMNS, ([edge.get(name) for name in PATH_COLUMNS] for edge in result))


def _correlation(result: Any) -> CsvTable:
    rows = result.get("events") or [] if isinstance(result, Mapping) else result
    flat = ({**row, "event": (row.get("event") or {}).get("event")} for row in rows)
    return CsvTable(CORRELATION_COLUMNS, ([row.get(name) for name in CORRELATION_COLUMNS] for row in flat))


TABLES: Mapping[str, Callable[[Any], CsvTable]] = {
    "TrendsQuery": _series,
    "StickinessQuery": _series,
    "LifecycleQuery": _series,
    "FunnelsQuery": _funnel,
    "RetentionQuery": _retention,
    "PathsQuery": _paths,
    "FunnelCorrelationQuery": _correlation,
}
