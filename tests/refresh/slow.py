"""A kind of query that is as slow, or as broken, as a test wants; on the real engine.

It takes the place of stickiness. What happens is said by the name of the event: `slow 2.5` sleeps in the
engine for 2.5 seconds, `heavy` asks for more memory than there is, `many` for more rows, `wrong` is a
mistake of the caller, `broken` one of ours. A word after it makes the question differ from others.

Run as a program it is a Celery worker that knows this kind: `python -m tests.refresh.slow SCHEDULE_FILE`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from queries import registry
from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.plan import Plan, Result, Rows, Statement

KIND = "StickinessQuery"
STEP_SECONDS = 0.05


def question(what: str) -> dict[str, Any]:
    return {"kind": KIND, "series": [{"kind": "EventsNode", "event": what}]}


def compile_slow(node: Any, ctx: ProjectContext) -> Plan:
    word, _, rest = str(node.series[0].event).partition(" ")
    if word == "wrong":
        raise InvalidQuery("This is wrong.", attr="series__0__event")
    if word == "broken":
        raise ZeroDivisionError("secret details")
    return Plan((_statement(word, rest),), _shape)


def _statement(word: str, rest: str) -> Statement:
    if word == "heavy":
        return Statement("SELECT length(groupArray(toString(number))) FROM numbers(20000000)")
    if word == "many":
        return Statement("SELECT count() FROM numbers(1000)", settings={"max_rows_to_read": 10})
    steps = round(float(rest.split()[0]) / STEP_SECONDS)
    return Statement(
        "SELECT count(), sum(sleepEachRow({step:Float64})) FROM numbers({steps:UInt64})",
        params={"step": STEP_SECONDS, "steps": steps},
        settings={"max_block_size": 1},
    )


def _shape(rows: Sequence[Rows]) -> Result:
    return Result([{"count": rows[0].rows[0][0]}], has_more=False)


SLOW_KIND = registry.Kind(KIND, compile_slow)


def work() -> None:
    """Be a Celery worker with beat, that notices a dead colleague after two seconds instead of fifteen."""
    import django

    django.setup()
    from insights_service.celery import app
    from queries.cache import status

    registry.KINDS[KIND] = SLOW_KIND  # type: ignore[index]
    status.LOST_SECONDS = 2.0
    status.BEAT_SECONDS = 0.3
    app.loader.import_default_modules()
    app.conf.beat_schedule["insights.sweep"]["schedule"] = 1
    arguments = ["worker", "--pool=threads", "--concurrency=4", "--loglevel=WARNING", "-B"]
    app.worker_main([*arguments, "--schedule", sys.argv[1]])


if __name__ == "__main__":
    work()
