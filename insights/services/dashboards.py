"""Making, changing, copying, deleting and restoring dashboards (api W11-W13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from insights.levels import Viewer, can_edit, can_restrict
from insights.models import CreationMode, Dashboard, DashboardTile, Insight
from insights.services import versions
from insights.services.activity import record_created, record_updated, snapshot
from insights.services.dashboard_tiles import change_tiles, copy_tiles
from insights.services.insights import insight_update
from insights.services.refusals import gone, unknown_reference
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.errors import Forbidden

Changes = Mapping[str, Any]
COLUMNS = (
    "name",
    "description",
    "pinned",
    "deleted",
    "filters",
    "variables",
    "restriction_level",
    "tags",
)
COPIED = ("name", "description", "filters", "variables", "tags")
NO_EDIT = "You may view this dashboard but not change it."
NO_RESTRICT = "Only its creator and administrators may say who can edit this dashboard."


@transaction.atomic
def dashboard_create(*, project: Project, changes: Changes, viewer: Viewer) -> Dashboard:
    """A new dashboard, empty or a copy of `use_dashboard` with its filters and tiles (api W13)."""
    dashboard = Dashboard(project=project, created_by=viewer.user)
    original = _original(project, changes.get("use_dashboard"))
    if original:
        _resemble(dashboard, original)
    _assign(dashboard, changes)
    dashboard.created_at = dashboard.updated_at = clock.now()
    dashboard.save(force_insert=True)
    if original:
        copy_tiles(original, dashboard, viewer, duplicate=bool(changes.get("duplicate_tiles")))
    change_tiles(dashboard, changes.get("tiles", ()), viewer)
    record_created(dashboard, actor=viewer.user)
    return dashboard


@transaction.atomic
def dashboard_update(
    *, dashboard: Dashboard, changes: Changes, viewer: Viewer, expected_version: str | None = None
) -> Dashboard:
    """The given keys of a dashboard changed, all or nothing.

    NotFound for a deleted one that is not being restored; Forbidden for a viewer who may only
    look, or who may edit but not restrict.
    """
    dashboard = _locked(dashboard)
    if dashboard.deleted and changes.get("deleted") is not False:
        raise gone()
    versions.require(dashboard, expected_version)
    require_edit(dashboard, viewer)
    _require_restrict(dashboard, changes, viewer)
    before = snapshot(dashboard)
    change_tiles(dashboard, changes.get("tiles", ()), viewer)
    _fall_or_return(dashboard, changes, viewer)
    _assign(dashboard, changes)
    dashboard.updated_at = clock.now()
    dashboard.version += 1
    dashboard.save(update_fields=[*COLUMNS, "updated_at", "version"])
    record_updated(dashboard, actor=viewer.user, before=before, after=snapshot(dashboard))
    return dashboard


def dashboard_accessed(dashboard: Dashboard) -> None:
    """Somebody opened it now."""
    dashboard.last_accessed_at = clock.now()
    Dashboard.objects.filter(pk=dashboard.pk).update(last_accessed_at=dashboard.last_accessed_at)


def _original(project: Project, pk: int | None) -> Dashboard | None:
    if pk is None:
        return None
    original = Dashboard.objects.filter(project=project, deleted=False, pk=pk).first()
    if original is None:
        raise unknown_reference(pk, "use_dashboard")
    return original


def _resemble(dashboard: Dashboard, original: Dashboard) -> None:
    dashboard.creation_mode = CreationMode.DUPLICATE
    for column in COPIED:
        setattr(dashboard, column, getattr(original, column))


def _locked(dashboard: Dashboard) -> Dashboard:
    locked = Dashboard.objects.select_for_update(no_key=True).filter(pk=dashboard.pk).first()
    if locked is None:
        raise gone()
    return locked


def require_edit(dashboard: Dashboard, viewer: Viewer) -> None:
    """Forbidden for a viewer who may only look (api W13)."""
    if not can_edit(dashboard, viewer):
        raise Forbidden(NO_EDIT)


def _require_restrict(dashboard: Dashboard, changes: Changes, viewer: Viewer) -> None:
    level = changes.get("restriction_level", dashboard.restriction_level)
    if level != dashboard.restriction_level and not can_restrict(dashboard, viewer):
        raise Forbidden(NO_RESTRICT)


def _assign(dashboard: Dashboard, changes: Changes) -> None:
    for column in COLUMNS:
        if column in changes:
            setattr(dashboard, column, changes[column])


def _fall_or_return(dashboard: Dashboard, changes: Changes, viewer: Viewer) -> None:
    """Tiles go with their dashboard and come back with it, but not those taken off before (api W13)."""
    deleted = changes.get("deleted", dashboard.deleted)
    if deleted == dashboard.deleted:
        return
    if deleted:
        if changes.get("delete_insights"):
            _delete_insights(dashboard, viewer)
        dashboard.tiles.filter(deleted=False).update(deleted=True, fell_with_dashboard=True)
    else:
        fallen = dashboard.tiles.filter(fell_with_dashboard=True)
        fallen.update(deleted=False, fell_with_dashboard=False)


def _delete_insights(dashboard: Dashboard, viewer: Viewer) -> None:
    """Soft-delete what is shown here and on no other dashboard."""
    shown = DashboardTile.objects.filter(deleted=False, dashboard__deleted=False, insight__isnull=False)
    here = shown.filter(dashboard=dashboard).values("insight_id")
    elsewhere = shown.exclude(dashboard=dashboard).values("insight_id")
    for insight in Insight.objects.filter(pk__in=here).exclude(pk__in=elsewhere).order_by("pk"):
        insight_update(insight=insight, changes={"deleted": True}, viewer=viewer)
