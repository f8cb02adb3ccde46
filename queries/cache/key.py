"""The name under which an answer is kept: one question in one project, as far as numbers go (api R9).

Two requests share an entry exactly when nothing that could make their numbers differ differs: the node in
its normal form (`Part.to_wire`: no presentation, no order of keys, no defaults), and those parts of the
project that the node leans on. A limit is not in the key, because a query that runs into one has no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import orjson

from queries.context import ProjectContext
from queries.part import Part
from queries.properties import PropertyGroup
from queries.wrappers import SourceNode

# Raise it when the same question over the same events gets another answer, or another shape of answer.
ENGINE_VERSION = 1

# Kinds and options whose text may name anything of the project.
FREE_TEXT_KINDS = frozenset({"HogQLQuery", "EventsQuery"})
FREE_TEXT_KEYS = frozenset({"math_hogql", "funnelAggregateByHogQL", "pathsHogQLExpression", "select"})
CLEANED_BY = frozenset({"PathsQuery", "breakdown_path_cleaning", "is_cleaned_path_exact"})


@dataclass(frozen=True, slots=True)
class Mentions:
    """What of its project a question names. `has_free_text`: it may name anything (SQL)."""

    has_free_text: bool
    actions: frozenset[int]
    cohorts: frozenset[int]

    @property
    def needs_definitions(self) -> bool:
        """Whether the project's actions and cohorts have to be known; one may refer to another."""
        return self.has_free_text or bool(self.actions or self.cohorts)


def cache_key(node: SourceNode, ctx: ProjectContext) -> str:
    """`cache_` and 64 hexadecimal digits."""
    wire = node.to_wire()
    facts = {"engine": ENGINE_VERSION, "query": wire, "project": _project_facts(wire, ctx)}
    text = orjson.dumps(facts, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return f"cache_{hashlib.sha256(text).hexdigest()}"


def mentions(wire: Any) -> Mentions:
    """The actions and cohorts in a question's JSON, wherever in it they stand."""
    found = list(_objects(wire))
    return Mentions(
        has_free_text=any(_has_free_text(each) for each in found),
        actions=frozenset(number for each in found for number in _action_ids(each)),
        cohorts=frozenset(number for each in found for number in _cohort_ids(each)),
    )


def uses_test_filters(wire: Any) -> bool:
    """Whether the project's test-account filters take part (semantics C34)."""
    return any(each.get("filterTestAccounts") for each in _objects(wire))


# --- the project, as far as this question leans on it ----------------------------------------------------


def _project_facts(wire: Mapping[str, Any], ctx: ProjectContext) -> dict[str, Any]:
    tests = _wire(ctx.test_account_filters) if uses_test_filters(wire) else None
    named = mentions([wire, tests])
    definitions = _definitions(named, ctx)
    words = set(_texts([wire, tests, definitions]))
    return {
        "id": ctx.project_id,
        "timezone": ctx.timezone,
        "week_start": ctx.week_start,
        "person_properties": ctx.person_properties_mode,
        "by_distinct_id": ctx.aggregate_by_distinct_id,
        "friendly_comparison": ctx.human_friendly_comparison_periods,
        "test_filters": tests,
        "path_cleaning": ctx.path_cleaning if named.has_free_text or words & CLEANED_BY else None,
        "definitions": definitions,
        "property_types": _property_types(ctx, None if named.has_free_text else words),
        "group_types": dict(ctx.group_types) if named.has_free_text else None,
    }


def _definitions(named: Mentions, ctx: ProjectContext) -> list[list[Any]]:
    """The actions and cohorts that are named, and those they name in turn, each as JSON that changes
    whenever its meaning does; None stands for one that does not exist."""
    waiting = _references(named)
    if named.has_free_text:
        waiting += [("action", each) for each in ctx.actions] + [("cohort", each) for each in ctx.cohorts]
    found: dict[tuple[str, int], Any] = {}
    while waiting:
        reference = waiting.pop()
        if reference in found:
            continue
        kind, number = reference
        value = ctx.actions.get(number) if kind == "action" else ctx.cohorts.get(number)
        found[reference] = None if value is None else _plain(value)
        waiting += _references(mentions(found[reference]))
    return [[*reference, found[reference]] for reference in sorted(found)]


def _references(named: Mentions) -> list[tuple[str, int]]:
    return [("action", each) for each in named.actions] + [("cohort", each) for each in named.cohorts]


def _property_types(ctx: ProjectContext, words: set[str] | None) -> list[list[str]]:
    """Declared types of the properties that are mentioned at all (semantics C4); None: of every one."""
    return sorted(
        [scope, name, declared]
        for (scope, name), declared in ctx.property_types.items()
        if words is None or name in words
    )


# --- walking JSON ------------------------------------------------------------------------------------------


def _objects(root: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a JSON tree."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _texts(root: Any) -> Iterator[str]:
    """Every text of a JSON tree, keys included."""
    for each in _objects(root):
        yield from (key for key in each if isinstance(key, str))
        for value in each.values():
            items = value if isinstance(value, list | tuple) else (value,)
            yield from (item for item in items if isinstance(item, str))


def _has_free_text(each: Mapping[str, Any]) -> bool:
    return (
        each.get("kind") in FREE_TEXT_KINDS
        or any(each.get(name) for name in FREE_TEXT_KEYS)
        or "hogql" in (each.get("type"), each.get("breakdown_type"))
    )


def _action_ids(each: Mapping[str, Any]) -> Iterator[int]:
    if each.get("kind") == "ActionsNode" or each.get("type") == "actions":
        yield from _numbers(each.get("id"))
    if each.get("event_type") == "actions":  # behaviours in a cohort's definition
        yield from _numbers(each.get("key"))
    if each.get("seq_event_type") == "actions":
        yield from _numbers(each.get("seq_event"))


def _cohort_ids(each: Mapping[str, Any]) -> Iterator[int]:
    if str(each.get("type") or "").endswith("cohort"):
        yield from _numbers(each.get("value"))
        yield from _numbers(each.get("property"))
    if each.get("breakdown_type") == "cohort":
        yield from _numbers(each.get("breakdown"))


def _numbers(value: Any) -> Iterator[int]:
    for item in value if isinstance(value, list | tuple) else (value,):
        if isinstance(item, int) or (isinstance(item, str) and item.isdecimal()):
            yield int(item)


# --- values as JSON --------------------------------------------------------------------------------------


def _wire(group: PropertyGroup | None) -> Any:
    return None if group is None else group.to_wire()


def _plain(value: Any) -> Any:
    """Any value of a context as JSON: parts of nodes and frozen values that hold some."""
    if isinstance(value, Part):
        return value.to_wire()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
