"""The answer of the older endpoint: the same rows, each with links to the people of both cells (api S19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.context import ProjectContext
from queries.correlation.node import CorrelationType, FunnelCorrelationQuery
from queries.correlation.shape import SEPARATOR
from queries.correlation.things import AUTOCAPTURE, CHAIN_SEPARATOR, ELEMENTS_CHAIN, EVENT_TYPE
from queries.people import people_url
from queries.plan import Result

Json = dict[str, Any]
ENTITY, PROPERTIES = "funnel_correlation_person_entity", "funnel_correlation_property_values"


def correlation_legacy(
    result: Result, node: FunnelCorrelationQuery, ctx: ProjectContext, facts: Mapping[str, Any]
) -> Any:
    """`result` of the correlation endpoint. `facts`: `filter` (the echo, api S5) and `project_path`."""
    return result.results | {"events": [_linked(row, node, facts) for row in result.results["events"]]}


def _linked(row: Json, node: FunnelCorrelationQuery, facts: Mapping[str, Any]) -> Json:
    thing = _thing(row["event"], node)
    return {
        "event": row["event"],
        "success_count": row["success_count"],
        "success_people_url": _people(facts, thing, converted=True),
        "failure_count": row["failure_count"],
        "failure_people_url": _people(facts, thing, converted=False),
        "odds_ratio": row["odds_ratio"],
        "correlation_type": row["correlation_type"],
    }


def _people(facts: Mapping[str, Any], thing: Json, *, converted: bool) -> str:
    return people_url(
        facts, "funnel/correlation", {**thing, "funnel_correlation_person_converted": converted}
    )


def _thing(event: Json, node: FunnelCorrelationQuery) -> Json:
    """The coordinates of a row (api W20)."""
    match node.funnel_correlation_type:
        case CorrelationType.EVENTS:
            return {ENTITY: {"id": event["event"], "type": "events"}}
        case CorrelationType.PROPERTIES:
            key, value = _key_and_value(event["event"], node)
            return {PROPERTIES: [_has(key, value, **_owner(node))]}
    return {ENTITY: _entity(event)}


def _key_and_value(name: str, node: FunnelCorrelationQuery) -> tuple[str, str]:
    """A key may hold the separator too: one that was asked for goes before."""
    asked = sorted(node.funnel_correlation_names or (), key=len, reverse=True)
    for key in asked:
        if name.startswith(key + SEPARATOR):
            return key, name.removeprefix(key + SEPARATOR)
    key, _, value = name.partition(SEPARATOR)
    return key, value


def _owner(node: FunnelCorrelationQuery) -> Json:
    index = node.source.source.aggregation_group_type_index
    return {"type": "person"} if index is None else {"type": "group", "group_type_index": index}


def _entity(event: Json) -> Json:
    """An event that has the property, or the click of an autocaptured one."""
    ((key, value),) = event["properties"].items()
    chain = SEPARATOR.join((AUTOCAPTURE, ELEMENTS_CHAIN, value + CHAIN_SEPARATOR))
    if key == EVENT_TYPE and event["event"].startswith(chain):
        clicked = event["event"].removeprefix(chain)
        has = [_has(key, value), _has(ELEMENTS_CHAIN, clicked, type="event_metadata")]
        return {"id": AUTOCAPTURE, "type": "events", "properties": {"type": "AND", "values": has}}
    name = event["event"].removesuffix(SEPARATOR.join(("", key, value)))
    return {"id": name, "type": "events", "properties": [_has(key, value)]}


def _has(key: str, value: str, **fields: Any) -> Json:
    return {"key": key, "value": value, "operator": "exact", "type": "event", **fields}
