"""Where in the caller's parameters a path into the node is found, so that an error can name it (api N5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queries.errors import Path, QueryError, join_path
from queries.legacy.names import INSIGHTS, STEP_NAMES, Names
from queries.legacy.params import Params
from queries.legacy.prepare import Reading
from queries.legacy.to_node import Converted

# Parts that have another name inside an entity (api T1).
ENTITY_PARTS = {"event": "id", "nodes": "nestedFilters", **STEP_NAMES}
MATH_NEEDS = ("math_property", "math_group_type_index", "math_hogql")
CORRELATION_FUNNEL = ("source", "source")
PATH_FUNNEL = ("funnelPathsFilter", "funnelSource")
PATH_STEP = ("funnelPathsFilter", "funnelStep")


def legacy_error(error: QueryError, spell: Callable[[Path], str | None]) -> QueryError:
    """The error in the parameters' spelling. What a math needs is named without its series (api T2)."""
    needed = error.attr.rpartition("__") if error.attr else ("", "", "")
    name = next((need for need in MATH_NEEDS if error.attr and error.attr.endswith(f"__{need}")), None)
    if error.code == "required" and name and needed[0].startswith("series"):
        return error.spelled(lambda path: name)
    return error.spelled(spell)


def spelling(converted: Converted, reading: Reading, params: Params) -> Callable[[Path], str | None]:
    """Path into the node -> `attr` of the parameter the caller wrote."""

    def spell(path: Path) -> str | None:
        return join_path(_into_tree(_parameter(path, converted, reading.insight, params)))

    return spell


def _into_tree(path: Path) -> Path:
    """A list of filters is named as the group it stands for: `properties__values__0__value` (api T4)."""
    if "properties" not in path:
        return path
    at = path.index("properties") + 1
    is_list = at < len(path) and isinstance(path[at], int)
    return (*path[:at], "values", *path[at:]) if is_list else path


def _parameter(path: Path, converted: Converted, insight: str, params: Params) -> Path:
    if insight == "CORRELATION" and path[:2] == CORRELATION_FUNNEL:
        return _parameter(path[2:], converted, "FUNNELS", params)
    if path[:2] == PATH_FUNNEL and converted.funnel is not None:
        return ("funnel_filter", *_parameter(path[2:], converted.funnel, "FUNNELS", params))
    if path[:2] == PATH_STEP:
        return ("funnel_filter", "funnel_step")
    if path[:1] == ("series",):
        return _entity(path, converted)
    return _renamed(path, INSIGHTS[insight][1], params)


def _entity(path: Path, converted: Converted) -> Path:
    position = path[1] if len(path) > 1 else None
    if not isinstance(position, int) or position >= len(converted.entities):
        return ("events",)
    return (*converted.entities[position].origin.path, *_entity_parts(path[2:]))


def _entity_parts(path: Path) -> Path:
    return tuple(ENTITY_PARTS.get(part, part) if isinstance(part, str) else part for part in path)


def _renamed(path: Path, names: Names, params: Params) -> Path:
    for name, prefix in names.items():
        if path[: len(prefix)] == prefix:
            return (_as_written(name, params), *_entity_parts(path[len(prefix) :]))
    return path


def _as_written(name: str, params: dict[str, Any]) -> str:
    """The window's unit has two names; the error uses the caller's (api S.4)."""
    if (
        name == "funnel_window_interval_type"
        and name not in params
        and "funnel_window_interval_unit" in params
    ):
        return "funnel_window_interval_unit"
    return name
