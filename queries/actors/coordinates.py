"""The coordinates of a point as callers write them: a bucket, a series, a breakdown value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from queries.date_labels import bucket_text
from queries.dates import bucket_start
from queries.errors import InvalidQuery
from queries.vocabulary import Interval


def bucket_at(
    text: str, buckets: Sequence[datetime], interval: Interval, zone: ZoneInfo, week_start: int = 0
) -> datetime:
    """The bucket named by its text in the answer or by any instant in it.

    InvalidQuery at `day` when it is no date or not one of `buckets`.
    """
    for bucket in buckets:
        if text == bucket_text(bucket, interval):
            return bucket
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidQuery(f'"{text}" is not a bucket of this answer.', attr="day") from None
    local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    start = bucket_start(local, interval, week_start)
    for bucket in buckets:
        if bucket.astimezone(UTC) == start.astimezone(UTC):
            return bucket
    raise InvalidQuery(f'"{text}" is not a bucket of this answer.', attr="day")


def period_index(compare: str | None, periods: int) -> int:
    """0 for the current period, 1 for the previous one of a comparison."""
    if compare != "previous":
        return 0
    if periods < 2:
        raise InvalidQuery("The query compares with no previous period.", attr="compare")
    return 1
