"""A node -> `filters` (api T10 backwards), and the echo of a request (api S5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.correlation.node import FunnelCorrelationQuery
from queries.errors import NotSupported
from queries.legacy.entities import completed_entity, write_entities, write_exclusion
from queries.legacy.names import INSIGHT_OF_KIND, INSIGHTS, WITH_SERIES
from queries.legacy.params import Params
from queries.nodes import Display, InsightNode, Part
from queries.wrappers import Node, SourceNode, source_of

Json = dict[str, Any]

ECHO_DISPLAYS = {"FUNNELS": "FunnelViz", "PATHS": "PathsViz", "RETENTION": "ActionsTable"}


def to_legacy(node: Node | Mapping[str, Any]) -> Json:
    """The `filters` that mean the same as a node, given as value or as its JSON.

    As JSON it keeps the keys that only concern the picture. `aggregation_group_type_index` 0 is group
    type 0, as in saved filters (api S16). NotSupported for kinds that never had filters.
    """
    wire = node.to_wire() if isinstance(node, Part) else dict(node)
    if "source" in wire and wire.get("kind") not in INSIGHT_OF_KIND:
        wire = dict(wire["source"])
    insight = INSIGHT_OF_KIND.get(wire.get("kind", ""))
    if insight is None:
        raise NotSupported(f"{wire.get('kind')} has no form as filters.")
    if insight == "CORRELATION":
        return _correlation(wire)
    return _insight(wire, insight)


def _insight(wire: Mapping[str, Any], insight: str) -> Json:
    filters: Json = {"insight": insight}
    if insight in WITH_SERIES:
        filters |= write_entities(wire.get("series") or ())
    for name, path in INSIGHTS[insight][1].items():
        value = _get(wire, path)
        if value is not None:
            filters[name] = value
    if "exclusions" in filters:
        filters["exclusions"] = [write_exclusion(exclusion) for exclusion in filters["exclusions"]]
    return filters | _funnel_paths(wire)


def _get(wire: Mapping[str, Any], path: tuple[str | int, ...]) -> Any:
    here: Any = wire
    for part in path:
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def _funnel_paths(wire: Mapping[str, Any]) -> Json:
    given = wire.get("funnelPathsFilter")
    if not given:
        return {}
    funnel = _insight(given["funnelSource"], "FUNNELS")
    if given.get("funnelStep") is not None:
        funnel["funnel_step"] = given["funnelStep"]
    return {"funnel_filter": funnel}


def _correlation(wire: Mapping[str, Any]) -> Json:
    filters = _insight(wire["source"]["source"], "FUNNELS")
    for name, path in INSIGHTS["CORRELATION"][1].items():
        value = _get(wire, path)
        if value is not None:
            filters[name] = value
    return filters


# --- the echo ------------------------------------------------------------------------------------------


def filter_echo(node: Node, given: Params | None = None) -> Json:
    """The request as understood (api S5): some keys always, the others only when given.

    `given` are the parameters of a legacy request (`queries.legacy.LegacyQuery.params`); without them the
    echo is made from the node. Sending the echo back asks the same question.
    """
    source = source_of(node)
    said = to_legacy(source) if given is None else dict(given)
    insight = INSIGHT_OF_KIND[source.kind]
    insight = "FUNNELS" if insight == "CORRELATION" else insight
    return {**said, **_always(source, insight, said)}


def _always(source: SourceNode, insight: str, said: Mapping[str, Any]) -> Json:
    query = source.source.source if isinstance(source, FunnelCorrelationQuery) else source
    assert isinstance(query, InsightNode)
    return {
        "insight": insight,
        "display": said.get("display") or ECHO_DISPLAYS.get(insight, Display.LINE.value),
        "interval": str(getattr(query, "interval", "day")),
        "date_from": said.get("date_from"),
        "date_to": said.get("date_to"),
        **_entity_lists(query),
        "properties": query.properties.to_wire() if query.properties else {},
        "filter_test_accounts": query.filter_test_accounts,
    }


def _entity_lists(query: InsightNode) -> Json:
    series = getattr(query, "series", ())
    lists: dict[str, list[Json]] = {"events": [], "actions": [], "groups": []}
    for order, node in enumerate(series):
        entity = completed_entity(node, order)
        lists[entity["type"]].append(entity)
    return {name: found for name, found in lists.items() if found or name != "groups"}
