"""The people behind a column of stickiness: active in exactly, or at least, so many buckets (I9)."""

from __future__ import annotations

from queries.actors.actor_set import NOBODY, ActorSet
from queries.actors.coordinates import period_index
from queries.errors import InvalidQuery
from queries.properties import as_whole
from queries.sql.fragment import number, sql
from queries.stickiness.compile import Question, active_buckets, stickiness_actor
from queries.stickiness.node import ComputedAs, StickinessOperator
from queries.vocabulary import Math

_SYMBOLS = {StickinessOperator.EXACT: "=", StickinessOperator.GTE: ">=", StickinessOperator.LTE: "<="}


def stickiness_people(
    question: Question,
    *,
    column: object,
    series: int | None,
    compare: str | None,
    operator: StickinessOperator | None = None,
) -> ActorSet:
    """`column` counts from 1; None means everybody who was active at all. Without an operator the
    question decides: at least so many when it is cumulative, exactly so many otherwise."""
    period = question.periods[period_index(compare, len(question.periods))]
    node = dict(question.series).get(series or 0)
    if node is None or period.is_empty:
        return NOBODY
    index = node.math_group_type_index if node.math is Math.UNIQUE_GROUP else None
    actor = stickiness_actor(question, node)
    active = active_buckets(question, period, node)
    if column is None:
        return ActorSet(sql("SELECT actor FROM ({active})", active=active), actor.kind, index)
    wanted = as_whole(column)
    if wanted is None or wanted < 1:
        raise InvalidQuery("The column of a stickiness answer is a whole number from 1.", attr="day")
    cumulative = question.node.stickiness_filter.computed_as is ComputedAs.CUMULATIVE
    default = StickinessOperator.GTE if cumulative else StickinessOperator.EXACT
    rows = sql(
        f"SELECT actor FROM ({{active}}) WHERE active {_SYMBOLS[operator or default]} {{wanted}}",
        active=active,
        wanted=number(wanted),
    )
    return ActorSet(rows, actor.kind, index)
