"""Where imported things came from."""

from __future__ import annotations

from django.db import models

from insights_service import clock


class Origin(models.Model):
    """One thing that was imported: by this a second import finds it again instead of making another.

    `source` names the project it was read from, `kind` and `source_id` the thing there; `object_id` is
    the thing here.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=400)
    kind = models.CharField(max_length=32)
    source_id = models.CharField(max_length=400)
    object_id = models.BigIntegerField()
    imported_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "source", "kind", "source_id"], name="imported_once")
        ]
