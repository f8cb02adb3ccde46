"""Registration of the persons app with Django."""

from __future__ import annotations

from django.apps import AppConfig


class PersonsConfig(AppConfig):
    """Label `persons`; its big tables number their rows with 64 bits."""

    name = "insights_service.persons"
    label = "persons"
    default_auto_field = "django.db.models.BigAutoField"
