"""How often queries read which event property, a count a day; all projects together share the columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from queries.cache.connection import PREFIX, Connection, text

WINDOW_DAYS = 14
KEPT_SECONDS = (WINDOW_DAYS + 1) * 86_400
MOST_KEYS = 1_000  # a day; the least read ones are forgotten


class PropertyReads:
    """Every method may raise `CacheUnavailable`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, keys: Iterable[str], day: date) -> None:
        """One query has read these properties."""
        with self._connection.open() as redis:
            pipeline = redis.pipeline(transaction=False)
            for key in keys:
                pipeline.zincrby(_place(day), 1, key)
            pipeline.expire(_place(day), KEPT_SECONDS)
            pipeline.execute()

    def totals(self, today: date) -> Mapping[str, int]:
        """Property -> queries that read it within the window."""
        totals: dict[str, int] = {}
        with self._connection.open() as redis:
            for day in _window(today):
                redis.zremrangebyrank(_place(day), 0, -MOST_KEYS - 1)
                for key, count in redis.zscan_iter(_place(day)):
                    totals[text(key)] = totals.get(text(key), 0) + int(count)
        return totals

    def covers_window(self, today: date) -> bool:
        """Whether counting went on when the window began: before that, no reads do not mean unused."""
        with self._connection.open() as redis:
            return bool(redis.exists(_place(_window(today)[0])))


def _window(today: date) -> list[date]:
    return [today - timedelta(days=back) for back in reversed(range(WINDOW_DAYS))]


def _place(day: date) -> str:
    return f"{PREFIX}:property_reads:{day.isoformat()}"
