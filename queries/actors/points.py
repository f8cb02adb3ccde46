"""The parameters behind a link to people -> the source of an ActorsQuery (api S6, S8, W20).

A link is the filter of an endpoint plus the coordinates of one point. Which coordinates an endpoint has
is one table; the names of the node's fields stop here, as do the parameters' in the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from queries.actors.asked import (
    Asked,
    Json,
    Parameters,
    breakdown_of,
    insight_actors,
    period_of,
    series_of,
    text_of,
    whole_of,
)
from queries.actors.funnel_points import correlation_point, funnel_point
from queries.actors.node import ActorsSource
from queries.actors.trend_point import trend_point
from queries.context import ProjectContext
from queries.errors import Path, QueryError, join_path
from queries.legacy import LegacyQuery, read_legacy
from queries.legacy.params import invalid
from queries.legacy.read import parameter_error
from queries.legacy.spelling import legacy_error
from queries.parse import read_node
from queries.people import RANGE_FROM, RANGE_TO
from queries.validate import check


@dataclass(frozen=True, slots=True)
class People:
    """One endpoint. `insight` is what its filter describes, `point` makes the node's JSON of the rest,
    `names` are its coordinates: field of the node -> parameter. `has_definitions`: they may name actions."""

    insight: str
    point: Callable[[Asked], Json]
    names: Mapping[str, str]
    has_entity: bool = False  # the series of the point, where the filter itself names none
    has_definitions: bool = False


def read_question(people: People, parameters: Parameters, group_types: Mapping[int, str]) -> LegacyQuery:
    """The filter of a link, without its coordinates. QueryError in the parameters' spelling."""
    wanted = {key: value for key, value in parameters.items() if key not in NOT_OF_THE_FILTER}
    if people.has_entity:
        wanted |= _own_entity(parameters)
    if parameters.get(RANGE_FROM):  # the dates of the link are those of its bucket
        wanted |= {"date_from": parameters[RANGE_FROM], "date_to": parameters.get(RANGE_TO)}
    return read_legacy(wanted, insight=people.insight, group_types=group_types)


def read_point(
    people: People, legacy: LegacyQuery, parameters: Parameters, ctx: ProjectContext
) -> ActorsSource:
    """The source that lists the people of the point. QueryError in the parameters' spelling."""
    point = people.point(Asked(legacy, parameters, ctx))
    raw = {key: value for key, value in point.items() if value is not None}
    try:
        source: Any = read_node(raw, parameter_error)
        check(source)
    except QueryError as error:
        raise spelled(people, legacy, error) from error
    found: ActorsSource = source
    return found


def spelled(people: People, legacy: LegacyQuery, error: QueryError) -> QueryError:
    """An error about the source of a link, with `attr` as the parameter the caller wrote."""

    def spell(path: Path) -> str | None:
        if path[:1] == ("source",) and len(path) > 1:
            return legacy.spell(path[1:])
        if path and path[0] in people.names and (len(path) == 1 or path[0] != "series"):
            return join_path((people.names[str(path[0])], *path[1:]))
        return legacy.spell(path)

    return legacy_error(error, spell)


# --- the filter --------------------------------------------------------------------------------------------

NOT_OF_THE_FILTER = frozenset(
    {"limit", "offset", "search", "insight", "shown_as"}  # of the page, and what the path says itself
)


def _own_entity(parameters: Parameters) -> Json:
    """The point's entity as the only series, for a link that was put together by hand."""
    if any(parameters.get(name) not in (None, "") for name in ("events", "actions", "groups")):
        return {}
    if parameters.get("entity_id") in (None, "") and parameters.get("entity_type") in (None, ""):
        return {}
    entity = {"id": parameters.get("entity_id") or None}
    entity |= {
        key: parameters[f"entity_{key}"]
        for key in ("math", "math_property", "math_hogql", "math_group_type_index")
        if parameters.get(f"entity_{key}") not in (None, "")
    }
    kind = "actions" if parameters.get("entity_type") == "actions" else "events"
    return {kind: [entity]}


# --- the points --------------------------------------------------------------------------------------------


def _stickiness(asked: Asked) -> Json:
    return insight_actors(
        asked, day=whole_of(asked, "stickiness_days"), series=series_of(asked), compare=period_of(asked)
    )


def _lifecycle(asked: Asked) -> Json:
    for name in ("target_date", "lifecycle_type"):
        if not asked.given(name):
            raise invalid(name, "This field is required.", "required")
    return insight_actors(asked, day=text_of(asked, "target_date"), status=text_of(asked, "lifecycle_type"))


def _retention(asked: Asked) -> Json:
    return insight_actors(
        asked,
        interval=whole_of(asked, "selected_interval"),
        returningInterval=whole_of(asked, "returning_interval"),
        breakdown=breakdown_of(asked, "breakdown_values"),
    )


def _path(asked: Asked) -> Json:
    return insight_actors(asked)  # which edge or node is part of the filter


ENTITY = {"series": "entity_order", "compare": "compare_label"}
PEOPLE: Mapping[str, People] = {  # path below /persons/ -> api W20
    "trends": People(
        "TRENDS", trend_point, ENTITY | {"day": "date_from", "breakdown": "breakdown_value"}, has_entity=True
    ),
    "stickiness": People("STICKINESS", _stickiness, ENTITY | {"day": "stickiness_days"}, has_entity=True),
    "lifecycle": People(
        "LIFECYCLE", _lifecycle, {"day": "target_date", "status": "lifecycle_type"}, has_entity=True
    ),
    "funnel": People(
        "FUNNELS",
        funnel_point,
        {
            "funnelStep": "funnel_step",
            "funnelCustomSteps": "funnel_custom_steps",
            "funnelStepBreakdown": "funnel_step_breakdown",
            "funnelTrendsDropOff": "drop_off",
            "funnelTrendsEntrancePeriodStart": "entrance_period_start",
            "funnelTimeFrom": "funnel_time_from",
            "funnelTimeTo": "funnel_time_to",
        },
    ),
    "funnel/correlation": People(
        "CORRELATION",
        correlation_point,
        {
            "funnelCorrelationPersonConverted": "funnel_correlation_person_converted",
            "funnelCorrelationPersonEntity": "funnel_correlation_person_entity",
            "funnelCorrelationPropertyValues": "funnel_correlation_property_values",
        },
        has_definitions=True,
    ),
    "path": People("PATHS", _path, {}),
    "retention": People(
        "RETENTION",
        _retention,
        {
            "interval": "selected_interval",
            "returningInterval": "returning_interval",
            "returning_interval": "returning_interval",
            "breakdown": "breakdown_values",
        },
    ),
}
