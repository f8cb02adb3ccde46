"""The oldest form of a cohort, `groups`, as a filter tree (api W15). Pure.

A person belongs who fits any group. A group is a list of person properties, or an event (or action) done
so often in the last days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from insights_service.errors import InvalidInput

Json = dict[str, Any]
DEFAULT_DAYS = 30


def tree_of_groups(groups: Sequence[Any], attr: str = "groups") -> Json:
    """`{"properties": {...}}` with a branch per group. InvalidInput at `groups__<position>`."""
    branches = [_branch(group, f"{attr}__{position}") for position, group in enumerate(groups)]
    return {"properties": {"type": "OR", "values": branches}}


def _branch(group: Any, attr: str) -> Json:
    if isinstance(group, Mapping) and group.get("properties"):
        return {"type": "AND", "values": _properties(group["properties"], attr)}
    if isinstance(group, Mapping) and (group.get("event_id") or group.get("action_id")):
        return {"type": "AND", "values": [_behaviour(group)]}
    raise InvalidInput("A group has properties, an event_id or an action_id.", attr=attr)


def _properties(properties: Any, attr: str) -> list[Json]:
    """Leaves as a list, or as the plain object of old times: `{"plan": "pro"}`."""
    if isinstance(properties, Mapping) and "values" in properties:
        return [dict(properties)]
    if isinstance(properties, Mapping):
        return [{"key": key, "value": value, "type": "person"} for key, value in properties.items()]
    if isinstance(properties, list) and all(isinstance(leaf, Mapping) for leaf in properties):
        return [{"type": "person", **leaf} for leaf in properties]
    raise InvalidInput("Expected a list of property filters.", attr=f"{attr}__properties")


def _behaviour(group: Mapping[str, Any]) -> Json:
    by_action = group.get("action_id")
    leaf = {
        "type": "behavioral",
        "key": by_action or group["event_id"],
        "event_type": "actions" if by_action else "events",
        "value": "performed_event",
        "time_value": group.get("days") or DEFAULT_DAYS,
        "time_interval": "day",
    }
    if group.get("count") is None:
        return leaf
    counted = {"operator": group.get("count_operator") or "gte", "operator_value": group["count"]}
    return {**leaf, **counted, "value": "performed_event_multiple"}
