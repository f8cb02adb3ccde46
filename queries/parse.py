"""JSON -> node, or the one error that says what is wrong with it (api N1, P25, U1-U5).

The models of the node files do the reading; this module picks the model by `kind`, runs the rules of
`queries.validate` and turns the first complaint into a `QueryError` whose `attr` is the path into what
the caller sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from queries.errors import (
    InvalidQuery,
    NotSupported,
    Path,
    QueryError,
    UnreadableQuery,
    join_path,
)
from queries.validate import check
from queries.wrappers import NODE_CLASSES, Node, Wrapper

# Kinds of the peer product that are valid there and not built here (api P25).
# fmt: off
KINDS_NOT_BUILT = frozenset(
    {
        "ActorsPropertyTaxonomyQuery", "CalendarHeatmapQuery", "CohortNode", "DataWarehouseNode",
        "DatabaseSchemaQuery", "ErrorTrackingIssueCorrelationQuery", "ErrorTrackingQuery",
        "EventTaxonomyQuery", "ExperimentExposureQuery", "ExperimentFunnelsQuery", "ExperimentQuery",
        "ExperimentTrendsQuery", "GroupsQuery", "HogQLAutocomplete", "HogQLMetadata", "HogQuery",
        "LogsQuery", "MarketingAnalyticsAggregatedQuery", "MarketingAnalyticsTableQuery", "PersonsNode",
        "RecordingsQuery", "RevenueAnalyticsMRRQuery", "RevenueAnalyticsOverviewQuery",
        "RevenueAnalyticsQuery", "RevenueExampleDataWarehouseTablesQuery", "RevenueExampleEventsQuery",
        "SavedInsightNode", "SessionAttributionExplorerQuery", "SessionsQuery", "SessionsTimelineQuery",
        "SuggestedQuestionsQuery", "TeamTaxonomyQuery", "TimeToSeeDataQuery", "TimeToSeeDataSessionsQuery",
        "TraceQuery", "TracesQuery", "UsageMetricsQuery", "VectorSearchQuery", "WebAnalyticsAssetsQuery",
        "WebExternalClicksTableQuery", "WebGoalsQuery", "WebOverviewQuery", "WebPageURLSearchQuery",
        "WebStatsTableQuery", "WebTrendsQuery", "WebVitalsPathBreakdownQuery", "WebVitalsQuery",
    }
)
# fmt: on

Raiser = tuple[type[QueryError], str]
UNREADABLE: Raiser = (UnreadableQuery, "parse_error")

# The reader's own words for a broken rule -> the error of the contract (api N1, U5).
BOUNDS: dict[str, Raiser] = {
    "missing": (InvalidQuery, "required"),
    "less_than_equal": (InvalidQuery, "max_value"),
    "less_than": (InvalidQuery, "max_value"),
    "too_long": (InvalidQuery, "max_value"),
    "greater_than_equal": (InvalidQuery, "min_value"),
    "greater_than": (InvalidQuery, "min_value"),
    "too_short": (InvalidQuery, "min_value"),
    "required": (InvalidQuery, "required"),
    "invalid_input": (InvalidQuery, "invalid_input"),
    "max_value": (InvalidQuery, "max_value"),
    "min_value": (InvalidQuery, "min_value"),
    "max_length": (InvalidQuery, "max_length"),
    "not_supported": (NotSupported, "not_supported"),
}
CHOICES = frozenset({"enum", "literal_error", "invalid_choice"})


def node_error(kind: str) -> Raiser:
    """In a node everything but a bound is a matter of reading it (api P25)."""
    return BOUNDS.get(kind, UNREADABLE)


def parse_query(raw: object, *, attr: str = "query") -> Node:
    """The node that `raw` (an object, or the JSON text of one) describes.

    Raises UnreadableQuery, InvalidQuery or NotSupported, with `attr` the path below the given name.
    """
    try:
        node = read_node(_decoded(raw), node_error)
        check(node)
    except QueryError as exc:
        raise exc.spelled(lambda path: join_path((attr, *path))) from exc
    return node


def spelling(node: Node, attr: str = "query") -> Callable[[Path], str | None]:
    """How a path into the source of `node` is written by whoever sent `node` under the name `attr`."""
    prefix = (attr, "source") if isinstance(node, Wrapper) else (attr,)
    return lambda path: join_path((*prefix, *path))


def read_node(raw: object, error: Callable[[str], Raiser]) -> Node:
    """The node without the rules of `queries.validate`; `error` chooses what a complaint becomes.

    Errors carry the path into `raw`.
    """
    if not isinstance(raw, Mapping):
        raise UnreadableQuery("A query is an object with a kind.")
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in NODE_CLASSES:
        raise _unknown_kind(kind, ("kind",))
    try:
        node: Node = NODE_CLASSES[kind].model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as exc:
        raise _first_error(exc, raw, error) from exc
    return node


def _decoded(raw: object) -> object:
    if not isinstance(raw, str | bytes):
        return raw
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise UnreadableQuery(f"JSON parse error - {exc}") from exc


def _unknown_kind(kind: object, path: Path) -> QueryError:
    if isinstance(kind, str) and kind in KINDS_NOT_BUILT:
        return NotSupported(f"{kind} is not supported by this server.", attr=join_path(path))
    detail = "The kind of the query is missing." if kind is None else f'"{kind}" is no kind of query.'
    return UnreadableQuery(detail, attr=join_path(path))


def _first_error(
    found: ValidationError, raw: Mapping[str, Any], error: Callable[[str], Raiser]
) -> QueryError:
    """One error is reported: the first, in the order of the fields (api N1)."""
    first = found.errors(include_url=False)[0]
    context = first.get("ctx", {})
    is_missing = first["type"] == "missing"
    path = (*_path_into(raw, first["loc"], is_missing=is_missing), *context.get("path", ()))
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(context.get("tag"), (*path, "kind"))
    cls, code = error(first["type"])
    return cls(_sentence(first), code=code, attr=join_path(path))


def _path_into(raw: object, loc: Sequence[str | int], *, is_missing: bool) -> Path:
    """The part of a location that exists in what was sent; names of union members are left out.

    Of a missing field the last part does not exist and is kept.
    """
    path: list[str | int] = []
    here: Any = raw
    for depth, part in enumerate(loc, start=1):
        if _holds(here, part):
            here = here[part]
        elif not (is_missing and depth == len(loc)):
            continue
        path.append(part)
    return tuple(path)


def _holds(here: object, part: str | int) -> bool:
    if isinstance(here, Mapping):
        return part in here
    return isinstance(part, int) and isinstance(here, list | tuple) and part < len(here)


SENTENCES = {  # our words where the reader's own are about its types; filled in from the error's context
    "missing": "This field is required.",
    "too_long": "Ensure this list has no more than {max_length} items.",
    "too_short": "Ensure this list has at least {min_length} items.",
    "less_than_equal": "Ensure this value is less than or equal to {le}.",
    "greater_than_equal": "Ensure this value is greater than or equal to {ge}.",
    "greater_than": "Ensure this value is greater than {gt}.",
    "tuple_type": "Expected a list.",
    "model_type": "Expected an object.",
    "model_attributes_type": "Expected an object.",
}


def _sentence(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if "detail" in context:
        return str(context["detail"])
    if kind == "extra_forbidden":
        return f'Unknown key "{error["loc"][-1]}".'
    if kind in CHOICES:
        return f'"{error["input"]}" is not a valid choice.'
    return SENTENCES[kind].format(**context) if kind in SENTENCES else f"{error['msg']}."
