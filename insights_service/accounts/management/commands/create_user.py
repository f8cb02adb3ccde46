"""`manage.py create_user`."""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from insights_service.accounts import services, tokens
from insights_service.accounts.management.account_command import AccountCommand, Facts, organization_named
from insights_service.accounts.models import Level

LEVELS = {"member": Level.MEMBER, "admin": Level.ADMIN, "owner": Level.OWNER}
PASSWORD_LENGTH = 20


class Command(AccountCommand):
    help = (
        "Create a user who can log in, and print his password once. "
        "Example: create_user ada@example.org --organization acme --level owner"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="The login; upper and lower case are the same.")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")
        parser.add_argument("--organization", metavar="SLUG", help="Slug or id of an organization to join.")
        parser.add_argument("--level", choices=LEVELS, default="member", help="Level in it (member).")
        parser.add_argument("--staff", action="store_true", help="May use the admin site, with all rights.")
        parser.add_argument(
            "--password-stdin", action="store_true", help="Read the password from standard input instead."
        )

    @transaction.atomic
    def create(self, **options: Any) -> Facts:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f'"{options["email"]}" is no e-mail address.') from error
        given = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
        password = given if given is not None else tokens.random_base62(PASSWORD_LENGTH)
        user = services.user_create(
            email=options["email"],
            password=password,
            first_name=options["first_name"],
            last_name=options["last_name"],
            is_staff=options["staff"],
            is_superuser=options["staff"],
        )
        if options["organization"]:
            services.member_add(
                organization=organization_named(options["organization"]),
                user=user,
                level=LEVELS[options["level"]],
            )
        facts = {"user_id": user.pk, "email": user.email}
        return facts if given is not None else {**facts, "password": password}
