"""Registration of the service itself: its management commands and the task queue."""

from __future__ import annotations

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    """Importing the Celery app here makes every process that runs Django send tasks to the right broker."""

    name = "insights_service"
    label = "service"

    def ready(self) -> None:
        from insights_service import celery  # noqa: F401
