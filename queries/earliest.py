"""Where an all-time range begins (semantics A9).

Trends, stickiness and lifecycle begin at the earliest event of their series, everything else at the
earliest event of the project.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from queries.context import ProjectContext
from queries.nodes import ActionsNode, DateRange, InsightNode, Properties, Series, SeriesNode
from queries.plan import Plan, Rows, Statement, statement
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import all_of, any_of, sql
from queries.sql.series import matcher, names_of

FIRST_OF_SERIES = datetime(1980, 1, 1, tzinfo=UTC)
FIRST_OF_PROJECT = datetime(2015, 1, 1, tzinfo=UTC)


class SeriesQuery(Protocol):
    """What the nodes made of series have in common."""

    @property
    def date_range(self) -> DateRange | None: ...
    @property
    def series(self) -> tuple[Series, ...]: ...
    @property
    def properties(self) -> Properties: ...
    @property
    def filter_test_accounts(self) -> bool: ...


def with_earliest(node: SeriesQuery, ctx: ProjectContext, plan: Callable[[datetime | None], Plan]) -> Plan:
    """`plan(None)`, or for an all-time range a plan that first asks where the series begin (A9)."""
    asked = earliest_statement(node, ctx)
    if asked is None:
        return plan(None)
    return Plan((asked,), lambda found: plan(_earliest(found)))


def earliest_statement(node: SeriesQuery, ctx: ProjectContext) -> Statement | None:
    """The earliest event among those of the series; None when the range does not begin there."""
    matchers = [matcher(series, ctx) for series in existing(node.series, ctx)]
    if node.date_range is None or node.date_range.date_from != "all" or not matchers:
        return None
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    return statement(
        scan(
            ctx,
            [sql("count(), min(ts)")],
            span=Span(start=FIRST_OF_SERIES),
            events=names_of(matchers),
            where=all_of([any_of(m.condition for m in matchers), filters]),
        )
    )


def with_project_earliest(
    node: InsightNode, ctx: ProjectContext, plan: Callable[[datetime | None], Plan]
) -> Plan:
    """The same from the earliest event of the whole project."""
    if node.date_range is None or node.date_range.date_from != "all":
        return plan(None)
    asked = statement(scan(ctx, [sql("count(), min(ts)")], span=Span(start=FIRST_OF_PROJECT)))
    return Plan((asked,), lambda found: plan(_earliest(found)))


def existing(series: Sequence[SeriesNode], ctx: ProjectContext) -> list[SeriesNode]:
    """Series over an unknown action are left out (semantics D2)."""
    return [s for s in series if not isinstance(s, ActionsNode) or s.id in ctx.actions]


def _earliest(found: Sequence[Rows]) -> datetime | None:
    count, earliest = found[0].rows[0]
    if not count or not isinstance(earliest, datetime):
        return None
    return earliest.replace(tzinfo=UTC) if earliest.tzinfo is None else earliest
