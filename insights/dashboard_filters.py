"""Filters of a dashboard, or over one, checked before they are kept or applied (api W13, P29)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insights.overrides import apply_dashboard_filters, merge_filters
from queries.errors import InvalidQuery, Path, QueryError, join_path
from queries.parse import parse_query
from queries.properties import leaves
from queries.wrappers import source_of

# The smallest question that knows all four filters: they are good when it can be asked with them.
PROBE = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": None}]}
# Where a filter stands in the question -> where the caller wrote it.
WRITTEN: Mapping[Path, Path] = {
    ("dateRange", "date_from"): ("date_from",),
    ("dateRange", "date_to"): ("date_to",),
    ("dateRange",): (),
    ("breakdownFilter",): ("breakdown_filter",),
}


def check_dashboard_filters(filters: Mapping[str, Any], attr: str) -> None:
    """QueryError at `<attr>__...` for a date, property filter or breakdown that makes no sense."""
    try:
        parse_query(apply_dashboard_filters(PROBE, merge_filters({}, filters)))
    except QueryError as error:
        raise error.spelled(lambda path: join_path((attr, *_as_written(path[1:])))) from error


def check_property_filters(filters: Any, attr: str) -> None:
    """QueryError at `<attr>__...` for property filters that make no sense or let everything through."""
    try:
        node = source_of(parse_query(apply_dashboard_filters(PROBE, {"properties": filters})))
    except QueryError as error:
        raise error.spelled(lambda path: join_path((attr, *path[2:]))) from error
    if not leaves(getattr(node, "properties", None)):
        raise InvalidQuery("Say which rows may be seen.", code="required", attr=attr)


def _as_written(path: Path) -> Path:
    for place, written in WRITTEN.items():
        if path[: len(place)] == place:
            return (*written, *path[len(place) :])
    return path
