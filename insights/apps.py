"""Registration of the insights app with Django."""

from __future__ import annotations

from django.apps import AppConfig


class InsightsConfig(AppConfig):
    """Label `insights`; primary keys are 32-bit integers, as the contract's ids are."""

    name = "insights"
    default_auto_field = "django.db.models.AutoField"
