"""Cells of a running count of unique actors: each counts in its first bucket only (semantics D29)."""

from __future__ import annotations

from queries.nodes import SeriesNode
from queries.sql.actors import Actor, actor_of
from queries.sql.events import scan
from queries.sql.fragment import Sql, all_of, sql
from queries.sql.series import matcher
from queries.trends.request import CellRequest
from queries.trends.scan import scaled
from queries.vocabulary import Math


def is_cumulative_unique(series: SeriesNode, request: CellRequest) -> bool:
    return request.question.is_cumulative and series.effective_math in (Math.DAU, Math.UNIQUE_GROUP)


def first_seen_cells(index: int, series: SeriesNode, request: CellRequest) -> Sql:
    actor = unique_actor(series, request)
    wanted = matcher(series, request.ctx)
    keys = request.keys
    first_seen = scan(
        request.ctx,
        [
            *keys.columns,
            sql("{actor} AS actor", actor=actor.expression),
            sql("min({bucket}) AS bucket", bucket=request.bucket),
        ],
        span=request.span,
        where=all_of([wanted.condition, request.common_condition(), actor.present]),
        joins=request.joins,
        tail=keys.group_by("actor"),
    )
    return sql(
        "SELECT {index} AS series, {breakdown} AS breakdown, bucket, {value} AS value FROM ({seen}) {tail}",
        index=request.numbered(index),
        breakdown=keys.breakdown,
        tail=keys.group_by("bucket"),
        value=scaled(sql("toFloat64(count())"), series, request),
        seen=first_seen,
    )


def unique_actor(series: SeriesNode, request: CellRequest) -> Actor:
    """Who is counted: the groups of the math, or the question's actors."""
    if series.effective_math is Math.UNIQUE_GROUP:
        return actor_of(request.ctx, series.math_group_type_index or 0)
    return request.question.actor
