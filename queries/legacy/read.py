"""Parameters of an endpoint, or saved `filters`, as a checked node (api S, T10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from queries.correlation.node import FunnelCorrelationQuery
from queries.errors import InvalidQuery, Path, QueryError, join_path
from queries.funnels.node import FunnelsQuery
from queries.funnels.validate import check_steps
from queries.legacy.names import INSIGHTS
from queries.legacy.params import Params, invalid, read_params
from queries.legacy.prepare import Reading
from queries.legacy.spelling import legacy_error, spelling
from queries.legacy.to_filters import filter_echo
from queries.legacy.to_node import convert
from queries.parse import BOUNDS, CHOICES, Raiser, read_node
from queries.properties import PropertyFilter, read_properties
from queries.validate import check
from queries.wrappers import SourceNode, source_of

Json = dict[str, Any]
ALIASES = {"SESSIONS": "TRENDS", "FUNNEL_CORRELATION": "CORRELATION"}  # api T10
SHOWN_AS = {"stickiness": "STICKINESS", "lifecycle": "LIFECYCLE"}  # api S.2


@dataclass(frozen=True, slots=True)
class LegacyQuery:
    """What was understood: the node, the known parameters as values, and the way back for errors.

    `spell` turns a path into the node into the parameter the caller wrote, for errors found later:
    `error.spelled(query.spell)`.
    """

    node: SourceNode
    params: Params
    spell: Callable[[Path], str | None]

    @property
    def echo(self) -> Json:
        """The `filter` of the answer (api S5)."""
        return filter_echo(self.node, self.params)


def parse_legacy(
    params: Mapping[str, Any],
    *,
    insight: str | None = None,
    endpoint: bool = True,
    group_types: Mapping[int, str] | None = None,
) -> SourceNode:
    """The node that the parameters describe; see `read_legacy`."""
    return read_legacy(params, insight=insight, endpoint=endpoint, group_types=group_types).node


def read_legacy(
    params: Mapping[str, Any],
    *,
    insight: str | None = None,
    endpoint: bool = True,
    group_types: Mapping[int, str] | None = None,
) -> LegacyQuery:
    """The question behind old parameters.

    `insight` is the endpoint's (`TRENDS`, `FUNNELS`, `CORRELATION`, `PATHS`, `RETENTION`); None takes it
    from the parameters, as saved filters do. `endpoint` chooses the defaults (api S16, S17, S22).
    QueryError with `attr` in the parameters' spelling.
    """
    known = read_params(params)
    reading = Reading(insight_of(known, insight), endpoint, group_types or {})
    converted = convert(known, reading)
    spell = spelling(converted, reading, known)
    try:
        node = source_of(read_node(converted.node, parameter_error))
        if endpoint and isinstance(node, FunnelsQuery):
            check_steps(node, always=True)  # api S24
        if endpoint and isinstance(node, FunnelCorrelationQuery):
            check_steps(node.source.source, ("source", "source"), always=True)
        check(node)
    except QueryError as exc:
        raise legacy_error(exc, spell) from exc
    return LegacyQuery(node, known, spell)


def filters_to_node(filters: Mapping[str, Any], *, attr: str | None = None) -> SourceNode:
    """The node of saved `filters`. `attr` goes before the name of a wrong one: `filters__events__0__id`."""
    try:
        return parse_legacy(filters, endpoint=False)
    except QueryError as exc:
        if attr is None:
            raise
        raise exc.spelled(lambda path: join_path((attr, *path))) from exc


def filters_to_query(filters: Mapping[str, Any]) -> Json:
    """The JSON of the node of saved `filters`, to be shown and stored (api P27, T10).

    Unlike `filters_to_node(...).to_wire()` it keeps the keys that only concern the picture and fills in
    no defaults. QueryError when the filters make no sense.
    """
    known = read_params(filters)
    reading = Reading(insight_of(known, None), endpoint=False)
    filters_to_node(filters)
    node = convert(known, reading).node
    if "properties" in node:
        node["properties"] = nested(node["properties"])
    return {key: value for key, value in node.items() if value is not None}


def nested(raw: object) -> Json | None:
    """Properties as group of groups: a single level of leaves is wrapped in one more (api T10)."""
    group = read_properties(raw)
    if group is None:
        return None
    if all(isinstance(value, PropertyFilter) for value in group.values):
        return {"type": "AND", "values": [group.to_wire()]}
    return group.to_wire()


def insight_of(params: Mapping[str, Any], endpoint: str | None) -> str:
    """Which insight is asked for: the endpoint's own, or what the parameters say (api S4, T10)."""
    said = str(params.get("insight") or "").upper()
    wanted = ALIASES.get(said, said)
    if endpoint is not None and endpoint != "TRENDS":
        return endpoint
    shown = SHOWN_AS.get(str(params.get("shown_as") or "").lower(), "TRENDS")
    if endpoint == "TRENDS":
        return wanted if wanted in SHOWN_AS.values() else shown
    if wanted and wanted not in INSIGHTS:
        raise invalid("insight", f'"{params["insight"]}" is not a valid choice.', "invalid_choice")
    return shown if wanted in ("", "TRENDS") else wanted


def parameter_error(kind: str) -> Raiser:
    """In parameters a wrong word is a choice and a wrong type an input (api S4, S24)."""
    if kind in CHOICES:
        return InvalidQuery, "invalid_choice"
    if kind == "tuple_type":
        return InvalidQuery, "not_a_list"
    return BOUNDS.get(kind, (InvalidQuery, "invalid_input"))
