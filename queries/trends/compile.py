"""TrendsQuery -> plan: one statement a period (semantics D).

question.py   dates and series understood
cells.py      every number as (series, breakdown, bucket, value)
ranking.py    breakdown values beyond the limit merged into "other"
shape.py      rows -> the answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from queries.context import ProjectContext
from queries.dates import ResolvedRange
from queries.earliest import with_earliest
from queries.plan import Plan, Result, Rows, statement
from queries.sql.fragment import Sql
from queries.trends.cells import cells
from queries.trends.histogram import binned_part, extremes, read_bins
from queries.trends.node import TrendsQuery
from queries.trends.question import Question, understand
from queries.trends.ranking import placed
from queries.trends.request import cell_request
from queries.trends.shape import shape_trends


def compile_trends(node: TrendsQuery, ctx: ProjectContext) -> Plan:
    """The plan of a trend. An all-time range first asks for the earliest event of its series."""
    return understood_with_bins(node, ctx, plan_of)


def understood_with_bins(node: TrendsQuery, ctx: ProjectContext, use: Callable[[Question], Plan]) -> Plan:
    """`use` applied to the question once its dates and, for a histogram, its bins are known (A9, D45)."""
    return with_earliest(node, ctx, lambda earliest: _with_bins(understand(node, ctx, earliest), use))


def _with_bins(question: Question, use: Callable[[Question], Plan]) -> Plan:
    if binned_part(question) is None or not question.series:
        return use(question)
    asked = tuple(statement(extremes(question, period)) for period in question.periods)
    return Plan(asked, lambda found: use(replace(question, bins=read_bins(question, found))))


def plan_of(question: Question) -> Plan:
    """The plan of a question that is understood: all cells, computed."""
    asked = [
        (i, s) for i, p in enumerate(question.periods) if (s := _period_statement(question, p)) is not None
    ]

    def shape(found: Sequence[Rows]) -> Result:
        by_period: list[Rows] = [Rows(())] * len(question.periods)
        for (index, _), rows in zip(asked, found, strict=True):
            by_period[index] = rows
        return shape_trends(question, by_period)

    return Plan(tuple(statement(fragment) for _, fragment in asked), shape)


def _period_statement(question: Question, period: ResolvedRange) -> Sql | None:
    if period.is_empty:  # semantics A10
        return None
    found = cells(cell_request(question, period))
    return None if found is None else placed(found, question, period)
