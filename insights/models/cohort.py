"""Saved sets of persons (api W15)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from insights.models.insight import NAME_LENGTH
from insights_service import clock


class Cohort(models.Model):
    """A set of persons, by a filter tree or as a list (semantics B25).

    `version` numbers the memberships in the event store: the rows of a cohort with this version are
    its members; null means never calculated. `revision` rises whenever the definition changes.
    A static cohort keeps in `static_source` what was uploaded (distinct ids, e-mails, person uuids);
    the calculation turns it into members, so an upload survives a crash in between.
    """

    project = models.ForeignKey("accounts.Project", on_delete=models.CASCADE, related_name="cohorts")
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)
    description = models.TextField(blank=True, default="")
    groups = models.JSONField(default=list, blank=True)
    filters = models.JSONField(null=True, blank=True)
    query = models.JSONField(null=True, blank=True)
    is_static = models.BooleanField(default=False)
    static_source = models.JSONField(default=list, blank=True, editable=False)
    deleted = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    version = models.PositiveIntegerField(null=True, blank=True, editable=False)
    count = models.PositiveIntegerField(null=True, blank=True, editable=False)
    is_calculating = models.BooleanField(default=False, editable=False)
    errors_calculating = models.PositiveIntegerField(default=0, editable=False)
    last_calculation = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="cohort_list")]

    def __str__(self) -> str:
        return self.name or f"cohort {self.pk}"
