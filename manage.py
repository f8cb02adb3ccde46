#!/usr/bin/env python
"""Django's commands. Without URLs in the environment they use the stack that `./run` started."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insights_service.settings")
    from insights_service.config import ConfigError, get_config

    try:
        get_config()
    except ConfigError as error:
        sys.exit(f"The configuration is not usable:\n{error}")

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        missing = get_config().missing_stores()
        sys.exit(f"{missing}" if missing else f"{error}")


if __name__ == "__main__":
    main()
