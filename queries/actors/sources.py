"""Which actors a source names: one row per kind of question (api U4, W20)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from queries.actors.actor_set import ActorSet
from queries.actors.node import InsightActorsQuery
from queries.context import ProjectContext
from queries.correlation.node import FunnelCorrelationActorsQuery
from queries.correlation.people import correlation_people
from queries.correlation.population import understand as understand_correlation
from queries.earliest import with_earliest, with_project_earliest
from queries.errors import NotSupported
from queries.funnels.node import FunnelsActorsQuery
from queries.funnels.people import funnel_people
from queries.funnels.question import understand as understand_funnel
from queries.lifecycle.compile import understand as understand_lifecycle
from queries.lifecycle.people import lifecycle_people
from queries.paths.people import path_people
from queries.paths.question import with_question
from queries.plan import Plan
from queries.retention.people import retention_people
from queries.retention.question import Question as RetentionQuestion
from queries.retention.question import understand as understand_retention
from queries.retention.ranking import with_values_of_other
from queries.stickiness.compile import understand as understand_stickiness
from queries.stickiness.node import StickinessActorsQuery
from queries.stickiness.people import stickiness_people
from queries.trends.compile import understood_with_bins
from queries.trends.people import trend_people

Use = Callable[[ActorSet], Plan]
Source = Any  # each row takes its own node


def with_actors(source: Source, ctx: ProjectContext, use: Use) -> Plan:
    """`use` applied to the actors of the source, after whatever has to be looked up first."""
    kind = source.source.kind if isinstance(source, InsightActorsQuery) else source.kind
    reader = SOURCES.get(kind)
    if reader is None:
        raise NotSupported(f"People behind {kind} are not supported by this server.", attr="source__kind")
    return reader(source, ctx, use)


def _trends(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node: Any = source.source
    return understood_with_bins(node, ctx, lambda question: use(trend_people(source, question)))


def _stickiness(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node: Any = source.source
    return with_earliest(
        node,
        ctx,
        lambda earliest: use(
            stickiness_people(
                understand_stickiness(node, ctx, earliest),
                column=source.day,
                series=source.series,
                compare=source.compare,
            )
        ),
    )


def _stickiness_column(source: StickinessActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    return with_earliest(
        source.source,
        ctx,
        lambda earliest: use(
            stickiness_people(
                understand_stickiness(source.source, ctx, earliest),
                column=source.day,
                series=source.series,
                compare=source.compare,
                operator=source.operator,
            )
        ),
    )


def _lifecycle(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node: Any = source.source
    return with_earliest(
        node,
        ctx,
        lambda earliest: use(
            lifecycle_people(understand_lifecycle(node, ctx, earliest), day=source.day, status=source.status)
        ),
    )


def _retention(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node: Any = source.source
    value = _texts(source.breakdown)

    def people(question: RetentionQuestion) -> Plan:
        return use(
            retention_people(question, row=source.interval, column=source.returning_interval, breakdown=value)
        )

    return with_project_earliest(
        node,
        ctx,
        lambda earliest: with_values_of_other(understand_retention(node, ctx, earliest), value, people),
    )


def _paths(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node: Any = source.source
    return with_question(node, ctx, lambda question: use(path_people(question)))


def _funnel(source: FunnelsActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node = source.source
    return with_project_earliest(
        node, ctx, lambda earliest: use(funnel_people(source, understand_funnel(node, ctx, earliest)))
    )


def _funnel_point(source: InsightActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    """A point of funnel trends by its day; else everyone who entered."""
    node: Any = source.source
    start = None if source.day is None else str(source.day)
    point = FunnelsActorsQuery(
        source=node, funnel_step_breakdown=source.breakdown, funnel_trends_entrance_period_start=start
    )
    return _funnel(point, ctx, use)


def _correlation(source: FunnelCorrelationActorsQuery, ctx: ProjectContext, use: Use) -> Plan:
    node = source.source
    return with_project_earliest(
        node.source.source,
        ctx,
        lambda earliest: use(correlation_people(source, understand_correlation(node, ctx, earliest))),
    )


def _texts(breakdown: object) -> tuple[str, ...] | None:
    if breakdown is None:
        return None
    return tuple(map(str, breakdown)) if isinstance(breakdown, tuple) else (str(breakdown),)


SOURCES: Mapping[str, Callable[[Any, ProjectContext, Use], Plan]] = {
    "TrendsQuery": _trends,
    "StickinessQuery": _stickiness,
    "StickinessActorsQuery": _stickiness_column,
    "LifecycleQuery": _lifecycle,
    "RetentionQuery": _retention,
    "PathsQuery": _paths,
    "FunnelsQuery": _funnel_point,
    "FunnelsActorsQuery": _funnel,
    "FunnelCorrelationActorsQuery": _correlation,
}
