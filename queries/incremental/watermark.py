"""What has happened to a range since its cells were kept.

Events are append-only, so the number of events in an hour tells exactly whether there are new ones, however
late they came and in whatever order inserts became visible. The hourly projection answers for a year in some
milliseconds. Of persons that moved or changed, the same projection's bitmaps tell in which hours they acted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from queries.context import ProjectContext
from queries.incremental.proof import Lean, Provable
from queries.plan import Rows
from queries.sql.events import project_condition, rollup
from queries.sql.fragment import Sql, join, number, sql

HOUR_SECONDS = 3600
HOUR_MICROSECONDS = HOUR_SECONDS * 1_000_000


@dataclass(frozen=True, slots=True)
class Watermark:
    """Events by hour since 1970, and the hours in which persons acted that have moved or changed."""

    events: Mapping[int, int]
    changed: frozenset[int] = frozenset()

    def of(self, first: int, end: int) -> int:
        """Events in the hours around a stretch given in microseconds."""
        return sum(self.events.get(hour, 0) for hour in hours(first, end))

    def is_changed(self, first: int, end: int) -> bool:
        return bool(self.changed) and any(hour in self.changed for hour in hours(first, end))


def hours(first: int, end: int) -> range:
    """The hours since 1970 that a stretch lies in, wholly or in part."""
    return range(first // HOUR_MICROSECONDS, -(-end // HOUR_MICROSECONDS))


def whole_hours(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The bounds of the hours that start <= t < end lies in, wholly or in part."""
    last = end + timedelta(hours=1, microseconds=-1)
    return start.replace(minute=0, second=0, microsecond=0), last.replace(minute=0, second=0, microsecond=0)


def watermark(
    proof: Provable, ctx: ProjectContext, start: datetime, end: datetime, *, since: int | None = None
) -> Sql:
    """Rows (hour, events, is_changed). Whoever moved or changed after revision `since` is looked for."""
    columns = [sql("intDiv(toUInt32(toStartOfHour(ts)), 3600) AS hour"), sql("count() AS events")]
    if since is not None:
        columns.append(sql("groupBitmapState(actor_no) AS actors"))
    first_hour, last_hour = whole_hours(start, end)
    hourly = rollup(
        ctx,
        columns,
        first_hour=first_hour,
        last_hour=last_hour,
        events=proof.events,
        tail=sql("GROUP BY hour"),
    )
    if since is None:
        return sql("SELECT hour, events, 0 AS is_changed FROM ({hourly})", hourly=hourly)
    return sql(
        "SELECT hour, events, bitmapHasAny(actors, (SELECT groupBitmapState(no) FROM ({changed})))"
        " AS is_changed FROM ({hourly})",
        changed=_changed_actors(proof, ctx, since),
        hourly=hourly,
    )


def read_watermark(found: Sequence[Rows]) -> Watermark:
    rows = [row for each in found for row in each.rows]
    return Watermark(
        {int(hour): int(events) for hour, events, _ in rows},
        frozenset(int(hour) for hour, _, is_changed in rows if is_changed),
    )


def newest_group(ctx: ProjectContext) -> Sql:
    """One row: the last revision that changed a group of the project."""
    return sql("SELECT max(version) FROM groups WHERE {project}", project=project_condition(ctx))


def _changed_actors(proof: Provable, ctx: ProjectContext, since: int) -> Sql:
    """Actors who moved to another person since, and those whose person's profile changed.

    A person has the number of its first actor; its other actors are in actor_override.
    """
    newer = sql("{project} AND version > {since}", project=project_condition(ctx), since=number(since))
    moved = sql("SELECT actor_no AS no FROM actor_override WHERE {newer}", newer=newer)
    if Lean.PROFILES not in proof.leans:
        return moved
    persons = sql("SELECT person_no AS no FROM person WHERE {newer}", newer=newer)
    others = sql(
        "SELECT actor_no AS no FROM actor_override FINAL WHERE {project} AND person_no IN ({persons})",
        project=project_condition(ctx),
        persons=persons,
    )
    return join(" UNION ALL ", [moved, persons, others])
