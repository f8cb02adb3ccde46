"""The question stickiness asks, and the people behind a column (api U4, semantics I.1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from queries.nodes import CompareFilter, InsightNode, Interval, Part, Series, SnakePart, Whole
from queries.trends.node import MAX_SERIES


class StickinessOperator(StrEnum):
    GTE = "gte"
    LTE = "lte"
    EXACT = "exact"


class ComputedAs(StrEnum):
    NON_CUMULATIVE = "non_cumulative"
    CUMULATIVE = "cumulative"  # semantics I5: at least so many buckets


class StickinessCriteria(SnakePart):
    """A bucket counts for an actor when his events in it compare so (semantics I6)."""

    operator: StickinessOperator
    value: Annotated[Whole, Field(ge=0)]


class StickinessFilter(Part):
    computed_as: ComputedAs = ComputedAs.NON_CUMULATIVE
    stickiness_criteria: StickinessCriteria | None = None


class StickinessQuery(InsightNode):
    """`interval_count` buckets make one (semantics I7)."""

    kind: Literal["StickinessQuery"] = "StickinessQuery"
    series: tuple[Series, ...] = Field(max_length=MAX_SERIES)
    interval: Interval = Interval.DAY
    interval_count: Annotated[Whole, Field(ge=1)] = 1
    stickiness_filter: StickinessFilter = StickinessFilter()
    compare_filter: CompareFilter | None = None

    @property
    def is_compared(self) -> bool:
        return self.compare_filter is not None and self.compare_filter.compare


class StickinessActorsQuery(Part):
    """The actors of one column: active in exactly (or at least) `day` buckets (semantics I9)."""

    kind: Literal["StickinessActorsQuery"] = "StickinessActorsQuery"
    source: StickinessQuery
    day: str | Whole | None = None
    series: Whole | None = None
    operator: StickinessOperator | None = None
    compare: Literal["current", "previous"] | None = None
    include_recordings: Any = Field(None, exclude=True)
