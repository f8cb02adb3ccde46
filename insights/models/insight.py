"""The saved question with its metadata (api P.1)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from insights.models.ids import new_short_id
from insights_service import clock

NAME_LENGTH = 400
TAG_LENGTH = 255


class Insight(models.Model):
    """One saved question of a project.

    `filters` and `query` are kept as sent (api P24). `insight_type`, `event_names` and
    `feature_flags` repeat what the question mentions, so that lists can filter by an index (api P5).
    `version` counts the writes and is what an ETag compares; viewing and computing leave it alone.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="insights")
    short_id = models.CharField(max_length=12, default=new_short_id, editable=False)
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    derived_name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    description = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    filters = models.JSONField(default=dict, blank=True)
    query = models.JSONField(null=True, blank=True)
    order = models.IntegerField(null=True, blank=True)
    deleted = models.BooleanField(default=False)
    favorited = models.BooleanField(default=False)
    saved = models.BooleanField(default=False)
    is_sample = models.BooleanField(default=False)
    # Names, sorted and in lower case. An array and not a table: a tag nobody carries is gone by
    # itself (api P23), and a list of insights needs no further statement for them.
    tags = ArrayField(models.CharField(max_length=TAG_LENGTH), default=list, blank=True)

    insight_type = models.CharField(max_length=16, default="TRENDS", editable=False)
    event_names = ArrayField(models.TextField(), default=list, blank=True, editable=False)
    feature_flags = ArrayField(models.TextField(), default=list, blank=True, editable=False)

    created_at = models.DateTimeField(null=True, default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    last_modified_at = models.DateTimeField(default=clock.now, editable=False)
    last_modified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The latest view by anybody, guests of a shared page included (api P2, Q8).
    last_viewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "short_id"], name="insight_short_id_per_project")
        ]
        indexes = [
            # The default order of the list (api P7).
            models.Index(
                F("project"),
                F("order").asc(nulls_last=True),
                F("id"),
                condition=Q(deleted=False),
                name="insight_list",
            ),
            models.Index(fields=["project", "last_modified_at"], name="insight_modified"),
            models.Index(fields=["project", "created_at"], name="insight_created"),
            models.Index(fields=["project", "created_by"], name="insight_creator"),
            models.Index(fields=["project", "last_viewed_at"], name="insight_viewed"),
            GinIndex(fields=["tags"], name="insight_tags"),
            GinIndex(fields=["event_names"], name="insight_events"),
            GinIndex(fields=["feature_flags"], name="insight_flags"),
        ]

    def __str__(self) -> str:
        return self.title or self.short_id

    @property
    def title(self) -> str:
        """The name, or else the description made by the client; empty when there is neither (api P22)."""
        return self.name or self.derived_name or ""


class InsightViewed(models.Model):
    """When a person last looked at an insight: one row per pair (api Q18)."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    insight = models.ForeignKey(Insight, on_delete=models.CASCADE, related_name="views")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    last_viewed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["insight", "user"], name="one_view_per_user")]
        indexes = [models.Index(fields=["user", "project", "-last_viewed_at"], name="viewed_by_user")]
