"""`manage.py query_budgets`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from insights_service.accounts import services
from insights_service.accounts.models import Project
from insights_service.budgets import LEAST, ROWS, read_budgets


class Command(BaseCommand):
    help = (
        "Show or change what a query of a project may use, by who asks. "
        "Example: query_budgets 1 shared.seconds=10 all.rows_to_read=50000000 key.seconds="
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", type=int, metavar="PROJECT_ID")
        parser.add_argument(
            "changes",
            nargs="*",
            metavar="ROW.NAME=NUMBER",
            help=f"Rows: {', '.join(ROWS)}. Names: {', '.join(LEAST)}. Without a number it is taken back.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        budgets = {row: dict(of_row) for row, of_row in project.query_budgets.items()}
        for change in options["changes"]:
            _apply(budgets, change)
        budgets = {row: of_row for row, of_row in budgets.items() if of_row}
        try:
            read_budgets(budgets)
        except ValueError as error:
            raise CommandError(f"The table {error}.") from error
        if options["changes"]:
            services.project_update(project=project, changes={"query_budgets": budgets})
        self.stdout.write(json.dumps(budgets, indent=2))


def _apply(budgets: dict[str, dict[str, Any]], change: str) -> None:
    """One `row.name=number`, in place."""
    where, is_assignment, text = change.partition("=")
    row, is_named, name = where.partition(".")
    if not (is_assignment and is_named):
        raise CommandError(f'"{change}" is no change; write one like shared.seconds=10.')
    if text == "":
        budgets.get(row, {}).pop(name, None)
        return
    if not text.isdecimal():
        raise CommandError(f'"{text}" in {change} is no whole number.')
    budgets.setdefault(row, {})[name] = int(text)
