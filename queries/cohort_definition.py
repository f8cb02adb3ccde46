"""The filter tree of a dynamic cohort: JSON to values, and the rules a definition must keep (B26-B33).

Pure: what it refers to is looked up by whoever evaluates it. Errors are InvalidQuery with `attr` as a path
into the JSON (`properties__values__0__time_value`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from queries.errors import InvalidQuery, Path, join_path
from queries.properties import PropertyFilter, PropertyGroup, as_whole, leaves, read_properties
from queries.vocabulary import GroupOperator, Operator, PropertyType

MAX_DEPTH = 20
MAX_COUNT = 1_000_000
MAX_UNITS = 10_000
MAX_PERIODS = 366
UNITS = {"minute": "M", "hour": "h", "day": "d", "week": "w", "month": "m", "year": "y"}
COUNT_OPERATORS = {  # B28; the right side is SQL
    "gte": ">=", "lte": "<=", "gt": ">", "lt": "<", "eq": "=", "exact": "=",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ago:
    """`number` units before now, as the date text that says so."""

    number: int
    unit: str

    @property
    def text(self) -> str:
        return f"-{self.number}{UNITS[self.unit]}"

    def times(self, factor: int) -> Ago:
        return Ago(self.number * factor, self.unit)


@dataclass(frozen=True, slots=True)
class Matched:
    """The events a behaviour is about: a name or an action, and filters on the event."""

    event: str | None
    action_id: int | None
    filters: PropertyGroup | None = None


@dataclass(frozen=True, slots=True)
class PersonLeaf:
    """A person property."""

    filter: PropertyFilter
    negated: bool


@dataclass(frozen=True, slots=True)
class CohortLeaf:
    """Membership of another cohort."""

    cohort_id: int
    negated: bool


@dataclass(frozen=True, slots=True)
class BehaviourLeaf:
    """What somebody did. Which fields are set depends on `kind`, a key of `BEHAVIOURS`.

    `window` and `since` (a date text) exclude each other. `then` and `within` are the second event of a
    sequence and the later bound of stopped and restarted. `operator` is SQL.
    """

    kind: str
    events: Matched
    negated: bool
    window: Ago | None = None
    since: str | None = None
    operator: str = ">="
    count: int = 1
    then: Matched | None = None
    within: Ago | None = None
    periods: int = 0
    least_periods: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """AND / OR; without values it holds for nobody (B26)."""

    type: GroupOperator
    values: tuple[Group | Leaf, ...]


Leaf = PersonLeaf | CohortLeaf | BehaviourLeaf


def read_cohort(filters: object) -> Group:
    """The tree of `{"properties": {...}}`, of the group itself, or of nothing. InvalidQuery with a path."""
    if isinstance(filters, Mapping) and "properties" in filters:
        return _read_group(filters["properties"], ("properties",))
    return _read_group(filters, ())


def validate_cohort(
    filters: object, own_id: int | None = None, others: Mapping[int, object] | None = None
) -> Group:
    """The tree of a definition about to be saved. InvalidQuery for a broken rule.

    `others` are the definitions of the project's dynamic cohorts by id, to find circles (B26). A tree
    that selects everybody but some is refused: negations need something positive beside them (B27).
    """
    tree = read_cohort(filters)
    if tree.values and _is_negative(tree):
        raise InvalidQuery(
            "A negated condition needs a positive one beside it in the same AND group.", attr="properties"
        )
    if own_id is not None and own_id in _reachable(tree, others or {}):
        raise InvalidQuery("The cohort would contain itself, directly or through others.", attr="properties")
    return tree


def cohorts_named(tree: Group) -> Iterator[int]:
    """The cohorts the tree refers to itself."""
    return (leaf.cohort_id for leaf in tree_leaves(tree) if isinstance(leaf, CohortLeaf))


def actions_named(tree: Group) -> Iterator[int]:
    """The actions the tree refers to itself."""
    for leaf in tree_leaves(tree):
        if isinstance(leaf, BehaviourLeaf):
            for events in (leaf.events, leaf.then):
                if events is not None and events.action_id is not None:
                    yield events.action_id


def tree_leaves(tree: Group) -> Iterator[Leaf]:
    for value in tree.values:
        if isinstance(value, Group):
            yield from tree_leaves(value)
        else:
            yield value


# --- rules of the whole tree -------------------------------------------------------------------------


def _is_negative(node: Group | Leaf) -> bool:
    """Whether it holds for everybody but some: nothing in it says who is meant in the first place."""
    if not isinstance(node, Group):
        return node.negated
    negative = [_is_negative(value) for value in node.values]
    return all(negative) if node.type is GroupOperator.AND else any(negative)


def _reachable(tree: Group, others: Mapping[int, object]) -> set[int]:
    found: set[int] = set()
    waiting = list(cohorts_named(tree))
    while waiting:
        cohort_id = waiting.pop()
        if cohort_id in found:
            continue
        found.add(cohort_id)
        if cohort_id in others:
            waiting.extend(_named_in(others[cohort_id]))
    return found


def _named_in(filters: object) -> list[int]:
    try:
        return list(cohorts_named(read_cohort(filters)))
    except InvalidQuery:  # saved before a rule existed; it refers to nothing then
        return []


# --- reading -----------------------------------------------------------------------------------------


def _read_group(raw: object, path: Path) -> Group:
    if len(path) > 2 * MAX_DEPTH:
        raise _refused(f"The groups are nested more than {MAX_DEPTH} levels deep.", path)
    if raw is None or raw == {} or raw == []:
        return Group(GroupOperator.AND, ())
    if isinstance(raw, list):
        return Group(GroupOperator.AND, tuple(_read(value, (*path, i)) for i, value in enumerate(raw)))
    if not isinstance(raw, Mapping) or not isinstance(raw.get("values", []), list):
        raise _refused("A group is an object with a type (AND or OR) and a list of values.", path)
    word = str(raw.get("type") or "AND").upper()
    if word not in ("AND", "OR"):
        raise _refused(f'"{raw.get("type")}" is not AND or OR.', (*path, "type"), "invalid_choice")
    inside = (*path, "values")
    return Group(
        GroupOperator(word),
        tuple(_read(value, (*inside, i)) for i, value in enumerate(raw.get("values", []))),
    )


def _read(raw: object, path: Path) -> Group | Leaf:
    if isinstance(raw, list) or (isinstance(raw, Mapping) and "values" in raw and "key" not in raw):
        return _read_group(raw, path)
    if not isinstance(raw, Mapping):
        raise _refused("A condition is an object.", path)
    word = raw.get("type") or "person"
    if word == "behavioral":
        return _read_behaviour(raw, path)
    if word in ("person", "cohort", "static-cohort", "precalculated-cohort"):
        return _read_leaf(raw, word, path)
    raise _refused(f'"{word}" cannot be used in a cohort.', (*path, "type"), "invalid_choice")


def _read_leaf(raw: Mapping[str, Any], word: str, path: Path) -> PersonLeaf | CohortLeaf:
    given = {**raw, "type": word, "key": raw.get("key") or ("id" if word != "person" else None)}
    leaf = _property_filter({k: v for k, v in given.items() if k != "negation"}, path)
    negated = bool(raw.get("negation"))
    if leaf.type is PropertyType.COHORT:
        cohort_id = as_whole(leaf.value)
        assert cohort_id is not None  # a rule of `queries.properties`
        return CohortLeaf(cohort_id, negated != (leaf.operator is Operator.NOT_IN))
    return PersonLeaf(leaf, negated)


def _property_filter(raw: Mapping[str, Any], path: Path) -> PropertyFilter:
    return leaves(_properties([raw], path, prefix=2))[0]


def _properties(raw: object, path: Path, prefix: int = 0) -> PropertyGroup | None:
    try:
        return read_properties(raw)
    except PydanticCustomError as exc:
        context: Mapping[str, Any] = exc.context or {}  # as `queries.part.complaint` made it
        inner = tuple(context.get("path", ()))[1 if prefix else 0 :]
        raise InvalidQuery(
            str(context.get("detail", exc.message())), code=exc.type, attr=join_path((*path, *inner))
        ) from exc


def _refused(detail: str, path: Path, code: str = "invalid_input") -> InvalidQuery:
    return InvalidQuery(detail, code=code, attr=join_path(path))


# --- behaviours --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Given:
    """The keys of one behavioural leaf; each reader names what is missing or wrong."""

    raw: Mapping[str, Any]
    path: Path

    def required(self, key: str) -> Any:  # a JSON value
        value = self.raw.get(key)
        if value is None or value == "":
            raise _refused("This field is required.", (*self.path, key), "required")
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        number = as_whole(self.required(key))
        if number is None:
            raise _refused("A whole number is required.", (*self.path, key))
        if not least <= number <= most:
            raise _refused(f"Ensure this value is between {least} and {most}.", (*self.path, key))
        return number

    def ago(self, value: str, unit: str) -> Ago:
        word = str(self.required(unit)).lower().removesuffix("s")
        if word not in UNITS:
            raise _refused(f'"{word}" is not a unit of time.', (*self.path, unit), "invalid_choice")
        return Ago(self.whole(value, 1, MAX_UNITS), word)

    def events(self, key: str, type_key: str) -> Matched:
        name, kind = self.required(key), self.raw.get(type_key) or "events"
        if kind == "events":
            return Matched(str(name), None)
        if kind != "actions":
            raise _refused(f'"{kind}" is not events or actions.', (*self.path, type_key), "invalid_choice")
        action_id = as_whole(name)
        if action_id is None:
            raise _refused("The id of an action is required.", (*self.path, key))
        return Matched(None, action_id)

    def operator(self) -> str:
        word = str(self.required("operator"))
        if word not in COUNT_OPERATORS:
            raise _refused(f'"{word}" does not compare counts.', (*self.path, "operator"), "invalid_choice")
        return COUNT_OPERATORS[word]

    def window(self) -> dict[str, Any]:
        """Either `explicit_datetime` or so many units."""
        since = self.raw.get("explicit_datetime")
        if since:
            return {"since": str(since)}
        return {"window": self.ago("time_value", "time_interval")}


def _read_behaviour(raw: Mapping[str, Any], path: Path) -> BehaviourLeaf:
    given = _Given(raw, path)
    kind = str(given.required("value"))
    if kind not in BEHAVIOURS:
        raise _refused(f'"{kind}" is not a behaviour.', (*path, "value"), "invalid_choice")
    events = given.events("key", "event_type")
    filters = _properties(raw.get("event_filters"), (*path, "event_filters"))
    return BehaviourLeaf(
        kind=kind,
        events=Matched(events.event, events.action_id, filters),
        negated=bool(raw.get("negation")),
        **BEHAVIOURS[kind](given),
    )


def _performed(given: _Given) -> dict[str, Any]:
    return given.window()


def _performed_multiple(given: _Given) -> dict[str, Any]:
    count = given.whole("operator_value", 0, MAX_COUNT)
    return {**given.window(), "operator": given.operator(), "count": count}


def _stopped_or_restarted(given: _Given) -> dict[str, Any]:
    window, within = (
        given.ago("time_value", "time_interval"),
        given.ago("seq_time_value", "seq_time_interval"),
    )
    if _roughly_days(within) >= _roughly_days(window):
        raise _refused(
            "The later period must be shorter than the whole one.", (*given.path, "seq_time_value")
        )
    return {"window": window, "within": within}


def _regularly(given: _Given) -> dict[str, Any]:
    periods = given.whole("total_periods", 1, MAX_PERIODS)
    least = given.whole("min_periods", 1, MAX_PERIODS)
    if least > periods:  # B32
        raise _refused("min_periods cannot be more than total_periods.", (*given.path, "min_periods"))
    count = given.whole("operator_value", 0, MAX_COUNT)
    window = given.ago("time_value", "time_interval")
    return {
        "window": window, "operator": given.operator(), "count": count,
        "periods": periods, "least_periods": least,
    }  # fmt: skip


def _sequence(given: _Given) -> dict[str, Any]:
    return {
        "window": given.ago("time_value", "time_interval"),
        "then": given.events("seq_event", "seq_event_type"),
        "within": given.ago("seq_time_value", "seq_time_interval"),
    }


_DAYS = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4, "year": 365.2}


def _roughly_days(span: Ago) -> float:
    return span.number * _DAYS[span.unit]


# The keys each behaviour needs beyond the event (B28-B33, api W15).
BEHAVIOURS: dict[str, Callable[[_Given], dict[str, Any]]] = {
    "performed_event": _performed,
    "performed_event_multiple": _performed_multiple,
    "performed_event_first_time": _performed,
    "stopped_performing_event": _stopped_or_restarted,
    "restarted_performing_event": _stopped_or_restarted,
    "performed_event_regularly": _regularly,
    "performed_event_sequence": _sequence,
}
