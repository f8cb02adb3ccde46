"""The question a trend asks (api U4, semantics D)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from queries.nodes import (
    BreakdownFilter,
    CompareFilter,
    Display,
    InsightNode,
    Interval,
    NotBuilt,
    Part,
    Series,
    SnakePart,
    TrendsDisplay,
    Whole,
)
from queries.part import GroupTypeIndex

MAX_SERIES = 50  # api U5


class FormulaNode(SnakePart):
    """One formula over the series' letters; `custom_name` becomes its label (semantics D48-D50)."""

    formula: str
    custom_name: str | None = None


class TrendsFilter(Part):
    """How a trend is counted up and drawn. Formulas: read `all_formulas`, never the three fields."""

    display: TrendsDisplay = Display.LINE
    formula: str | None = None
    formulas: tuple[str, ...] | None = None
    formula_nodes: tuple[FormulaNode, ...] | None = None
    smoothing_intervals: Annotated[Whole, Field(ge=1, le=366)] = 1
    breakdown_histogram_bin_count: Annotated[Whole, Field(ge=1, le=100)] | None = Field(
        None, alias="breakdown_histogram_bin_count"
    )
    hide_weekends: bool = False  # semantics D60
    hide_incomplete_data: bool = False  # semantics A15

    @property
    def all_formulas(self) -> tuple[FormulaNode, ...]:
        """The formulas in order, with the precedence formulaNodes > formulas > formula (api U4)."""
        if self.formula_nodes:
            return self.formula_nodes
        texts = self.formulas or ((self.formula,) if self.formula else ())
        return tuple(FormulaNode(formula=text) for text in texts if text.strip())


class TrendsQuery(InsightNode):
    """Numbers over time, or over the whole range for the aggregated displays."""

    kind: Literal["TrendsQuery"] = "TrendsQuery"
    series: tuple[Series, ...] = Field(max_length=MAX_SERIES)
    interval: Interval = Interval.DAY
    trends_filter: TrendsFilter = TrendsFilter()
    breakdown_filter: BreakdownFilter | None = None
    compare_filter: CompareFilter | None = None
    aggregation_group_type_index: GroupTypeIndex | None = Field(None, alias="aggregation_group_type_index")
    conversion_goal: NotBuilt = None

    @property
    def display(self) -> Display:
        return self.trends_filter.display

    @property
    def is_compared(self) -> bool:
        return self.compare_filter is not None and self.compare_filter.compare

    @property
    def breakdown(self) -> BreakdownFilter | None:
        """What really splits the series: None without a property, and for one bold number (semantics D31).

        The number of bins may be written in either filter; here it is in the breakdown's.
        """
        given, bins = self.breakdown_filter, self.trends_filter.breakdown_histogram_bin_count
        if given is None or given.is_empty or self.display is Display.BOLD_NUMBER:
            return None
        if bins is None or given.breakdown_histogram_bin_count is not None or given.breakdowns:
            return given
        return given.model_copy(update={"breakdown_histogram_bin_count": bins})
