"""Nodes that wrap a query for display and mean nothing but their source (api P25, U4)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from queries.actors.node import ActorsQuery, InsightActorsQuery, InsightActorsQueryOptions, InsightQuery
from queries.correlation.node import FunnelCorrelationActorsQuery, FunnelCorrelationQuery
from queries.funnels.node import FunnelsActorsQuery
from queries.hogql_node import EventsQuery, HogQLQuery
from queries.part import PRESENTATIONAL, Part
from queries.stickiness.node import StickinessActorsQuery

SourceNode = (
    InsightQuery
    | FunnelCorrelationQuery
    | InsightActorsQuery
    | FunnelsActorsQuery
    | FunnelCorrelationActorsQuery
    | StickinessActorsQuery
    | InsightActorsQueryOptions
    | ActorsQuery
    | HogQLQuery
    | EventsQuery
)


class InsightVizNode(Part):
    kind: Literal["InsightVizNode"] = "InsightVizNode"
    source: Annotated[InsightQuery | FunnelCorrelationQuery, Field(discriminator="kind")]


class DataVisualizationNode(Part):
    kind: Literal["DataVisualizationNode"] = "DataVisualizationNode"
    source: HogQLQuery


class DataTableNode(Part):
    """A table; its own keys say which columns and buttons are shown."""

    ignored_keys: ClassVar[frozenset[str]] = PRESENTATIONAL.union(
        {"allowSorting", "columns", "context", "contextKey", "defaultColumns", "expandable"}
        | {"hiddenColumns", "pinnedColumns", "propertiesViaUrl", "showActions", "showColumnConfigurator"}
        | {"showCount", "showDateRange", "showElapsedTime", "showEventFilter", "showEventsFilter"}
        | {"showExport", "showHogQLEditor", "showOpenEditorButton", "showPersistentColumnConfigurator"}
        | {"showPropertyFilter", "showReload", "showResultsTable", "showSavedFilters", "showSavedQueries"}
        | {"showSearch", "showSourceQueryOptions", "showTestAccountFilters", "showTimings"}
    )
    kind: Literal["DataTableNode"] = "DataTableNode"
    source: Annotated[SourceNode, Field(discriminator="kind")]


Wrapper = InsightVizNode | DataVisualizationNode | DataTableNode
Node = SourceNode | Wrapper

NODE_CLASSES: dict[str, Any] = {  # kind -> model; the kinds this server answers
    cls.model_fields["kind"].default: cls
    for cls in (*SourceNode.__args__, InsightVizNode, DataVisualizationNode, DataTableNode)
}


def source_of(node: Node) -> SourceNode:
    """The question itself, without what it was wrapped in for display."""
    return node.source if isinstance(node, Wrapper) else node
