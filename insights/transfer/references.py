"""Ids inside saved questions: actions and cohorts that a filter, a series or a breakdown names.

They are other numbers on another server. The rules say in which objects an id stands and what it is an
id of; everything else is left as it is. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from queries.properties import as_whole

Json = Any
ACTIONS, COHORTS = "actions", "cohorts"
COHORT_TYPES = frozenset({"cohort", "static-cohort", "dynamic-cohort", "precalculated-cohort"})
ACTION_NODES = frozenset({"ActionsNode", "FunnelExclusionActionsNode"})
COHORT_IN_SQL = re.compile(r"\bcohort\s+('[^']*'|\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """In an object that fits, `key` holds the id, or a list of ids, of a thing of `kind`."""

    fits: Callable[[Mapping[str, Json]], bool]
    key: str
    kind: str


RULES = (
    Rule(lambda part: part.get("kind") in ACTION_NODES, "id", ACTIONS),
    Rule(lambda part: part.get("kind") == "EventsQuery", "actionId", ACTIONS),
    Rule(lambda part: part.get("type") == "actions", "id", ACTIONS),
    Rule(lambda part: part.get("event_type") == "actions", "key", ACTIONS),
    Rule(lambda part: part.get("seq_event_type") == "actions", "seq_event", ACTIONS),
    Rule(lambda part: part.get("type") in COHORT_TYPES and "property" not in part, "value", COHORTS),
    Rule(lambda part: part.get("type") == "cohort" and "property" in part, "property", COHORTS),
    Rule(lambda part: part.get("breakdown_type") == "cohort", "breakdown", COHORTS),
)


@dataclass(slots=True)
class References:
    """Old ids to new ones, by kind; what had no new one is noted in `missing`."""

    known: Mapping[str, Mapping[str, int]]
    missing: set[tuple[str, str]] = field(default_factory=set)

    def renumbered(self, value: Json, key: str = "") -> Json:
        """The same value with the ids of here; an unknown id stays, since it names nothing either way."""
        if isinstance(value, list):
            return [self.renumbered(self._legacy_action(item, key)) for item in value]
        if not isinstance(value, Mapping):
            return value
        changed = {name: self.renumbered(part, name) for name, part in value.items()}
        for rule in RULES:
            if rule.key in changed and rule.fits(value):
                changed[rule.key] = self._renumbered_ids(changed[rule.key], rule.kind)
        return changed

    def _legacy_action(self, item: Json, key: str) -> Json:
        """Entries of an old `actions` list need not say their type."""
        if key != ACTIONS or not isinstance(item, Mapping) or "type" in item or "id" not in item:
            return item
        return {**item, "id": self._renumbered_ids(item["id"], ACTIONS)}

    def _renumbered_ids(self, ids: Json, kind: str) -> Json:
        if isinstance(ids, list):
            return [self._renumbered_ids(each, kind) for each in ids]
        number = as_whole(ids)
        if number is None:  # "all", or no id at all
            return ids
        new = self.known.get(kind, {}).get(str(number))
        if new is None:
            self.missing.add((kind, str(number)))
            return ids
        return str(new) if isinstance(ids, str) else new


def named(value: Json, kind: str) -> set[str]:
    """The ids of this kind that a value names."""
    everything = References({})
    everything.renumbered(value)
    return {number for found, number in everything.missing if found == kind}


def cohorts_in_sql(value: Json) -> Iterator[str]:
    """Cohorts that SQL text names; an id in there is not rewritten, so somebody has to look."""
    if isinstance(value, str):
        yield from COHORT_IN_SQL.findall(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from cohorts_in_sql(part)
    elif isinstance(value, list):
        for part in value:
            yield from cohorts_in_sql(part)
