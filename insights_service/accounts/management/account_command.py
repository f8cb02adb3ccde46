"""What the commands that create accounts have in common: how they report, and how they refuse."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from insights_service.accounts.models import Organization, User
from insights_service.errors import DomainError

Facts = dict[str, Any]


class AccountCommand(BaseCommand):
    """Runs `create(**options) -> Facts` and prints the facts, one a line or as JSON.

    Secrets among them are printed here and never again.
    """

    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """The option that all have."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object, for scripts.")

    def create(self, **options: Any) -> Facts:
        """Do it, and say what came out."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what `create` returns; a broken rule ends the command with its sentence."""
        try:
            facts = self.create(**options)
        except DomainError as error:
            raise CommandError(error.detail) from error
        if options["json"]:
            self.stdout.write(json.dumps(facts, default=str))
            return
        for name, value in facts.items():
            self.stdout.write(f"{name}: {' '.join(value) if isinstance(value, list) else value}")


def organization_named(name: str) -> Organization:
    """The organization with this slug or id. CommandError when there is none."""
    for organization in Organization.objects.all():
        if name in (organization.slug, str(organization.pk)):
            return organization
    known = ", ".join(Organization.objects.values_list("slug", flat=True)) or "none yet"
    raise CommandError(f'There is no organization "{name}". Known: {known}.')


def user_named(email: str) -> User:
    """The user with this e-mail. CommandError when there is none."""
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise CommandError(f'There is no user "{email}". Make one with create_user.')
    return user
