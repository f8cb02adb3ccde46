"""The parts that several query nodes share: series, breakdown, date range, comparison.

Structure and single-field bounds are checked by the models; rules that span several fields are in
`queries.validate`. The word lists and the property filters are re-exported, so that a compiler needs
one import.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from queries.part import GroupTypeIndex, NotBuilt, Part, SamplingFactor, SnakePart, Whole, complaint
from queries.properties import (
    Properties,
    PropertyFilter,
    PropertyGroup,
    PropertyValue,
    Scalar,
    all_of,
    as_whole,
    leaves,
    read_properties,
)
from queries.vocabulary import (
    AGGREGATED_DISPLAYS,
    BreakdownType,
    Display,
    GroupOperator,
    Interval,
    Math,
    MathPropertyType,
    Operator,
    PropertyType,
)

__all__ = [
    "AGGREGATED_DISPLAYS",
    "ActionsNode",
    "Breakdown",
    "BreakdownFilter",
    "BreakdownType",
    "CompareFilter",
    "DateRange",
    "Display",
    "EventsNode",
    "GroupNode",
    "GroupOperator",
    "InsightNode",
    "Interval",
    "Math",
    "MathPropertyType",
    "Modifiers",
    "NotBuilt",
    "Operator",
    "Part",
    "Properties",
    "PropertyFilter",
    "PropertyGroup",
    "PropertyType",
    "PropertyValue",
    "Scalar",
    "Series",
    "SeriesNode",
    "SnakePart",
    "Whole",
    "all_of",
    "leaves",
    "read_properties",
]

DEFAULT_BREAKDOWN_LIMIT = 25  # semantics D36, E27
MAP_BREAKDOWN_LIMIT = 250  # semantics D32
MAX_BREAKDOWNS = 3  # api T8
DISPLAYS_NOT_BUILT = frozenset({"CalendarHeatmap", "TwoDimensionalHeatmap", "BoxPlot"})  # api S.2


class DateRange(SnakePart):
    """From and to as written (api T11); `queries.dates` gives them meaning."""

    date_from: str | None = None
    date_to: str | None = None
    explicit_date: bool = Field(False, alias="explicitDate")

    @property
    def is_empty(self) -> bool:
        return not (self.date_from or self.date_to)


class CompareFilter(SnakePart):
    """The wish for a second period (semantics D57); `compare_to` moves it (A25)."""

    always_written: ClassVar[frozenset[str]] = frozenset({"compare"})

    compare: bool = False
    compare_to: str | None = None


class Modifiers(Part):
    """Switches of the query engine; only these two mean something here (api U2)."""

    persons_on_events_mode: str | None = None
    timings: bool | None = None


def _known_modifiers(raw: Any) -> Any:
    return {key: raw.get(key) for key in ("personsOnEventsMode", "timings")} if isinstance(raw, dict) else raw


class SeriesNode(SnakePart):
    """What events and actions have in common as a series, a step or an exclusion (api U4).

    `properties` and `fixed_properties` both apply; read `filters` for their conjunction.
    """

    kind: str
    name: str | None = None
    custom_name: str | None = None
    math: Math | None = None
    math_property: str | None = None
    math_property_type: MathPropertyType | None = None
    math_group_type_index: GroupTypeIndex | None = None
    math_hogql: str | None = None
    math_multiplier: float | None = None
    properties: Properties = None
    fixed_properties: Properties = Field(None, alias="fixedProperties")
    optional_in_funnel: bool = Field(False, alias="optionalInFunnel")
    limit: Any = Field(None, exclude=True)  # accepted, means nothing (api U4)
    order_by: Any = Field(None, alias="orderBy", exclude=True)

    @property
    def filters(self) -> PropertyGroup | None:
        """Everything that this series asks of the properties of its events."""
        return all_of(self.properties, self.fixed_properties)

    @property
    def effective_math(self) -> Math:
        return self.math or Math.TOTAL  # semantics D5


class EventsNode(SeriesNode):
    """Events of one name; `event` None means every event (semantics D1)."""

    kind: Literal["EventsNode"] = "EventsNode"
    event: str | None = None


class ActionsNode(SeriesNode):
    """Events that an action matches (semantics B15)."""

    kind: Literal["ActionsNode"] = "ActionsNode"
    id: Whole


class GroupNode(SeriesNode):
    """Several events or actions joined by OR into one series or step."""

    kind: Literal["GroupNode"] = "GroupNode"
    operator: Literal["OR"] = "OR"
    nodes: tuple[Annotated[EventsNode | ActionsNode, Field(discriminator="kind")], ...] = Field(min_length=1)


Series = Annotated[EventsNode | ActionsNode | GroupNode, Field(discriminator="kind")]


def _read_breakdown_type(raw: object) -> object:
    if raw in (None, ""):
        return BreakdownType.EVENT
    if isinstance(raw, str) and raw.startswith(("data_warehouse", "revenue_analytics")):
        raise complaint("not_supported", f'"{raw}" is not supported by this server.')
    return BreakdownType.EVENT if raw == "events" else raw  # api S.2


def _blank_is_none(raw: object) -> object:
    return None if raw == "" or raw == [] else raw  # api T8


def _read_bins(raw: object) -> object:
    return None if raw in (None, "", 0) else raw


BreakdownKind = Annotated[BreakdownType, BeforeValidator(_read_breakdown_type)]
Bins = Annotated[Annotated[Whole, Field(ge=1, le=100)] | None, BeforeValidator(_blank_is_none)]  # api U5
BreakdownValue = str | Whole


class Breakdown(SnakePart):
    """One property to split by. `histogram_bin_count` turns numbers into bins (semantics D45)."""

    property: str
    type: BreakdownKind = BreakdownType.EVENT
    group_type_index: GroupTypeIndex | None = None
    histogram_bin_count: Bins = None
    normalize_url: bool = False
    path_cleaning: bool = Field(False, exclude=True)


class BreakdownFilter(SnakePart):
    """What splits every series. Written in one of two ways; compilers read `parts` and `cohorts`."""

    always_written: ClassVar[frozenset[str]] = frozenset({"breakdown_type"})

    breakdown: Annotated[
        BreakdownValue | tuple[BreakdownValue, ...] | None, BeforeValidator(_blank_is_none)
    ] = None
    breakdown_type: BreakdownKind = BreakdownType.EVENT
    breakdown_group_type_index: GroupTypeIndex | None = None
    breakdown_limit: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    breakdown_histogram_bin_count: Bins = None
    breakdown_hide_other_aggregation: bool | None = None
    breakdown_normalize_url: bool | None = None
    breakdown_path_cleaning: bool | None = None
    breakdown_offset: Annotated[Whole, Field(ge=0)] = 0  # ours: paging of the legacy trend (api S12)
    breakdowns: Annotated[
        Annotated[tuple[Breakdown, ...], Field(max_length=MAX_BREAKDOWNS)] | None,
        BeforeValidator(_blank_is_none),
    ] = None

    @property
    def parts(self) -> tuple[Breakdown, ...]:
        """The properties to split by, however they were written; empty for none and for cohorts.

        `breakdowns` wins over `breakdown` (api T8); a list of texts is several properties (E31).
        """
        if self.breakdowns:
            return self.breakdowns
        if self.breakdown is None or self.breakdown_type is BreakdownType.COHORT:
            return ()
        named = self.breakdown if isinstance(self.breakdown, tuple) else (self.breakdown,)
        return tuple(
            Breakdown(
                property=str(name),
                type=self.breakdown_type,
                group_type_index=self.breakdown_group_type_index,
                histogram_bin_count=self.breakdown_histogram_bin_count,
                normalize_url=bool(self.breakdown_normalize_url),
                path_cleaning=bool(self.breakdown_path_cleaning),
            )
            for name in named
        )

    @property
    def cohorts(self) -> tuple[int | Literal["all"], ...]:
        """The cohorts to split by, in the order asked for (semantics D42); empty unless by cohort."""
        if self.breakdowns or self.breakdown is None or self.breakdown_type is not BreakdownType.COHORT:
            return ()
        listed = self.breakdown if isinstance(self.breakdown, tuple) else (self.breakdown,)
        return tuple("all" if entry == "all" else as_whole(entry) or 0 for entry in listed)

    @property
    def is_empty(self) -> bool:
        return not (self.parts or self.cohorts)

    @property
    def is_list(self) -> bool:
        """Asked with `breakdowns`: several properties, values are lists (semantics D39)."""
        return bool(self.breakdowns)

    def limit(self, display: Display | None = None) -> int:
        """How many values are shown before the rest is merged (semantics D32, D36)."""
        default = MAP_BREAKDOWN_LIMIT if display is Display.WORLD_MAP else DEFAULT_BREAKDOWN_LIMIT
        return self.breakdown_limit or default


def _read_display(raw: object) -> object:
    if isinstance(raw, str) and raw in DISPLAYS_NOT_BUILT:
        raise complaint("not_supported", f'The display "{raw}" is not supported by this server.')
    return raw


TrendsDisplay = Annotated[Display, BeforeValidator(_read_display)]


class InsightNode(Part):
    """The fields common to the six insights (api U2); absent ones mean the default."""

    kind: str
    date_range: DateRange | None = None
    properties: Properties = None
    filter_test_accounts: bool = False
    sampling_factor: SamplingFactor | None = None
    modifiers: Annotated[Modifiers | None, BeforeValidator(_known_modifiers)] = Field(None, exclude=True)
