"""The people behind a funnel: of a step, of a point in time, of a bar of times (semantics E48-E50).

They come out of the same rows as the number, so over all pages they are as many as it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from queries.actors.actor_set import NOBODY, ActorSet
from queries.actors.coordinates import bucket_at
from queries.errors import InvalidQuery, join_path
from queries.funnels.node import FunnelsActorsQuery, FunnelVizType
from queries.funnels.question import Question
from queries.funnels.runs import runs
from queries.funnels.steps import placed_runs, value_limit
from queries.funnels.times import conversion_times
from queries.funnels.trends import CONVERTED, ENTERED, entrances, placed_entrances
from queries.funnels.values import OTHER
from queries.sql.actors import person_number
from queries.sql.buckets import key_of
from queries.sql.events import scan
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, number, sql, strings
from queries.sql.operators import comparison_text


def funnel_people(asked: FunnelsActorsQuery, question: Question) -> ActorSet:
    """Everyone of the point; with no coordinates, everyone who entered.

    Groups where the funnel counts groups. Where it counts the values of an expression, the persons who
    have them.
    """
    if not question.steps or question.period.is_empty:
        return NOBODY
    rows = point_rows(asked, question)
    if question.options.funnel_aggregate_by_hogql:
        return ActorSet(persons_of_values(question, rows))
    return ActorSet(rows, question.actor.kind, question.node.aggregation_group_type_index)


def point_rows(asked: FunnelsActorsQuery, question: Question) -> Sql:
    """Rows (actor), each once."""
    if asked.funnel_time_from is not None or asked.funnel_time_to is not None:
        return _within_times(asked, question)
    is_trend = question.options.funnel_viz_type is FunnelVizType.TRENDS
    if is_trend and (asked.funnel_trends_entrance_period_start or asked.funnel_trends_drop_off is not None):
        return _entered(asked, question)
    return _of_value(asked, question, runs(question), placed_runs, reached_condition(asked, question))


def _of_value(
    asked: FunnelsActorsQuery,
    question: Question,
    rows: Sql,
    placed: Callable[[Question], Sql],
    condition: Sql,
) -> Sql:
    """The actors of `rows` who meet the condition and count for the wanted breakdown value."""
    wanted, limit = asked.funnel_step_breakdown, value_limit(question)
    if wanted is None or question.breakdown is None:
        value = TRUE
    else:
        texts = [comparison_text(part) for part in (wanted if isinstance(wanted, tuple) else (wanted,))]
        value = sql("value = {texts}", texts=strings(texts))
        if texts == [OTHER] and limit is not None:
            rows, value = placed(question), any_of([value, sql("place > {limit}", limit=number(limit))])
    return sql(
        "SELECT actor FROM ({rows}) WHERE {condition} GROUP BY actor",
        rows=rows,
        condition=all_of([condition, value]),
    )


# --- steps ------------------------------------------------------------------------------------------------


def reached_condition(asked: FunnelsActorsQuery, question: Question) -> Sql:
    """On a row of runs: the actor took the step, or dropped off before it (semantics E48).

    `funnel_custom_steps` are those who got exactly that far.
    """
    custom = asked.funnel_custom_steps
    if custom is not None:
        return any_of(sql("level = {level}", level=number(required_until(question, step))) for step in custom)
    if asked.funnel_step is None:
        return TRUE
    step = abs(asked.funnel_step) - 1
    took, stood = _took(question, step), required_until(question, step)
    if asked.funnel_step > 0:
        return took
    return sql("level >= {stood} AND NOT ({took})", stood=number(stood), took=took)


def _took(question: Question, step: int) -> Sql:
    if step in question.optional:
        return sql("optional[{place}] > 0", place=number(question.optional.index(step) + 1))
    return sql("level > {before}", before=number(required_until(question, step)))


def required_until(question: Question, step: int) -> int:
    """How many required steps there are before a step, 0-based."""
    return sum(1 for required in question.required if required < step)


# --- over time --------------------------------------------------------------------------------------------


def _entered(asked: FunnelsActorsQuery, question: Question) -> Sql:
    """Those who entered in the bucket; of them who converted, or who did not (semantics E49)."""
    conditions = [_how_far(asked.funnel_trends_drop_off)]
    start = asked.funnel_trends_entrance_period_start
    if start:
        conditions.append(sql("bucket = {key}", key=bind(_bucket_key(start, question), "UInt32")))
    return _of_value(asked, question, entrances(question), placed_entrances, all_of(conditions))


def _how_far(drop_off: bool | None) -> Sql:
    if drop_off is None:
        return sql(f"far >= {ENTERED}")
    return sql(f"far = {ENTERED if drop_off else CONVERTED}")


def _bucket_key(start: str, question: Question) -> int:
    period = question.period
    try:
        bucket = bucket_at(start, period.buckets(), period.interval, period.zone, period.week_start)
    except InvalidQuery as error:
        raise error.spelled(lambda _: join_path(("funnelTrendsEntrancePeriodStart",))) from error
    return key_of(period.interval, bucket)


# --- times ------------------------------------------------------------------------------------------------


def _within_times(asked: FunnelsActorsQuery, question: Question) -> Sql:
    """Those whose conversion took at least `funnel_time_from` and less than `funnel_time_to` seconds."""
    return sql(
        "SELECT actor FROM ({times}) WHERE {bounds} GROUP BY actor",
        times=conversion_times(question),
        bounds=all_of(_bounds(asked)),
    )


def _bounds(asked: FunnelsActorsQuery) -> Iterable[Sql]:
    for symbol, seconds in ((">=", asked.funnel_time_from), ("<", asked.funnel_time_to)):
        if seconds is not None:
            yield sql(f"sample {symbol} {{limit}}", limit=number(round(seconds * 1_000_000)))


# --- values of an expression -------------------------------------------------------------------------------


def persons_of_values(question: Question, rows: Sql) -> Sql:
    """The persons of the events by which the values went through the funnel."""
    node, ctx = question.node, question.ctx
    return scan(
        ctx,
        [sql("{person} AS actor", person=person_number(ctx))],
        span=question.span,
        events=question.scanned_names(),
        where=all_of(
            [
                sql("{value} IN ({rows})", value=question.actor.expression, rows=rows),
                question.any_step(),
                event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts),
            ]
        ),
        tail=sql("GROUP BY actor"),
    )
