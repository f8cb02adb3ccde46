"""Cells of unfiltered series from the hourly projection: counts and actor bitmaps instead of rows.

The projection is part of each data part, so it is exact under late events and crashes, and since events
carry the number of their own distinct id, merges do not touch it: bitmaps are resolved to persons when
read. It knows event, hour and actor only; whatever else a question needs, it steps aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from queries.dates import ResolvedRange
from queries.nodes import EventsNode, SeriesNode
from queries.sql.buckets import HOUR_OF_TS, bucket_key
from queries.sql.events import project_condition, rollup
from queries.sql.fragment import Sql, bind, join, sql
from queries.trends.question import Question
from queries.vocabulary import Interval, Math

HOUR = timedelta(hours=1)
FINER_THAN_HOURS = frozenset({Interval.SECOND, Interval.MINUTE})
ROLLED_UP = frozenset({Math.TOTAL, Math.DAU})


def fits_rollup(series: SeriesNode, question: Question, period: ResolvedRange) -> bool:
    """Whether this series asks for nothing but the events of a name and who did them, by whole hours."""
    node = question.node
    return (
        isinstance(series, EventsNode)
        and series.event is not None
        and series.effective_math in ROLLED_UP
        and series.filters is None
        and node.properties is None
        and not (node.filter_test_accounts and question.ctx.test_account_filters)
        and question.breakdown is None
        and node.sampling_factor in (None, 1)
        and question.actor.kind != "group"
        and not question.is_cumulative
        and not node.trends_filter.hide_weekends
        and not period.is_empty
        and _is_in_whole_hours(question, period)
    )


def _is_in_whole_hours(question: Question, period: ResolvedRange) -> bool:
    span = question.span(period)
    if period.interval in FINER_THAN_HOURS and not question.is_aggregated:
        return False
    if span.start is None or span.end is None:
        return False
    edges = [span.start, span.end, *(() if question.is_aggregated else question.buckets(period))]
    return all(_is_whole_hour(edge) for edge in edges)


def _is_whole_hour(moment: datetime) -> bool:
    return moment.timestamp() % 3600 == 0


def rollup_cells(series: Sequence[tuple[int, SeriesNode]], question: Question, period: ResolvedRange) -> Sql:
    """One pass over the projection for all these series, whatever mix of total and unique they are."""
    span = question.span(period)
    assert span.start is not None and span.end is not None
    names = sorted({s.event for _, s in series if isinstance(s, EventsNode) and s.event is not None})
    bucket = (
        sql("toUInt32(0)")
        if question.is_aggregated
        else bucket_key(period.interval, question.ctx, HOUR_OF_TS)
    )
    hourly = rollup(
        question.ctx,
        [
            sql("event AS rolled_event"),
            sql("{bucket} AS bucket", bucket=bucket),
            sql("count() AS events"),
            *([sql("groupBitmapState(actor_no) AS actors")] if _needs_actors(series) else []),
        ],
        first_hour=span.start,
        last_hour=span.end,
        events=names,
        tail=sql("GROUP BY rolled_event, bucket"),
    )
    parts = [_select(index, node) for index, node in series]
    return sql(
        "SELECT cell.1 AS series, emptyArrayString() AS breakdown, bucket, cell.2 AS value FROM"
        " (SELECT rolled_event, bucket, events{persons} FROM ({hourly}))"
        " ARRAY JOIN arrayConcat({parts}) AS cell",
        persons=_persons(question) if _needs_actors(series) else sql(""),
        hourly=hourly,
        parts=join(", ", parts),
    )


def _needs_actors(series: Sequence[tuple[int, SeriesNode]]) -> bool:
    return any(node.effective_math is Math.DAU for _, node in series)


def _select(index: int, node: SeriesNode) -> Sql:
    assert isinstance(node, EventsNode) and node.event is not None
    return sql(
        "if(rolled_event = {name}, [(toUInt8({index}), toFloat64({value}))], [])",
        name=bind(node.event),
        index=bind(index, "UInt8"),
        value=sql("persons") if node.effective_math is Math.DAU else sql("events"),
    )


def _persons(question: Question) -> Sql:
    """How many persons the actors of a bitmap are: those with another person are replaced by it (B2)."""
    if question.actor.kind == "distinct_id" or not question.ctx.has_overrides:
        return sql(", bitmapCardinality(actors) AS persons")
    moved = sql(
        "(SELECT groupBitmapState(actor_no) FROM actor_override WHERE {project})",
        project=project_condition(question.ctx),
    )
    return sql(
        ", bitmapCardinality(bitmapOr(bitmapAndnot(actors, {moved}), bitmapBuild(arrayMap("
        "no -> dictGetOrDefault('actor_override_dict', 'person_no', toUInt64(no), no),"
        " bitmapToArray(bitmapAnd(actors, {moved})))))) AS persons",
        moved=moved,
    )
