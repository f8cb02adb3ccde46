"""Who changed what, and what it was before (api Q.3)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from insights.models.ids import time_ordered_uuid


class ActivityScope(models.TextChoices):
    """The kind of thing a record speaks of; `item_id` is its id as text."""

    INSIGHT = "Insight"
    DASHBOARD = "Dashboard"
    ACTION = "Action"
    COHORT = "Cohort"
    PERSONAL_API_KEY = "PersonalAPIKey"


class ActivityLog(models.Model):
    """One verb done to one thing, written in the transaction of the change; never altered afterwards.

    The id sorts by time, so records of one instant keep the order in which they were written.
    `user` is null for a deleted user and, together with `is_system`, for work of the server (api Q13).
    """

    id = models.UUIDField(primary_key=True, default=time_ordered_uuid, editable=False)
    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    is_system = models.BooleanField(default=False)
    scope = models.CharField(max_length=32, choices=ActivityScope.choices)
    item_id = models.CharField(max_length=72)
    activity = models.CharField(max_length=64)
    detail = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "scope", "-created_at", "-id"], name="activity_of_scope"),
            models.Index(
                fields=["project", "scope", "item_id", "-created_at", "-id"], name="activity_of_item"
            ),
        ]
