"""`manage.py promote_properties`: look after the columns of often read properties now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from insights.promotion import look_after_columns
from queries.cache.connection import CacheUnavailable


class Command(BaseCommand):
    """The same as the beat does every ten minutes."""

    help = (
        "Give the event properties that queries read most a column of their own, as many as"
        " PROMOTED_PROPERTIES says, take away those nobody reads, and list what there is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = look_after_columns()
        except CacheUnavailable as error:
            raise CommandError("Redis does not answer: nobody can say what is read.") from error
        for column in found:
            self.stdout.write(f"{column.state:8} {column.property} ({column.name})")
        if not found:
            self.stdout.write("No property has been read often enough.")
