"""`manage.py import_events FILE...`: events from files, in bulk; running it again doubles nothing."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from insights_service.accounts.management.arguments import project_named
from insights_service.capture.import_formats import FORMATS
from insights_service.capture.importer import (
    DEFAULT_BATCH_SIZE,
    DamagedFile,
    Options,
    Rejected,
    Report,
    import_file,
)

# Further bad rows are counted and kept in the file beside, but not printed.
_PRINTED_REJECTIONS = 20


class Command(BaseCommand):
    """Import NDJSON (also .gz), CSV, or an export of the peer product."""

    help = (
        "Import events from files: NDJSON (one event per line, as /capture/ takes them), CSV, or an export"
        " with the columns uuid, event, properties, timestamp, distinct_id; plain or gzipped. Events that are"
        " stored already are skipped, so an import that was cut off is simply run again. Bad rows are"
        " reported with file and line and kept in FILE.rejected.ndjson."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        target = parser.add_mutually_exclusive_group()
        target.add_argument(
            "--project", type=int, help="Id of the project; may be left out if there is only one."
        )
        target.add_argument("--token", help="Token of the project (phc_...).")
        parser.add_argument("--format", choices=sorted(FORMATS), help="Told from the file if left out.")
        parser.add_argument(
            "--timezone", default="UTC", help="IANA name of the zone of timestamps without offset (UTC)."
        )
        parser.add_argument("--batch-size", type=int, default=DEFAULT_BATCH_SIZE, help="Events per insert.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Read and check everything, store nothing."
        )
        parser.add_argument("--no-progress", action="store_true", help="Show no progress bar.")

    def handle(self, *args: Any, **options: Any) -> None:
        files: list[Path] = options["files"]
        missing = [str(path) for path in files if not path.is_file()]
        if missing:
            raise CommandError(f"No such file: {', '.join(missing)}")
        if options["batch_size"] < 1:
            raise CommandError("--batch-size must be at least 1.")
        settings = Options(
            project_id=project_named(options["project"], options["token"]).id,
            format=options["format"],
            naive_zone=_zone(options["timezone"]),
            batch_size=options["batch_size"],
            dry_run=options["dry_run"],
        )
        started = time.perf_counter()
        total = Report()
        with tqdm(
            total=sum(path.stat().st_size for path in files),
            unit="B",
            unit_scale=True,
            # None: only when somebody is watching.
            disable=True if options["no_progress"] else None,
        ) as bar:
            for path in files:
                total += self._import(path, settings, bar)
        self._summary(total, time.perf_counter() - started, dry_run=settings.dry_run)

    def _import(self, path: Path, settings: Options, bar: Any) -> Report:
        before = bar.n
        printed = 0

        def on_progress(report: Report, position: int) -> None:
            bar.set_postfix_str(f"{report.read:,} rows", refresh=False)
            bar.update(before + position - bar.n)

        def on_rejected(rejected: Rejected) -> None:
            nonlocal printed
            printed += 1
            if printed <= _PRINTED_REJECTIONS:
                tqdm.write(f"{rejected.file}:{rejected.line}: {rejected.reason}", file=self.stderr)
            elif printed == _PRINTED_REJECTIONS + 1:
                tqdm.write(
                    f"{rejected.file}: more bad rows, see {path.name}.rejected.ndjson", file=self.stderr
                )

        try:
            return import_file(path, settings, on_progress=on_progress, on_rejected=on_rejected)
        except DamagedFile as exc:
            raise CommandError(f"{exc}. What came before is stored; run it again with a whole file.") from exc

    def _summary(self, report: Report, seconds: float, *, dry_run: bool) -> None:
        rate = f"{report.read / seconds:,.0f} events/s" if seconds else ""
        stored = "nothing stored (dry run)" if dry_run else f"{report.stored:,} stored"
        self.stdout.write(
            f"{report.read:,} rows: {stored}, {report.already_there:,} there already,"
            f" {report.rejected:,} rejected, in {seconds:.1f} s ({rate})"
        )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise CommandError(f"{name!r} is no IANA time zone.") from exc
