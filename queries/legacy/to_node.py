"""Parameters -> the JSON of a node (api T10), with the memory of how each part was written.

Still JSON on both sides: keys that only concern the picture survive, and the node's own reader does the
checking. Two callers, two sets of defaults: the calculation endpoints (`endpoint`: api S16, S17, S22,
T9) and saved `filters`, which come from the peer product and mean what they mean there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from queries.errors import Path, QueryError, join_path
from queries.legacy.entities import Entity, read_entities, read_entity
from queries.legacy.names import FUNNELS, INSIGHTS, STEP_NAMES, WITH_SERIES
from queries.legacy.params import Params, invalid, read_params
from queries.legacy.prepare import Reading, prepared
from queries.properties import as_whole

Json = dict[str, Any]

ENDPOINT_BREAKDOWN_LIMIT = 10  # api S17, funnels
ENDPOINT_INTERVALS = 11  # api S22, retention
MAX_BREAKDOWN_LIMIT = 1000  # api U5
PATH_TYPES = ("$pageview", "$screen", "custom_event")  # semantics G2
FUNNEL_PATHS = "funnelPathsFilter"


@dataclass(frozen=True, slots=True)
class Converted:
    """The node as JSON; `entities` are its series in order, with where each was written.

    `funnel` is the funnel of a path, converted from parameters of its own.
    """

    node: Json
    entities: tuple[Entity, ...] = ()
    funnel: Converted | None = None


def convert(params: Params, reading: Reading) -> Converted:
    """The node's JSON. InvalidQuery / UnknownReference with `attr` in the parameters' spelling."""
    if reading.insight == "CORRELATION":
        return _correlation(params, reading)
    kind, names = INSIGHTS[reading.insight]
    given = prepared(params, reading)
    node: Json = {"kind": kind}
    entities = _series(given, reading) if reading.insight in WITH_SERIES else ()
    if reading.insight in WITH_SERIES:
        node["series"] = [entity.node for entity in entities]
    for name, path in names.items():
        if name in given:
            _put(node, path, given[name])
    for step in STEPS.get(reading.insight, ()):
        step(node, given, reading)
    funnel = _funnel_of_path(node, given) if "funnel_paths" in given and reading.insight == "PATHS" else None
    return Converted(node, tuple(entities), funnel)


def _put(node: Json, path: Path, value: Any) -> None:
    here = node
    for part in path[:-1]:
        here = here.setdefault(str(part), {})
    here[str(path[-1])] = value


def _series(params: Params, reading: Reading) -> tuple[Entity, ...]:
    if reading.endpoint and "events" not in params and "actions" not in params and "groups" not in params:
        raise invalid("events", "One of events or actions is required.", "required")  # api S4
    return tuple(read_entities(params, is_lenient=not reading.endpoint))


# --- what the endpoints default to, and parts with a form of their own  ------------------


def _has_breakdown(given: Params) -> bool:
    return bool(given.get("breakdowns")) or "breakdown" in given


def _trends(node: Json, given: Params, reading: Reading) -> None:
    if reading.endpoint and _has_breakdown(given):  # api T9: legacy trends have no Other
        node["breakdownFilter"].setdefault("breakdown_hide_other_aggregation", True)


def _funnel_limit(node: Json, given: Params, reading: Reading) -> None:
    if reading.endpoint and _has_breakdown(given):
        node["breakdownFilter"].setdefault("breakdown_limit", ENDPOINT_BREAKDOWN_LIMIT)


def _funnel_window(node: Json, given: Params, reading: Reading) -> None:
    """api S.4: days, DAY, day; `..._unit` is the peer's name, and the old `funnel_window_days` comes last."""
    unit = given.get("funnel_window_interval_type") or given.get("funnel_window_interval_unit")
    if unit is not None:
        word = unit.lower()
        _put(node, FUNNELS["funnel_window_interval_type"], word.removesuffix("s"))
    if "funnel_window_days" in given and "funnel_window_interval" not in given:
        _put(node, FUNNELS["funnel_window_interval"], given["funnel_window_days"])
        _put(node, FUNNELS["funnel_window_interval_type"], "day")


def _exclusions(node: Json, given: Params, reading: Reading) -> None:
    if "exclusions" in given:
        read = [_exclusion(raw, at) for at, raw in enumerate(given["exclusions"])]
        _put(node, FUNNELS["exclusions"], read)


def _exclusion(raw: Any, position: int) -> Json:
    path: Path = ("exclusions", position)
    is_action = isinstance(raw, Mapping) and raw.get("type") == "actions"
    node = read_entity(raw, "actions" if is_action else "events", path)
    for key, name in STEP_NAMES.items():
        if raw.get(name) in (None, ""):
            raise invalid(str(join_path((*path, name))), "This field is required.", "required")
        node[key] = as_whole(raw[name])
        if node[key] is None:
            raise invalid(str(join_path((*path, name))), "A valid integer is required.")
    return node


def _path_type(node: Json, given: Params, reading: Reading) -> None:
    """semantics G2: the oldest form names one type."""
    wanted = given.get("path_type")
    if wanted is None or given.get("include_event_types"):
        return
    if wanted not in PATH_TYPES:
        raise invalid("path_type", f'"{wanted}" is not a valid choice.', "invalid_choice")
    _put(node, ("pathsFilter", "includeEventTypes"), [wanted])


def _paths_filter(node: Json, given: Params, reading: Reading) -> None:
    node.setdefault("pathsFilter", {})


def _funnel_of_path(node: Json, given: Params) -> Converted:
    """api S20: a part of a funnel's run. The funnel is in the peer's own form, read like a saved filter."""
    filters = given.get("funnel_filter")
    if not isinstance(filters, Mapping):
        raise invalid("funnel_filter", "This field is required.", "required")
    try:
        funnel = convert(read_params(filters), Reading("FUNNELS", endpoint=False))
    except QueryError as exc:
        raise exc.spelled(lambda path: join_path(("funnel_filter", *path))) from exc
    node[FUNNEL_PATHS]["funnelSource"] = funnel.node
    step = filters.get("funnel_step", given.get("funnel_step"))
    if step not in (None, ""):
        node[FUNNEL_PATHS]["funnelStep"] = step
    return funnel


RETENTION_ENTITIES = (("target_entity", "targetEntity"), ("returning_entity", "returningEntity"))


def _retention(node: Json, given: Params, reading: Reading) -> None:
    """api S22, semantics H1: on the endpoint eleven intervals, the target itself returns, no date_from."""
    retention = node.setdefault("retentionFilter", {})
    for name, key in RETENTION_ENTITIES:
        entity = _retention_entity(retention.pop(key, None), name, reading)
        if entity is not None:
            retention[key] = entity
    if not reading.endpoint:
        return
    retention.setdefault("totalIntervals", ENDPOINT_INTERVALS)
    if "targetEntity" in retention:
        retention.setdefault("returningEntity", retention["targetEntity"])
    node.get("dateRange", {}).pop("date_from", None)
    if _has_breakdown(given):  # semantics H15: rows are the values, all of them
        retention["byValue"] = True
        node["breakdownFilter"].setdefault("breakdown_limit", MAX_BREAKDOWN_LIMIT)


ENTITY_KEYS = ("id", "type", "kind", "name", "custom_name", "order", "properties")


def _retention_entity(raw: Any, name: str, reading: Reading) -> Any:
    """The entity without keys that mean nothing here; old clients sent whole series."""
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise invalid(name, "An entity is an object with an id.")
    if "id" not in raw:
        if not reading.endpoint:
            return None
        raise invalid(f"{name}__id", "This field is required.", "required")
    return {key: raw[key] for key in ENTITY_KEYS if key in raw}


Step = Callable[[Json, Params, Reading], None]
STEPS: dict[str, tuple[Step, ...]] = {
    "TRENDS": (_trends,),
    "FUNNELS": (_funnel_limit, _funnel_window, _exclusions),
    "PATHS": (_paths_filter, _path_type),
    "RETENTION": (_retention,),
}


def _correlation(params: Params, reading: Reading) -> Converted:
    """api S18: a funnel with its own parameters, and what to compare."""
    funnel = convert(params, Reading("FUNNELS", reading.endpoint, reading.group_types))
    kind, names = INSIGHTS["CORRELATION"]
    node: Json = {
        "kind": kind,
        "source": {"kind": "FunnelsActorsQuery", "source": funnel.node},
        "funnelCorrelationType": "events",
    }
    for name, path in names.items():
        if name in params:
            _put(node, path, params[name])
    return Converted(node, funnel.entities)
