"""Cells of unfiltered series from the hourly projection: counts and actor bitmaps instead of rows.

The projection is part of each data part, so it is exact under late events and crashes, and since events
carry the number of their own distinct id, merges do not touch it: bitmaps are resolved to persons when
read. It knows event, hour and actor only; whatever else a question needs, it steps aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from queries.dates import ResolvedRange
from queries.nodes import EventsNode, SeriesNode
from queries.sql.bitmaps import bitmap_of
from queries.sql.buckets import HOUR_OF_TS, bucket_key
from queries.sql.events import Span, rollup
from queries.sql.fragment import Sql, bind, join, sql
from queries.trends.question import Question
from queries.vocabulary import Interval, Math

HOUR = timedelta(hours=1)
FINER_THAN_HOURS = frozenset({Interval.SECOND, Interval.MINUTE})
ROLLED_UP = frozenset({Math.TOTAL, Math.DAU})


def fits_rollup(series: SeriesNode, question: Question, period: ResolvedRange) -> bool:
    """Whether a total or unique count needs nothing but the events of a name and who did them."""
    edges = () if question.is_aggregated else question.buckets(period)
    return (
        series.effective_math in ROLLED_UP
        and not question.is_cumulative
        and asks_for_a_name(series, question, period)
        and is_in_whole_hours(question.span(period), edges)
    )


def asks_for_a_name(series: SeriesNode, question: Question, period: ResolvedRange) -> bool:
    """Whether nothing but its name chooses among a series' events, over hours or longer buckets."""
    node = question.node
    return (
        isinstance(series, EventsNode)
        and series.event is not None
        and series.filters is None
        and node.properties is None
        and not (node.filter_test_accounts and question.ctx.test_account_filters)
        and question.breakdown is None
        and node.sampling_factor in (None, 1)
        and question.actor.kind != "group"
        and not node.trends_filter.hide_weekends
        and not period.is_empty
        and (question.is_aggregated or period.interval not in FINER_THAN_HOURS)
    )


def is_in_whole_hours(span: Span, edges: Iterable[datetime] = ()) -> bool:
    """Whether the span and the buckets that begin at `edges` are made of whole UTC hours."""
    if span.start is None or span.end is None:
        return False
    return all(_is_whole_hour(edge) for edge in (span.start, span.end, *edges))


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
        " (SELECT rolled_event, bucket, events{counted} FROM ({hourly}))"
        " ARRAY JOIN arrayConcat({parts}) AS cell",
        counted=_counted(question) if _needs_actors(series) else sql(""),
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


def _counted(question: Question) -> Sql:
    return sql(
        ", bitmapCardinality({persons}) AS persons",
        persons=bitmap_of(sql("actors"), question.actor, question.ctx),
    )


def hourly_actors(series: SeriesNode, question: Question, span: Span, bucket: Sql) -> Sql:
    """Rows (place, actors): the bitmap of persons of every bucket; `bucket` is made of HOUR_OF_TS."""
    assert isinstance(series, EventsNode) and series.event is not None
    assert span.start is not None and span.end is not None
    hourly = rollup(
        question.ctx,
        [sql("{bucket} AS place", bucket=bucket), sql("groupBitmapState(actor_no) AS actors")],
        first_hour=span.start,
        last_hour=span.end,
        events=[series.event],
        tail=sql("GROUP BY place"),
    )
    return sql(
        "SELECT place, {persons} AS actors FROM (SELECT place, actors AS found FROM ({hourly}))",
        persons=bitmap_of(sql("found"), question.actor, question.ctx),
        hourly=hourly,
    )
