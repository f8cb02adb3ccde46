"""Which runs are under way under a name, so that they can be told to stop (api Q21, R12).

A caller's name for its query may be used again and again; a cancel concerns the runs that are under way
now. Hence the flag is put on the run's token and not on the name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from queries.cache.connection import PREFIX, Connection, name, text

LIFE_SECONDS = 3600  # longer than a run that a caller waits for; background runs announce themselves again


# KEYS: tokens of the run, the project's list. ARGV: token, name of the run.
# The name leaves the list with its last token.
_LEAVE = """
redis.call('SREM', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[2]) end
"""


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run under its name; `since` is when it was announced last, in seconds of the machine's clock."""

    id: str
    since: float


class ActiveRuns:
    """Tokens of runs by project and name. Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection, machine_time: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._time = machine_time

    def announce(self, project_id: int, run_id: str, token: str) -> None:
        """This run begins, or goes on."""
        place, runs = name("active", project_id, run_id), _list(project_id)
        with self._connection.open() as redis:
            pipeline = redis.pipeline()
            pipeline.sadd(place, token)
            pipeline.expire(place, LIFE_SECONDS)
            pipeline.zadd(runs, {run_id: self._time()})
            pipeline.expire(runs, LIFE_SECONDS)
            pipeline.execute()

    def leave(self, project_id: int, run_id: str, token: str) -> None:
        """This run has ended."""
        with self._connection.open() as redis:
            redis.eval(_LEAVE, 2, name("active", project_id, run_id), _list(project_id), token, run_id)

    def under_way(self, project_id: int) -> list[ActiveRun]:
        """The runs of a project, the oldest first; those of a process that died are there for an hour."""
        with self._connection.open() as redis:
            redis.zremrangebyscore(_list(project_id), "-inf", self._time() - LIFE_SECONDS)
            found: list[Any] = redis.zrange(_list(project_id), 0, -1, withscores=True)
        return [ActiveRun(text(run_id), float(since)) for run_id, since in found]

    def cancel(self, project_id: int, run_id: str) -> int:
        """Tell every run of this name to stop; how many there were."""
        with self._connection.open() as redis:
            tokens = redis.smembers(name("active", project_id, run_id))
            for token in tokens:
                redis.set(_flag(text(token)), "1", ex=LIFE_SECONDS)
        return len(tokens)

    def is_cancelled(self, token: str) -> bool:
        """Whether this run was told to stop."""
        with self._connection.open() as redis:
            return bool(redis.exists(_flag(token)))


def _list(project_id: int) -> str:
    """The sorted set of what runs in a project, by the time of its announcement."""
    return name("active-runs", project_id, "")


def _flag(token: str) -> str:
    return f"{PREFIX}:cancelled:{token}"
