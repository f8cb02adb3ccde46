"""`manage.py create_key`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser

from insights_service import clock
from insights_service.accounts import services
from insights_service.accounts.management.account_command import (
    AccountCommand,
    Facts,
    organization_named,
    user_named,
)
from insights_service.accounts.scopes import ALL_SCOPES, EVERYTHING
from insights_service.accounts.services import KeyReach


class Command(AccountCommand):
    help = (
        "Create a personal API key and print it once; only its hash is kept. "
        "Example: create_key ada@example.org --label reports --scope insight:read --project 1"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", help="The user as whom the key acts.")
        parser.add_argument("--label", default="command line", help="What it is for, at most 40 characters.")
        parser.add_argument(
            "--scope",
            action="append",
            metavar="SCOPE",
            help="Like insight:read or dashboard:write; repeat it for more. Without it: everything (*).",
        )
        parser.add_argument(
            "--project", action="append", type=int, metavar="ID", help="Limit it to this project; repeatable."
        )
        parser.add_argument(
            "--organization", action="append", metavar="SLUG", help="Limit it to this one; repeatable."
        )
        parser.add_argument("--days", type=int, help="Expire after so many days. Without it: never.")

    def create(self, **options: Any) -> Facts:
        scopes = options["scope"] or [EVERYTHING]
        if unknown := [scope for scope in scopes if scope not in ALL_SCOPES]:
            raise CommandError(f"Invalid scope: {unknown[0]}. Known: {', '.join(ALL_SCOPES)}.")
        if not 0 < len(options["label"]) <= 40:
            raise CommandError("The label must have 1 to 40 characters.")
        days = options["days"]
        if days is not None and not 0 < days <= 36_500:
            raise CommandError("--days must be from 1 to 36500.")
        organizations = [str(organization_named(name).pk) for name in options["organization"] or ()]
        key, value = services.key_create(
            user=user_named(options["email"]),
            label=options["label"],
            reach=KeyReach(scopes, options["project"], organizations or None),
            expires_at=clock.now() + timedelta(days=days) if days else None,
        )
        facts = {"personal_api_key": value, "label": key.label, "scopes": scopes}
        return {**facts, "expires_at": key.expires_at.isoformat()} if key.expires_at else facts
