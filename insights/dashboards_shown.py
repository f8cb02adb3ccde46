"""A dashboard with everything the wire says about it (api W11, W12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from insights.levels import Levels, Viewer, dashboard_levels
from insights.models import Dashboard, DashboardTile
from insights.overrides import merge_filters
from insights.question import Context
from insights.shown import ShownInsight, show


@dataclass(frozen=True, slots=True)
class ShownTile:
    """One tile: a text, or an insight with its answer in the dashboard's context."""

    tile: DashboardTile
    order: int
    insight: ShownInsight | None = None

    @property
    def last_refresh(self) -> datetime | None:
        return self.insight.answer.last_refresh if self.insight else None

    @property
    def is_cached(self) -> bool:
        return self.insight.answer.is_cached if self.insight else False


@dataclass(frozen=True, slots=True)
class ShownDashboard:
    """One dashboard as a viewer sees it. `filters` are those in force, overrides included."""

    dashboard: Dashboard
    levels: Levels
    filters: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)
    tiles: Sequence[ShownTile] = ()

    @property
    def is_shared(self) -> bool:
        sharing = getattr(self.dashboard, "sharing", None)
        return bool(sharing and sharing.enabled)

    @property
    def last_refresh(self) -> datetime | None:
        """How old the oldest shown result is; null while nothing is shown."""
        return min((tile.last_refresh for tile in self.tiles if tile.last_refresh), default=None)


def show_dashboard(dashboard: Dashboard, viewer: Viewer) -> ShownDashboard:
    """A dashboard without its tiles, as lists have it."""
    return ShownDashboard(dashboard, dashboard_levels(dashboard, viewer), dashboard.filters)


def show_tiles(
    shown: ShownDashboard,
    tiles: Sequence[DashboardTile],
    viewer: Viewer,
    timezone: str,
    over: Context,
) -> ShownDashboard:
    """The dashboard with its tiles under the overrides of `over`, still without answers."""
    return replace(
        shown,
        filters={**shown.filters, **merge_filters({}, over.filters_override)},
        variables={**shown.dashboard.variables, **over.variables_override},
        tiles=[
            ShownTile(tile, order, _insight(tile, viewer, timezone, over)) for order, tile in enumerate(tiles)
        ],
    )


def with_answers(shown: ShownDashboard, answered: Sequence[ShownInsight]) -> ShownDashboard:
    """The same tiles with the insights of `answered`, which come in the order of the tiles."""
    waiting = iter(answered)
    tiles = [replace(tile, insight=next(waiting)) if tile.insight else tile for tile in shown.tiles]
    return replace(shown, tiles=tiles)


def _insight(tile: DashboardTile, viewer: Viewer, timezone: str, over: Context) -> ShownInsight | None:
    if tile.insight is None:
        return None
    return show(tile.insight, viewer, timezone, replace(over, tile=tile))
