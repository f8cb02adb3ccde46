"""Event matchers (api W14)."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from insights.models.insight import NAME_LENGTH, TAG_LENGTH
from insights_service import clock


class Action(models.Model):
    """A named list of steps joined by OR; an event that fits one of them is counted (semantics B15).

    `version` rises whenever the steps change, so that cached answers that used them lapse (api R9).
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="actions")
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    description = models.TextField(blank=True, default="")
    tags = ArrayField(models.CharField(max_length=TAG_LENGTH), default=list, blank=True)
    steps = models.JSONField(default=list, blank=True)
    post_to_slack = models.BooleanField(default=False)
    deleted = models.BooleanField(default=False)
    pinned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=Q(deleted=False) & ~Q(name=None) & ~Q(name=""),
                name="action_name_per_project",
            )
        ]
        indexes = [models.Index(fields=["project", "id"], name="action_list")]

    def __str__(self) -> str:
        return self.name or f"action {self.pk}"
