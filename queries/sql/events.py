"""The only code that reads the events table.

A scan is always bound to its project, so no caller can forget to. Events are stored once per uuid and
never rewritten, so a scan needs neither FINAL nor a duplicate check (J5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from queries.context import ProjectContext
from queries.sql.fragment import TRUE, Sql, all_of, bind, instant, join, number, sql, strings


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of instants, aware; None is unbounded on that side."""

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def closed(cls, first: datetime | None, last: datetime | None) -> Span:
        """The range first <= t <= last, the last whole second included to its end (semantics A7)."""
        end = None if last is None else last.replace(microsecond=0) + timedelta(seconds=1)
        return cls(first, end)

    def condition(self) -> Sql:
        bounds = []
        if self.start is not None:
            bounds.append(sql("ts >= {start}", start=instant(self.start)))
        if self.end is not None:
            bounds.append(sql("ts < {end}", end=instant(self.end)))
        return all_of(bounds)


def project_condition(ctx: ProjectContext) -> Sql:
    return sql("team_id = {project}", project=bind(ctx.project_id, "UInt32"))


def event_names(names: Sequence[str] | None) -> Sql:
    """Only these events; None: every event."""
    if names is None:
        return TRUE
    if len(names) == 1:
        return sql("event = {name}", name=bind(names[0]))
    return sql("event IN {names}", names=strings(sorted(set(names))))


def scan(
    ctx: ProjectContext,
    columns: Iterable[Sql],
    *,
    span: Span = Span(),
    events: Sequence[str] | None = None,
    where: Sql = TRUE,
    joins: Sequence[Sql] = (),
    tail: Sql | None = None,
) -> Sql:
    """`SELECT columns FROM events` of this project, in this span, with these names and condition.

    `joins` follow FROM; their columns must not be named like those of events. `tail` is what follows
    WHERE (GROUP BY, ORDER BY, LIMIT).
    """
    conditions = all_of([project_condition(ctx), event_names(events), span.condition(), where])
    statement = sql(
        "SELECT {columns} FROM {source} WHERE {conditions}",
        columns=join(", ", columns),
        source=join(" ", [sql("events"), *joins]),
        conditions=conditions,
    )
    return statement if tail is None else sql("{scan} {tail}", scan=statement, tail=tail)


def rollup(
    ctx: ProjectContext,
    columns: Iterable[Sql],
    *,
    first_hour: datetime,
    last_hour: datetime,
    events: Sequence[str] | None,
    tail: Sql,
) -> Sql:
    """The same over the hourly projection: whole UTC hours first_hour <= hour < last_hour.

    The columns may use `event`, `toStartOfHour(ts)`, `count()` and `groupBitmapState(actor_no)` only;
    then the engine reads the projection inside each part instead of the rows. Without a projection (an
    old part) the same statement reads the rows and answers the same.
    """
    hours = sql(
        "toStartOfHour(ts) >= toDateTime({first}, 'UTC') AND toStartOfHour(ts) < toDateTime({last}, 'UTC')",
        first=number(int(first_hour.timestamp())),
        last=number(int(last_hour.timestamp())),
    )
    conditions = all_of([project_condition(ctx), event_names(events), hours])
    return sql(
        "SELECT {columns} FROM events WHERE {conditions} {tail}",
        columns=join(", ", columns),
        conditions=conditions,
        tail=tail,
    )
