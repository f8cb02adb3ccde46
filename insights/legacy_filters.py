"""The border to old `filters` (api P26): tidied on the way in, checked by converting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.legacy import filters_to_node

Json = dict[str, Any]
ENTITY_LISTS = ("events", "actions", "exclusions")
ENTITIES = ("target_entity", "returning_entity")


def tidy_filters(filters: Mapping[str, Any]) -> Json:
    """The filters with each `custom_name` as trimmed text, or null when nothing is left of it."""
    tidied = dict(filters)
    for name in ENTITY_LISTS:
        if isinstance(filters.get(name), list):
            tidied[name] = [_tidy_entity(entity) for entity in filters[name]]
    for name in ENTITIES:
        tidied |= {name: _tidy_entity(filters[name])} if name in filters else {}
    return tidied


def is_question(filters: Mapping[str, Any]) -> bool:
    """Whether the filters ask anything: `{}` and the bare kind that stands for it do not (api P27)."""
    return bool(filters.keys() - {"insight"})


def check_filters(filters: Mapping[str, Any], attr: str = "filters") -> None:
    """QueryError at `filters__...` when they cannot be converted."""
    if is_question(filters):
        filters_to_node(filters, attr=attr)


def _tidy_entity(entity: Any) -> Any:
    if not isinstance(entity, Mapping) or "custom_name" not in entity:
        return entity
    name = entity["custom_name"]
    return {**entity, "custom_name": str(name).strip() or None if name is not None else None}
