"""Everything a query may know about its project, as one frozen value.

Built by the service in a constant number of SQL statements and passed down; nothing in this package looks
anything up by itself. Another project's actions, cohorts and groups are not in it, hence unknown (J3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from queries.properties import PropertyGroup

Matching = Literal["contains", "exact", "regex"]
PropertyScope = Literal["event", "person", "group"]
DeclaredType = Literal["String", "Numeric", "Boolean", "DateTime"]


@dataclass(frozen=True, slots=True)
class ActionStep:
    """One alternative of an action; every given condition must hold (semantics B15-B23)."""

    event: str | None = None
    properties: PropertyGroup | None = None
    url: str | None = None
    url_matching: Matching = "contains"
    selector: str | None = None
    tag_name: str | None = None
    text: str | None = None
    text_matching: Matching = "exact"
    href: str | None = None
    href_matching: Matching = "exact"


@dataclass(frozen=True, slots=True)
class Action:
    """An event matcher: an event matches when any step does; no steps match nothing (semantics B16)."""

    id: int
    name: str
    steps: tuple[ActionStep, ...]
    version: str = ""  # changes whenever the steps do: part of the cache key


@dataclass(frozen=True, slots=True)
class Cohort:
    """A saved set of persons. `version` is its last calculation; None: never calculated, use `filters`."""

    id: int
    name: str
    version: int | None
    is_static: bool = False
    filters: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class PathCleaningRule:
    """Replace every match of `regex` by `alias`, which may use \\1 (semantics G6)."""

    regex: str
    alias: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use. None: the store's own default."""

    timeout_seconds: float = 60
    memory_bytes: int | None = None
    rows_to_read: int | None = None
    result_rows: int | None = None
    threads: int | None = None

    def cover(self, other: Limits) -> bool:
        """Whether whoever has these may use at least as much as whoever has the others."""
        pairs = (
            (self.memory_bytes, other.memory_bytes),
            (self.rows_to_read, other.rows_to_read),
            (self.result_rows, other.result_rows),
        )
        return self.timeout_seconds >= other.timeout_seconds and all(
            own is None or (theirs is not None and own >= theirs) for own, theirs in pairs
        )


@dataclass(frozen=True, slots=True)
class Identities:
    """The last change of anything about persons and groups, and the last that gave an actor another person.

    Numbers of revisions, which rise in each project; 0: there was none.
    """

    revision: int = 0
    moved: int = 0

    @property
    def has_overrides(self) -> bool:
        """False: every distinct id is its own person's first."""
        return self.moved > 0


# Property -> column that the database fills from it (0001_create_events.sql).
PROMOTED: Mapping[str, str] = MappingProxyType(
    {
        "$current_url": "p_current_url",
        "$pathname": "p_pathname",
        "$host": "p_host",
        "$browser": "p_browser",
        "$os": "p_os",
        "$device_type": "p_device_type",
        "$geoip_country_code": "p_country",
        "$referring_domain": "p_referring",
        "utm_source": "p_utm_source",
        "$screen_name": "p_screen_name",
    }
)


@dataclass(frozen=True, slots=True)
class ProjectContext:
    """The project as one query sees it, at one instant.

    `now` is aware and UTC (J2). `week_start` is 0 for Sunday, 1 for Monday .. 6 for Saturday (A13).
    `actions` and `cohorts` hold at least those the query mentions. `property_types` holds explicitly
    declared types only (C4). `has_overrides` is False when every distinct id of the project is its own
    person's first, so that no look-up is needed. `promoted` maps event properties to their own columns.
    """

    project_id: int
    now: datetime
    timezone: str = "UTC"
    week_start: int = 0
    actions: Mapping[int, Action] = field(default_factory=dict)
    cohorts: Mapping[int, Cohort] = field(default_factory=dict)
    test_account_filters: PropertyGroup | None = None
    path_cleaning: tuple[PathCleaningRule, ...] = ()
    person_properties_mode: Literal["current", "on_events"] = "current"
    aggregate_by_distinct_id: bool = False
    human_friendly_comparison_periods: bool = False
    property_types: Mapping[tuple[PropertyScope, str], DeclaredType] = field(default_factory=dict)
    group_types: Mapping[int, str] = field(default_factory=dict)
    has_overrides: bool = True
    display_name_properties: tuple[str, ...] = ()
    promoted: Mapping[str, str] = field(default_factory=lambda: PROMOTED)
    limits: Limits = Limits()
    background_limits: Limits = Limits(timeout_seconds=600)  # of the same question when nobody waits for it

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
