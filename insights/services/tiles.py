"""Which dashboards carry an insight (api P15, P16)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from insights.levels import Viewer, can_edit
from insights.models import Dashboard, DashboardTile, Insight
from insights_service.errors import Forbidden, InvalidInput


def set_dashboards(*, insight: Insight, wanted: Sequence[int], viewer: Viewer) -> None:
    """Make `wanted` the full set of dashboards; a revived tile keeps its id, layout and colour (api P15).

    Call it inside a transaction that holds the insight's row. InvalidInput for an id the project
    does not have, Forbidden for a dashboard the viewer may only look at.
    """
    tiles = {tile.dashboard_id: tile for tile in insight.tiles.select_related("dashboard")}
    dashboards = _existing(insight.project_id, wanted)
    goal = [pk for pk in dict.fromkeys(wanted) if not dashboards[pk].deleted]
    shown = {pk for pk, tile in tiles.items() if not tile.deleted and not tile.dashboard.deleted}
    added, removed = [pk for pk in goal if pk not in shown], shown - set(goal)
    _require_edit([dashboards[pk] for pk in added] + [tiles[pk].dashboard for pk in sorted(removed)], viewer)
    DashboardTile.objects.filter(insight=insight, dashboard_id__in=removed).update(deleted=True)
    _revive([tiles[pk] for pk in added if pk in tiles])
    DashboardTile.objects.bulk_create(
        DashboardTile(insight=insight, dashboard_id=pk) for pk in added if pk not in tiles
    )


def _existing(project_id: int, wanted: Iterable[int]) -> dict[int, Dashboard]:
    dashboards = Dashboard.objects.filter(project_id=project_id).in_bulk(list(set(wanted)))
    for pk in wanted:
        if pk not in dashboards:
            raise InvalidInput(
                f'Invalid pk "{pk}" - object does not exist.', code="does_not_exist", attr="dashboards"
            )
    return dashboards


def _require_edit(dashboards: Iterable[Dashboard], viewer: Viewer) -> None:
    for dashboard in dashboards:
        if not can_edit(dashboard, viewer):
            raise Forbidden(f'You may view the dashboard "{dashboard}" but not change it.')


def _revive(tiles: Sequence[DashboardTile]) -> None:
    pks = [tile.pk for tile in tiles]
    DashboardTile.objects.filter(pk__in=pks).update(deleted=False, fell_with_dashboard=False)
