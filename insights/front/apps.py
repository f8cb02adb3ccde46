"""Registration of the pages with Django, for their templates and files."""

from __future__ import annotations

from django.apps import AppConfig


class FrontConfig(AppConfig):
    """No tables."""

    name = "insights.front"
    label = "front"
