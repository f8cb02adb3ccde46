"""Which runs are under way under a name, so that they can be told to stop (api Q21, R12).

A caller's name for its query may be used again and again; a cancel concerns the runs that are under way
now. Hence the flag is put on the run's token and not on the name.
"""

from __future__ import annotations

from queries.cache.connection import PREFIX, Connection, name, text

LIFE_SECONDS = 3600  # longer than a run that a caller waits for; background runs announce themselves again


class ActiveRuns:
    """Tokens of runs by project and name. Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def announce(self, project_id: int, run_id: str, token: str) -> None:
        """This run begins, or goes on."""
        place = name("active", project_id, run_id)
        with self._connection.open() as redis:
            pipeline = redis.pipeline()
            pipeline.sadd(place, token)
            pipeline.expire(place, LIFE_SECONDS)
            pipeline.execute()

    def leave(self, project_id: int, run_id: str, token: str) -> None:
        """This run has ended."""
        with self._connection.open() as redis:
            redis.srem(name("active", project_id, run_id), token)

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


def _flag(token: str) -> str:
    return f"{PREFIX}:cancelled:{token}"
