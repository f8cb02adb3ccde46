"""Everything saved in a project as records, in the form that is read back (and that the API gives)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Model, Prefetch

from insights.models import Action, Annotation, Cohort, Dashboard, DashboardTile, Insight
from insights.transfer.records import (
    ACTIONS,
    ANNOTATIONS,
    COHORTS,
    DASHBOARDS,
    EVENT_DEFINITIONS,
    INSIGHTS,
    PROJECT,
    PROPERTY_DEFINITIONS,
    Record,
)
from insights_service.accounts.models import Project, User
from insights_service.persons.models import EventDefinition, PropertyDefinition, PropertyOwner

COLUMNS: Mapping[str, tuple[str, ...]] = {
    PROJECT: (
        "name",
        "timezone",
        "week_start_day",
        "test_account_filters",
        "path_cleaning_filters",
        "person_display_name_properties",
    ),
    ACTIONS: ("id", "name", "description", "tags", "steps", "post_to_slack", "pinned_at", "created_at"),
    COHORTS: ("id", "name", "description", "groups", "filters", "query", "is_static", "created_at"),
    DASHBOARDS: (
        "id",
        "name",
        "description",
        "pinned",
        "tags",
        "filters",
        "variables",
        "restriction_level",
        "created_at",
    ),
    INSIGHTS: (
        "id",
        "short_id",
        "name",
        "derived_name",
        "description",
        "filters",
        "query",
        "order",
        "tags",
        "favorited",
        "saved",
        "created_at",
        "updated_at",
        "last_modified_at",
    ),
    ANNOTATIONS: ("id", "content", "date_marker", "scope", "dashboard_id", "created_at", "updated_at"),
}


def exported(project: Project) -> Mapping[str, Iterator[Record]]:
    """Records by kind, in order of id; deleted things stay behind."""
    return {
        PROJECT: iter([{"uuid": str(project.uuid), **_columns(project, PROJECT)}]),
        EVENT_DEFINITIONS: _event_definitions(project),
        PROPERTY_DEFINITIONS: _property_definitions(project),
        ACTIONS: (_authored(row, ACTIONS) for row in _live(Action, project)),
        COHORTS: (_cohort(row) for row in _live(Cohort, project)),
        DASHBOARDS: (_dashboard(row) for row in _live(Dashboard, project)),
        INSIGHTS: (_insight(row) for row in _live(Insight, project)),
        ANNOTATIONS: (_annotation(row) for row in _live(Annotation, project)),
    }


def _live(model: Any, project: Project) -> Any:
    rows = model.objects.filter(project=project, deleted=False).select_related("created_by").order_by("id")
    if model is Dashboard:
        tiles = DashboardTile.objects.filter(deleted=False).exclude(insight__deleted=True)
        rows = rows.prefetch_related(Prefetch("tiles", tiles.select_related("text").order_by("id")))
    if model is Insight:
        rows = rows.select_related("last_modified_by")
    return rows.iterator(chunk_size=500)


def _event_definitions(project: Project) -> Iterator[Record]:
    for name in EventDefinition.objects.filter(project=project).values_list("name", flat=True):
        yield {"name": name}


def _property_definitions(project: Project) -> Iterator[Record]:
    """Only declared types count when they are read back; the rest is learnt again."""
    owners = (PropertyOwner.EVENT, PropertyOwner.PERSON)
    rows = PropertyDefinition.objects.filter(project=project, type__in=owners).order_by("type", "name")
    for name, owner, declared in rows.values_list("name", "type", "declared_type"):
        yield {"name": name, "type": owner, "property_type": declared}


def _cohort(cohort: Cohort) -> Record:
    record = _authored(cohort, COHORTS)
    return {**record, "_create_static_person_ids": cohort.static_source} if cohort.is_static else record


def _dashboard(dashboard: Dashboard) -> Record:
    return {**_authored(dashboard, DASHBOARDS), "tiles": [_tile(tile) for tile in dashboard.tiles.all()]}


def _tile(tile: DashboardTile) -> Record:
    return {
        "id": tile.pk,
        "layouts": tile.layouts,
        "color": tile.color,
        "insight": None if tile.insight_id is None else {"id": tile.insight_id},
        "text": None if tile.text is None else {"body": tile.text.body},
    }


def _insight(insight: Insight) -> Record:
    return {**_authored(insight, INSIGHTS), "last_modified_by": _author(insight.last_modified_by)}


def _annotation(annotation: Annotation) -> Record:
    return {**_authored(annotation, ANNOTATIONS), "dashboard_item": annotation.insight_id}


def _authored(row: Any, kind: str) -> Record:
    return {**_columns(row, kind), "created_by": _author(row.created_by)}


def _columns(row: Model, kind: str) -> Record:
    return {name: getattr(row, name) for name in COLUMNS[kind]}


def _author(user: User | None) -> Record | None:
    return {"email": user.email} if user else None
