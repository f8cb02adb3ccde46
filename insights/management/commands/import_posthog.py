"""`manage.py import_posthog`: saved things out of PostHog, or out of files, into a project."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from insights.selectors import viewer_of
from insights.transfer.importer import Importer, Report
from insights.transfer.records import KINDS, Records, Server, TransferError, read_folder
from insights_service.accounts.management.arguments import project_named
from insights_service.accounts.models import Level, Project, User
from insights_service.renderers import to_json

KEY_VARIABLE = "POSTHOG_PERSONAL_API_KEY"
PRINTED_REMARKS = 50


class Command(BaseCommand):
    """Import insights (old filters and queries), dashboards, actions, cohorts, annotations, definitions."""

    help = (
        "Bring insights, dashboards, actions, cohorts, annotations and definitions from PostHog (or another"
        " server of this kind) into a project: over its API with --url and --key, or from saved JSON pages"
        " with --from. Short ids, dates and authors are kept; ids inside questions are rewritten. What"
        " cannot be carried over is listed. Run again, it takes only what is new. Events come with"
        " `import_events`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--url", help="Address of the other server, such as https://posthog.example.org.")
        source.add_argument(
            "--from",
            dest="folder",
            type=Path,
            help="Folder with saved pages: insights.json, dashboards.json, actions.json, ...",
        )
        parser.add_argument("--key", help=f"Personal API key there; better in {KEY_VARIABLE}.")
        parser.add_argument("--from-project", default="@current", help="Id of the project there (@current).")
        parser.add_argument("--project", type=int, help="Id of the project here, if there are several.")
        parser.add_argument(
            "--as", dest="email", help="E-mail of the member who imports; an owner if left out."
        )
        parser.add_argument("--only", nargs="+", choices=KINDS, help="Only these kinds.")
        parser.add_argument(
            "--with-settings",
            action="store_true",
            help="Also take zone, week start, test account filters and path cleaning rules.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Do everything, keep nothing.")
        parser.add_argument("--report", type=Path, help="Write the report as JSON into this file.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        user = _member(project, options["email"])
        try:
            with tqdm(unit=" records", desc="Reading", disable=None) as bar:
                records = _records(options, bar)
        except TransferError as error:
            raise CommandError(str(error)) from error
        total = sum(map(len, records.by_kind.values()))
        with tqdm(total=total, unit=" records", desc="Writing", disable=None) as bar:
            importer = Importer(project, viewer_of(project, user, Level.OWNER), records, lambda _: _step(bar))
            report = importer.run(settings=options["with_settings"], dry_run=options["dry_run"])
        self._print(report, records, dry_run=options["dry_run"])
        if options["report"]:
            options["report"].write_bytes(to_json(_as_json(report, records)) + b"\n")
        if records.unread:
            raise CommandError("Some kinds could not be read, see above.")

    def _print(self, report: Report, records: Records, *, dry_run: bool) -> None:
        self.stdout.write(f"From {records.source}:")
        for kind, count in report.counts.items():
            self.stdout.write(
                f"  {kind}: {count.read:,} read, {count.created:,} created,"
                f" {count.here_already:,} here already, {count.skipped:,} left out"
            )
        for remark in report.remarks[:PRINTED_REMARKS]:
            self.stdout.write(f"  {remark.kind} {remark.source_id} ({remark.name}): {remark.text}")
        if len(report.remarks) > PRINTED_REMARKS:
            more = len(report.remarks) - PRINTED_REMARKS
            self.stdout.write(f"  and {more:,} more remarks; --report FILE has them all")
        for kind, reason in records.unread.items():
            self.stderr.write(f"  {kind} could not be read: {reason}")
        if dry_run:
            self.stdout.write("Nothing was kept (dry run).")


def _records(options: Mapping[str, Any], bar: Any) -> Records:
    kinds = tuple(kind for kind in KINDS if kind in (options["only"] or KINDS))
    if options["folder"]:
        found = read_folder(options["folder"], lambda _: _step(bar))
        found.by_kind = {kind: found.of(kind) for kind in kinds}
        return found
    key = options["key"] or os.environ.get(KEY_VARIABLE)
    if not key:
        raise TransferError(f"A personal API key of the other server is needed: --key or {KEY_VARIABLE}.")
    return Server(options["url"], key, options["from_project"]).read(kinds, lambda _: _step(bar))


def _step(bar: Any) -> None:
    bar.update(1)


def _member(project: Project, email: str | None) -> User:
    members = User.objects.filter(organizations=project.organization_id)
    if email:
        found = members.filter(email__iexact=email).first()
        if found is None:
            raise CommandError(f"{email} is no member of the organization of this project.")
        return found
    owners = members.filter(organization_memberships__organization=project.organization_id)
    found = owners.order_by("-organization_memberships__level", "pk").first()
    if found is None:
        raise CommandError("The organization of this project has no member; make one with create_user.")
    return found


def _as_json(report: Report, records: Records) -> dict[str, Any]:
    return {
        "source": records.source,
        "counts": {kind: asdict(count) for kind, count in report.counts.items()},
        "remarks": [asdict(remark) for remark in report.remarks],
        "unread": records.unread,
    }
