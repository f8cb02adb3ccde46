"""The two spellings of the same thing: parameter of `filters` and path in a node (api T10).

One table for both directions and for the `attr` of errors. What is more than a renaming (series,
entities, exclusions, breakdown defaults) is in the modules that use this one.
"""

from __future__ import annotations

from queries.errors import Path

Names = dict[str, Path]  # parameter -> path in the node

DATES: Names = {
    "date_from": ("dateRange", "date_from"),
    "date_to": ("dateRange", "date_to"),
    "explicit_date": ("dateRange", "explicitDate"),
}
COMMON: Names = {
    **DATES,
    "properties": ("properties",),
    "filter_test_accounts": ("filterTestAccounts",),
    "sampling_factor": ("samplingFactor",),
}
INTERVAL: Names = {"interval": ("interval",)}
GROUPS: Names = {"aggregation_group_type_index": ("aggregation_group_type_index",)}
BREAKDOWN_KEYS = (
    "breakdown",
    "breakdown_type",
    "breakdowns",
    "breakdown_group_type_index",
    "breakdown_limit",
    "breakdown_histogram_bin_count",
    "breakdown_hide_other_aggregation",
    "breakdown_normalize_url",
    "breakdown_path_cleaning",
)
BREAKDOWN: Names = {name: ("breakdownFilter", name) for name in BREAKDOWN_KEYS}
BREAKDOWN["offset"] = ("breakdownFilter", "breakdown_offset")
COMPARE: Names = {
    "compare": ("compareFilter", "compare"),
    "compare_to": ("compareFilter", "compare_to"),
}


def _in(filter_name: str, **keys: str) -> Names:
    return {name: (filter_name, key) for name, key in keys.items()}


TRENDS: Names = (
    COMMON
    | INTERVAL
    | GROUPS
    | BREAKDOWN
    | COMPARE
    | _in(
        "trendsFilter",
        display="display",
        formula="formula",
        formulas="formulas",
        formula_nodes="formulaNodes",
        smoothing_intervals="smoothingIntervals",
        hide_weekends="hideWeekends",
        hide_incomplete_data="hideIncompleteData",
        show_legend="showLegend",
        show_values_on_series="showValuesOnSeries",
        decimal_places="decimalPlaces",
        aggregation_axis_format="aggregationAxisFormat",
        aggregation_axis_prefix="aggregationAxisPrefix",
        aggregation_axis_postfix="aggregationAxisPostfix",
    )
)
STICKINESS: Names = (
    COMMON
    | INTERVAL
    | COMPARE
    | _in(
        "stickinessFilter",
        computed_as="computedAs",
        stickiness_criteria="stickinessCriteria",
        show_legend="showLegend",
        show_values_on_series="showValuesOnSeries",
    )
    | {"interval_count": ("intervalCount",)}
)
LIFECYCLE: Names = (
    COMMON
    | INTERVAL
    | GROUPS
    | _in(
        "lifecycleFilter",
        toggledLifecycles="toggledLifecycles",
        show_values_on_series="showValuesOnSeries",
    )
)
FUNNELS: Names = (
    COMMON
    | INTERVAL
    | GROUPS
    | BREAKDOWN
    | _in(
        "funnelsFilter",
        funnel_viz_type="funnelVizType",
        funnel_order_type="funnelOrderType",
        funnel_window_interval="funnelWindowInterval",
        funnel_window_interval_type="funnelWindowIntervalUnit",
        funnel_from_step="funnelFromStep",
        funnel_to_step="funnelToStep",
        breakdown_attribution_type="breakdownAttributionType",
        breakdown_attribution_value="breakdownAttributionValue",
        bin_count="binCount",
        exclusions="exclusions",
        funnel_aggregate_by_hogql="funnelAggregateByHogQL",
        funnel_step_reference="funnelStepReference",
        layout="layout",
    )
)
CORRELATION: Names = _in(
    "source",
    funnel_step="funnelStep",
    funnel_custom_steps="funnelCustomSteps",
    funnel_step_breakdown="funnelStepBreakdown",
) | {
    "funnel_correlation_type": ("funnelCorrelationType",),
    "funnel_correlation_names": ("funnelCorrelationNames",),
    "funnel_correlation_exclude_names": ("funnelCorrelationExcludeNames",),
    "funnel_correlation_event_names": ("funnelCorrelationEventNames",),
    "funnel_correlation_exclude_event_names": ("funnelCorrelationExcludeEventNames",),
    "funnel_correlation_event_exclude_property_names": ("funnelCorrelationEventExcludePropertyNames",),
}
PATHS: Names = (
    COMMON
    | GROUPS
    | _in(
        "pathsFilter",
        include_event_types="includeEventTypes",
        include_custom_events="includeCustomEvents",
        exclude_events="excludeEvents",
        start_point="startPoint",
        end_point="endPoint",
        step_limit="stepLimit",
        path_groupings="pathGroupings",
        path_replacements="pathReplacements",
        local_path_cleaning_filters="localPathCleaningFilters",
        edge_limit="edgeLimit",
        min_edge_weight="minEdgeWeight",
        max_edge_weight="maxEdgeWeight",
        paths_hogql_expression="pathsHogQLExpression",
        path_start_key="pathStartKey",
        path_end_key="pathEndKey",
        path_dropoff_key="pathDropoffKey",
    )
    | {"funnel_paths": ("funnelPathsFilter", "funnelPathType")}
)
RETENTION: Names = (
    COMMON
    | GROUPS
    | BREAKDOWN
    | _in(
        "retentionFilter",
        period="period",
        total_intervals="totalIntervals",
        retention_type="retentionType",
        retention_reference="retentionReference",
        mean_retention_calculation="meanRetentionCalculation",
        target_entity="targetEntity",
        returning_entity="returningEntity",
        cumulative="cumulative",
        minimum_occurrences="minimumOccurrences",
        time_window_mode="timeWindowMode",
        retention_custom_brackets="retentionCustomBrackets",
        aggregation_type="aggregationType",
        aggregation_property="aggregationProperty",
        aggregation_property_type="aggregationPropertyType",
    )
)

# Insight of `filters` -> (kind of node, names). The correlation's funnel is inside its source.
INSIGHTS: dict[str, tuple[str, Names]] = {
    "TRENDS": ("TrendsQuery", TRENDS),
    "STICKINESS": ("StickinessQuery", STICKINESS),
    "LIFECYCLE": ("LifecycleQuery", LIFECYCLE),
    "FUNNELS": ("FunnelsQuery", FUNNELS),
    "PATHS": ("PathsQuery", PATHS),
    "RETENTION": ("RetentionQuery", RETENTION),
    "CORRELATION": ("FunnelCorrelationQuery", CORRELATION),
}
INSIGHT_OF_KIND = {kind: insight for insight, (kind, _) in INSIGHTS.items()}
WITH_SERIES = frozenset({"TRENDS", "STICKINESS", "LIFECYCLE", "FUNNELS"})
# Keys of an entity that are spelled alike in both (api T1, U4).
STEP_NAMES = {"funnelFromStep": "funnel_from_step", "funnelToStep": "funnel_to_step"}
