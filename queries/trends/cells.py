"""The numbers of a trend: one statement whose rows are cells.

A cell is (series, breakdown, bucket, value): the value of one series in one bucket, for one breakdown
value. Each math belongs to one strategy, a way to get its cells; the strategies of one question are put
together by UNION ALL, so a question is one statement a period whatever it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.dates import ResolvedRange
from queries.nodes import SeriesNode
from queries.sql.breakdowns import BreakdownValue, breakdown_value
from queries.sql.buckets import bucket_key
from queries.sql.events import Span, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, any_of, bind, join, sql
from queries.sql.math import MATHS, Aggregate, as_number
from queries.sql.series import matcher, names_of
from queries.trends.question import Question
from queries.trends.rollup import fits_rollup, rollup_cells

Numbered = tuple[int, SeriesNode]

NO_BREAKDOWN = sql("emptyArrayString()")


@dataclass(frozen=True, slots=True)
class CellRequest:
    """One period of a question, with what all its strategies share."""

    question: Question
    period: ResolvedRange
    breakdown: BreakdownValue | None

    @property
    def ctx(self) -> ProjectContext:
        return self.question.ctx

    @property
    def span(self) -> Span:
        return self.question.span(self.period)

    @property
    def bucket(self) -> Sql:
        """The bucket of an event; an aggregated display has a single one (semantics D30)."""
        if self.question.is_aggregated:
            return sql("toUInt32(0)")
        return bucket_key(self.period.interval, self.ctx)

    @property
    def breakdown_column(self) -> Sql:
        if self.breakdown is None:
            return NO_BREAKDOWN
        if self.breakdown.several:
            return sql("[arrayJoin({values})]", values=self.breakdown.value)
        return self.breakdown.value

    @property
    def joins(self) -> tuple[Sql, ...]:
        return self.breakdown.joins if self.breakdown else ()

    @property
    def common_condition(self) -> Sql:
        node = self.question.node
        weekdays = sql("toDayOfWeek(ts, 0, {zone}) < 6", zone=bind(self.ctx.timezone))
        return all_of(
            [
                event_condition(self.ctx, node.properties, test_accounts=node.filter_test_accounts),
                weekdays if node.trends_filter.hide_weekends else TRUE,  # D60
            ]
        )


def cell_request(question: Question, period: ResolvedRange) -> CellRequest:
    chosen = question.breakdown
    value = breakdown_value(chosen, question.ctx, question.span(period)) if chosen else None
    return CellRequest(question, period, value)


def cells(request: CellRequest) -> Sql | None:
    """All cells of one period; None when there is nothing to ask."""
    remaining = list(request.question.series)
    parts = []
    for strategy in STRATEGIES:
        chosen = [numbered for numbered in remaining if strategy.fits(numbered[1], request)]
        if chosen:
            parts.append(strategy.cells(chosen, request))
            remaining = [numbered for numbered in remaining if numbered not in chosen]
    return join(" UNION ALL ", parts) if parts else None


# --- one scan over the events of all plain series ----------------------------------------------------


def scan_cells(series: Sequence[Numbered], request: CellRequest) -> Sql:
    """Series whose cell is one aggregate over its events: a single pass, however many they are."""
    if len(series) == 1:
        return _own_scan(series[0], request)
    return _shared_scan(series, request)


def _own_scan(numbered: Numbered, request: CellRequest) -> Sql:
    index, series = numbered
    wanted = matcher(series, request.ctx)
    columns = [
        sql("toUInt8({index}) AS series", index=bind(index, "UInt8")),
        sql("{breakdown} AS breakdown", breakdown=request.breakdown_column),
        sql("{bucket} AS bucket", bucket=request.bucket),
        sql("{value} AS value", value=_value(series, request, TRUE)),
    ]
    return scan(
        request.ctx,
        columns,
        span=request.span,
        where=all_of([wanted.condition, request.common_condition]),
        joins=request.joins,
        tail=sql("GROUP BY breakdown, bucket"),
    )


def _shared_scan(series: Sequence[Numbered], request: CellRequest) -> Sql:
    matchers = [matcher(node, request.ctx) for _, node in series]
    values = [_value(node, request, m.condition) for (_, node), m in zip(series, matchers, strict=True)]
    matched = [sql("countIf({condition})", condition=m.condition) for m in matchers]
    columns = [
        sql("{breakdown} AS breakdown", breakdown=request.breakdown_column),
        sql("{bucket} AS bucket", bucket=request.bucket),
        sql("[{values}] AS cell_values", values=join(", ", values)),
        sql("[{matched}] AS cell_events", matched=join(", ", matched)),
    ]
    inner = scan(
        request.ctx,
        columns,
        span=request.span,
        events=names_of(matchers),
        where=all_of([any_of(m.condition for m in matchers), request.common_condition]),
        joins=request.joins,
        tail=sql("GROUP BY breakdown, bucket"),
    )
    numbers = join(", ", (sql("toUInt8({i})", i=bind(i, "UInt8")) for i, _ in series))
    return sql(
        "SELECT series, breakdown, bucket, value FROM ({inner})"
        " ARRAY JOIN [{numbers}] AS series, cell_values AS value, cell_events AS matched WHERE matched > 0",
        inner=inner,
        numbers=numbers,
    )


def _value(series: SeriesNode, request: CellRequest, condition: Sql) -> Sql:
    return as_number(aggregate_of(series, request).where(condition))


def aggregate_of(series: SeriesNode, request: CellRequest) -> Aggregate:
    return MATHS[series.effective_math].aggregate(series, request.question.actor, request.ctx)


# --- the ways to get cells, first fit ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Strategy:
    fits: Callable[[SeriesNode, CellRequest], bool]
    cells: Callable[[Sequence[Numbered], CellRequest], Sql]


STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        fits=lambda s, r: fits_rollup(s, r.question, r.period),
        cells=lambda s, r: rollup_cells(s, r.question, r.period),
    ),
    Strategy(fits=lambda s, r: s.effective_math in MATHS, cells=scan_cells),
)
