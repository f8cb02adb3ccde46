"""Registration of the capture app with Django: it has commands, and no tables of its own."""

from __future__ import annotations

from django.apps import AppConfig


class CaptureConfig(AppConfig):
    """Label `capture`."""

    name = "insights_service.capture"
    label = "capture"
