"""Every kind of query this server answers: one line each.

`compile` is pure: node and context to a plan. `legacy` turns a finished result into the older shape of
the calculation endpoints (api S); None where the two are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from queries.actors.compile import compile_actors, compile_source
from queries.actors.node import InsightActorsQueryOptions
from queries.actors.options import options_of
from queries.context import ProjectContext
from queries.correlation.compile import compile_correlation
from queries.correlation.legacy_shape import correlation_legacy
from queries.errors import NotSupported
from queries.funnels.compile import compile_funnels
from queries.funnels.legacy_shape import funnels_legacy
from queries.hogql.query import compile_events, compile_hogql
from queries.lifecycle.compile import compile_lifecycle
from queries.lifecycle.legacy_shape import lifecycle_legacy
from queries.paths.compile import compile_paths
from queries.plan import Plan, Result
from queries.retention.compile import compile_retention
from queries.retention.legacy_shape import retention_legacy
from queries.stickiness.compile import compile_stickiness
from queries.stickiness.legacy_shape import stickiness_legacy
from queries.trends.compile import compile_trends
from queries.trends.legacy_shape import trends_legacy

Compiler = Callable[[Any, ProjectContext], Plan]  # each takes its own node class
# (result, node, request facts such as the project's URL prefix) -> the legacy `result`
LegacyShape = Callable[[Result, Any, ProjectContext, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One insight type: how to compile it and how its legacy answer looks."""

    name: str
    compile: Compiler
    legacy: LegacyShape | None = None


def compile_options(node: InsightActorsQueryOptions, ctx: ProjectContext) -> Plan:
    """The insight behind the options is any of this table."""
    return options_of(node, ctx, compile_node)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("TrendsQuery", compile_trends, trends_legacy),
        Kind("FunnelsQuery", compile_funnels, funnels_legacy),
        Kind("FunnelCorrelationQuery", compile_correlation, correlation_legacy),
        Kind("PathsQuery", compile_paths),
        Kind("RetentionQuery", compile_retention, retention_legacy),
        Kind("StickinessQuery", compile_stickiness, stickiness_legacy),
        Kind("LifecycleQuery", compile_lifecycle, lifecycle_legacy),
        Kind("ActorsQuery", compile_actors),
        Kind("InsightActorsQuery", compile_source),
        Kind("StickinessActorsQuery", compile_source),
        Kind("FunnelsActorsQuery", compile_source),
        Kind("FunnelCorrelationActorsQuery", compile_source),
        Kind("InsightActorsQueryOptions", compile_options),
        Kind("HogQLQuery", compile_hogql),
        Kind("EventsQuery", compile_events),
    )
}


def kind_of(node: Any) -> Kind:
    """The kind that answers this node. NotSupported when the language knows it but nobody computes it."""
    kind = KINDS.get(node.kind)
    if kind is None:
        raise NotSupported(f"{node.kind} is not supported by this server.", attr="kind")
    return kind


def compile_node(node: Any, ctx: ProjectContext) -> Plan:
    return kind_of(node).compile(node, ctx)
