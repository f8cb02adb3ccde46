"""A trend understood: its node, its project, and the one or two periods it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from queries.context import ProjectContext
from queries.dates import ResolvedRange, previous_period, resolve_range
from queries.nodes import ActionsNode, BreakdownFilter, SeriesNode
from queries.sql.actors import Actor, actor_of
from queries.sql.events import Span
from queries.trends.node import TrendsQuery
from queries.vocabulary import Display


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of a histogram: the least value, the width (0: a single value), and each bin's text."""

    low: float
    width: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What the compilers and shapers of trends share. `periods` is current, then previous if compared.

    `series` are those that exist: (position in the request, node). A series over an unknown action is
    left out (semantics D2). `bins` has an entry per period once they are known. `within` restricts the
    events of a period to a stretch of it.
    """

    node: TrendsQuery
    ctx: ProjectContext
    periods: tuple[ResolvedRange, ...]
    series: tuple[tuple[int, SeriesNode], ...]
    bins: tuple[Bins, ...] = ()
    within: Span | None = None

    @property
    def is_aggregated(self) -> bool:
        return self.node.display.is_aggregated

    @property
    def is_cumulative(self) -> bool:
        return self.node.display is Display.LINE_CUMULATIVE

    @property
    def breakdown(self) -> BreakdownFilter | None:
        """The breakdown that applies; a bold number has none (semantics D31)."""
        chosen = self.node.breakdown_filter
        if chosen is None or chosen.is_empty or self.node.display is Display.BOLD_NUMBER:
            return None
        return chosen

    @property
    def limit(self) -> int:
        return self.breakdown.limit(self.node.display) if self.breakdown else 0

    @property
    def actor(self) -> Actor:
        return actor_of(self.ctx, self.node.aggregation_group_type_index, by_distinct_id=True)

    def bins_of(self, period: ResolvedRange) -> Bins | None:
        """The bins of a histogram in this period; None when the breakdown is no histogram (D45)."""
        return self.bins[self.periods.index(period)] if self.bins else None

    def buckets(self, period: ResolvedRange) -> list[datetime]:
        options = self.node.trends_filter
        return period.buckets(hide_weekends=options.hide_weekends, complete_only=options.hide_incomplete_data)

    def span(self, period: ResolvedRange) -> Span:
        """The events that count; only bucketed answers widen the start (semantics A14, D30)."""
        if self.within is not None:
            return self.within
        start = period.date_from if self.is_aggregated else period.events_from
        return Span(start, period.events_before)


def understand(node: TrendsQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    """The question with its dates resolved. `earliest` is where an all-time range begins (A9)."""
    current = resolve_range(node.date_range, node.interval, ctx, earliest=earliest)
    periods: tuple[ResolvedRange, ...] = (current,)
    if node.is_compared and node.compare_filter is not None:
        periods = (current, previous_period(current, ctx, node.compare_filter.compare_to))
    return Question(node, ctx, periods, tuple(known_series(node.series, ctx)))


def known_series(series: Sequence[SeriesNode], ctx: ProjectContext) -> list[tuple[int, SeriesNode]]:
    return [(i, s) for i, s in enumerate(series) if not isinstance(s, ActionsNode) or s.id in ctx.actions]
