"""`python -m tests.fuzz --requests 5000 --seed 1`: requests made from the OpenAPI document."""

from __future__ import annotations

import argparse
import sys
import time

from tests.engines import ENGINES
from tests.oracle.__main__ import start


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", default="", help="operations whose id contains this, such as insights_trend"
    )
    arguments = parser.parse_args()
    start()
    from tests.fuzz.checking import fuzz

    began = time.monotonic()
    try:
        report = fuzz(arguments.requests, arguments.seed, only=arguments.only)
    finally:
        ENGINES.stop()
    print(report)
    print(f"seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
