"""Public links (api Q.1)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from insights.models.dashboard import Dashboard
from insights.models.ids import new_access_token
from insights.models.insight import Insight
from insights_service import clock


class SharingConfiguration(models.Model):
    """The link of one insight or one dashboard: whether it works, and the token in it.

    Switching off and on keeps the token (api Q2). `password_hash` empty means no password.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    insight = models.OneToOneField(
        Insight, null=True, blank=True, on_delete=models.CASCADE, related_name="sharing"
    )
    dashboard = models.OneToOneField(
        Dashboard, null=True, blank=True, on_delete=models.CASCADE, related_name="sharing"
    )
    enabled = models.BooleanField(default=False)
    access_token = models.CharField(max_length=64, unique=True, default=new_access_token, editable=False)
    password_hash = models.CharField(max_length=256, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(insight__isnull=True) ^ Q(dashboard__isnull=True), name="shares_exactly_one"
            )
        ]
