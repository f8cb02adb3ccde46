"""`manage.py quickstart`: the whole stack in the foreground, as `./run` does."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from insights_service.embedded.state import CHECKOUT


class Command(BaseCommand):
    help = (
        "Start PostgreSQL, Valkey, ClickHouse's engine, web and worker on this machine, with a demo project."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--detach", action="store_true", help="come back when all is ready")

    def handle(self, *args: Any, **options: Any) -> None:
        # The supervisor is a small program of its own: it replaces this process and its Django.
        flags = ["--detach"] if options["detach"] else []
        command = [sys.executable, "-P", "-m", "insights_service.embedded", "start", *flags]
        os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": str(CHECKOUT)})
