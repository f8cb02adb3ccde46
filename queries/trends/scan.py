"""Cells of plain series: one pass over their events, however many series share it."""

from __future__ import annotations

from collections.abc import Sequence

from queries.nodes import SeriesNode
from queries.sql.events import scan
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, join, sql
from queries.sql.hogql import aggregate_expression
from queries.sql.math import MATHS, Aggregate, as_number, math_joins
from queries.sql.series import matcher, names_of
from queries.trends.request import CellRequest, Numbered
from queries.vocabulary import Math


def scan_cells(series: Sequence[Numbered], request: CellRequest) -> Sql:
    """Series whose cell is one aggregate over its events."""
    if len(series) == 1:
        return _own_scan(series[0], request)
    return _shared_scan(series, request)


def _own_scan(numbered: Numbered, request: CellRequest) -> Sql:
    index, series = numbered
    wanted = matcher(series, request.ctx)
    keys = request.keys
    columns = [
        *keys.columns,
        sql("{bucket} AS bucket", bucket=request.bucket),
        sql("{value} AS value", value=cell_value(series, request, TRUE, 0)),
    ]
    inner = scan(
        request.ctx,
        columns,
        span=request.span,
        where=all_of([wanted.condition, request.common_condition()]),
        joins=(*request.joins, *math_joins(series, request.ctx, 0)),
        tail=keys.group_by("bucket"),
    )
    return sql(
        "SELECT {index} AS series, {breakdown} AS breakdown, bucket, value FROM ({inner})",
        index=request.numbered(index),
        breakdown=keys.breakdown,
        inner=inner,
    )


def _shared_scan(series: Sequence[Numbered], request: CellRequest) -> Sql:
    matchers = [matcher(node, request.ctx) for _, node in series]
    wanted = any_of(m.condition for m in matchers)
    # A condition that stands in WHERE and again in an aggregate trips the engine over a constant column.
    only = [TRUE if m.condition == wanted else m.condition for m in matchers]
    values = [
        cell_value(node, request, condition, place)
        for place, ((_, node), condition) in enumerate(zip(series, only, strict=True))
    ]
    matched = [Aggregate("count").where(condition) for condition in only]
    keys = request.keys
    columns = [
        *keys.columns,
        sql("{bucket} AS bucket", bucket=request.bucket),
        sql("[{values}] AS cell_values", values=join(", ", values)),
        sql("[{matched}] AS cell_events", matched=join(", ", matched)),
    ]
    joins = [
        join_ for place, (_, node) in enumerate(series) for join_ in math_joins(node, request.ctx, place)
    ]
    inner = scan(
        request.ctx,
        columns,
        span=request.span,
        events=names_of(matchers),
        where=all_of([wanted, request.common_condition()]),
        joins=(*request.joins, *joins),
        tail=keys.group_by("bucket"),
    )
    return sql(
        "SELECT series, {breakdown} AS breakdown, bucket, value FROM ({inner})"
        " ARRAY JOIN [{numbers}] AS series, cell_values AS value, cell_events AS matched WHERE matched > 0",
        breakdown=keys.breakdown,
        inner=inner,
        numbers=join(", ", (request.numbered(index) for index, _ in series)),
    )


def cell_value(series: SeriesNode, request: CellRequest, condition: Sql, place: int) -> Sql:
    """The value of one cell over the events meeting `condition`."""
    if series.effective_math is Math.HOGQL:  # D14
        return as_number(aggregate_expression(series.math_hogql or "", request.ctx, condition))
    row = MATHS[series.effective_math]
    value = as_number(row.aggregate(series, request.question.actor, request.ctx, place).where(condition))
    return scaled(value, series, request) if row.scaled_by_sampling else multiplied(value, series)


def scaled(value: Sql, series: SeriesNode, request: CellRequest) -> Sql:
    """Counts and sums of a sample stand for the whole (semantics D61)."""
    factor = request.question.node.sampling_factor
    if factor is not None and factor != 1:
        value = sql("round({value} / {factor})", value=value, factor=bind(factor, "Float64"))
    return multiplied(value, series)


def multiplied(value: Sql, series: SeriesNode) -> Sql:
    if series.math_multiplier is None:
        return value
    return sql("{value} * {factor}", value=value, factor=bind(series.math_multiplier, "Float64"))
