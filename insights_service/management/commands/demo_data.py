"""`manage.py demo_data`: a project with events and saved insights to look at."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from insights_service.demo.build import build_demo


class Command(BaseCommand):
    help = (
        "Make the demo project, or what is missing of it. The last line printed is JSON: project_id,"
        " project_token, email, and, when they are new, personal_api_key and password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-secrets", action="store_true", help="Make a new key and password, also if there are some."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        demo = build_demo(new_secrets=options["new_secrets"])
        facts = {
            "project_id": demo.project.id,
            "project_token": demo.project.api_token,
            "personal_api_key": demo.personal_api_key,
            "email": demo.user.email,
            "password": demo.password,
        }
        self.stdout.write(json.dumps({name: value for name, value in facts.items() if value is not None}))
