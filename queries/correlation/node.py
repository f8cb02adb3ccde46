"""The question a funnel correlation asks, and the people behind a row (api U4, semantics F)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from queries.funnels.node import FunnelsActorsQuery
from queries.nodes import ActionsNode, EventsNode, Part, Properties

MAX_NAMES = 1000
Names = Annotated[tuple[str, ...], Field(max_length=MAX_NAMES)] | None
ALL_NAMES = "$all"  # semantics F10: every property of the actor


class CorrelationType(StrEnum):
    EVENTS = "events"
    PROPERTIES = "properties"
    EVENT_WITH_PROPERTIES = "event_with_properties"


class FunnelCorrelationQuery(Part):
    """What is compared between converters and the others: events, properties of actors, or of events."""

    kind: Literal["FunnelCorrelationQuery"] = "FunnelCorrelationQuery"
    source: FunnelsActorsQuery
    funnel_correlation_type: CorrelationType
    funnel_correlation_names: Names = None
    funnel_correlation_exclude_names: Names = None
    funnel_correlation_event_names: Names = None
    funnel_correlation_exclude_event_names: Names = None
    funnel_correlation_event_exclude_property_names: Names = None


class FunnelCorrelationActorsQuery(Part):
    """The actors of one cell: converted or not, who did the event or have the property values (F14)."""

    kind: Literal["FunnelCorrelationActorsQuery"] = "FunnelCorrelationActorsQuery"
    source: FunnelCorrelationQuery
    funnel_correlation_person_converted: bool | None = None
    funnel_correlation_person_entity: (
        Annotated[EventsNode | ActionsNode, Field(discriminator="kind")] | None
    ) = None
    funnel_correlation_property_values: Properties = None
    include_recordings: Any = Field(None, exclude=True)
