"""The tiles of one dashboard, from the dashboard's side (api W13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from insights.levels import Viewer
from insights.models import Dashboard, DashboardTile, Insight, TextTile
from insights.models.ids import new_short_id
from insights.services.activity import record_created
from insights.services.refusals import required, unknown_reference
from insights_service import clock
from insights_service.errors import InvalidInput

Changes = Mapping[str, Any]
TILE_COLUMNS = ("layouts", "color", "deleted")


def change_tiles(dashboard: Dashboard, wanted: Sequence[Changes], viewer: Viewer) -> None:
    """Tiles named by id are moved, coloured, taken off or put back; a text without id is a new tile.

    InvalidInput for an id that is no tile of this dashboard. The tile of a deleted insight is none: it stays
    away when the insight comes back (api P31).
    """
    named = [change["id"] for change in wanted if change.get("id") is not None]
    tiles = dashboard.tiles.exclude(insight__deleted=True).select_related("text").in_bulk(named)
    for position, change in enumerate(wanted):
        if change.get("id") is None:
            _add_text(dashboard, change, viewer, attr=f"tiles__{position}")
        elif change["id"] in tiles:
            _change_tile(tiles[change["id"]], change, attr=f"tiles__{position}")
        else:
            raise unknown_reference(change["id"], f"tiles__{position}__id")


def copy_tiles(original: Dashboard, copy: Dashboard, viewer: Viewer, *, duplicate: bool) -> None:
    """The live tiles of one dashboard on another: the same insights, or with `duplicate` copies of them."""
    for tile in original.tiles.filter(deleted=False).select_related("insight", "text").order_by("id"):
        DashboardTile.objects.create(
            dashboard=copy,
            insight=_copied_insight(tile.insight, viewer) if duplicate and tile.insight else tile.insight,
            text=_text(copy, tile.text.body, viewer) if tile.text else None,
            layouts=tile.layouts,
            color=tile.color,
        )


def _change_tile(tile: DashboardTile, change: Changes, *, attr: str) -> None:
    if tile.text is None and change.get("text") is not None:
        raise InvalidInput("This tile shows an insight and has no text.", attr=f"{attr}__text")
    for column in TILE_COLUMNS:
        if column in change:
            setattr(tile, column, change[column])
    tile.save(update_fields=TILE_COLUMNS)
    if tile.text and "body" in (change.get("text") or {}):
        tile.text.body = change["text"]["body"]
        tile.text.last_modified_at = clock.now()
        tile.text.save(update_fields=["body", "last_modified_at"])


def _add_text(dashboard: Dashboard, change: Changes, viewer: Viewer, *, attr: str) -> None:
    body = (change.get("text") or {}).get("body")
    if body is None:
        raise required(f"{attr}__id")
    given = {column: change[column] for column in TILE_COLUMNS if column in change}
    DashboardTile.objects.create(dashboard=dashboard, text=_text(dashboard, body, viewer), **given)


def _text(dashboard: Dashboard, body: str, viewer: Viewer) -> TextTile:
    return TextTile.objects.create(
        project_id=dashboard.project_id, body=body, created_by=viewer.user, last_modified_at=clock.now()
    )


def _copied_insight(insight: Insight, viewer: Viewer) -> Insight:
    """A copy under its own ids, made now by the viewer."""
    now = clock.now()
    copy = Insight.objects.get(pk=insight.pk)
    copy.pk, copy.short_id, copy.version = None, new_short_id(), 1
    copy.name = f"{insight.name} (Copy)" if insight.name else insight.name
    copy.created_at = copy.updated_at = copy.last_modified_at = now
    copy.created_by = copy.last_modified_by = viewer.user
    copy.last_viewed_at = None
    copy.save(force_insert=True)
    record_created(copy, actor=viewer.user)
    return copy
