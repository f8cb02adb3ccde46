"""`manage.py create_organization`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from insights_service.accounts import services
from insights_service.accounts.management.account_command import AccountCommand, Facts, user_named


class Command(AccountCommand):
    help = (
        "Create an organization, which owns projects. "
        "Example: create_organization Acme --owner ada@example.org"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="Name, at most 64 characters.")
        parser.add_argument("--owner", metavar="EMAIL", help="An existing user who becomes its owner.")

    def create(self, **options: Any) -> Facts:
        if not 0 < len(options["name"]) <= 64:
            raise CommandError("The name must have 1 to 64 characters.")
        owner = user_named(options["owner"]) if options["owner"] else None
        organization = services.organization_create(name=options["name"], owner=owner)
        return {"organization_id": organization.pk, "slug": organization.slug}
