"""Parameters as they arrive (typed JSON, form or query text) -> typed values, unknown ones left out.

api S2: structured parameters may be JSON text anywhere, numbers and booleans may be text, empty text is
absent, what is not in the table is ignored. What the words mean is not looked at here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from queries.errors import InvalidQuery
from queries.properties import as_number, as_whole

Params = dict[str, Any]  # JSON values by parameter name
TRUE_WORDS = frozenset({"y", "yes", "t", "true", "on", "1"})  # api P6


def invalid(name: str, detail: str, code: str = "invalid_input") -> InvalidQuery:
    return InvalidQuery(detail, code=code, attr=name)


def text(name: str, raw: Any) -> Any:
    if isinstance(raw, Mapping | list):
        raise invalid(name, "Expected a text.")
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def boolean(name: str, raw: Any) -> bool:
    if isinstance(raw, str):
        return raw.strip().lower() in TRUE_WORDS
    if isinstance(raw, bool | int | float):
        return bool(raw)
    raise invalid(name, "Expected a boolean.")


def whole(name: str, raw: Any) -> int:
    number = as_whole(raw)
    if number is None:
        raise invalid(name, "A valid integer is required.")
    return number


def number(name: str, raw: Any) -> float:
    found = as_number(raw)
    if found is None:
        raise invalid(name, "A valid number is required.")
    return found


def structured(name: str, raw: Any) -> Any:
    """A list or object, as JSON or as the text of one."""
    if isinstance(raw, str):
        raw = _decoded(name, raw)
    if raw is not None and not isinstance(raw, Mapping | list):
        raise invalid(name, "Expected a list or an object.")
    return raw


def listed(name: str, raw: Any) -> Any:
    found = structured(name, raw)
    if isinstance(found, Mapping):
        raise invalid(name, "Expected a list.", code="not_a_list")
    return found


def breakdown(name: str, raw: Any) -> Any:
    """A list of several, or else a text: one that is no JSON list stays as it was written (api S2)."""
    if not isinstance(raw, str):
        return raw
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return found if isinstance(found, list | str) else raw


def anything(name: str, raw: Any) -> Any:
    return raw


def _decoded(name: str, raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise invalid(name, f"{name} is not valid JSON.") from exc


Reader = Callable[[str, Any], Any]
PARAMETERS: dict[str, Reader] = {
    # api S4
    "insight": text,
    "events": listed,
    "actions": listed,
    "groups": listed,  # several events or actions in one series
    "properties": structured,
    "filter_test_accounts": boolean,
    "date_from": text,
    "date_to": text,
    "explicit_date": boolean,
    "interval": text,
    "sampling_factor": number,
    "aggregation_group_type_index": whole,
    # api S.2
    "breakdown": breakdown,
    "breakdown_type": text,
    "breakdowns": listed,
    "breakdown_group_type_index": whole,
    "breakdown_limit": whole,
    "breakdown_histogram_bin_count": whole,
    "breakdown_hide_other_aggregation": boolean,
    "breakdown_normalize_url": boolean,
    "breakdown_path_cleaning": boolean,
    "offset": whole,
    "compare": boolean,
    "compare_to": text,
    "display": text,
    "formula": text,
    "formulas": listed,
    "formula_nodes": listed,
    "smoothing_intervals": whole,
    "shown_as": text,
    "hide_weekends": boolean,
    "hide_incomplete_data": boolean,
    "stickiness_criteria": structured,
    "computed_as": text,
    "interval_count": whole,
    "toggledLifecycles": listed,
    "show_legend": boolean,
    "show_values_on_series": boolean,
    "decimal_places": whole,
    "aggregation_axis_format": text,
    "aggregation_axis_prefix": text,
    "aggregation_axis_postfix": text,
    # api S.4
    "funnel_viz_type": text,
    "funnel_order_type": text,
    "funnel_window_interval": whole,
    "funnel_window_interval_type": text,
    "funnel_window_interval_unit": text,
    "funnel_window_days": whole,
    "funnel_from_step": whole,
    "funnel_to_step": whole,
    "funnel_step_reference": text,
    "funnel_aggregate_by_hogql": text,
    "funnel_aggregate_by_group_type": text,
    "breakdown_attribution_type": text,
    "breakdown_attribution_value": whole,
    "bin_count": anything,
    "exclusions": listed,
    "layout": text,
    # api S.5
    "funnel_step": whole,
    "funnel_custom_steps": listed,
    "funnel_step_breakdown": breakdown,
    "funnel_correlation_type": text,
    "funnel_correlation_names": listed,
    "funnel_correlation_exclude_names": listed,
    "funnel_correlation_event_names": listed,
    "funnel_correlation_exclude_event_names": listed,
    "funnel_correlation_event_exclude_property_names": listed,
    # api S.6
    "include_event_types": listed,
    "include_custom_events": listed,
    "exclude_events": listed,
    "path_type": text,
    "start_point": text,
    "end_point": text,
    "step_limit": whole,
    "path_groupings": listed,
    "path_replacements": boolean,
    "local_path_cleaning_filters": listed,
    "edge_limit": whole,
    "min_edge_weight": whole,
    "max_edge_weight": whole,
    "paths_hogql_expression": text,
    "path_start_key": text,
    "path_end_key": text,
    "path_dropoff_key": text,
    "funnel_paths": text,
    "funnel_filter": structured,
    # api S.7
    "period": text,
    "total_intervals": whole,
    "retention_type": text,
    "retention_reference": text,
    "mean_retention_calculation": text,
    "target_entity": structured,
    "returning_entity": structured,
    "cumulative": boolean,
    "minimum_occurrences": whole,
    "time_window_mode": text,
    "retention_custom_brackets": listed,
    "aggregation_type": text,
    "aggregation_property": text,
    "aggregation_property_type": text,
}


def read_params(raw: Mapping[str, Any]) -> Params:
    """The known parameters with their values, in the order of the table; absent ones are left out.

    InvalidQuery with the parameter as `attr` for a value that is none of its kind.
    """
    read: Params = {}
    for name, reader in PARAMETERS.items():
        value = raw.get(name)
        if value is None or value == "":
            continue
        found = reader(name, value)
        if found is not None and found != "":
            read[name] = found
    return read
