"""A question seen through a dashboard, or through what a caller overrides (api P28-P30). Pure.

Nothing is changed in place: the stored question stays as it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from insights.mentions import is_wrapper, source_of

Json = dict[str, Any]
# The keys of dashboard filters that reach an insight (api P29, W13).
FILTER_KEYS = ("date_from", "date_to", "properties", "breakdown_filter")
WITH_BREAKDOWN = frozenset({"TrendsQuery", "FunnelsQuery", "RetentionQuery"})
INSIGHT_KINDS = WITH_BREAKDOWN | {"PathsQuery", "StickinessQuery", "LifecycleQuery"}


def merge_filters(dashboard: Mapping[str, Any], override: Mapping[str, Any]) -> Json:
    """The dashboard's filters with the caller's over them, key by key (api P29)."""
    return {key: value for key, value in {**dashboard, **override}.items() if key in FILTER_KEYS}


def apply_dashboard_filters(query: Mapping[str, Any], filters: Mapping[str, Any]) -> Json:
    """`query` (a wrapper or a bare node) as the dashboard's `filters` make it (api P28).

    A date on either side replaces both; properties are AND-ed as a second group after the question's
    own; a breakdown replaces the breakdown where the kind has one. Kinds that know no such filter come
    back unchanged.
    """
    if is_wrapper(query):
        return {**query, "source": apply_dashboard_filters(query["source"], filters)}
    return _applier_of(query.get("kind"))(query, filters)


def obeys_filters(query: Mapping[str, Any]) -> bool:
    """Whether property filters reach every row the question reads. SQL has them only where it says so."""
    return source_of(query).get("kind") in (*INSIGHT_KINDS, "EventsQuery")


def apply_to_legacy(stored: Mapping[str, Any], filters: Mapping[str, Any]) -> Json:
    """The same for old `filters`, in their own spelling."""
    result = {**stored, **(_dates(filters) or {})}
    if filters.get("properties"):
        result["properties"] = both(stored.get("properties"), filters["properties"])
    if filters.get("breakdown_filter"):
        kept = {key: value for key, value in result.items() if not key.startswith("breakdown")}
        result = {**kept, **filters["breakdown_filter"]}
    return result


def apply_variables(query: Mapping[str, Any], overrides: Mapping[str, Any]) -> Json:
    """An SQL question with other values for the variables it has; unknown variables change nothing (P30)."""
    if is_wrapper(query):
        return {**query, "source": apply_variables(query["source"], overrides)}
    variables = query.get("variables")
    if query.get("kind") != "HogQLQuery" or not isinstance(variables, Mapping):
        return dict(query)
    return {
        **query,
        "variables": {key: _overridden(value, overrides.get(key)) for key, value in variables.items()},
    }


def both(own: Any, added: Any) -> Any:
    """The conjunction of two property filters in any accepted shape (semantics C33)."""
    if not own:
        return added
    return {"type": "AND", "values": [_as_group(own), _as_group(added)]}


def _as_group(properties: Any) -> Any:
    return {"type": "AND", "values": properties} if isinstance(properties, list) else properties


def _dates(filters: Mapping[str, Any]) -> Json | None:
    """Both ends, when either is set; what the dashboard leaves out becomes null (api P28)."""
    ends = {key: filters.get(key) or None for key in ("date_from", "date_to")}
    return ends if any(ends.values()) else None


def _overridden(variable: Any, override: Any) -> Any:
    if not isinstance(variable, Mapping) or not isinstance(override, Mapping):
        return variable
    return {**variable, **{key: override[key] for key in ("value", "isNull") if key in override}}


def _on_insight(node: Mapping[str, Any], filters: Mapping[str, Any]) -> Json:
    result = dict(node)
    if dates := _dates(filters):
        result["dateRange"] = dates
    if filters.get("properties"):
        result["properties"] = both(node.get("properties"), filters["properties"])
    if filters.get("breakdown_filter") and node["kind"] in WITH_BREAKDOWN:
        result["breakdownFilter"] = filters["breakdown_filter"]
    return result


def _on_sql(node: Mapping[str, Any], filters: Mapping[str, Any]) -> Json:
    own = dict(node.get("filters") or {})
    if dates := _dates(filters):
        own["dateRange"] = dates
    if filters.get("properties"):
        own["properties"] = both(own.get("properties"), filters["properties"])
    return {**node, "filters": own} if own else dict(node)


def _on_events(node: Mapping[str, Any], filters: Mapping[str, Any]) -> Json:
    result = dict(node)
    if dates := _dates(filters):
        result |= {"after": dates["date_from"], "before": dates["date_to"]}
    if filters.get("properties"):
        result["properties"] = both(node.get("properties"), filters["properties"])
    return result


def _unchanged(node: Mapping[str, Any], _: Mapping[str, Any]) -> Json:
    return dict(node)


APPLIERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Json]] = {
    **dict.fromkeys(INSIGHT_KINDS, _on_insight),
    "HogQLQuery": _on_sql,
    "EventsQuery": _on_events,
}


def _applier_of(kind: Any) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Json]:
    return APPLIERS.get(kind, _unchanged) if isinstance(kind, str) else _unchanged
