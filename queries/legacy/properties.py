"""Property filters as old clients saved them (semantics C6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.properties import LEAF_KEYS, VALUELESS


def without_incomplete(raw: Any) -> Any:
    """The same filters without leaves that have no key, or no value where one is needed."""
    if isinstance(raw, list):
        return [without_incomplete(item) for item in raw if _is_complete(item)]
    if isinstance(raw, Mapping) and isinstance(raw.get("values"), list) and "key" not in raw:
        return {**raw, "values": without_incomplete(raw["values"])}
    if isinstance(raw, Mapping) and not (LEAF_KEYS & raw.keys()):  # the oldest form
        return {key: value for key, value in raw.items() if value is not None}
    return raw if _is_complete(raw) else None


def _is_complete(raw: Any) -> bool:
    if not isinstance(raw, Mapping):
        return isinstance(raw, list)
    if "values" in raw and "key" not in raw:
        return True
    if "key" in raw:
        needs_none = raw.get("operator") in VALUELESS or raw.get("type") == "hogql"
        return raw["key"] is not None and (needs_none or raw.get("value") is not None)
    return not (LEAF_KEYS & raw.keys())  # the oldest form, or nothing at all
