"""An insight with everything the wire says about it, put together from what was loaded before.

Views ask for the rows (`selectors`) and the answers (`insights.answer`), this module joins them, the
serializers write them down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from insights.context import Leaning
from insights.levels import Levels, Viewer, insight_levels, live_tiles
from insights.models import DashboardTile, Insight
from insights.question import PLAIN, Context, Question, question_of
from queries.cache.store import Entry


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What is known about the result of one insight; the default is a cache miss (api P1, R4)."""

    result: Any = None
    is_cached: bool = False
    last_refresh: datetime | None = None
    cache_target_age: datetime | None = None
    next_allowed_client_refresh: datetime | None = None
    cache_key: str | None = None
    query_status: Mapping[str, Any] | None = None
    has_more: bool | None = None
    columns: Sequence[str] | None = None
    types: Sequence[Any] | None = None
    hogql: str | None = None
    resolved_date_range: Mapping[str, str] | None = None
    # What the answer was read from, when nothing had to be done for it.
    entry: Entry | None = None
    leaning: Leaning | None = None


NO_ANSWER = AnswerFacts()


@dataclass(frozen=True, slots=True)
class ShownInsight:
    """One insight as a viewer sees it; the serializers read from here."""

    insight: Insight
    question: Question
    context: Context
    levels: Levels
    tiles: Sequence[DashboardTile]
    timezone: str
    answer: AnswerFacts = NO_ANSWER
    last_viewed_at: datetime | None = None
    refreshing: bool = False

    @property
    def dashboards(self) -> list[int]:
        """Ids of the dashboards that show it, by tile (api P1)."""
        return [tile.dashboard_id for tile in self.tiles]


def show(insight: Insight, viewer: Viewer, timezone: str, context: Context = PLAIN) -> ShownInsight:
    """One insight without its answer; `replace(shown, answer=...)` adds it."""
    tiles = [] if insight.deleted else live_tiles(insight)
    return ShownInsight(
        insight=insight,
        question=question_of(insight, context),
        context=context,
        levels=insight_levels((tile.dashboard for tile in tiles), viewer),
        tiles=tiles,
        timezone=timezone,
        last_viewed_at=getattr(insight, "own_view", insight.last_viewed_at),  # api Q20
    )


def show_all(
    insights: Iterable[Insight],
    viewer: Viewer,
    timezone: str,
    context_of: Callable[[Insight], Context] = lambda _: PLAIN,
) -> list[ShownInsight]:
    return [show(insight, viewer, timezone, context_of(insight)) for insight in insights]
