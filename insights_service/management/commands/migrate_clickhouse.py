"""`manage.py migrate_clickhouse`: bring the event store's schema up to date."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from django.core.management.base import BaseCommand, CommandError

from insights_service.config import get_config
from queries.clickhouse.client import connect, target_of
from queries.clickhouse.migrate import create_database, migrate, migrations, pending, statements


class Command(BaseCommand):
    help = "Apply the event store's migrations that are missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 when some are missing"
        )
        parser.add_argument(
            "--sql", action="store_true", help="print all statements for this target and stop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        config = get_config()
        config.require_stores()
        target = target_of(config.clickhouse_url, config.clickhouse_cluster)
        if options["sql"]:
            for migration in migrations():
                for statement in statements(migration.text, target):
                    self.stdout.write(f"{statement};\n")
            return
        try:
            create_database(connect(config.clickhouse_url, database="default"), target)
            client = connect(config.clickhouse_url)
            if options["check"]:
                self._check([migration.name for migration in pending(client, target)])
                return
            for migration in migrate(client, target):
                self.stdout.write(f"Applied {migration.number:04} {migration.name}")
        except ClickHouseError as error:
            raise CommandError(f"The event store refused: {error}") from error

    def _check(self, missing: list[str]) -> None:
        if missing:
            self.stdout.write(f"Missing: {', '.join(missing)}")
            sys.exit(1)
        self.stdout.write("Nothing is missing.")
