"""Remarks at a date, shown beside charts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from insights.models.dashboard import Dashboard
from insights.models.insight import Insight
from insights_service import clock


class AnnotationScope(models.TextChoices):
    """Where a remark is shown."""

    INSIGHT = "dashboard_item", "on one insight"
    DASHBOARD = "dashboard", "on one dashboard"
    PROJECT = "project", "everywhere in the project"
    ORGANIZATION = "organization", "in all projects of the organization"


class Annotation(models.Model):
    """What happened at `date_marker`, in a sentence: a release, a campaign, an outage."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="annotations")
    content = models.CharField(max_length=8192, null=True, blank=True)
    date_marker = models.DateTimeField(null=True, blank=True)
    scope = models.CharField(max_length=24, choices=AnnotationScope.choices, default=AnnotationScope.PROJECT)
    insight = models.ForeignKey(Insight, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    dashboard = models.ForeignKey(
        Dashboard, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["project", "date_marker"], name="annotation_list")]
