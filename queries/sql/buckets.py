"""The bucket of an event, in the project's zone: one function for all insights (J1, semantics A11-A17).

A bucket key is a number that needs no time zone any more. Calendar units (day and longer) use the local
date as days since 1970-01-01, because a local day has 23 to 25 hours; clock units (second, minute, hour)
use unix seconds, because on the autumn day two different hours carry the same text (A16).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from queries.context import ProjectContext
from queries.sql.fragment import Sql, bind, number, sql
from queries.vocabulary import Interval

CLOCK_UNITS = frozenset({Interval.SECOND, Interval.MINUTE, Interval.HOUR})
MOST_SHORT = 65_535  # places below it, and the one after the last, are two bytes
_EPOCH_DAY = date(1970, 1, 1)
_STEPS = {Interval.SECOND: 1, Interval.MINUTE: 60, Interval.HOUR: 3600, Interval.DAY: 1, Interval.WEEK: 7}

TS = sql("ts")
HOUR_OF_TS = sql("toStartOfHour(ts)")


def bucket_key(interval: Interval, ctx: ProjectContext, ts: Sql = TS) -> Sql:
    """SQL for the key of the bucket that holds the instant `ts`."""
    return _KEYS[interval](ts, ctx)


def key_of(interval: Interval, bucket: datetime) -> int:
    """The same key for a bucket start (aware, in the project's zone)."""
    if interval in CLOCK_UNITS:
        return int(bucket.astimezone(UTC).timestamp())
    return (bucket.date() - _EPOCH_DAY).days


def bucket_index(interval: Interval, ctx: ProjectContext, buckets: Sequence[datetime], ts: Sql = TS) -> Sql:
    """SQL for the position of an instant's bucket in `buckets`; `len(buckets)` for one that is not in it.

    Evenly spaced buckets take one subtraction; months and skipped days take a constant look-up.
    """
    keys = [key_of(interval, bucket) for bucket in buckets]
    key = bucket_key(interval, ctx, ts)
    step = _STEPS.get(interval)
    kind = "toUInt16" if len(keys) < MOST_SHORT else "toUInt32"
    if step is None or any(key_ != keys[0] + i * step for i, key_ in enumerate(keys)):
        possible = [place for place, key_ in enumerate(keys) if key_ >= 0]  # no event is before 1970
        return sql(
            f"{kind}(transform({{key}}, {{keys}}, {{places}}, {{size}}))",
            key=key,
            keys=bind([keys[place] for place in possible], "Array(UInt32)"),
            places=bind(possible, "Array(Int64)"),
            size=number(len(keys)),
        )
    # An instant before the first bucket wraps around to a number far beyond the last.
    past = sql("toUInt32({key} - {first})", key=key, first=number(keys[0] if keys else 0))
    place = past if step == 1 else sql("intDiv({past}, {step})", past=past, step=number(step))
    return sql(f"{kind}(least({{place}}, {{size}}))", place=place, size=number(len(keys)))


def local_date(ctx: ProjectContext, ts: Sql = TS) -> Sql:
    return sql("toDate({ts}, {zone})", ts=ts, zone=bind(ctx.timezone))


def _day(ts: Sql, ctx: ProjectContext) -> Sql:
    return sql("toUInt32({day})", day=local_date(ctx, ts))


def _week(ts: Sql, ctx: ProjectContext) -> Sql:
    # toDayOfWeek counts Monday as 1; week_start counts Sunday as 0 (semantics A13).
    day = local_date(ctx, ts)
    return sql(
        "toUInt32({day}) - (toDayOfWeek({day}) + 7 - {start}) % 7", day=day, start=number(ctx.week_start)
    )


def _calendar(function: str) -> Callable[[Sql, ProjectContext], Sql]:
    template = f"toUInt32({function}({{day}}))"
    return lambda ts, ctx: sql(template, day=local_date(ctx, ts))


def _hour(ts: Sql, ctx: ProjectContext) -> Sql:
    # In the project's zone, since half-hour zones cut hours elsewhere than UTC does.
    return sql("toUInt32(toStartOfHour({ts}, {zone}))", ts=ts, zone=bind(ctx.timezone))


_KEYS: dict[Interval, Callable[[Sql, ProjectContext], Sql]] = {
    Interval.SECOND: lambda ts, ctx: sql("toUInt32(toUnixTimestamp({ts}))", ts=ts),
    Interval.MINUTE: lambda ts, ctx: sql("toUInt32(toStartOfMinute({ts}))", ts=ts),
    Interval.HOUR: _hour,
    Interval.DAY: _day,
    Interval.WEEK: _week,
    Interval.MONTH: _calendar("toStartOfMonth"),
    Interval.QUARTER: _calendar("toStartOfQuarter"),
    Interval.YEAR: _calendar("toStartOfYear"),
}
