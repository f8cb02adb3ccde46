"""One period of a trend, with what all ways to get its cells share."""

from __future__ import annotations

from dataclasses import dataclass

from queries.context import ProjectContext
from queries.dates import ResolvedRange
from queries.nodes import SeriesNode
from queries.sql.breakdowns import BreakdownValue, breakdown_value
from queries.sql.buckets import TS, bucket_key
from queries.sql.events import Span
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, sql
from queries.sql.sampling import sample
from queries.trends.histogram import binned
from queries.trends.question import Question

Numbered = tuple[int, SeriesNode]

NO_BREAKDOWN = sql("emptyArrayString()")


@dataclass(frozen=True, slots=True)
class Keys:
    """The texts of a breakdown as columns `key_0`, `key_1` ...: grouping by an array of them would cost half
    as much again as grouping by plain columns, so the array is made of the groups."""

    texts: tuple[Sql, ...]

    @property
    def columns(self) -> list[Sql]:
        return [sql(f"{{text}} AS key_{place}", text=text) for place, text in enumerate(self.texts)]

    @property
    def names(self) -> list[Sql]:
        return [sql(f"key_{place}") for place in range(len(self.texts))]

    @property
    def breakdown(self) -> Sql:
        """The array that cells carry, of the columns' names."""
        if not self.texts:
            return NO_BREAKDOWN
        return sql("[{texts}]", texts=join(", ", (sql("CAST({n}, 'String')", n=n) for n in self.names)))

    def group_by(self, *others: str) -> Sql:
        names = join(", ", [*self.names, *(sql(other) for other in others)])
        return sql("GROUP BY {names}", names=names)


@dataclass(frozen=True, slots=True)
class CellRequest:
    """A question, the period to answer it for, and the breakdown value of an event if there is one."""

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
        return self.bucket_of(TS)

    def bucket_of(self, ts: Sql) -> Sql:
        """The bucket of an instant; an aggregated display has a single one (semantics D30)."""
        if self.question.is_aggregated:
            return sql("toUInt32(0)")
        return bucket_key(self.period.interval, self.ctx, ts)

    @property
    def keys(self) -> Keys:
        """What to group by for the breakdown."""
        if self.breakdown is None:
            return Keys(())
        if self.breakdown.several:
            return Keys((sql("arrayJoin({values})", values=self.breakdown.value),))
        return Keys(self.breakdown.texts)

    @property
    def joins(self) -> tuple[Sql, ...]:
        return self.breakdown.joins if self.breakdown else ()

    def common_condition(self) -> Sql:
        """What every series asks of an event besides its own conditions (semantics C33, C34)."""
        return all_of([self.global_filters(), self.unfiltered_condition()])

    def global_filters(self) -> Sql:
        node = self.question.node
        return event_condition(self.ctx, node.properties, test_accounts=node.filter_test_accounts)

    def unfiltered_condition(self) -> Sql:
        """Weekdays and sample: they choose among events, but are no property filters."""
        weekdays = sql("toDayOfWeek(ts, 0, {zone}) < 6", zone=bind(self.ctx.timezone))
        return all_of([weekdays if self.question.node.trends_filter.hide_weekends else TRUE, self._sample()])

    def _sample(self) -> Sql:
        return sample(self.question.node.sampling_factor, self.question.actor)

    def numbered(self, index: int) -> Sql:
        return sql("toUInt8({index})", index=bind(index, "UInt8"))


def cell_request(question: Question, period: ResolvedRange) -> CellRequest:
    chosen = question.breakdown
    value = breakdown_value(chosen, question.ctx, question.span(period)) if chosen else None
    bins = question.bins_of(period)
    return CellRequest(question, period, binned(value, bins) if value and bins else value)
