"""The question a retention table asks (api U4, semantics H)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from queries.nodes import (
    ActionsNode,
    BreakdownFilter,
    EventsNode,
    InsightNode,
    Interval,
    Part,
    Properties,
    SnakePart,
    Whole,
)
from queries.part import GroupTypeIndex, complaint
from queries.properties import as_whole

DEFAULT_INTERVALS = 7  # semantics H1; the legacy endpoint says 11 (api S22)
MIN_INTERVALS, MAX_INTERVALS = 2, 180
PAGEVIEW = "$pageview"


class RetentionPeriod(StrEnum):
    """Unit of rows and columns (semantics H1); quarter and year are ours."""

    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"
    QUARTER = "Quarter"
    YEAR = "Year"

    @property
    def interval(self) -> Interval:
        return Interval(self.value.lower())


class RetentionType(StrEnum):
    """Which event makes an actor part of a cohort (semantics H4-H6)."""

    RECURRING = "retention_recurring"
    FIRST_TIME = "retention_first_time"
    FIRST_EVER_OCCURRENCE = "retention_first_ever_occurrence"


class TimeWindowMode(StrEnum):
    STRICT_CALENDAR_DATES = "strict_calendar_dates"
    ROLLING_24_HOURS = "24_hour_windows"  # semantics H19


class CellValue(StrEnum):
    """What a cell adds to its count (semantics H20)."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"


class CellPropertyType(StrEnum):
    EVENT = "event"
    PERSON = "person"


class RetentionEntity(SnakePart):
    """The event or action that starts or continues an actor's presence; id None is every event."""

    always_written: ClassVar[frozenset[str]] = frozenset({"id", "type"})

    id: str | Whole | None = None
    type: Literal["events", "actions"] = "events"
    kind: Literal["EventsNode", "ActionsNode"] | None = None
    name: str | None = None
    custom_name: str | None = None
    order: Whole | None = Field(None, exclude=True)
    uuid: Any = Field(None, exclude=True)
    properties: Properties = None

    @model_validator(mode="before")
    @classmethod
    def _type_from_kind(cls, raw: Any) -> Any:  # foreign JSON: any shape
        """Newer clients name the kind, older ones the type; either is enough."""
        if isinstance(raw, dict) and raw.get("kind") == "ActionsNode" and not raw.get("type"):
            return {**raw, "type": "actions"}
        if isinstance(raw, dict) and raw.get("type") is None:
            return {key: value for key, value in raw.items() if key != "type"}
        return raw

    @model_validator(mode="after")
    def _action_has_a_number(self) -> RetentionEntity:
        if self.type == "actions" and as_whole(self.id) is None:
            code = "required" if self.id is None else "invalid_input"
            raise complaint(code, "An action is named by its id, a whole number.", ("id",))
        return self

    @property
    def series(self) -> EventsNode | ActionsNode:
        """The entity as the node that every compiler understands."""
        if self.type == "actions":
            return ActionsNode(
                id=as_whole(self.id) or 0,
                name=self.name,
                custom_name=self.custom_name,
                properties=self.properties,
            )
        return EventsNode(
            event=None if self.id is None else str(self.id),
            name=self.name,
            custom_name=self.custom_name,
            properties=self.properties,
        )


def _capitalised(raw: object) -> object:
    return raw.capitalize() if isinstance(raw, str) else raw


def _one_of(*words: str) -> BeforeValidator:
    """For keys that only concern the picture: an unknown word is as good as none (api U3)."""
    return BeforeValidator(lambda raw: raw if raw in words else None)


class RetentionFilter(Part):
    """Who belongs to a row, who counts in a column, and how many of both."""

    period: Annotated[RetentionPeriod, BeforeValidator(_capitalised)] = RetentionPeriod.DAY
    total_intervals: Annotated[Whole, Field(ge=MIN_INTERVALS, le=MAX_INTERVALS)] = DEFAULT_INTERVALS
    retention_type: RetentionType = RetentionType.RECURRING
    target_entity: RetentionEntity | None = None
    returning_entity: RetentionEntity | None = None
    cumulative: bool = False
    minimum_occurrences: Annotated[Whole, Field(ge=1)] = 1
    time_window_mode: TimeWindowMode = TimeWindowMode.STRICT_CALENDAR_DATES
    retention_custom_brackets: (
        Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(max_length=MAX_INTERVALS)] | None
    ) = None
    aggregation_type: CellValue = CellValue.COUNT
    aggregation_property: str | None = None
    aggregation_property_type: CellPropertyType = CellPropertyType.EVENT
    retention_reference: Annotated[str | None, _one_of("total", "previous")] = None
    mean_retention_calculation: Annotated[str | None, _one_of("simple", "weighted", "none")] = None
    by_value: bool = False  # ours: rows are breakdown values, as on the older endpoint (semantics H15)

    @property
    def target(self) -> EventsNode | ActionsNode:
        """What makes a cohort; a page view unless said otherwise (semantics H1)."""
        return self.target_entity.series if self.target_entity else EventsNode(event=PAGEVIEW)

    @property
    def returning(self) -> EventsNode | ActionsNode:
        """What counts as coming back; a page view unless said otherwise (semantics H1)."""
        return self.returning_entity.series if self.returning_entity else EventsNode(event=PAGEVIEW)


class RetentionQuery(InsightNode):
    kind: Literal["RetentionQuery"] = "RetentionQuery"
    retention_filter: RetentionFilter
    breakdown_filter: BreakdownFilter | None = None
    aggregation_group_type_index: GroupTypeIndex | None = Field(None, alias="aggregation_group_type_index")
