"""`manage.py doctor`: what is wrong here, as `./run doctor` says it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from insights_service.embedded import doctor


class Command(BaseCommand):
    help = doctor.__doc__ or ""
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(doctor.main())
