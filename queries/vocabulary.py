"""The closed word lists of the query language: each enum's values are the words on the wire."""

from __future__ import annotations

from enum import StrEnum


class Interval(StrEnum):
    """Unit of a bucket (semantics A12); second, quarter and year are ours."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Math(StrEnum):
    """What a series counts in one bucket (api T2, semantics D5-D26)."""

    TOTAL = "total"
    DAU = "dau"
    WEEKLY_ACTIVE = "weekly_active"
    MONTHLY_ACTIVE = "monthly_active"
    UNIQUE_GROUP = "unique_group"
    UNIQUE_SESSION = "unique_session"
    FIRST_TIME_FOR_USER = "first_time_for_user"
    FIRST_TIME_FOR_USER_WITH_FILTERS = "first_time_for_user_with_filters"  # funnel steps
    FIRST_MATCHING_EVENT_FOR_USER = "first_matching_event_for_user"
    HOGQL = "hogql"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    AVG_COUNT_PER_ACTOR = "avg_count_per_actor"
    MIN_COUNT_PER_ACTOR = "min_count_per_actor"
    MAX_COUNT_PER_ACTOR = "max_count_per_actor"
    MEDIAN_COUNT_PER_ACTOR = "median_count_per_actor"
    P75_COUNT_PER_ACTOR = "p75_count_per_actor"
    P90_COUNT_PER_ACTOR = "p90_count_per_actor"
    P95_COUNT_PER_ACTOR = "p95_count_per_actor"
    P99_COUNT_PER_ACTOR = "p99_count_per_actor"


class MathPropertyType(StrEnum):
    """Where the property of a property math is read (semantics D17, D18)."""

    EVENT = "event_properties"
    PERSON = "person_properties"
    SESSION = "session_properties"
    GROUP = "group_properties"


class Operator(StrEnum):
    """Comparison of a property filter (api T6, semantics C8-C19), after aliases are resolved."""

    EXACT = "exact"
    IS_NOT = "is_not"
    ICONTAINS = "icontains"
    NOT_ICONTAINS = "not_icontains"
    REGEX = "regex"
    NOT_REGEX = "not_regex"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    NOT_BETWEEN = "not_between"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"
    IS_DATE_EXACT = "is_date_exact"
    IS_DATE_BEFORE = "is_date_before"
    IS_DATE_AFTER = "is_date_after"
    IN = "in"
    NOT_IN = "not_in"
    IS_CLEANED_PATH_EXACT = "is_cleaned_path_exact"


class PropertyType(StrEnum):
    """Whose property a filter reads (api T5), after aliases are resolved."""

    EVENT = "event"
    PERSON = "person"
    COHORT = "cohort"
    ELEMENT = "element"
    GROUP = "group"
    SESSION = "session"
    HOGQL = "hogql"
    EVENT_METADATA = "event_metadata"


class GroupOperator(StrEnum):
    """How the values of a property group combine (semantics C32)."""

    AND = "AND"
    OR = "OR"


class BreakdownType(StrEnum):
    """Whose property splits the series (api S.2, semantics D34)."""

    EVENT = "event"
    PERSON = "person"
    COHORT = "cohort"
    GROUP = "group"
    SESSION = "session"
    ELEMENT = "element"
    HOGQL = "hogql"
    EVENT_METADATA = "event_metadata"


class Display(StrEnum):
    """The picture a trend is drawn as, as far as it changes numbers (semantics D28-D32)."""

    LINE = "ActionsLineGraph"
    LINE_CUMULATIVE = "ActionsLineGraphCumulative"
    AREA = "ActionsAreaGraph"
    BAR = "ActionsBar"
    STACKED_BAR = "ActionsStackedBar"
    UNSTACKED_BAR = "ActionsUnstackedBar"
    TABLE = "ActionsTable"
    PIE = "ActionsPie"
    BAR_VALUE = "ActionsBarValue"
    WORLD_MAP = "WorldMap"
    BOLD_NUMBER = "BoldNumber"

    @property
    def is_aggregated(self) -> bool:
        """One number over the whole range instead of one per bucket (semantics D30)."""
        return self in AGGREGATED_DISPLAYS


AGGREGATED_DISPLAYS = frozenset(
    {Display.TABLE, Display.PIE, Display.BAR_VALUE, Display.WORLD_MAP, Display.BOLD_NUMBER}
)
