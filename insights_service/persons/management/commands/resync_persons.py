"""`manage.py resync_persons`: write ClickHouse's copy of persons, distinct ids and groups anew."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from insights_service.accounts.models import Project
from insights_service.persons.sync import push_everything


class Command(BaseCommand):
    """Needed only when ClickHouse lost its tables; otherwise the copy is kept up by itself."""

    help = "Copy all persons, distinct ids and groups from PostgreSQL to ClickHouse again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", type=int, help="Id of one project; all projects if left out.")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("id")
        if options["project"] is not None:
            projects = projects.filter(id=options["project"])
        if not projects:
            raise CommandError("No such project.")
        for project in projects:
            self.stdout.write(f"{project.name}: {push_everything(project.id):,} rows copied")
