"""What makes a path analysis wrong (semantics G2, G19, G23; api S20)."""

from __future__ import annotations

import re2

from queries.errors import Path, QueryError, join_path
from queries.funnels.node import FunnelsActorsQuery
from queries.funnels.validate import check_funnel_actors
from queries.paths.node import PathsQuery, PathType
from queries.rules import check_dates, invalid, required


def check_paths(query: PathsQuery) -> None:
    given = query.paths_filter
    if given.include_custom_events and PathType.CUSTOM_EVENT in given.include_event_types:  # semantics G2
        detail = "Name the custom events or include all of them, not both."
        raise invalid(("pathsFilter", "includeCustomEvents"), detail)
    if PathType.HOGQL in given.include_event_types and not given.paths_hogql_expression:
        raise required(("pathsFilter", "pathsHogQLExpression"))
    low, high = given.min_edge_weight, given.max_edge_weight
    if low is not None and high is not None and high < low:  # semantics G19
        raise invalid(("pathsFilter", "maxEdgeWeight"), "The highest edge weight is below the lowest.")
    for position, rule in enumerate(given.local_path_cleaning_filters):
        check_pattern(rule.regex, ("pathsFilter", "localPathCleaningFilters", position, "regex"))
    check_dates(query.date_range)
    if query.funnel_paths_filter is not None:
        _check_funnel_path(query)


def _check_funnel_path(query: PathsQuery) -> None:
    given = query.funnel_paths_filter
    assert given is not None
    asked = FunnelsActorsQuery(source=given.funnel_source, funnel_step=given.funnel_step)
    try:
        check_funnel_actors(asked)
    except QueryError as exc:
        raise exc.spelled(_in_funnel_path) from exc
    between = given.funnel_path_type == "funnel_path_between_steps"
    if between and given.step in (1, -2):  # semantics G23: -2 only took the first step
        detail = "Nothing lies between the first step and the one before it."
        raise invalid(("funnelPathsFilter", "funnelStep"), detail)


def _in_funnel_path(path: Path) -> str | None:
    rest = ("funnelSource", *path[1:]) if path[:1] == ("source",) else path
    return join_path(("funnelPathsFilter", *rest))


def check_pattern(pattern: str, path: Path) -> None:
    """api S20: a cleaning rule must be a pattern of the dialect the store speaks (RE2)."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as exc:
        reason = exc.args[0].decode() if exc.args and isinstance(exc.args[0], bytes) else exc
        raise invalid(path, f"Not a regular expression: {reason}.") from exc
