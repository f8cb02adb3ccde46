"""FunnelCorrelationQuery -> plan: the things that go along with converting, or with not (semantics F).

population.py   who is compared: the runs of the funnel
things.py       what of them: how many have each event or property
here            odds, significance, rank; at most twenty rows leave the store
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.correlation.node import FunnelCorrelationQuery
from queries.correlation.population import Compared, population, understand
from queries.correlation.shape import Totals, nothing, shape_correlation
from queries.correlation.things import things
from queries.earliest import with_project_earliest
from queries.plan import Plan, Result, Rows, statement
from queries.sql.fragment import Sql, number, sql

SHOWN = 10  # semantics F6, of either type
ENOUGH = 25  # semantics F5: so many actors are enough, however many there are
SHARE = 50  # one in so many is enough too


def compile_correlation(node: FunnelCorrelationQuery, ctx: ProjectContext) -> Plan:
    """An all-time range first asks for the earliest event of the project."""
    funnel = node.source.source
    return with_project_earliest(funnel, ctx, lambda earliest: _plan(understand(node, ctx, earliest)))


def _plan(compared: Compared) -> Plan:
    period = compared.question.period
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    if compared.is_empty:
        return Plan((), lambda _: nothing(dates, is_skewed=bool(compared.question.steps)))

    def shape(found: Sequence[Rows]) -> Result | Plan:
        if not found[0].rows:  # the totals come with the rows
            return Plan((statement(totals(compared)),), shape_totals)
        return shape_correlation(compared.node, found[0].rows, dates)

    def shape_totals(found: Sequence[Rows]) -> Result:
        successes, failures = found[0].rows[0]
        return nothing(dates, is_skewed=Totals(int(successes), int(failures)).is_skewed)

    return Plan((statement(ranked(compared)),), shape)


def ranked(compared: Compared) -> Sql:
    """Rows (event, key, value, s, f, successes, failures, odds, is_success) in order (semantics F6).

    Whether a thing goes along with success is decided by whole numbers (F4), as is what is too rare (F5).
    """
    return sql(
        "SELECT event, key, value, s, f, successes, failures, gain / loss AS odds, gain > loss AS is_success"
        " FROM (SELECT *, (s + 1) * (failures - f + 1) AS gain, (successes - s + 1) * (f + 1) AS loss"
        " FROM ({things}) WHERE s + f >= {enough} OR (s + f) * {share} >= successes + failures)"
        " ORDER BY is_success DESC, if(is_success, -odds, odds), event, key, value"
        " LIMIT {shown} BY is_success",
        things=things(compared),
        enough=number(ENOUGH),
        share=number(SHARE),
        shown=number(SHOWN),
    )


def totals(compared: Compared) -> Sql:
    """One row (successes, failures)."""
    return sql(
        "SELECT countIf(converted), countIf(NOT converted) FROM ({population})",
        population=population(compared),
    )
