"""The question a lifecycle asks (api U4, semantics I.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from queries.nodes import InsightNode, Interval, Part, Series
from queries.part import GroupTypeIndex
from queries.trends.node import MAX_SERIES


class LifecycleStatus(StrEnum):
    """In the order of the answer (semantics I18)."""

    NEW = "new"
    RETURNING = "returning"
    RESURRECTING = "resurrecting"
    DORMANT = "dormant"


class LifecycleFilter(Part):
    """Only concerns the picture: all four statuses are always returned (api U4)."""


class LifecycleQuery(InsightNode):
    """`queries.validate` asks for exactly one series."""

    kind: Literal["LifecycleQuery"] = "LifecycleQuery"
    series: tuple[Series, ...] = Field(max_length=MAX_SERIES)
    interval: Interval = Interval.DAY
    lifecycle_filter: LifecycleFilter = LifecycleFilter()
    aggregation_group_type_index: GroupTypeIndex | None = Field(None, alias="aggregation_group_type_index")
