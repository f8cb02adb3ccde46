"""`python -m tests.oracle trends --cases 10000 --seed 1`: brute force against the running service."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.engines import ENGINES

QUESTIONS = 20  # a world


def main() -> int:
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument("kind", help="trends, stickiness, lifecycle, funnels, paths, retention ...")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--order", choices=("ordered", "strict", "unordered"), help="of funnels")
    arguments = parser.parse_args()
    start()
    from tests.oracle.check import CHECKS, Disagreement

    if arguments.kind not in CHECKS:
        parser.error(f"there is no oracle for {arguments.kind}; there are {', '.join(CHECKS)}")
    if arguments.order and arguments.kind != "funnels":
        parser.error("only funnels have an order")
    only = {"orders": (arguments.order,)} if arguments.order else {}
    began, done, seed = time.monotonic(), 0, arguments.seed * 1_000_000
    try:
        while done < arguments.cases:
            done += CHECKS[arguments.kind](seed, min(QUESTIONS, arguments.cases - done), **only)
            seed += 1
            if sys.stderr.isatty() or seed % 50 == 0:
                print(f"{done} of {arguments.cases} cases agree", file=sys.stderr, flush=True)
    except Disagreement as found:
        print(found)
        return 1
    finally:
        ENGINES.stop()
    what = f"{arguments.order} {arguments.kind}" if arguments.order else arguments.kind
    print(f"{done} {what} cases agree (seed {arguments.seed}, {time.monotonic() - began:.0f} s)")
    return 0


def start() -> None:
    """The engines and both schemas, on throw-away folders."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insights_service.settings")
    ENGINES.start()
    import django

    django.setup()
    from django.core.management import call_command

    from tests.conftest import _wait_for_postgres, make_store

    _wait_for_postgres()
    call_command("migrate", verbosity=0)
    make_store()


if __name__ == "__main__":
    sys.exit(main())
