"""A retention table understood: its periods, its lookahead and its two entities (semantics H1-H3, H18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from queries.context import ProjectContext
from queries.date_text import shift_instant
from queries.dates import bucket_start, bucket_starts, resolve_range
from queries.nodes import BreakdownFilter, DateRange
from queries.parts import EVERYBODY, Part
from queries.retention.node import CellValue, RetentionFilter, RetentionQuery, RetentionType, TimeWindowMode
from queries.sql.actors import Actor, actor_of
from queries.sql.events import Span
from queries.vocabulary import Interval

# H19: what a rolling window lasts, whatever the calendar says.
ROLLING_SECONDS = {
    Interval.HOUR: 3600,
    Interval.DAY: 86_400,
    Interval.WEEK: 7 * 86_400,
    Interval.MONTH: 30 * 86_400,
    Interval.QUARTER: 91 * 86_400,
    Interval.YEAR: 365 * 86_400,
}
LONGEST_PERIOD = timedelta(days=367)

Value = tuple[str, ...]  # of a breakdown: one text per property, '' for none


@dataclass(frozen=True, slots=True)
class Question:
    """`starts` are the rows' period starts in the project's zone, `end` the exclusive end of the last.

    `columns` is how many values a row has, `bounds` the last offset of each custom bracket (empty
    without them). `apart` are the breakdown values kept apart, all others are one; None: every value is.
    `part` is which of how many equal parts of the actors is looked at.
    """

    node: RetentionQuery
    ctx: ProjectContext
    starts: tuple[datetime, ...]
    end: datetime
    columns: int
    bounds: tuple[int, ...]
    apart: tuple[Value, ...] | None = None
    part: Part = EVERYBODY

    @property
    def options(self) -> RetentionFilter:
        return self.node.retention_filter

    @property
    def interval(self) -> Interval:
        return self.options.period.interval

    @property
    def is_empty(self) -> bool:
        """An inverted range has no rows (semantics A10)."""
        return not self.starts

    @property
    def span(self) -> Span:
        """The half-open range of the table (semantics H2)."""
        return Span(self.starts[0], self.end)

    @property
    def scanned(self) -> Span:
        """What has to be read: a first time may lie long before the table (semantics H5)."""
        return Span(None, self.end) if self.is_first_time else self.span

    @property
    def actor(self) -> Actor:
        return actor_of(self.ctx, self.node.aggregation_group_type_index, by_distinct_id=True)

    @property
    def is_first_time(self) -> bool:
        return self.options.retention_type is not RetentionType.RECURRING

    @property
    def is_rolling(self) -> bool:
        return self.options.time_window_mode is TimeWindowMode.ROLLING_24_HOURS

    @property
    def has_amounts(self) -> bool:
        return self.options.aggregation_type is not CellValue.COUNT

    @property
    def is_by_value(self) -> bool:
        """The rows are breakdown values, all periods together (semantics H15, the older endpoint)."""
        return self.options.by_value and self.breakdown is not None

    @property
    def breakdown(self) -> BreakdownFilter | None:
        chosen = self.node.breakdown_filter
        return None if chosen is None or chosen.is_empty else chosen

    def without_breakdown(self) -> Question:
        return replace(self, node=self.node.model_copy(update={"breakdown_filter": None}), apart=None)

    @property
    def lookahead(self) -> int:
        """The largest offset that has a column."""
        return self.bounds[-1] if self.bounds else self.columns - 1


def understand(node: RetentionQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    """Rows and columns of the table. `earliest` is where an all-time range begins (semantics A9)."""
    options = node.retention_filter
    interval = options.period.interval
    last = _last_instant(node, ctx)
    starts = _starts(node, ctx, last, earliest)
    brackets = options.retention_custom_brackets or ()
    bounds = tuple(sum(brackets[: place + 1]) for place in range(len(brackets)))
    columns = len(bounds) + 1 if bounds else options.total_intervals
    return Question(node, ctx, starts, _next_start(last, interval, ctx), columns, bounds)


def _last_instant(node: RetentionQuery, ctx: ProjectContext) -> datetime:
    """A6: a bare day means its last moment, also when the rows are hours."""
    written = node.date_range.date_to if node.date_range else None
    only_end = DateRange(date_to=written)
    return resolve_range(only_end, node.retention_filter.period.interval, ctx).date_to


def _next_start(instant: datetime, interval: Interval, ctx: ProjectContext) -> datetime:
    """Start of the period after the one that holds the instant: the running one is a row too (H2, H24)."""
    start = bucket_start(instant, interval, ctx.week_start)
    following = bucket_starts(start, shift_instant(start, LONGEST_PERIOD), interval, ctx.week_start)
    return next(s for s in following if s.astimezone(UTC) > instant.astimezone(UTC))


def _starts(
    node: RetentionQuery, ctx: ProjectContext, last: datetime, earliest: datetime | None
) -> tuple[datetime, ...]:
    interval = node.retention_filter.period.interval
    written = node.date_range.date_from if node.date_range else None
    if not written or (written == "all" and earliest is None):
        return _count_back(last, interval, node.retention_filter.total_intervals, ctx)
    first = resolve_range(DateRange(date_from=written), interval, ctx, earliest=earliest).date_from
    return tuple(bucket_starts(first, last, interval, ctx.week_start))


def _count_back(last: datetime, interval: Interval, count: int, ctx: ProjectContext) -> tuple[datetime, ...]:
    """`count` periods, the last one holding `last`; each begins where the one before ends."""
    starts = [bucket_start(last, interval, ctx.week_start)]
    while len(starts) < count:
        before = shift_instant(starts[-1], -timedelta(microseconds=1))
        starts.append(bucket_start(before, interval, ctx.week_start))
    return tuple(reversed(starts))


def column_labels(question: Question) -> list[str]:
    """`Day 0`, `Day 1`, or with brackets `Day 0`, `Day 1`, `Day 2-4` (semantics H10, H18)."""
    period = question.options.period
    if not question.bounds:
        return [f"{period} {column}" for column in range(question.columns)]
    labels, first = [f"{period} 0"], 1
    for bound in question.bounds:
        labels.append(f"{period} {first}" if bound == first else f"{period} {first}-{bound}")
        first = bound + 1
    return labels


def incomplete_columns(question: Question, row: int) -> Sequence[int]:
    """Columns of a row whose period is still running, or lies behind the table (semantics H11)."""
    periods = len(question.starts)
    running = question.end.astimezone(UTC) > question.ctx.now.astimezone(UTC)
    last_complete = periods - 1 - int(running) - row
    return [c for c in range(question.columns) if _last_period(question, c) > last_complete]


def _last_period(question: Question, column: int) -> int:
    """The last period, counted from the row's, that a column takes from. A rolling window begins
    somewhere within the row's period, so it ends one later (semantics H19)."""
    offset = question.bounds[column - 1] if question.bounds and column else column
    return offset + 1 if question.is_rolling and column else offset
