"""Who is compared: everybody in the funnel, with the time of their run (semantics F1, F8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from queries.context import ProjectContext
from queries.correlation.node import FunnelCorrelationQuery
from queries.funnels.levels import levels
from queries.funnels.node import FunnelsActorsQuery
from queries.funnels.people import point_rows, reached_condition
from queries.funnels.question import Question
from queries.funnels.question import understand as understand_funnel
from queries.funnels.runs import origin, runs
from queries.funnels.steps import placed_runs, value_limit
from queries.funnels.values import OTHER
from queries.sql.fragment import TRUE, Sql, all_of, any_of, number, sql, strings
from queries.sql.operators import comparison_text


@dataclass(frozen=True, slots=True)
class Compared:
    """A correlation with its funnel understood."""

    node: FunnelCorrelationQuery
    question: Question

    @property
    def asked(self) -> FunnelsActorsQuery:
        return self.node.source

    @property
    def ctx(self) -> ProjectContext:
        return self.question.ctx

    @property
    def is_empty(self) -> bool:
        """Nobody can have entered: no steps, or a range turned round."""
        return not self.question.steps or self.question.period.is_empty


def understand(node: FunnelCorrelationQuery, ctx: ProjectContext, earliest: datetime | None) -> Compared:
    """A breakdown of the funnel matters only when one of its values is asked for: everybody counts once."""
    funnel = node.source.source
    if node.source.funnel_step_breakdown is None:
        funnel = funnel.model_copy(update={"breakdown_filter": None})
    return Compared(node, understand_funnel(funnel, ctx, earliest))


def population(compared: Compared) -> Sql:
    """Rows (actor, began, ended, converted), one per actor.

    Events strictly between `began` and `ended`, microseconds since 1970, belong to the run: up to the last
    step, or for those who did not convert to the end of the window (F8).
    """
    question = compared.question
    return sql(
        "SELECT actor, level = {all} AS converted, toInt64(times[1]) + {origin} AS began,"
        " if(converted, toInt64(times[-1]) + {origin}, began + {window}) AS ended FROM ({rows})",
        all=number(len(question.required)),
        origin=number(origin(question)),
        window=number(question.window),
        rows=_furthest_runs(compared),
    )


def converters(compared: Compared) -> Sql:
    """Rows (actor, converted), one per actor: the population, where the time of the run does not matter."""
    question = compared.question
    if question.breakdown is not None:
        return sql("SELECT actor, converted FROM ({rows})", rows=population(compared))
    return sql(
        "SELECT actor, level = {all} AS converted FROM ({levels}) WHERE {condition}",
        all=number(len(question.required)),
        levels=levels(question),
        condition=all_of([reached_condition(compared.asked, question), _at_point(compared)]),
    )


def with_totals(rows: Sql) -> Sql:
    """The rows of `population` or `converters`, each with how many converted and how many did not:
    `successes`, `failures`."""
    return sql(
        "SELECT *, countIf(converted) OVER () AS successes, countIf(NOT converted) OVER () AS failures"
        " FROM ({rows})",
        rows=rows,
    )


def _furthest_runs(compared: Compared) -> Sql:
    """Rows (actor, level, times); of several runs the one that got furthest, the earlier of equal ones."""
    question = compared.question
    rows = sql(
        "SELECT actor, level, times FROM ({runs}) WHERE {condition}",
        runs=runs(question),
        condition=all_of(
            [reached_condition(compared.asked, question), _of_value(compared), _at_point(compared)]
        ),
    )
    if question.breakdown is None:
        return rows
    return sql(
        "SELECT actor, run.1 AS level, run.2 AS times FROM (SELECT actor,"
        " argMax((level, times), (level, -toInt64(times[-1]))) AS run FROM ({rows}) GROUP BY actor)",
        rows=rows,
    )


def _of_value(compared: Compared) -> Sql:
    """The wanted value of the funnel's breakdown; "Other" is each that is not among the shown ones."""
    question, wanted = compared.question, compared.asked.funnel_step_breakdown
    if question.breakdown is None or wanted is None:
        return TRUE
    texts = [comparison_text(part) for part in (wanted if isinstance(wanted, tuple) else (wanted,))]
    value, limit = sql("value = {texts}", texts=strings(texts)), value_limit(question)
    if texts != [OTHER] or limit is None:
        return value
    shown = sql(
        "SELECT value FROM ({rows}) WHERE place <= {limit}", rows=placed_runs(question), limit=number(limit)
    )
    return any_of([value, sql("value NOT IN ({shown})", shown=shown)])


def _at_point(compared: Compared) -> Sql:
    """Only those of a point of funnel trends, or of a bar of times, where one is asked for."""
    asked = compared.asked
    point = (
        asked.funnel_trends_drop_off,
        asked.funnel_trends_entrance_period_start,
        asked.funnel_time_from,
        asked.funnel_time_to,
    )
    if all(part is None for part in point):
        return TRUE
    return sql("actor IN ({actors})", actors=point_rows(asked, compared.question))


def within_run(moment: Sql) -> Sql:
    """An event of the joined `run` is inside it."""
    return sql("{moment} > run.began AND {moment} < run.ended", moment=moment)


def joined(compared: Compared, rows: Sql) -> Sql:
    """A join of a scan: the run of whoever the event counts for."""
    return sql(
        "INNER JOIN ({rows}) AS run ON run.actor = {actor}",
        rows=rows,
        actor=compared.question.actor.expression,
    )


MOMENT = sql("toUnixTimestamp64Micro(ts)")
