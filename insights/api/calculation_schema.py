"""Parameters and answers of the calculation endpoints, for the description of the API (api section S).

One table per endpoint makes both the query parameters of GET, where structured values are JSON text, and
the body of POST. Nothing here checks a request: `queries.legacy` reads it, and is more lenient (api S2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from queries.cache.policy import Refresh
from queries.correlation.node import CorrelationType
from queries.funnels.node import Attribution, FunnelOrder, FunnelVizType
from queries.lifecycle.node import LifecycleStatus
from queries.paths.node import FunnelPathType
from queries.retention.node import RetentionPeriod, RetentionType
from queries.vocabulary import BreakdownType, Display, Interval

Schema = dict[str, Any]
Table = Mapping[str, Schema]


def _enum(values: Iterable[str], about: str, default: str | None = None) -> Schema:
    return _with({"type": "string", "enum": [str(value) for value in values]}, about, default)


def _with(schema: Schema, about: str, default: Any = None) -> Schema:
    return {**schema, "description": about, **({} if default is None else {"default": default})}


def _text(about: str, default: str | None = None) -> Schema:
    return _with({"type": "string"}, about, default)


def _flag(about: str) -> Schema:
    return _with({"type": "boolean"}, about, False)


def _whole(about: str, default: int | None = None, *, least: int = 0, most: int | None = None) -> Schema:
    bounds = {"minimum": least} | ({} if most is None else {"maximum": most})
    return _with({"type": "integer", **bounds}, about, default)


def _list(item: Schema, about: str) -> Schema:
    return _with({"type": "array", "items": item}, about)


STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
OBJECT: Schema = {"type": "object", "additionalProperties": True}
PROPERTIES = _with(
    {"oneOf": [{"type": "array", "items": OBJECT}, OBJECT]},
    "Filters: a list of leaves that must all hold, or a group `{type: AND | OR, values: [...]}`.",
)
ENTITY: Schema = {
    "type": "object",
    "description": "What is counted: an event by its name (null: any event), or an action by its id.",
    "properties": {
        "id": {"oneOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        "type": {"type": "string", "enum": ["events", "actions"]},
        "order": {"type": "integer"},
        "name": {"type": "string", "nullable": True},
        "custom_name": {"type": "string", "nullable": True},
        "math": {"type": "string", "nullable": True, "description": "`total` when absent."},
        "math_property": {"type": "string", "nullable": True},
        "math_hogql": {"type": "string", "nullable": True},
        "math_group_type_index": {"type": "integer", "nullable": True},
        "properties": {"oneOf": [{"type": "array", "items": OBJECT}, OBJECT]},
    },
    "additionalProperties": True,
}
RANGE: Table = {
    "date_from": _text("Start: a day, an instant, or relative such as `-7d`, `mStart`, `all`.", "-7d"),
    "date_to": _text("End, spelt the same way; now when absent."),
    "explicit_date": _flag("Take the ends to the second instead of whole days."),
}
FILTERS: Table = {
    "properties": PROPERTIES,
    "filter_test_accounts": _flag("Also apply the project's filters against test accounts."),
    "sampling_factor": _with(
        {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1},
        "Look at this share of the people only, and scale counts up.",
    ),
}
ENTITIES: Table = {
    "events": _list(ENTITY, "Series of events. One of `events` and `actions` is required."),
    "actions": _list(ENTITY, "Series of actions."),
}
GROUP_INDEX: Table = {
    "aggregation_group_type_index": _whole("Count groups of this kind instead of people.", most=4),
}
BREAKDOWN: Table = {
    "breakdown": _with(
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {}}]},
        "A property to split by; for cohorts a list of ids, or `all`.",
    ),
    "breakdown_type": _enum(BreakdownType, "What `breakdown` is a property of.", "event"),
    "breakdowns": _list(OBJECT, "Up to three `{property, type}` instead of `breakdown`."),
    "breakdown_group_type_index": _whole("Which kind of group, for `breakdown_type=group`.", most=4),
}
INTERVAL: Table = {"interval": _enum(Interval, "The length of a bucket.", "day")}
SHARED: Table = {**ENTITIES, **RANGE, **FILTERS, **INTERVAL}

TREND: Table = {
    **SHARED,
    **BREAKDOWN,
    **GROUP_INDEX,
    "insight": _enum(["TRENDS", "STICKINESS", "LIFECYCLE"], "Which of the three to calculate.", "TRENDS"),
    "shown_as": _enum(["Volume", "Stickiness", "Lifecycle"], "The same, in the oldest spelling.", "Volume"),
    "display": _enum(Display, "The picture; some change the numbers.", "ActionsLineGraph"),
    "compare": _flag("Also answer the period before."),
    "compare_to": _text("How far before, such as `-1w`; the length of the range when absent."),
    "formula": _text("Arithmetic on series by their letters, such as `A / B`."),
    "breakdown_limit": _whole("Values at most; 250 on a world map.", 25, least=1, most=1000),
    "breakdown_histogram_bin_count": _whole("Put numbers into so many ranges.", least=1, most=100),
    "breakdown_hide_other_aggregation": _flag("Leave out the series of all further values."),
    "breakdown_normalize_url": _flag("Values that differ by a final slash are one."),
    "smoothing_intervals": _whole("Average over so many buckets.", 1, least=1),
    "hide_weekends": _flag("Leave out Saturdays and Sundays."),
    "stickiness_criteria": _with(OBJECT, "How often in an interval: `{operator, value}`."),
    "computed_as": _enum(["non_cumulative", "cumulative"], "Exactly so many days, or at least."),
    "offset": _whole("Skip so many breakdown values; see `next` in the answer.", 0),
}
FUNNEL: Table = {
    **SHARED,
    **BREAKDOWN,
    "aggregation_group_type_index": _whole(
        "0: people; otherwise the kind of group that converts.", 0, most=4
    ),
    "funnel_aggregate_by_group_type": _text("The kind of group by its name, for the kind with index 0."),
    "funnel_aggregate_by_hogql": _text("An expression whose values convert, such as a session."),
    "funnel_viz_type": _enum(FunnelVizType, "Steps, conversion over time, or times to convert.", "steps"),
    "funnel_order_type": _enum(FunnelOrder, "Whether other events or another order may happen.", "ordered"),
    "funnel_window_interval": _whole("Time to convert, in units of `funnel_window_interval_type`.", 14),
    "funnel_window_interval_type": _enum(
        ["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH"], "The unit; any case, singular or plural.", "DAY"
    ),
    "funnel_window_days": _with(
        {"type": "integer", "deprecated": True}, "Days to convert; used without `funnel_window_interval`."
    ),
    "funnel_from_step": _whole("First step, from 0, over time and for times."),
    "funnel_to_step": _whole("Last step, from 0, over time and for times."),
    "exclusions": _list(
        {
            **ENTITY,
            "properties": {
                **ENTITY["properties"],
                "funnel_from_step": {"type": "integer"},
                "funnel_to_step": {"type": "integer"},
            },
            "required": ["funnel_from_step", "funnel_to_step"],
        },
        "Events that must not happen between two steps.",
    ),
    "breakdown_limit": _whole("Values at most.", 10, least=1, most=1000),
    "breakdown_attribution_type": _enum(Attribution, "Which step gives the value.", "first_touch"),
    "breakdown_attribution_value": _whole("The step, from 0, for `step`."),
    "bin_count": _with(
        {"oneOf": [{"type": "integer"}, {"type": "string", "enum": ["auto"]}]}, "Bins of times to convert."
    ),
}
CORRELATION: Table = {
    **FUNNEL,
    "funnel_correlation_type": _enum(CorrelationType, "What is compared.", "events"),
    "funnel_correlation_names": _list(STRING, "Properties of people; `$all` for every one."),
    "funnel_correlation_exclude_names": _list(STRING, "Properties of people to leave out."),
    "funnel_correlation_exclude_event_names": _list(STRING, "Events to leave out."),
    "funnel_correlation_event_names": _list(STRING, "Events whose properties are compared."),
    "funnel_correlation_event_exclude_property_names": _list(STRING, "Properties of events to leave out."),
}
PATH: Table = {
    **RANGE,
    **FILTERS,
    "include_event_types": _list(
        {"type": "string", "enum": ["$pageview", "$screen", "custom_event", "hogql"]}, "What is a node."
    ),
    "include_custom_events": _list(STRING, "Only these events of one's own."),
    "exclude_events": _list(STRING, "Nodes to leave out."),
    "start_point": _text("Only ways from here."),
    "end_point": _text("Only ways to here."),
    "step_limit": _whole("Steps of a way.", 5, least=1, most=20),
    "path_groupings": _list(STRING, "Nodes that match one of these, with `*`, are one node."),
    "path_replacements": _flag("Apply the project's cleaning rules to paths."),
    "local_path_cleaning_filters": _list(OBJECT, "Cleaning rules of this request, `{regex, alias}`."),
    "edge_limit": _whole("Edges at most.", 50, least=1, most=1000),
    "min_edge_weight": _whole("Leave out edges with fewer people."),
    "max_edge_weight": _whole("Leave out edges with more people."),
    "paths_hogql_expression": _text("What a node is called, for `hogql`."),
    "funnel_paths": _enum(FunnelPathType, "Ways before, between or after steps of `funnel_filter`."),
    "funnel_filter": _with(OBJECT, "Parameters of a funnel, with `funnel_step`."),
}
RETENTION: Table = {
    **FILTERS,
    **BREAKDOWN,
    **GROUP_INDEX,
    "date_to": RANGE["date_to"],
    "period": _enum(RetentionPeriod, "The length of an interval.", "Day"),
    "total_intervals": _whole("Intervals, the first included.", 11, least=2, most=100),
    "retention_type": _enum(RetentionType, "When somebody starts.", "retention_recurring"),
    "target_entity": _with(ENTITY, "What starts; `$pageview` when absent."),
    "returning_entity": _with(ENTITY, "What counts as coming back."),
    "retention_reference": _enum(["total", "previous"], "Kept for charts; the counts do not change."),
    "cumulative": _flag("Coming back in a later interval counts for the earlier ones."),
    "minimum_occurrences": _whole("So often in an interval, to count as back.", 1, least=1),
}
EXPORT: Table = {
    "export_name": _text("The name of a CSV file."),
    "export_insight_id": _text("The insight whose address stands above the table."),
}

# --- answers ---------------------------------------------------------------------------------------------

_SERIES = {
    "type": "object",
    "properties": {
        "action": {**ENTITY, "nullable": True},
        "label": STRING,
        "count": NUMBER,
        "data": _list(NUMBER, "A value for each bucket; empty when there is one number."),
        "labels": {"type": "array", "items": STRING},
        "days": {"type": "array", "items": {"oneOf": [STRING, {"type": "integer"}]}},
        "filter": OBJECT,
        "aggregated_value": {**NUMBER, "nullable": True},
        "persons_urls": {"type": "array", "items": OBJECT},
        "persons": OBJECT,
        "breakdown_value": {},
        "compare": {"type": "boolean"},
        "compare_label": {"type": "string", "enum": ["current", "previous"]},
        "status": {"type": "string", "enum": [str(status) for status in LifecycleStatus]},
    },
    "required": ["label", "count", "data", "labels", "days", "filter"],
}
_SECONDS = {**NUMBER, "nullable": True}
_STEP = {
    "type": "object",
    "properties": {
        "action_id": {"type": "string", "nullable": True},
        "name": {"type": "string", "nullable": True},
        "custom_name": {"type": "string", "nullable": True},
        "order": {"type": "integer"},
        "people": {"type": "array", "items": {}},
        "count": {"type": "integer"},
        "type": {"type": "string", "enum": ["events", "actions"]},
        "average_conversion_time": _with(_SECONDS, "Seconds since the step before; null for the first."),
        "median_conversion_time": _SECONDS,
        "converted_people_url": STRING,
        "dropped_people_url": {"type": "string", "nullable": True},
        "breakdown": {},
        "breakdown_value": {},
    },
    "required": ["action_id", "name", "order", "count", "type"],
}
_FUNNEL_TREND = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "data": {"type": "array", "items": NUMBER},
        "days": {"type": "array", "items": STRING},
        "labels": {"type": "array", "items": STRING},
        "breakdown_value": {},
    },
    "required": ["count", "data", "days", "labels"],
}
_TIMES = {
    "type": "object",
    "properties": {
        "bins": _list({"type": "array", "items": NUMBER}, "Seconds at the start of a bin, and people in it."),
        "average_conversion_time": _SECONDS,
    },
    "required": ["bins", "average_conversion_time"],
}
_CORRELATED = {
    "type": "object",
    "properties": {
        "event": OBJECT,
        "success_count": {"type": "integer"},
        "success_people_url": {"type": "string", "nullable": True},
        "failure_count": {"type": "integer"},
        "failure_people_url": {"type": "string", "nullable": True},
        "odds_ratio": NUMBER,
        "correlation_type": {"type": "string", "enum": ["success", "failure"]},
    },
    "required": ["event", "success_count", "failure_count", "odds_ratio", "correlation_type"],
}
_EDGE = {
    "type": "object",
    "properties": {
        "source": STRING,
        "target": STRING,
        "value": {"type": "integer"},
        "average_conversion_time": _with(NUMBER, "Milliseconds."),
    },
    "required": ["source", "target", "value", "average_conversion_time"],
}
_ROW = {
    "type": "object",
    "properties": {
        "values": {"type": "array", "items": {**OBJECT, "properties": {"count": NUMBER}}},
        "label": STRING,
        "date": STRING,
        "people_url": STRING,
        "breakdown_values": {"type": "array", "items": {}},
    },
    "required": ["values", "label"],
}


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _envelope(result: Schema, **more: Schema) -> Schema:
    """api S3"""
    properties = {
        "result": result,
        "timezone": STRING,
        "is_cached": {"type": "boolean"},
        "last_refresh": {"type": "string", "format": "date-time", "nullable": True},
        "timings": _many({"type": "object", "properties": {"k": STRING, "t": NUMBER}}),
        **more,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


RESULTS: Mapping[str, Schema] = {
    "TRENDS": _envelope(_many(_SERIES), next={"type": "string", "nullable": True}),
    "FUNNELS": _envelope({"anyOf": [_many(_STEP), _many(_many(_STEP)), _many(_FUNNEL_TREND), _TIMES]}),
    "CORRELATION": _envelope(
        {
            "type": "object",
            "properties": {"events": _many(_CORRELATED), "skewed": {"type": "boolean"}},
            "required": ["events", "skewed"],
        }
    ),
    "PATHS": _envelope(_many(_EDGE)),
    "RETENTION": _envelope(_many(_ROW)),
}
TABLES: Mapping[str, Table] = {
    "TRENDS": {**TREND, **EXPORT},
    "FUNNELS": {**FUNNEL, **EXPORT},
    "CORRELATION": {**CORRELATION, **EXPORT},
    "PATHS": {**PATH, **EXPORT},
    "RETENTION": {**RETENTION, **EXPORT},
}
_RUN: Table = {
    "refresh": _enum(Refresh, "As the query parameter, which wins."),
    "client_query_id": _text("As the query parameter, which wins."),
}


def query_parameters(insight: str) -> list[OpenApiParameter]:
    """The parameters of GET; structured ones are JSON text (api S2)."""
    return [
        OpenApiParameter(name, _as_text(schema), description=schema["description"])
        for name, schema in TABLES[insight].items()
    ]


def _as_text(schema: Schema) -> Schema:
    """What a value looks like in a query string."""
    kind = schema.get("type")
    if kind in ("array", "object", None):
        return {"type": "string"}
    return {name: value for name, value in schema.items() if name != "description"}


def body(insight: str) -> Schema:
    """The body of POST."""
    properties = {**TABLES[insight], **_RUN}
    return {"type": "object", "properties": properties, "additionalProperties": True}


EXPLANATION: Schema = {
    "type": "object",
    "description": "Instead of an answer, with `explain=true`.",
    "properties": {
        "query": OBJECT,
        "cache_key": STRING,
        "rows": {"type": "integer"},
        "statements": _many(OBJECT),
    },
    "required": ["query", "cache_key", "rows", "statements"],
}


def answer(insight: str) -> Schema:
    """What comes back with status 200."""
    return {"anyOf": [RESULTS[insight], EXPLANATION]}
