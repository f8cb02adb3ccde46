"""A path analysis understood: its events, its actors and where its sessions are cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from queries.context import ProjectContext
from queries.dates import ResolvedRange, resolve_range
from queries.earliest import with_project_earliest
from queries.nodes import InsightNode
from queries.parts import EVERYBODY, Part
from queries.paths.funnel import FunnelPart, funnel_part
from queries.paths.node import PathsFilter, PathsQuery
from queries.plan import Plan
from queries.sql.actors import Actor, actor_of
from queries.sql.events import Span
from queries.sql.fragment import Sql
from queries.vocabulary import Interval

SESSION_GAP_SECONDS = 30 * 60  # semantics G9


@dataclass(frozen=True, slots=True)
class Question:
    """What compiling the edges and finding their people share. `funnel` narrows the events (G23), `part` is
    which of how many equal parts of the actors is looked at."""

    node: PathsQuery
    ctx: ProjectContext
    period: ResolvedRange
    funnel: FunnelPart | None
    part: Part = EVERYBODY

    @property
    def options(self) -> PathsFilter:
        return self.node.paths_filter

    @property
    def actor(self) -> Actor:
        return actor_of(self.ctx, self.node.aggregation_group_type_index)

    def in_part(self, part: Part) -> Question:
        funnel = None if self.funnel is None else self.funnel.in_part(part, self.actor)
        return replace(self, funnel=funnel, part=part)

    @property
    def span(self) -> Span:
        """The range of the events (semantics G1)."""
        return Span(self.period.events_from, self.period.events_before)

    @property
    def gap(self) -> int:
        """Seconds without an event after which a new session begins (semantics G9, G23)."""
        return SESSION_GAP_SECONDS if self.funnel is None else self.funnel.gap

    @property
    def joins(self) -> tuple[Sql, ...]:
        return () if self.funnel is None else self.funnel.joins

    @property
    def dates(self) -> dict[str, str]:
        return {
            "date_from": self.period.date_from.isoformat(),
            "date_to": self.period.date_to.isoformat(),
        }


def understand(node: PathsQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    """The question with its dates resolved. `earliest` is where an all-time range begins (A9)."""
    period = resolve_range(node.date_range, Interval.DAY, ctx, earliest=earliest)
    given = node.funnel_paths_filter
    return Question(node, ctx, period, None if given is None else funnel_part(given, ctx, earliest))


def with_question(node: PathsQuery, ctx: ProjectContext, use: Callable[[Question], Plan]) -> Plan:
    """`use` applied to the question, after looking up where an all-time range begins: the path's own or
    that of its funnel."""
    return with_project_earliest(_longest(node), ctx, lambda earliest: use(understand(node, ctx, earliest)))


def _longest(node: PathsQuery) -> InsightNode:
    given = node.funnel_paths_filter
    if given is None or (node.date_range is not None and node.date_range.date_from == "all"):
        return node
    return given.funnel_source
