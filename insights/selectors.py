"""Reads: which insights somebody sees, what belongs to them, and the conditions of the list (api P5).

Whatever the number of rows, a list costs the same number of statements: everything that hangs on an
insight comes with it by `with_everything`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, Subquery, TextField, Value
from django.db.models.lookups import IContains

from insights.levels import Viewer
from insights.models import (
    ActivityLog,
    ActivityScope,
    Dashboard,
    DashboardCollaborator,
    DashboardTile,
    Insight,
    InsightViewed,
    SharingConfiguration,
)
from insights_service.accounts.models import Project, User

MAX_ID = 2**31 - 1
MY_LAST_VIEWED = 5  # api Q20
UNIT_SEPARATOR = "\x1f"  # joins tags for the search; nobody types it


def insights_of(project: Project, *, shared: SharingConfiguration | None = None) -> QuerySet[Insight]:
    """The insights of a project, soft-deleted ones included; through a link only what it opens (api Q10)."""
    everything = Insight.objects.filter(project=project)
    if shared is None:
        return everything
    if shared.dashboard_id is not None:
        return everything.filter(on_dashboard(shared.dashboard_id))
    return everything.filter(sharing=shared)


def live(insights: QuerySet[Insight]) -> QuerySet[Insight]:
    return insights.filter(deleted=False)


def with_everything(insights: QuerySet[Insight]) -> QuerySet[Insight]:
    """Insights with their people, tiles and dashboards: two statements, however many rows."""
    tiles = DashboardTile.objects.select_related("dashboard").order_by("id")
    return insights.select_related("created_by", "last_modified_by").prefetch_related(
        Prefetch("tiles", queryset=tiles)
    )


def named(reference: str) -> Q:
    """What a path may call an insight by: digits are its id, else its short id (api M5)."""
    if is_id(reference):
        return Q(pk=int(reference)) | Q(short_id=reference)
    return Q(short_id=reference)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= MAX_ID


def find_insight(insights: QuerySet[Insight], reference: str) -> Insight | None:
    """The insight a path means; an id wins over a short id of the same digits (api M5)."""
    found = list(insights.filter(named(reference))[:2])
    return min(found, key=lambda insight: str(insight.pk) != reference, default=None)


def viewer_of(project: Project, user: User, level: int) -> Viewer:
    """A member with his places among the collaborators of the project's dashboards: one statement."""
    places = DashboardCollaborator.objects.filter(user=user, dashboard__project=project)
    return Viewer(user, level, dict(places.values_list("dashboard_id", "level")))


def my_last_viewed(project: Project, user: User) -> QuerySet[Insight]:
    """The last insights the user looked at, newest first; `last_viewed_at` is his own view (api Q20)."""
    mine = live(insights_of(project)).filter(viewed_by(user)).annotate(own_view=own_view(user))
    return with_everything(mine.order_by("-own_view", "-id"))[:MY_LAST_VIEWED]


def own_view(user: User) -> Subquery:
    """When the user last looked at an insight; null for never."""
    views = InsightViewed.objects.filter(insight=OuterRef("pk"), user=user)
    return Subquery(views.values("last_viewed_at")[:1])


# --- conditions of the list (api P5); all of them are joined by AND -------------------------------------


def on_dashboard(dashboard_id: int) -> Q:
    """Shown by a live tile of that dashboard."""
    return Q(Exists(_live_tiles().filter(dashboard_id=dashboard_id)))


def on_any_dashboard() -> Q:
    return Q(Exists(_live_tiles()))


def on_all_dashboards(dashboard_ids: Iterable[int]) -> Q:
    condition = Q()
    for dashboard_id in dashboard_ids:
        condition &= on_dashboard(dashboard_id)
    return condition


def is_saved(saved: bool) -> Q:
    """True: saved, or kept by a dashboard. False: not saved, whatever dashboards say (api P5)."""
    return Q(saved=True) | on_any_dashboard() if saved else Q(saved=False)


def viewed_by(user: User) -> Q:
    return Q(Exists(InsightViewed.objects.filter(insight=OuterRef("pk"), user=user)))


def mentions_text(text: str) -> Q:
    """A substring of name, derived name, description or a tag, case aside; no wildcards (api P5)."""
    tags = Func(F("tags"), Value(UNIT_SEPARATOR), function="array_to_string", output_field=TextField())
    return (
        Q(name__icontains=text)
        | Q(derived_name__icontains=text)
        | Q(description__icontains=text)
        | Q(IContains(tags, text))
    )


def with_any_tag(tags: Sequence[str]) -> Q:
    return Q(tags__overlap=list(tags))


def with_all_events(names: Sequence[str]) -> Q:
    return Q(event_names__contains=list(names))


def with_feature_flag(key: str) -> Q:
    return Q(feature_flags__contains=[key])


def between(field: str, after: datetime | None, before: datetime | None) -> Q:
    """Strictly after and strictly before (api P5)."""
    condition = Q()
    if after:
        condition &= Q(**{f"{field}__gt": after})
    if before:
        condition &= Q(**{f"{field}__lt": before})
    return condition


def _live_tiles() -> QuerySet[DashboardTile]:
    return DashboardTile.objects.filter(insight=OuterRef("pk"), deleted=False, dashboard__deleted=False)


# --- dashboards ----------------------------------------------------------------------------------------


def dashboards_of(project: Project) -> QuerySet[Dashboard]:
    """The dashboards of a project, soft-deleted ones included."""
    return Dashboard.objects.filter(project=project)


def listed_dashboards(project: Project) -> QuerySet[Dashboard]:
    """What the list shows: pinned ones first, then by name; the id settles ties."""
    shown = dashboards_of(project).filter(deleted=False).select_related("created_by", "sharing")
    return shown.order_by("-pinned", F("name").asc(nulls_last=True), "id")


def find_dashboard(project: Project, reference: str, *, with_deleted: bool = False) -> Dashboard | None:
    """The dashboard a path means, with its creator and its link."""
    if not is_id(reference):
        return None
    found = dashboards_of(project).select_related("created_by", "sharing").filter(pk=int(reference))
    return (found if with_deleted else found.filter(deleted=False)).first()


def with_insights(tiles: QuerySet[DashboardTile]) -> QuerySet[DashboardTile]:
    """Tiles with their texts and insights and everything that hangs on those."""
    insights = with_everything(Insight.objects.all())
    return tiles.select_related("text", "dashboard").prefetch_related(Prefetch("insight", queryset=insights))


def live_tiles_of(dashboard: Dashboard) -> QuerySet[DashboardTile]:
    """What a dashboard shows, by tile id; a deleted insight has no tile."""
    shown = dashboard.tiles.filter(deleted=False).exclude(insight__deleted=True)
    return with_insights(shown.order_by("id"))


# --- activity ------------------------------------------------------------------------------------------


def activity_of(project: Project, scope: ActivityScope, item_id: str | None = None) -> QuerySet[ActivityLog]:
    """Who did what to one thing, or to all of a kind, deleted ones included; newest first (api Q11, Q12)."""
    records = ActivityLog.objects.filter(project=project, scope=scope).select_related("user")
    of_item = records if item_id is None else records.filter(item_id=item_id)
    return of_item.order_by("-created_at", "-id")
