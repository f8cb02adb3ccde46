"""The question a funnel asks, and the people behind its steps (api U4, semantics E)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from queries.nodes import (
    ActionsNode,
    BreakdownFilter,
    EventsNode,
    InsightNode,
    Interval,
    Part,
    Series,
    SnakePart,
    Whole,
)
from queries.part import GroupTypeIndex, complaint
from queries.properties import as_whole

MAX_STEPS = 100
MAX_EXCLUSIONS = 10  # api U5
DEFAULT_WINDOW = 14  # semantics E4
MAX_BINS = 90  # semantics E45
LONGEST_WINDOW_SECONDS = 200 * 366 * 86_400  # longer than any range; keeps the arithmetic in bounds


class FunnelVizType(StrEnum):
    STEPS = "steps"
    TRENDS = "trends"
    TIME_TO_CONVERT = "time_to_convert"


class FunnelOrder(StrEnum):
    ORDERED = "ordered"
    STRICT = "strict"
    UNORDERED = "unordered"


class Attribution(StrEnum):
    """Which event's breakdown value an actor gets (semantics E28-E30)."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"
    ALL_EVENTS = "all_events"
    STEP = "step"


class WindowUnit(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


WINDOW_UNIT_SECONDS = {  # semantics E4: a day is 24 hours, a month 31 days
    WindowUnit.SECOND: 1,
    WindowUnit.MINUTE: 60,
    WindowUnit.HOUR: 3_600,
    WindowUnit.DAY: 86_400,
    WindowUnit.WEEK: 7 * 86_400,
    WindowUnit.MONTH: 31 * 86_400,
}


class ExclusionRange(SnakePart):
    """Between which steps an exclusion forbids its event; 0-based, ends exclusive (semantics E21)."""

    funnel_from_step: Whole = Field(alias="funnelFromStep")
    funnel_to_step: Whole = Field(alias="funnelToStep")


class ExcludedEvents(ExclusionRange, EventsNode):
    pass


class ExcludedActions(ExclusionRange, ActionsNode):
    pass


Exclusion = Annotated[ExcludedEvents | ExcludedActions, Field(discriminator="kind")]


def _read_window(raw: object) -> object:
    number = as_whole(raw)
    return DEFAULT_WINDOW if raw is None or (number is not None and number <= 0) else raw


def _read_bin_count(raw: object) -> object:
    if raw is None or raw in ("", "auto"):
        return None
    number = as_whole(raw)
    if number is None:
        raise complaint("invalid_input", 'The number of bins is a whole number or "auto".')
    return min(max(number, 1), MAX_BINS)


class FunnelsFilter(Part):
    """How steps must follow each other and what is made of the result. Steps are 0-based here."""

    funnel_viz_type: FunnelVizType = FunnelVizType.STEPS
    funnel_order_type: FunnelOrder = FunnelOrder.ORDERED
    funnel_window_interval: Annotated[Whole, BeforeValidator(_read_window)] = DEFAULT_WINDOW
    funnel_window_interval_unit: WindowUnit = WindowUnit.DAY
    funnel_from_step: Whole | None = None
    funnel_to_step: Whole | None = None
    breakdown_attribution_type: Attribution = Attribution.FIRST_TOUCH
    breakdown_attribution_value: Whole | None = None
    bin_count: Annotated[int | None, BeforeValidator(_read_bin_count)] = None
    exclusions: tuple[Exclusion, ...] = Field((), max_length=MAX_EXCLUSIONS)
    funnel_aggregate_by_hogql: str | None = Field(None, alias="funnelAggregateByHogQL")

    @property
    def window_seconds(self) -> int:
        """The conversion window, measured from the first step (semantics E4)."""
        seconds = self.funnel_window_interval * WINDOW_UNIT_SECONDS[self.funnel_window_interval_unit]
        return min(seconds, LONGEST_WINDOW_SECONDS)


class FunnelsQuery(InsightNode):
    """Steps to be taken within a window; `interval` matters to trends only."""

    kind: Literal["FunnelsQuery"] = "FunnelsQuery"
    series: tuple[Series, ...] = Field(max_length=MAX_STEPS)
    interval: Interval = Interval.DAY
    funnels_filter: FunnelsFilter = FunnelsFilter()
    breakdown_filter: BreakdownFilter | None = None
    aggregation_group_type_index: GroupTypeIndex | None = Field(None, alias="aggregation_group_type_index")

    @property
    def last_step(self) -> int:
        """0-based; -1 for a funnel without steps."""
        return len(self.series) - 1

    @property
    def from_step(self) -> int:
        return self.funnels_filter.funnel_from_step or 0

    @property
    def to_step(self) -> int:
        given = self.funnels_filter.funnel_to_step
        return self.last_step if given is None else given


class FunnelsActorsQuery(Part):
    """Whom a step, a trend point or a bar of the times stands for (semantics E48-E50).

    `funnel_step` is 1-based: k reached at least step k, -k dropped before it. `funnel_time_from` and
    `funnel_time_to` (seconds, end exclusive) are ours: the actors of a bar of time_to_convert.
    """

    kind: Literal["FunnelsActorsQuery"] = "FunnelsActorsQuery"
    source: FunnelsQuery
    funnel_step: Whole | None = None
    funnel_custom_steps: tuple[Whole, ...] | None = None
    funnel_step_breakdown: str | Whole | float | tuple[str | Whole | float, ...] | None = None
    funnel_trends_drop_off: bool | None = None
    funnel_trends_entrance_period_start: str | None = None
    funnel_time_from: float | None = None
    funnel_time_to: float | None = None
    include_recordings: Any = Field(None, exclude=True)  # accepted, means nothing here
