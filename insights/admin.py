"""Saved things in the admin site: to look at and to correct, not to make."""

# Django's admin classes are generic in their stubs only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from insights import background
from insights.models import (
    Action,
    ActivityLog,
    Annotation,
    Cohort,
    Dashboard,
    DashboardCollaborator,
    DashboardTile,
    Insight,
    SharingConfiguration,
)
from queries.errors import StoreUnavailable


def running_queries(request: HttpRequest) -> HttpResponseBase:
    """What the event store works on, of all projects, and stopping it: a page beside the models."""
    if not request.user.is_superuser:
        raise PermissionDenied
    if request.method == "POST":
        project_id = request.POST.get("project", "")
        if project_id.isdecimal():
            stopped = background.cancel(int(project_id), request.POST.get("id", ""))
            messages.info(request, stopped.value)
        return redirect(request.path)
    try:
        statements, is_known = background.running_statements(), True
    except StoreUnavailable:
        statements, is_known = [], False
    shown = {"title": "Running queries", "statements": statements, "is_known": is_known}
    return render(request, "insights/running_queries.html", {**admin.site.each_context(request), **shown})


admin.site.index_template = "insights/admin_index.html"


class Listed(admin.ModelAdmin):
    """Newest first, a page at a time, without a look-up per row; references are typed as ids."""

    list_per_page = 50
    show_full_result_count = False
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Things are made over the API, which records who did it."""
        return False


@admin.register(Insight)
class InsightAdmin(Listed):
    """Insights."""

    list_display = (
        "id",
        "short_id",
        "project",
        "name",
        "insight_type",
        "saved",
        "deleted",
        "last_modified_at",
    )
    list_filter = ("insight_type", "saved", "deleted")
    list_select_related = ("project",)
    search_fields = ("=short_id", "name", "derived_name", "description")
    raw_id_fields = ("project", "created_by", "last_modified_by")
    readonly_fields = ("short_id", "insight_type", "event_names", "feature_flags", "created_at", "version")


class TileInline(admin.TabularInline):
    """What a dashboard shows."""

    model = DashboardTile
    extra = 0
    raw_id_fields = ("insight", "text")


class CollaboratorInline(admin.TabularInline):
    """Who may edit it besides its creator and administrators."""

    model = DashboardCollaborator
    extra = 0
    raw_id_fields = ("user",)


@admin.register(Dashboard)
class DashboardAdmin(Listed):
    """Dashboards."""

    list_display = ("id", "project", "name", "restriction_level", "pinned", "deleted")
    list_filter = ("restriction_level", "pinned", "deleted")
    list_select_related = ("project",)
    search_fields = ("name",)
    raw_id_fields = ("project", "created_by")
    inlines = (TileInline, CollaboratorInline)


@admin.register(SharingConfiguration)
class SharingConfigurationAdmin(Listed):
    """Public links. The token stays hidden: it opens the link for whoever reads it."""

    list_display = ("id", "project", "insight", "dashboard", "enabled", "created_at")
    list_filter = ("enabled",)
    list_select_related = ("project", "insight", "dashboard")
    raw_id_fields = ("project", "insight", "dashboard")


@admin.register(Action)
class ActionAdmin(Listed):
    """Event matchers."""

    list_display = ("id", "project", "name", "deleted", "version")
    list_select_related = ("project",)
    search_fields = ("name",)
    raw_id_fields = ("project", "created_by")
    readonly_fields = ("version",)


@admin.register(Cohort)
class CohortAdmin(Listed):
    """Saved sets of persons and how their calculation stands."""

    list_display = (
        "id",
        "project",
        "name",
        "is_static",
        "count",
        "is_calculating",
        "last_calculation",
        "deleted",
    )
    list_filter = ("is_static", "is_calculating", "deleted")
    list_select_related = ("project",)
    search_fields = ("name",)
    raw_id_fields = ("project", "created_by")
    readonly_fields = ("version", "revision", "count", "last_calculation", "errors_calculating", "last_error")


@admin.register(Annotation)
class AnnotationAdmin(Listed):
    """Remarks at a date."""

    list_display = ("id", "project", "date_marker", "scope", "content", "deleted")
    list_select_related = ("project",)
    raw_id_fields = ("project", "insight", "dashboard", "created_by")


@admin.register(ActivityLog)
class ActivityLogAdmin(Listed):
    """Who changed what; never altered."""

    ordering = ("-created_at", "-id")
    list_display = ("created_at", "project", "user", "scope", "item_id", "activity")
    list_filter = ("scope", "activity")
    list_select_related = ("project", "user")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A record is what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A record is what happened."""
        return False
