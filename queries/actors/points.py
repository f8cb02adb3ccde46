"""The parameters behind a link to people -> the source of an ActorsQuery (api S6, S8, W20).

A link is the filter of an endpoint plus the coordinates of one point. Which coordinates an endpoint has
is one table; the names of the node's fields stop here, as do the parameters' in the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from queries.actors.node import ActorsSource
from queries.context import ProjectContext
from queries.dates import bucket_start, read_date, resolve_range
from queries.errors import InvalidQuery, Path, QueryError, join_path
from queries.legacy import LegacyQuery, read_legacy
from queries.legacy.entities import read_entity
from queries.legacy.params import boolean, invalid, listed, number, structured, text, whole
from queries.legacy.read import parameter_error
from queries.legacy.spelling import legacy_error
from queries.nodes import DateRange
from queries.parse import read_node
from queries.people import RANGE_FROM, RANGE_TO
from queries.trends.node import TrendsQuery
from queries.validate import check
from queries.vocabulary import Display, Interval

Json = dict[str, Any]
Parameters = Mapping[str, Any]

# More than one unit and less than two, so that its bucket is the next one.
BEYOND = {
    Interval.SECOND: timedelta(seconds=1.5),
    Interval.MINUTE: timedelta(seconds=90),
    Interval.HOUR: timedelta(minutes=90),
    Interval.DAY: timedelta(hours=36),
    Interval.WEEK: timedelta(days=10),
    Interval.MONTH: timedelta(days=35),
    Interval.QUARTER: timedelta(days=100),
    Interval.YEAR: timedelta(days=400),
}
TICK = timedelta(seconds=1)
PERIODS = ("current", "previous")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the parameters it was read from."""

    legacy: LegacyQuery
    parameters: Parameters
    ctx: ProjectContext

    def given(self, name: str) -> bool:
        return self.parameters.get(name) not in (None, "")


@dataclass(frozen=True, slots=True)
class People:
    """One endpoint. `insight` is what its filter describes, `point` makes the node's JSON of the rest,
    `names` are its coordinates: field of the node -> parameter."""

    insight: str
    point: Callable[[Asked], Json]
    names: Mapping[str, str]
    has_entity: bool = False  # the series of the point, where the filter itself names none


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
    try:
        asked = Asked(legacy, parameters, ctx)
        raw = {key: value for key, value in people.point(asked).items() if value is not None}
    except QueryError as error:
        raise error.spelled(join_path) from error
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


def _series(asked: Asked) -> int:
    """The position of the point's series: by `entity_order`, else by what it counts (api W20)."""
    if asked.given("entity_order"):
        return _whole(asked, "entity_order") or 0
    if not asked.given("entity_id"):
        return 0
    wanted = str(asked.parameters["entity_id"])
    math = asked.parameters.get("entity_math") or None
    candidates = [
        place
        for place, node in enumerate(getattr(asked.legacy.node, "series", ()))
        if wanted == str(getattr(node, "event", getattr(node, "id", None)))
    ]
    series = getattr(asked.legacy.node, "series", ())
    exact = [place for place in candidates if math is None or str(series[place].effective_math) == str(math)]
    if not candidates:
        raise invalid("entity_id", f'"{wanted}" is not among the events and actions of the filter.')
    return (exact or candidates)[0]


def _whole(asked: Asked, name: str) -> int | None:
    return whole(name, asked.parameters[name]) if asked.given(name) else None


def _text(asked: Asked, name: str) -> str | None:
    return str(text(name, asked.parameters[name])) if asked.given(name) else None


def _period(asked: Asked) -> str | None:
    wanted = _text(asked, "compare_label")
    if wanted is not None and wanted not in PERIODS:
        raise invalid("compare_label", f'"{wanted}" is not a valid choice.', "invalid_choice")
    return wanted


def _breakdown(asked: Asked, name: str) -> Any:
    """A value, or a list of them as JSON; empty text is the value "none" (semantics D35)."""
    raw = asked.parameters.get(name)
    split = getattr(asked.legacy.node, "breakdown_filter", None)
    if raw is None or split is None or split.is_empty:
        return None
    if isinstance(raw, str) and raw.startswith("[") and (split.is_list or name != "breakdown_value"):
        return listed(name, raw)
    if isinstance(raw, Mapping | bool):
        raise invalid(name, "Expected a value of the breakdown.")
    return raw


# --- the points --------------------------------------------------------------------------------------------


def _insight_actors(asked: Asked, **coordinates: Any) -> Json:
    return {"kind": "InsightActorsQuery", "source": asked.legacy.node.to_wire(), **coordinates}


def _trends(asked: Asked) -> Json:
    """The bucket is the last one of `date_from` and `date_to`; with both ends of the whole range beside
    them (as in our own links) it is cut to that range, as the number was."""
    coordinates = {
        "series": _series(asked),
        "breakdown": _breakdown(asked, "breakdown_value"),
        "compare": _period(asked),
    }
    assert isinstance(asked.legacy.node, TrendsQuery)
    if asked.legacy.node.display.is_aggregated:
        return _insight_actors(asked, **coordinates)
    if not asked.given(RANGE_FROM):
        return _bucket_alone(asked, coordinates)
    day = _text(asked, "date_to") or _text(asked, "date_from")
    if day is not None and not _holds(asked, day):
        return _bucket_alone(asked, coordinates)
    return _insight_actors(asked, day=day, **coordinates)


def _holds(asked: Asked, day: str) -> bool:
    """Whether the range still has the bucket: a relative one moves on while the link stays."""
    node = asked.legacy.node
    assert isinstance(node, TrendsQuery)
    if node.is_compared or (node.date_range and node.date_range.date_from == "all"):
        return True
    period = resolve_range(node.date_range, node.interval, asked.ctx)
    return (
        bucket_start(_moment(asked, day, "date_to"), period.interval, period.week_start) in period.buckets()
    )


def _bucket_alone(asked: Asked, coordinates: Json) -> Json:
    """No more is known of the range than its bucket: the bucket is the range. What the bucket shows of a
    previous period is asked for by its own dates, so nothing is compared."""
    node = asked.legacy.node
    assert isinstance(node, TrendsQuery)
    first = _text(asked, "date_from") or _text(asked, "date_to")
    last = _text(asked, "date_to") or first
    if first is None or first == "all" or last is None:
        return _insight_actors(asked, **coordinates)
    start, end = (
        _bucket(asked, node, date, name) for date, name in ((first, "date_from"), (last, "date_to"))
    )
    is_one = start == end or node.display is Display.LINE_CUMULATIVE
    behind = bucket_start(end + BEYOND[node.interval], node.interval, asked.ctx.week_start)
    dates = DateRange(date_from=start.isoformat(), date_to=(behind - TICK).isoformat())
    alone = node.model_copy(update={"date_range": dates, "compare_filter": None})
    return _insight_actors(
        replace(asked, legacy=replace(asked.legacy, node=alone)),
        day=end.isoformat() if is_one else None,
        **(coordinates | {"compare": None}),
    )


def _bucket(asked: Asked, node: TrendsQuery, written: str, name: str) -> Any:
    return bucket_start(_moment(asked, written, name), node.interval, asked.ctx.week_start)


def _moment(asked: Asked, written: str, name: str) -> Any:
    try:
        return read_date(written, asked.ctx, attr=name).at.astimezone(asked.ctx.zone)
    except InvalidQuery as error:
        raise error.spelled(lambda _: name) from error


def _stickiness(asked: Asked) -> Json:
    return _insight_actors(
        asked, day=_whole(asked, "stickiness_days"), series=_series(asked), compare=_period(asked)
    )


def _lifecycle(asked: Asked) -> Json:
    for name in ("target_date", "lifecycle_type"):
        if not asked.given(name):
            raise invalid(name, "This field is required.", "required")
    return _insight_actors(asked, day=_text(asked, "target_date"), status=_text(asked, "lifecycle_type"))


def _retention(asked: Asked) -> Json:
    return _insight_actors(
        asked,
        interval=_whole(asked, "selected_interval"),
        returningInterval=_whole(asked, "returning_interval"),
        breakdown=_breakdown(asked, "breakdown_values"),
    )


def _path(asked: Asked) -> Json:
    return _insight_actors(asked)  # which edge or node is part of the filter


def _funnel(asked: Asked) -> Json:
    given = asked.parameters
    return {
        "kind": "FunnelsActorsQuery",
        "source": asked.legacy.node.to_wire(),
        "funnelStep": _whole(asked, "funnel_step"),
        "funnelCustomSteps": listed("funnel_custom_steps", given["funnel_custom_steps"])
        if asked.given("funnel_custom_steps")
        else None,
        "funnelStepBreakdown": _step_breakdown(asked),
        "funnelTrendsDropOff": boolean("drop_off", given["drop_off"]) if asked.given("drop_off") else None,
        "funnelTrendsEntrancePeriodStart": _text(asked, "entrance_period_start"),
        "funnelTimeFrom": _number(asked, "funnel_time_from"),
        "funnelTimeTo": _number(asked, "funnel_time_to"),
    }


def _number(asked: Asked, name: str) -> float | None:
    return number(name, asked.parameters[name]) if asked.given(name) else None


def _step_breakdown(asked: Asked) -> Any:
    """In links the value is a list, written as JSON; by hand it may be one text."""
    raw = asked.parameters.get("funnel_step_breakdown")
    if isinstance(raw, str) and raw.startswith("["):
        return listed("funnel_step_breakdown", raw)
    return raw


def _correlation(asked: Asked) -> Json:
    given = asked.parameters
    converted = "funnel_correlation_person_converted"
    return {
        "kind": "FunnelCorrelationActorsQuery",
        "source": asked.legacy.node.to_wire(),
        "funnelCorrelationPersonConverted": boolean(converted, given[converted])
        if asked.given(converted)
        else None,
        "funnelCorrelationPersonEntity": _correlated_entity(asked),
        "funnelCorrelationPropertyValues": structured(
            "funnel_correlation_property_values", given.get("funnel_correlation_property_values") or None
        ),
    }


def _correlated_entity(asked: Asked) -> Any:
    name = "funnel_correlation_person_entity"
    if not asked.given(name):
        return None
    raw = structured(name, asked.parameters[name])
    is_action = isinstance(raw, Mapping) and raw.get("type") == "actions"
    return read_entity(raw, "actions" if is_action else "events", (name,))


ENTITY = {"series": "entity_order", "compare": "compare_label"}
PEOPLE: Mapping[str, People] = {  # path below /persons/ -> api W20
    "trends": People(
        "TRENDS", _trends, ENTITY | {"day": "date_from", "breakdown": "breakdown_value"}, has_entity=True
    ),
    "stickiness": People("STICKINESS", _stickiness, ENTITY | {"day": "stickiness_days"}, has_entity=True),
    "lifecycle": People(
        "LIFECYCLE", _lifecycle, {"day": "target_date", "status": "lifecycle_type"}, has_entity=True
    ),
    "funnel": People(
        "FUNNELS",
        _funnel,
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
        _correlation,
        {
            "funnelCorrelationPersonConverted": "funnel_correlation_person_converted",
            "funnelCorrelationPersonEntity": "funnel_correlation_person_entity",
            "funnelCorrelationPropertyValues": "funnel_correlation_property_values",
        },
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
