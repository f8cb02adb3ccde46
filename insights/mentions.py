"""What a saved question mentions, so that lists can filter by it (api P5). Pure: JSON in, words out.

The walk is by shape and not by node class: old `filters`, nodes and kinds this server does not compute
are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WRAPPERS = frozenset({"InsightVizNode", "DataVisualizationNode", "DataTableNode"})  # api P25
TYPES = {
    "TrendsQuery": "TRENDS",
    "FunnelsQuery": "FUNNELS",
    "RetentionQuery": "RETENTION",
    "PathsQuery": "PATHS",
    "StickinessQuery": "STICKINESS",
    "LifecycleQuery": "LIFECYCLE",
}
JSON, SQL = "JSON", "SQL"
INSIGHT_TYPES = (*TYPES.values(), JSON, SQL)
FLAG_PREFIX = "$feature/"
EVENT_KINDS = ("EventsNode", "EventsQuery")


@dataclass(frozen=True, slots=True)
class Mentions:
    """`insight_type` is one of INSIGHT_TYPES; the names are sorted and without repetition."""

    insight_type: str
    event_names: list[str]
    feature_flags: list[str]


def mentions(query: Mapping[str, Any] | None, filters: Mapping[str, Any]) -> Mentions:
    """What the question that would be computed mentions: the query, or else the filters (api P24)."""
    question = filters if query is None else query
    found = list(_objects(question))
    return Mentions(
        insight_type=_legacy_type(filters) if query is None else _query_type(query),
        event_names=sorted({name for each in found for name in _event_names(each)}),
        feature_flags=sorted({flag for each in found for flag in _feature_flags(each)}),
    )


def source_of(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node inside a wrapper, or the node itself when it is stored bare (api P25)."""
    return query["source"] if is_wrapper(query) else query


def is_wrapper(query: Mapping[str, Any]) -> bool:
    """Whether the query only says how its `source` is shown."""
    kind, source = query.get("kind"), query.get("source")
    return isinstance(kind, str) and kind in WRAPPERS and isinstance(source, Mapping)


def _legacy_type(filters: Mapping[str, Any]) -> str:
    word = str(filters.get("insight") or "TRENDS").upper()
    return word if word in TYPES.values() else "TRENDS"  # api T10: SESSIONS counts as TRENDS


def _query_type(query: Mapping[str, Any]) -> str:
    source = source_of(query)
    if source.get("kind") == "HogQLQuery" and source is not query:
        return SQL
    return TYPES.get(str(source.get("kind")), JSON)


def _objects(root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every object of a JSON tree. A stack instead of recursion: foreign JSON may be deep."""
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _event_names(each: Mapping[str, Any]) -> Iterator[str]:
    if each.get("kind") in EVENT_KINDS:
        yield from _texts(each.get("event"))
    if each.get("type") == "events":  # an entity of `filters`, also as target of a retention
        yield from _texts(each.get("id"))
    entities = each.get("events")
    for entity in entities if isinstance(entities, list) else ():
        yield from _texts(entity.get("id") if isinstance(entity, Mapping) else entity)


def _feature_flags(each: Mapping[str, Any]) -> Iterator[str]:
    if each.get("type") == "feature":  # a property filter on the flag itself (api T5)
        for key in _texts(each.get("key")):
            yield key.removeprefix(FLAG_PREFIX)
    for name in ("key", "breakdown", "property"):
        for text in _texts(each.get(name)):
            if text.startswith(FLAG_PREFIX):
                yield text.removeprefix(FLAG_PREFIX)


def _texts(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, str) and item:
            yield item
