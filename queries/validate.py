"""Every rule that spans several fields, by kind of node.

The models check structure and single bounds; what they cannot say about one field is here and in the
`validate` modules of funnels, correlation and paths. Which rules a kind obeys is one table at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from queries.actors.node import ActorsQuery, InsightActorsQuery, InsightActorsQueryOptions
from queries.correlation.node import FunnelCorrelationActorsQuery, FunnelCorrelationQuery
from queries.correlation.validate import check_correlation
from queries.errors import QueryError, join_path
from queries.funnels.node import FunnelsActorsQuery, FunnelsQuery
from queries.funnels.validate import check_funnel, check_funnel_actors
from queries.hogql_node import HogQLQuery
from queries.lifecycle.node import LifecycleQuery
from queries.nodes import Math
from queries.paths.node import PathsQuery
from queries.paths.validate import check_paths
from queries.retention.node import CellValue, RetentionQuery, TimeWindowMode
from queries.rules import check_breakdown, check_comparison, check_dates, check_math, invalid, required
from queries.stickiness.node import StickinessActorsQuery, StickinessQuery
from queries.trends.node import TrendsQuery

MAX_FORMULA_SERIES = 26  # api U5: the letters A to Z
PERCENTILES = frozenset({Math.MEDIAN, Math.P75, Math.P90, Math.P95, Math.P99})  # semantics D46
STICKINESS_MATHS = frozenset({Math.UNIQUE_GROUP, Math.HOGQL})  # api T2


def check_formula_letters(query: TrendsQuery) -> None:
    """api U5: with a formula there are as many series as letters. (The text is read when compiling.)"""
    if query.trends_filter.all_formulas and len(query.series) > MAX_FORMULA_SERIES:
        raise invalid(("series",), f"A formula can name at most {MAX_FORMULA_SERIES} series.", "max_value")


def check_one_series(query: LifecycleQuery) -> None:
    if len(query.series) != 1:  # api U4
        raise invalid(("series",), "A lifecycle has exactly one event or action.")


def check_percentiles(query: TrendsQuery) -> None:
    """semantics D46: percentiles of bins are refused."""
    parts = query.breakdown.parts if query.breakdown else ()
    binned = any(part.histogram_bin_count for part in parts)
    for position, node in enumerate(query.series):
        if binned and node.math in PERCENTILES:
            raise invalid(("series", position, "math"), "Percentiles cannot be combined with bins.")


def check_retention(query: RetentionQuery) -> None:
    given = query.retention_filter
    if given.cumulative and given.time_window_mode is TimeWindowMode.ROLLING_24_HOURS:  # semantics H19
        raise invalid(("retentionFilter", "timeWindowMode"), "24-hour windows cannot be cumulative.")
    if given.aggregation_type is not CellValue.COUNT and not given.aggregation_property:  # semantics H20
        raise required(("retentionFilter", "aggregationProperty"))
    check_dates(query.date_range)
    check_breakdown(query.breakdown_filter)


def check_trends(query: TrendsQuery) -> None:
    check_dates(query.date_range)
    check_math(query.series)
    check_formula_letters(query)
    check_breakdown(query.breakdown_filter)
    check_percentiles(query)
    check_comparison(query.compare_filter)


def check_stickiness(query: StickinessQuery) -> None:
    check_dates(query.date_range)
    check_math(query.series, among=STICKINESS_MATHS)
    check_comparison(query.compare_filter)


def check_lifecycle(query: LifecycleQuery) -> None:
    check_dates(query.date_range)
    check_one_series(query)


def check_hogql(query: HogQLQuery) -> None:
    if query.filters is not None:
        check_dates(query.filters.date_range, ("filters", "dateRange"))


def check_source(node: Any) -> None:  # any node with a source; narrowed by CHECKS
    """A node about another one obeys the rules of that one, at the path `source`."""
    if node.source is None:
        return
    try:
        check(node.source)
    except QueryError as exc:
        raise exc.spelled(lambda path: join_path(("source", *path))) from exc


CHECKS: Mapping[type, Callable[[Any], None]] = {
    TrendsQuery: check_trends,
    FunnelsQuery: check_funnel,
    PathsQuery: check_paths,
    RetentionQuery: check_retention,
    StickinessQuery: check_stickiness,
    LifecycleQuery: check_lifecycle,
    FunnelCorrelationQuery: check_correlation,
    FunnelsActorsQuery: check_funnel_actors,
    InsightActorsQuery: check_source,
    InsightActorsQueryOptions: check_source,
    FunnelCorrelationActorsQuery: check_source,
    StickinessActorsQuery: check_source,
    ActorsQuery: check_source,
    HogQLQuery: check_hogql,
}


def check(node: object) -> None:
    """Every rule of the node's kind, in the order of its fields; the first broken one is raised."""
    rule = CHECKS.get(type(node))
    if rule is not None:
        rule(node)
