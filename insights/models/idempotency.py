"""Creations that may be sent twice but must happen once (header `Idempotency-Key`)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from insights.models.insight import Insight


class IdempotentCreation(models.Model):
    """The insight that came of one key of one caller; `body_hash` tells a repetition from a mistake."""

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    insight = models.ForeignKey(Insight, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "key"], name="one_creation_per_key")
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]
