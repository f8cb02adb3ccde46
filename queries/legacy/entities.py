"""Events and actions of `filters` <-> series of a node, and the completed form of answers (api T1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from queries.errors import InvalidQuery, Path, join_path
from queries.legacy.names import STEP_NAMES
from queries.nodes import ActionsNode, EventsNode, GroupNode, Series
from queries.properties import as_whole

Json = dict[str, Any]
KINDS = {"events": "EventsNode", "actions": "ActionsNode", "groups": "GroupNode"}
TYPES = {kind: name for name, kind in KINDS.items()}
MATH_KEYS = ("math", "math_property", "math_property_type", "math_group_type_index", "math_hogql")
SAME_KEYS = (  # spelled alike in an entity and in a node
    *MATH_KEYS,
    "math_multiplier",
    "properties",
    "fixedProperties",
    "optionalInFunnel",
)
ALL_EVENTS = "All events"  # semantics D58


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a series came from: the list and the position the caller gave it."""

    name: str
    position: int

    @property
    def path(self) -> Path:
        return (self.name, self.position)


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity read: the node it becomes and where it stood."""

    node: Json
    origin: Origin
    order: int


def read_entities(params: Mapping[str, Any], *, is_lenient: bool) -> list[Entity]:
    """The entities of `events`, `actions` and `groups`, merged by their `order` (api T1).

    Without an order the position counts, events first. `is_lenient`: texts among the events, left by
    broken templates, are dropped (api T10) instead of refused.
    """
    found: list[Entity] = []
    for name in KINDS:
        for position, raw in enumerate(params.get(name) or ()):
            if is_lenient and isinstance(raw, str):
                continue
            origin = Origin(name, position)
            order = _order(raw, origin.path, default=len(found))
            found.append(Entity(read_entity(raw, name, origin.path), origin, order))
    return sorted(found, key=lambda entity: entity.order)


def read_entity(raw: Any, name: str, path: Path) -> Json:
    """One entity as node; `name` (`events`, `actions`, `groups`) says what its id is."""
    if not isinstance(raw, Mapping):
        raise _invalid(path, "An entity is an object with an id.")
    node: Json = {"kind": KINDS[name], **_identity(raw, name, path)}
    label = _text(raw.get("name")) or node.get("event")
    if label and not (label == ALL_EVENTS and _is_any_event(node)):
        node["name"] = label
    if custom_name := _text(raw.get("custom_name")):
        node["custom_name"] = custom_name
    node.update({key: raw[key] for key in SAME_KEYS if raw.get(key) not in (None, "")})
    return node


def _identity(raw: Mapping[str, Any], name: str, path: Path) -> Json:
    if name == "groups":
        return {"nodes": _members(raw.get("nestedFilters"), path)}
    if "id" not in raw:
        raise _invalid((*path, "id"), "This field is required.", "required")
    identity = raw["id"]
    if name == "events":
        return {"event": None if identity is None else str(identity)}
    action = as_whole(identity)
    if action is None:
        raise _invalid((*path, "id"), "An action is named by its id, a whole number.")
    return {"id": action}


def _members(raw: Any, path: Path) -> list[Json]:
    here = (*path, "nestedFilters")
    if not isinstance(raw, list) or not raw:
        raise _invalid(here, "This field is required.", "required")
    members = []
    for position, member in enumerate(raw):
        is_action = isinstance(member, Mapping) and member.get("type") == "actions"
        members.append(read_entity(member, "actions" if is_action else "events", (*here, position)))
    return members


def _is_any_event(node: Json) -> bool:
    return "event" in node and node["event"] is None


def _text(raw: Any) -> str | None:
    """Text, trimmed; nothing left is none (api P26)."""
    return None if raw is None else str(raw).strip() or None


def _order(raw: Any, path: Path, default: int) -> int:
    given = raw.get("order") if isinstance(raw, Mapping) else None
    if given is None or given == "":
        return default
    order = as_whole(given)
    if order is None:
        raise _invalid((*path, "order"), "A valid integer is required.")
    return order


def _invalid(path: Path, detail: str, code: str = "invalid_input") -> InvalidQuery:
    return InvalidQuery(detail, code=code, attr=join_path(path))


# --- back ---------------------------------------------------------------------------------------------


def write_entities(series: Sequence[Mapping[str, Any]]) -> Json:
    """The series of a node (as JSON) as `events`, `actions` and, if any, `groups`."""
    lists: dict[str, list[Json]] = {"events": [], "actions": [], "groups": []}
    for order, node in enumerate(series):
        lists[TYPES[node["kind"]]].append({**write_entity(node), "order": order})
    return {name: found for name, found in lists.items() if found or name != "groups"}


def write_entity(node: Mapping[str, Any]) -> Json:
    """One node (as JSON) as entity, without what it does not say."""
    name = TYPES[node["kind"]]
    entity: Json = {"type": name}
    if name == "groups":
        entity["nestedFilters"] = [write_entity(member) for member in node["nodes"]]
    else:
        entity["id"] = node.get("event") if name == "events" else node["id"]
    kept = ("name", "custom_name", *SAME_KEYS)
    entity.update({key: node[key] for key in kept if node.get(key) is not None})
    return entity


def write_exclusion(node: Mapping[str, Any]) -> Json:
    steps = {name: node[key] for key, name in STEP_NAMES.items() if key in node}
    return {**write_entity(node), **steps}


def completed_entity(node: Series, order: int) -> Json:
    """The entity with every key of api T1, as it stands in answers, echoes and links.

    `properties` is the group form, or `{}`; everything not given is null. A series of several events
    has type `groups` and no id. What T1 does not know is there only if it was given.
    """
    entity: Json = {
        "id": _id_of(node),
        "type": TYPES[node.kind],
        "order": order,
        "name": node.name or _name_of(node),
        "custom_name": node.custom_name,
        **{key: getattr(node, key) for key in MATH_KEYS},
        "properties": node.filters.to_wire() if node.filters else {},
    }
    if node.math_multiplier is not None:
        entity["math_multiplier"] = node.math_multiplier
    if node.optional_in_funnel:
        entity["optionalInFunnel"] = True
    if isinstance(node, GroupNode):
        entity["nestedFilters"] = [completed_entity(member, at) for at, member in enumerate(node.nodes)]
    return entity


def _id_of(node: Series) -> str | int | None:
    if isinstance(node, ActionsNode):
        return node.id
    return node.event if isinstance(node, EventsNode) else None


def _name_of(node: Series) -> str | None:
    """The event's name; an action's name is not known here."""
    if isinstance(node, EventsNode):
        return node.event if node.event is not None else ALL_EVENTS
    return None
