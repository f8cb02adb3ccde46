"""TrendsQuery -> plan: one statement a period (semantics D).

question.py   dates and series understood
cells.py      every number as (series, breakdown, bucket, value)
ranking.py    breakdown values beyond the limit merged into "other"
shape.py      rows -> the answer
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from queries.context import ProjectContext
from queries.dates import ResolvedRange
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, any_of, sql
from queries.sql.series import matcher, names_of
from queries.trends.cells import cell_request, cells
from queries.trends.node import TrendsQuery
from queries.trends.question import Question, known_series, understand
from queries.trends.ranking import ranked, unranked
from queries.trends.shape import shape_trends

# The engine compares projections by marks and would shun the finer-grained rollup on a small table.
SETTINGS = {"preferred_optimize_projection_name": "hourly"}
FIRST_CREDIBLE = datetime(1980, 1, 1, tzinfo=UTC)  # semantics A9


def compile_trends(node: TrendsQuery, ctx: ProjectContext) -> Plan:
    """The plan of a trend. An all-time range first asks for the earliest event of its series."""
    if node.date_range is None or node.date_range.date_from != "all":
        return _plan(understand(node, ctx))

    def begin(found: Sequence[Rows]) -> Plan:
        return _plan(understand(node, ctx, _earliest(found)))

    asked = earliest_statement(node, ctx)
    return Plan((asked,), begin) if asked else _plan(understand(node, ctx))


def _plan(question: Question) -> Plan:
    asked = [
        (i, s) for i, p in enumerate(question.periods) if (s := _period_statement(question, p)) is not None
    ]

    def shape(found: Sequence[Rows]) -> Result:
        by_period: list[Rows] = [Rows(())] * len(question.periods)
        for (index, _), rows in zip(asked, found, strict=True):
            by_period[index] = rows
        return shape_trends(question, by_period)

    return Plan(tuple(statement(fragment, SETTINGS) for _, fragment in asked), shape)


def _period_statement(question: Question, period: ResolvedRange) -> Sql | None:
    if period.is_empty:  # semantics A10
        return None
    request = cell_request(question, period)
    found = cells(request)
    if found is None:
        return None
    is_limited = request.breakdown is not None and not request.breakdown.several
    if is_limited or question.node.trends_filter.smoothing_intervals > 1:
        return ranked(found, question, period)
    return unranked(found)


def earliest_statement(node: TrendsQuery, ctx: ProjectContext) -> Statement | None:
    """The earliest event among those of the series (semantics A9); None without any series."""
    matchers = [matcher(series, ctx) for _, series in known_series(node.series, ctx)]
    if not matchers:
        return None
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    return statement(
        scan(
            ctx,
            [sql("count(), min(ts)")],
            span=Span(start=FIRST_CREDIBLE),
            events=names_of(matchers),
            where=all_of([any_of(m.condition for m in matchers), filters]),
        )
    )


def _earliest(found: Sequence[Rows]) -> datetime | None:
    count, earliest = found[0].rows[0]
    if not count or not isinstance(earliest, datetime):
        return None
    return earliest.replace(tzinfo=UTC) if earliest.tzinfo is None else earliest
