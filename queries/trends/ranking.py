"""Cells ranked by breakdown value: the first ones stay, the rest is merged (semantics D36-D38, D56).

Rows out: (series, place, breakdown, bucket, value); places count from 1 within a series, and the place
after the last shown one holds everything else.
"""

from __future__ import annotations

from queries.dates import ResolvedRange
from queries.sql.buckets import key_of
from queries.sql.fragment import Sql, bind, number, sql
from queries.sql.math import MATHS, Merge
from queries.trends.histogram import in_order_of_bins
from queries.trends.question import Question


def is_ranked(question: Question) -> bool:
    """Whether cells need more than to be read: values beyond a limit merged, or lines smoothed."""
    breakdown = question.breakdown
    return question.node.trends_filter.smoothing_intervals > 1 or bool(breakdown and not breakdown.cohorts)


def placed(cells: Sql, question: Question, period: ResolvedRange) -> Sql:
    """The rows of a period from its cells."""
    return ranked(cells, question, period) if is_ranked(question) else unranked(cells)


def unranked(cells: Sql) -> Sql:
    """Cells of a question without a limit: one place."""
    return sql("SELECT series, toUInt32(1) AS place, breakdown, bucket, value FROM ({cells})", cells=cells)


def ranked(cells: Sql, question: Question, period: ResolvedRange) -> Sql:
    """The ranking, in the store: many thousand values never leave it."""
    limit = number(question.limit + _offset(question))
    bins = question.bins_of(period)
    lines = sql(
        # one row: one breakdown value of one series, over all buckets
        "SELECT series, breakdown, {points} AS points, arraySum(points.2) AS total"
        " FROM ({cells}) GROUP BY series, breakdown",
        points=_points(question, period),
        cells=cells,
    )
    places = sql(
        "SELECT series, breakdown, points, toUInt32(row_number() OVER (PARTITION BY series"
        " ORDER BY {none_last} {order}, breakdown)) AS rank FROM ({lines})",
        none_last=_none_last(question),
        order=in_order_of_bins(bins) if bins else sql("total DESC"),  # D36, D45
        lines=lines,
    )
    return sql(
        "SELECT series, least(rank, {limit} + 1) AS place, any(breakdown) AS breakdown, bucket,"
        " {merged} AS value"
        " FROM (SELECT series, rank, breakdown, point.1 AS bucket, point.2 AS cell"
        " FROM ({places}) ARRAY JOIN points AS point WHERE rank > {offset}) GROUP BY series, place, bucket",
        limit=limit,
        merged=_merged(question),
        places=places,
        offset=number(_offset(question)),
    )


def _offset(question: Question) -> int:
    return question.breakdown.breakdown_offset if question.breakdown else 0


def _none_last(question: Question) -> Sql:
    """Over time "none" ranks after all others; in one number it ranks by its total (semantics D36)."""
    if question.is_aggregated:
        return sql("")
    return sql("arrayAll(part -> part = '', breakdown),")


def _points(question: Question, period: ResolvedRange) -> Sql:
    width = question.node.trends_filter.smoothing_intervals
    if width == 1 or question.is_aggregated:
        return sql("groupArray((bucket, value))")
    return smoothed([key_of(period.interval, bucket) for bucket in question.buckets(period)], width)


def smoothed(keys: list[int], width: int) -> Sql:
    """All buckets of a line as (bucket, trailing mean rounded down), fewer points at the start (D56)."""
    return sql(
        "arrayMap((key, place) -> (key, floor(arraySum(arraySlice("
        "groupArrayInsertAt(0., {count})(value, toUInt32(indexOf({keys}, bucket) - 1)),"
        " greatest(1, place - {width} + 1), least(place, {width}))) / least(place, {width}))),"
        " {keys}, arrayEnumerate({keys}))",
        count=sql(str(len(keys))),
        keys=bind(keys, "Array(UInt32)"),
        width=number(width),
    )


def _merged(question: Question) -> Sql:
    """The place of all the rest adds up; for the math max it is the largest, for min the smallest (D37)."""
    merges = {
        index: MATHS[s.effective_math].other for index, s in question.series if s.effective_math in MATHS
    }
    special = {merge: [i for i, m in merges.items() if m is merge] for merge in (Merge.MAX, Merge.MIN)}
    merged = sql("sum(cell)")
    for merge, indexes in special.items():
        if indexes:
            merged = sql(
                f"if(series IN {{indexes}}, {merge}(cell), {{merged}})",
                indexes=bind(indexes, "Array(UInt8)"),
                merged=merged,
            )
    return merged
