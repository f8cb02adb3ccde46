"""Dashboards, their tiles, and who may edit them (api W.3)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from insights.models.insight import NAME_LENGTH, TAG_LENGTH, Insight
from insights_service import clock


class Restriction(models.IntegerChoices):
    """Who may edit a dashboard; as a privilege: view (21) or edit (37) (api P18)."""

    EVERYONE_CAN_EDIT = 21, "everyone in the project can edit"
    ONLY_COLLABORATORS_CAN_EDIT = 37, "only collaborators can edit"


class Privilege(models.IntegerChoices):
    """What one person may do with a dashboard or insight (api P18)."""

    CAN_VIEW = 21, "can view"
    CAN_EDIT = 37, "can edit"


class CreationMode(models.TextChoices):
    """Where a dashboard came from."""

    DEFAULT = "default", "made empty"
    TEMPLATE = "template", "made from a template"
    DUPLICATE = "duplicate", "copied from another dashboard"


class Dashboard(models.Model):
    """A page of tiles with filters that hold for all of them (api W11-W13, P28)."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="dashboards")
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    description = models.TextField(blank=True, default="")
    pinned = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)
    creation_mode = models.CharField(
        max_length=16, choices=CreationMode.choices, default=CreationMode.DEFAULT, editable=False
    )
    filters = models.JSONField(default=dict, blank=True)
    variables = models.JSONField(default=dict, blank=True)
    restriction_level = models.PositiveSmallIntegerField(
        choices=Restriction.choices, default=Restriction.EVERYONE_CAN_EDIT
    )
    tags = ArrayField(models.CharField(max_length=TAG_LENGTH), default=list, blank=True)
    insights = models.ManyToManyField(Insight, through="DashboardTile", related_name="dashboards")
    collaborators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="DashboardCollaborator", related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    last_accessed_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        indexes = [models.Index(fields=["project", "-pinned", "id"], name="dashboard_list")]

    def __str__(self) -> str:
        return self.name or f"dashboard {self.pk}"


class TextTile(models.Model):
    """Words between the charts of a dashboard."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    body = models.CharField(max_length=4000, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_modified_at = models.DateTimeField(default=clock.now, editable=False)


class DashboardTile(models.Model):
    """An insight or a text on a dashboard. Taken off it is only marked, and revived as it was (api P15)."""

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE, related_name="tiles")
    insight = models.ForeignKey(
        Insight, null=True, blank=True, on_delete=models.CASCADE, related_name="tiles"
    )
    text = models.OneToOneField(
        TextTile, null=True, blank=True, on_delete=models.CASCADE, related_name="tile"
    )
    layouts = models.JSONField(default=dict, blank=True)
    color = models.CharField(max_length=400, null=True, blank=True)
    deleted = models.BooleanField(default=False)
    # Marked because its dashboard was: these come back with it (api W13).
    fell_with_dashboard = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["dashboard", "insight"], name="one_tile_per_insight"),
            models.CheckConstraint(
                condition=Q(insight__isnull=True) ^ Q(text__isnull=True), name="tile_is_insight_or_text"
            ),
        ]


class DashboardCollaborator(models.Model):
    """A person who may do more with a restricted dashboard than others (api W13)."""

    dashboard = models.ForeignKey(Dashboard, on_delete=models.CASCADE, related_name="collaborations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    level = models.PositiveSmallIntegerField(choices=Privilege.choices, default=Privilege.CAN_EDIT)
    added_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["dashboard", "user"], name="one_collaboration_per_user")
        ]
