"""`manage.py export_project FOLDER`: everything saved in a project as JSON files."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from insights.transfer.exporter import exported
from insights_service.accounts.management.arguments import project_named
from insights_service.renderers import to_json


class Command(BaseCommand):
    """Write insights, dashboards, actions, cohorts, annotations, definitions and settings."""

    help = (
        "Write everything that is saved in a project into a folder, a JSON file per kind: insights,"
        " dashboards with their tiles, actions, cohorts, annotations, event and property definitions, and"
        " the settings. `import_posthog --from FOLDER` reads it back. Events, persons, keys and public"
        " links are not in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="Where to write; made if it is not there.")
        parser.add_argument("--project", type=int, help="Id of the project, if there are several.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        folder: Path = options["folder"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for kind, records in exported(project).items():
                found = list(records)
                (folder / f"{kind}.json").write_bytes(to_json({"results": found}) + b"\n")
                self.stdout.write(f"{kind}: {len(found):,}")
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error}") from error
