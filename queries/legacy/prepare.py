"""Before renaming: parameters that say something about each other are settled (api S.2, S.4, S16, T10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from queries.errors import UnknownReference
from queries.legacy.names import COMPARE
from queries.legacy.params import Params, invalid
from queries.legacy.properties import without_incomplete
from queries.nodes import Display

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """How parameters are to be read. `group_types`: index -> name, for a group type given by name (S16)."""

    insight: str
    endpoint: bool
    group_types: Mapping[int, str] = field(default_factory=dict)


def prepared(params: Params, reading: Reading) -> Params:
    """The same parameters with those settled that depend on others, on the insight or on the caller."""
    given = dict(params)
    for step in (_properties, _breakdown, _display, _comparison, _group_type):
        step(given, reading)
    return given


def _properties(given: Params, reading: Reading) -> None:
    """C6: what old clients left unfinished in a saved filter is ignored."""
    if reading.endpoint:
        return
    if "properties" in given:
        given["properties"] = without_incomplete(given["properties"])
    for name in ("events", "actions", "exclusions"):
        if isinstance(given.get(name), list):
            given[name] = [_complete(entity) for entity in given[name]]
    for name in ("target_entity", "returning_entity"):
        if name in given:
            given[name] = _complete(given[name])


def _complete(entity: Any) -> Any:
    if not isinstance(entity, Mapping) or "properties" not in entity:
        return entity
    return {**entity, "properties": without_incomplete(entity["properties"])}


def _breakdown(given: Params, reading: Reading) -> None:
    if given.get("breakdown") == []:
        del given["breakdown"]
    entries = given.get("breakdowns")
    if entries is not None:
        given["breakdowns"] = [_breakdown_entry(entry, at, given) for at, entry in enumerate(entries)]
    if reading.endpoint:
        _check_endpoint_breakdown(given, reading)
    elif entries is not None and len(entries) == 1:  # api T10: only several stay a list
        _unwrap_breakdown(given)


BREAKDOWN_KEYS = ("property", "type", "group_type_index", "histogram_bin_count", "normalize_url")
SINGLE_BREAKDOWN = {  # key of an entry of `breakdowns` -> parameter of a single breakdown
    "property": "breakdown",
    "type": "breakdown_type",
    "group_type_index": "breakdown_group_type_index",
    "histogram_bin_count": "breakdown_histogram_bin_count",
    "normalize_url": "breakdown_normalize_url",
}


def _breakdown_entry(entry: Any, position: int, given: Params) -> Json:
    if not isinstance(entry, Mapping):
        raise invalid(f"breakdowns__{position}", "A breakdown is an object with a property.")
    kept = {key: entry[key] for key in BREAKDOWN_KEYS if entry.get(key) is not None}
    if "type" not in kept and "breakdown_type" in given:
        kept["type"] = given["breakdown_type"]
    return kept


def _unwrap_breakdown(given: Params) -> None:
    (entry,) = given.pop("breakdowns")
    for name in SINGLE_BREAKDOWN.values():
        given.pop(name, None)
    given.update({SINGLE_BREAKDOWN[key]: value for key, value in entry.items()})


def _check_endpoint_breakdown(given: Params, reading: Reading) -> None:
    """api S.2: cohorts come as a list; on trends everything else is one text."""
    wanted = given.get("breakdown")
    if wanted is None or given.get("breakdowns"):
        return
    if given.get("breakdown_type") == "cohort" and not isinstance(wanted, list):
        raise invalid("breakdown", 'A cohort breakdown is a list of cohort ids or "all".')
    if given.get("breakdown_type") != "cohort" and not isinstance(wanted, str):
        is_funnel = reading.insight != "TRENDS" and isinstance(wanted, list)
        if not is_funnel:
            raise invalid("breakdown", "A breakdown names a property.")


def _display(given: Params, reading: Reading) -> None:
    """Only trends have a display that matters; saved filters may hold one that nobody knows (T10)."""
    display = given.get("display")
    if reading.insight == "FUNNELS" and display == Display.LINE and "funnel_viz_type" not in given:
        given["funnel_viz_type"] = "trends"  # api S.4
    if reading.insight == "TRENDS" and not reading.endpoint and display not in frozenset(Display):
        given.pop("display", None)


def _comparison(given: Params, reading: Reading) -> None:
    """api S.2: `compare_to` means something only with `compare`."""
    if reading.endpoint and not given.get("compare"):
        for name in COMPARE:
            given.pop(name, None)


def _group_type(given: Params, reading: Reading) -> None:
    """api S16: on the two funnel endpoints 0 means persons, and a group type may be named."""
    if reading.insight != "FUNNELS" or not reading.endpoint:
        return
    if given.get("aggregation_group_type_index") == 0:
        del given["aggregation_group_type_index"]
    wanted = given.get("funnel_aggregate_by_group_type")
    if wanted is None:
        return
    for index, name in reading.group_types.items():
        if name == wanted:
            given["aggregation_group_type_index"] = index
            return
    raise UnknownReference(
        f'There is no group type "{wanted}" in this project.', attr="funnel_aggregate_by_group_type"
    )
