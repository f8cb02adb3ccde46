"""In which context an insight is asked for: a dashboard, and what the request overrides (api P28-P30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from insights.dashboard_filters import check_dashboard_filters
from insights.levels import live_tiles
from insights.models import DashboardTile, Insight
from insights.question import Context
from insights_service.errors import InvalidInput, UnreadableBody
from insights_service.parsers import parse_json
from queries.properties import as_whole

OVERRIDE_PARAMETERS = [
    OpenApiParameter(
        "filters_override",
        OpenApiTypes.STR,
        description="JSON object with date_from, date_to, properties, breakdown_filter: used over the "
        "dashboard's filters for this answer.",
    ),
    OpenApiParameter(
        "variables_override",
        OpenApiTypes.STR,
        description='JSON object {variable id: {"value": ...}}: other values for variables of SQL insights.',
    ),
]
FROM_DASHBOARD = OpenApiParameter(
    "from_dashboard",
    OpenApiTypes.INT,
    description="The dashboard in whose context the insight is loaded: its filters and dates are applied.",
)


def insight_context(parameters: Mapping[str, Any], insight: Insight) -> Context:
    """The context that the parameters of a retrieve describe."""
    tile = _tile(parameters.get("from_dashboard"), insight)
    return Context(tile, filters_override(parameters), variables_override(parameters))


def filters_override(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters of the parameter, checked; empty when it is not there."""
    filters = _object(parameters, "filters_override")
    check_dashboard_filters(filters, "filters_override")
    return filters


def variables_override(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the parameter; empty when it is not there."""
    return _object(parameters, "variables_override")


def _tile(text: Any, insight: Insight) -> DashboardTile | None:
    """The live tile of that dashboard which holds the insight; None when there is none (api P28)."""
    if text in (None, ""):
        return None
    dashboard_id = as_whole(text)
    if dashboard_id is None:
        raise InvalidInput("A valid integer is required.", attr="from_dashboard")
    tiles = (tile for tile in live_tiles(insight) if tile.dashboard_id == dashboard_id)
    return next(tiles, None)


def _object(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    text = parameters.get(name)
    if text in (None, ""):
        return {}
    try:
        value = text if isinstance(text, dict) else parse_json(str(text).encode("utf-8", "surrogatepass"))
    except UnreadableBody:
        raise InvalidInput(f"{name} is not valid JSON.", attr=name) from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{name} must be a JSON object.", attr=name)
    return value
