"""The question a path analysis asks (api U4, semantics G)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from queries.funnels.node import FunnelsQuery
from queries.nodes import InsightNode, Part, SnakePart, Whole
from queries.part import GroupTypeIndex

DEFAULT_STEP_LIMIT = 5  # semantics G11
DEFAULT_EDGE_LIMIT = 50  # semantics G18


class PathType(StrEnum):
    """Which events become items of a path (semantics G2)."""

    PAGEVIEW = "$pageview"
    SCREEN = "$screen"
    CUSTOM_EVENT = "custom_event"
    HOGQL = "hogql"


class FunnelPathType(StrEnum):
    """Which part of a funnel's run the path shows (semantics G23)."""

    BEFORE_STEP = "funnel_path_before_step"
    BETWEEN_STEPS = "funnel_path_between_steps"
    AFTER_STEP = "funnel_path_after_step"


class CleaningRule(SnakePart):
    """Replace every match of `regex` (RE2) by `alias`, which may use \\1 (semantics G6)."""

    regex: str
    alias: str = ""
    order: float | None = Field(None, exclude=True)


class PathsFilter(Part):
    """What is an item, where a path begins and ends, and which edges are shown.

    `path_start_key`, `path_end_key` and `path_dropoff_key` name a node when asking for its people (G22).
    """

    include_event_types: tuple[PathType, ...] = ()
    include_custom_events: tuple[str, ...] = ()
    start_point: str | None = None
    end_point: str | None = None
    step_limit: Annotated[Whole, Field(ge=1, le=20)] = DEFAULT_STEP_LIMIT
    path_groupings: tuple[str, ...] = ()
    path_replacements: bool = False
    local_path_cleaning_filters: tuple[CleaningRule, ...] = ()
    exclude_events: tuple[str, ...] = ()
    edge_limit: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    min_edge_weight: Annotated[Whole, Field(ge=0)] | None = None
    max_edge_weight: Annotated[Whole, Field(ge=0)] | None = None
    paths_hogql_expression: str | None = Field(None, alias="pathsHogQLExpression")
    path_start_key: str | None = None
    path_end_key: str | None = None
    path_dropoff_key: str | None = None

    @property
    def effective_edge_limit(self) -> int | None:
        """None: every edge is shown, as when both ends of the path are given (semantics G18)."""
        if self.edge_limit is not None:
            return self.edge_limit
        return None if self.start_point and self.end_point else DEFAULT_EDGE_LIMIT

    @property
    def cleaning_rules(self) -> tuple[CleaningRule, ...]:
        """The local rules in the order in which they apply."""
        rules = self.local_path_cleaning_filters
        return tuple(sorted(rules, key=lambda rule: rule.order if rule.order is not None else 0))


class FunnelPathsFilter(Part):
    """Only the actors, and the part of their events, that belong to a step of a funnel (semantics G23).

    `funnel_step` is 1-based, negative for those who dropped before it; None is the last step. Without a
    `funnel_path_type` all events of the actors belong to their paths.
    """

    funnel_source: FunnelsQuery
    funnel_path_type: FunnelPathType | None = None
    funnel_step: Whole | None = None

    @property
    def step(self) -> int:
        return len(self.funnel_source.series) if self.funnel_step is None else self.funnel_step


class PathsQuery(InsightNode):
    kind: Literal["PathsQuery"] = "PathsQuery"
    paths_filter: PathsFilter
    funnel_paths_filter: FunnelPathsFilter | None = None
    aggregation_group_type_index: GroupTypeIndex | None = Field(None, alias="aggregation_group_type_index")
