"""Creating, changing, deleting and restoring insights (api P.3, P.5, P.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from insights.levels import Viewer, insight_levels, live_tiles
from insights.mentions import mentions
from insights.models import DashboardTile, Insight
from insights.services import tiles, versions
from insights.services.activity import record_created, record_updated, snapshot
from insights.services.refusals import gone
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.errors import Forbidden

# Writable keys of the wire (api P8): only those given are in it.
Changes = Mapping[str, Any]
COLUMNS = (
    "name",
    "derived_name",
    "filters",
    "query",
    "order",
    "deleted",
    "description",
    "tags",
    "favorited",
    "saved",
)
MODIFYING = frozenset({"name", "description", "filters", "query"})  # api P20
NO_EDIT = "Your access to the dashboards of this insight does not allow editing it."


@transaction.atomic
def insight_create(*, project: Project, changes: Changes, viewer: Viewer) -> Insight:
    """A new insight with its tiles, tags and activity; a failing part leaves nothing behind (api P9, P10)."""
    now = clock.now()
    insight = Insight(
        project=project,
        created_by=viewer.user,
        last_modified_by=viewer.user,
        created_at=now,
        updated_at=now,
        last_modified_at=now,
    )
    _assign(insight, changes)
    insight.save(force_insert=True)
    if not insight.deleted:
        tiles.set_dashboards(insight=insight, wanted=changes.get("dashboards", ()), viewer=viewer)
    record_created(insight, actor=viewer.user)
    return insight


@transaction.atomic
def insight_update(
    *, insight: Insight, changes: Changes, viewer: Viewer, expected_version: str | None = None
) -> Insight:
    """The given keys of an insight changed, all or nothing (api P14-P23, P31).

    NotFound for a deleted insight that is not being restored, Forbidden without edit privilege,
    PreconditionFailed when somebody else wrote since `expected_version`.
    """
    insight = _locked(insight)
    if insight.deleted and changes.get("deleted") is not False:
        raise gone()
    versions.require(insight, expected_version)
    require_edit(insight, viewer)
    before = snapshot(insight)
    _assign(insight, changes)
    _stamp(insight, changes, viewer)
    insight.save(update_fields=_written_columns(changes))
    _change_tiles(insight, changes, viewer)
    record_updated(insight, actor=viewer.user, before=before, after=snapshot(insight))
    return insight


def _locked(insight: Insight) -> Insight:
    """The row as it is now, kept from other writers until the end of the transaction (api P19)."""
    rows = Insight.objects.select_for_update(no_key=True).filter(pk=insight.pk)
    locked = rows.prefetch_related("tiles__dashboard").first()
    if locked is None:
        raise gone()
    return locked


def require_edit(insight: Insight, viewer: Viewer) -> None:
    """Forbidden without edit privilege on a dashboard that carries the insight (api P18)."""
    dashboards = [tile.dashboard for tile in live_tiles(insight)]
    if not insight_levels(dashboards, viewer).can_edit:
        raise Forbidden(NO_EDIT)


def _assign(insight: Insight, changes: Changes) -> None:
    for column in COLUMNS:
        if column in changes:
            setattr(insight, column, changes[column])
    found = mentions(insight.query, insight.filters)
    insight.insight_type = found.insight_type
    insight.event_names = found.event_names
    insight.feature_flags = found.feature_flags


def _stamp(insight: Insight, changes: Changes, viewer: Viewer) -> None:
    insight.updated_at = clock.now()
    insight.version += 1
    insight.is_sample = False  # api P1
    if MODIFYING & changes.keys():
        insight.last_modified_at = insight.updated_at
        insight.last_modified_by = viewer.user


def _written_columns(changes: Changes) -> set[str]:
    """Not the whole row: a view may be counted at the same time (`last_viewed_at`)."""
    stamped = {"updated_at", "version", "is_sample", "insight_type", "event_names", "feature_flags"}
    modified = {"last_modified_at", "last_modified_by"} if MODIFYING & changes.keys() else set()
    return stamped | modified | {column for column in COLUMNS if column in changes}


def _change_tiles(insight: Insight, changes: Changes, viewer: Viewer) -> None:
    if insight.deleted:
        # Also those that fell with a dashboard: its return must not bring back a deleted insight.
        DashboardTile.objects.filter(insight=insight).update(deleted=True, fell_with_dashboard=False)
    elif "dashboards" in changes:
        tiles.set_dashboards(insight=insight, wanted=changes["dashboards"], viewer=viewer)
