"""`manage.py prepare_stack`: schema of both databases, then the demo project; what a new stack needs.

The last line printed is the demo project as JSON (empty when this version has none), for the supervisor.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from insights_service.config import get_config
from insights_service.embedded import state as run_file


class Command(BaseCommand):
    help = "Bring the schema of both databases up to date and make the demo project."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        if "migrate_clickhouse" in get_commands():
            call_command("migrate_clickhouse", stdout=self.stdout)
        self.stdout.write(self._demo())

    def _demo(self) -> str:
        if "demo_data" not in get_commands():
            return "{}"
        # A run file that has lost the demo's key needs a new one: the old one is nowhere readable.
        known = run_file.read(get_config().run_dir).get("demo", {})
        output = StringIO()
        call_command("demo_data", new_secrets="personal_api_key" not in known, stdout=output)
        lines = output.getvalue().strip().splitlines()
        return lines[-1] if lines else "{}"
