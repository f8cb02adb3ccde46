"""`manage.py create_project`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from insights_service.accounts import services
from insights_service.accounts.management.account_command import AccountCommand, Facts, organization_named
from insights_service.accounts.models import WeekStart
from insights_service.accounts.settings_fields import zones

WEEK_STARTS = {"sunday": WeekStart.SUNDAY, "monday": WeekStart.MONDAY}


class Command(AccountCommand):
    help = (
        "Create a project: it receives events by its token and holds insights. "
        "Example: create_project Shop --organization acme --timezone Europe/Berlin"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="Name, at most 200 characters.")
        parser.add_argument("--organization", required=True, metavar="SLUG", help="Slug or id of its owner.")
        parser.add_argument("--timezone", default="UTC", help="IANA zone in which days begin (UTC).")
        parser.add_argument(
            "--week-start", choices=WEEK_STARTS, default="sunday", help="First day of a week (sunday)."
        )

    def create(self, **options: Any) -> Facts:
        if not 0 < len(options["name"]) <= 200:
            raise CommandError("The name must have 1 to 200 characters.")
        if options["timezone"] not in zones():
            raise CommandError(f'"{options["timezone"]}" is no IANA time zone; write one like Europe/Berlin.')
        project = services.project_create(
            organization=organization_named(options["organization"]),
            fields={
                "name": options["name"],
                "timezone": options["timezone"],
                "week_start_day": WEEK_STARTS[options["week_start"]],
            },
        )
        return {"project_id": project.pk, "project_token": project.api_token}
