"""Property filters: one leaf, one tree, and the reading of every shape clients send (api T3-T7).

Whatever came in (list, group, list of groups, mixed levels, the oldest plain object), the result is one
`PropertyGroup` with defaults filled in, aliases resolved and every leaf complete - or None for "no
filter". Rules of the wire that concern a single leaf are checked on the way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BeforeValidator

from queries.errors import Path
from queries.part import SnakePart, complaint
from queries.vocabulary import GroupOperator, Operator, PropertyType

Scalar = str | bool | int | float | None
PropertyValue = Scalar | tuple[Scalar, ...]

MAX_VALUES = 1000  # api T7
MAX_PATTERN_LENGTH = 1000  # api T7
MAX_DEPTH = 50
MAX_GROUP_TYPE_INDEX = 4  # semantics B8

OPERATOR_ALIASES = {"min": Operator.GTE, "max": Operator.LTE}  # api T6
COHORT_OPERATORS = {  # semantics C29
    Operator.EXACT: Operator.IN,
    Operator.IN: Operator.IN,
    Operator.IS_NOT: Operator.NOT_IN,
    Operator.NOT_IN: Operator.NOT_IN,
}
TYPE_ALIASES = {"static-cohort": PropertyType.COHORT, "precalculated-cohort": PropertyType.COHORT}  # api T5
OPERATORS_NOT_BUILT = ("flag_evaluates_to", "semver_")  # api T6; prefixes
TYPES_NOT_BUILT = (  # api T5; prefixes
    "behavioral",
    "flag",
    "recording",
    "log",
    "data_warehouse",
    "error_tracking",
    "revenue_analytics",
    "workflow_variable",
)
VALUELESS = frozenset({Operator.IS_SET, Operator.IS_NOT_SET})  # semantics C7a
PATTERNS = frozenset({Operator.REGEX, Operator.NOT_REGEX})
RANGES = frozenset({Operator.BETWEEN, Operator.NOT_BETWEEN})
KEYS: dict[PropertyType, frozenset[str]] = {
    PropertyType.COHORT: frozenset({"id"}),  # api T7
    PropertyType.ELEMENT: frozenset({"text", "href", "tag_name", "selector"}),  # api T7
    PropertyType.EVENT_METADATA: frozenset(
        {"distinct_id", "event", "timestamp", "uuid", "person_id", "elements_chain"}
    ),
    PropertyType.SESSION: frozenset(  # semantics B12, B14
        {
            "$session_duration",
            "$entry_current_url",
            "$exit_current_url",
            "$pageview_count",
            "$autocapture_count",
            "$screen_count",
            "$num_uniq_urls",
            "$is_bounce",
            "$channel_type",
        }
    ),
}
WHOLE_ELEMENT_KEYS = frozenset({"tag_name", "selector"})  # semantics C28: exact and is_not only
OPERATOR_WORDS = frozenset(Operator) | OPERATOR_ALIASES.keys()
LEAF_KEYS = frozenset({"key", "value", "operator", "type", "group_type_index", "negation"})


class PropertyFilter(SnakePart):
    """One comparison. `value` keeps its JSON type; a list is a tuple (any of them, semantics C5).

    A cohort leaf has key `id`, an int value and operator `in` or `not_in`. `negation` turns a leaf
    round; only cohort definitions use it (semantics B27), elsewhere it is false.
    """

    always_written: ClassVar[frozenset[str]] = frozenset({"operator", "type"})

    key: str
    value: PropertyValue = None
    operator: Operator = Operator.EXACT
    type: PropertyType = PropertyType.EVENT
    group_type_index: int | None = None
    negation: bool = False


class PropertyGroup(SnakePart):
    """AND / OR over groups and leaves, to any depth; no values at all means true (semantics C32)."""

    always_written: ClassVar[frozenset[str]] = frozenset({"type", "values"})

    type: GroupOperator = GroupOperator.AND
    values: tuple[PropertyGroup | PropertyFilter, ...] = ()


def all_of(*groups: PropertyGroup | None) -> PropertyGroup | None:
    """The conjunction of filters of different levels: global, series, test accounts (semantics C33)."""
    present = [group for group in groups if group is not None]
    if len(present) < 2:
        return present[0] if present else None
    return PropertyGroup(type=GroupOperator.AND, values=tuple(present))


def leaves(group: PropertyGroup | None) -> list[PropertyFilter]:
    """Every leaf of a tree, left to right."""
    if group is None:
        return []
    found: list[PropertyFilter] = []
    for value in group.values:
        found.extend(leaves(value) if isinstance(value, PropertyGroup) else [value])
    return found


def read_properties(raw: object) -> PropertyGroup | None:
    """Any accepted shape of `properties` as one group; None when it filters nothing."""
    if raw is None or isinstance(raw, PropertyGroup):
        return raw
    if isinstance(raw, PropertyFilter):
        return PropertyGroup(values=(raw,))
    node = _read_node(raw, ())
    group = node if isinstance(node, PropertyGroup) else PropertyGroup(values=(node,))
    return group if leaves(group) else None


def _read_node(raw: object, path: Path) -> PropertyGroup | PropertyFilter:
    if isinstance(raw, PropertyGroup | PropertyFilter):
        return raw
    if len(path) > 2 * MAX_DEPTH:
        raise complaint("invalid_input", f"Filters are nested more than {MAX_DEPTH} levels deep.", path)
    if _is_list(raw):
        return _read_group(GroupOperator.AND, raw, path)
    if not isinstance(raw, Mapping):
        raise complaint("parse_error", "A property filter is an object, a list or a group.", path)
    if "values" in raw and "key" not in raw:
        return _read_group(_group_operator(raw.get("type"), path), raw["values"], (*path, "values"))
    if not raw or "key" in raw or _is_empty_group(raw):
        return _read_leaf(raw, path) if "key" in raw else PropertyGroup()
    if LEAF_KEYS & raw.keys():
        raise complaint("required", "This field is required.", (*path, "key"))
    return _read_oldest_form(raw, path)


def _is_list(raw: object) -> bool:
    return isinstance(raw, Sequence) and not isinstance(raw, str | bytes)


def _is_empty_group(raw: Mapping[str, Any]) -> bool:
    return raw.keys() == {"type"} and str(raw["type"]).upper() in GroupOperator.__members__


def _group_operator(raw: object, path: Path) -> GroupOperator:
    word = "AND" if raw in (None, "") else str(raw).upper()
    if word not in GroupOperator.__members__:
        raise complaint("invalid_choice", f'"{raw}" is not a valid choice.', (*path, "type"))
    return GroupOperator(word)


def _read_group(operator: GroupOperator, raw: Any, path: Path) -> PropertyGroup:
    if raw is None:
        return PropertyGroup(type=operator)
    if not _is_list(raw):
        raise complaint("not_a_list", "Expected a list of filters.", path)
    values = tuple(_read_node(item, (*path, position)) for position, item in enumerate(raw))
    return PropertyGroup(type=operator, values=values)


def _read_oldest_form(raw: Mapping[str, Any], path: Path) -> PropertyGroup:
    """`{"plan": "pro", "age__gt": 30}` (semantics C7); an unknown suffix belongs to the key."""
    values = []
    for name, value in raw.items():
        key, separator, word = str(name).rpartition("__")
        known = bool(separator) and word in OPERATOR_WORDS
        leaf = {"key": key if known else name, "value": value, "operator": word if known else None}
        values.append(_read_leaf(leaf, (*path, name)))
    return PropertyGroup(values=tuple(values))


def _read_leaf(raw: Mapping[str, Any], path: Path) -> PropertyFilter:
    key, kind = _key_and_type(raw, path)
    leaf = PropertyFilter(
        key=key,
        value=_value(raw.get("value"), (*path, "value")),
        operator=_operator(raw.get("operator"), kind, (*path, "operator")),
        type=kind,
        group_type_index=_group_type_index(raw.get("group_type_index"), kind, (*path, "group_type_index")),
        negation=bool(raw.get("negation")),
    )
    for rule in LEAF_RULES:
        leaf = rule(leaf, path)
    return leaf


def _key_and_type(raw: Mapping[str, Any], path: Path) -> tuple[str, PropertyType]:
    key = raw.get("key")
    if key is None:
        raise complaint("required", "This field is required.", (*path, "key"))
    if isinstance(key, bool) or not isinstance(key, str | int | float):
        raise complaint("parse_error", "The key of a property filter is a text.", (*path, "key"))
    word = raw.get("type") or PropertyType.EVENT
    if word == "feature":  # api T5, semantics C31
        return f"$feature/{str(key).removeprefix('$feature/')}", PropertyType.EVENT
    return str(key), _choice(word, PropertyType, TYPE_ALIASES, TYPES_NOT_BUILT, (*path, "type"))


def _operator(raw: object, kind: PropertyType, path: Path) -> Operator:
    default = Operator.IN if kind is PropertyType.COHORT else Operator.EXACT  # api T4
    return _choice(raw or default, Operator, OPERATOR_ALIASES, OPERATORS_NOT_BUILT, path)


E = TypeVar("E", Operator, PropertyType)


def _choice(
    word: object, enum: type[E], aliases: Mapping[str, E], not_built: tuple[str, ...], path: Path
) -> E:
    text = str(word)
    if text in aliases:
        return aliases[text]
    if text in frozenset(enum):
        return enum(text)
    if text.startswith(not_built):
        raise complaint("not_supported", f'"{text}" is not supported by this server.', path)
    raise complaint("invalid_choice", f'"{text}" is not a valid choice.', path)


def _value(raw: object, path: Path) -> PropertyValue:
    if not _is_list(raw):
        return _scalar(raw)
    assert isinstance(raw, Sequence)
    if len(raw) > MAX_VALUES:
        raise complaint("max_length", f"Ensure this list has no more than {MAX_VALUES} values.", path)
    return tuple("null" if item is None else _scalar(item) for item in raw)


def _scalar(raw: object) -> Scalar:
    """Scalars stay as they are; an object is compared by its compact JSON text (semantics C3, C26)."""
    if raw is None or isinstance(raw, str | bool | int | float):
        return raw
    return json.dumps(raw, separators=(",", ":"), ensure_ascii=False, default=str)


def _group_type_index(raw: object, kind: PropertyType, path: Path) -> int | None:
    if raw is None or raw == "":
        if kind is PropertyType.GROUP:
            raise complaint("required", "A group filter needs the index of its group type.", path)
        return None
    index = as_whole(raw)
    if index is None:
        raise complaint("parse_error", "Input should be a whole number.", path)
    if not 0 <= index <= MAX_GROUP_TYPE_INDEX:
        code, word = ("min_value", "greater") if index < 0 else ("max_value", "less")
        bound = 0 if index < 0 else MAX_GROUP_TYPE_INDEX
        raise complaint(code, f"Ensure this value is {word} than or equal to {bound}.", path)
    return index


def as_whole(raw: object) -> int | None:
    """A whole number given as number or as decimal text; None for anything else, booleans too."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if isinstance(raw, str) and raw.strip().removeprefix("-").isdecimal():
        return int(raw)
    return None


def as_number(raw: object) -> float | None:
    """A finite number given as number or numeric text (semantics C21); None for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


# --- rules of one leaf (api T4-T7); each takes the leaf and its path and gives the leaf back ----------


def _cohort_names_one_cohort(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    if leaf.type is not PropertyType.COHORT:
        return leaf
    if leaf.operator not in COHORT_OPERATORS:
        detail = f'"{leaf.operator}" cannot be used with a cohort; use "in" or "not_in".'
        raise complaint("invalid_choice", detail, (*path, "operator"))
    if leaf.value is None:
        raise complaint("required", "This field is required.", (*path, "value"))
    only = leaf.value[0] if isinstance(leaf.value, tuple) and len(leaf.value) == 1 else leaf.value
    cohort = as_whole(only)
    if cohort is None:
        raise complaint("invalid_input", "The value of a cohort filter is one cohort id.", (*path, "value"))
    operator = Operator.NOT_IN if leaf.negation else COHORT_OPERATORS[leaf.operator]
    return leaf.model_copy(update={"value": cohort, "operator": operator, "negation": False})


def _key_is_known(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    allowed = KEYS.get(leaf.type)
    if allowed is not None and leaf.key not in allowed:
        wanted = ", ".join(sorted(allowed))
        detail = f'"{leaf.key}" is no key of a filter on {leaf.type}; it is one of {wanted}.'
        raise complaint("invalid_choice", detail, (*path, "key"))
    return leaf


def _whole_elements_are_compared_whole(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    whole = leaf.type is PropertyType.ELEMENT and leaf.key in WHOLE_ELEMENT_KEYS
    if whole and leaf.operator not in (Operator.EXACT, Operator.IS_NOT):
        detail = f'A filter on the element\'s {leaf.key} is "exact" or "is_not".'
        raise complaint("invalid_choice", detail, (*path, "operator"))
    return leaf


def _value_is_given(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    needs_none = leaf.operator in VALUELESS or leaf.type is PropertyType.HOGQL
    if leaf.value is None and not needs_none:
        raise complaint("required", "This field is required.", (*path, "value"))
    return leaf.model_copy(update={"value": None}) if needs_none else leaf


def _pattern_is_short(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    patterns = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if leaf.operator in PATTERNS and any(len(str(text)) > MAX_PATTERN_LENGTH for text in patterns):
        detail = f"Ensure this field has no more than {MAX_PATTERN_LENGTH} characters."
        raise complaint("max_length", detail, (*path, "value"))
    return leaf


def _range_has_two_ends(leaf: PropertyFilter, path: Path) -> PropertyFilter:
    if leaf.operator not in RANGES:
        return leaf
    ends = [as_number(end) for end in leaf.value] if isinstance(leaf.value, tuple) else []
    if len(ends) != 2 or ends[0] is None or ends[1] is None or ends[0] > ends[1]:
        detail = f'"{leaf.operator}" needs a list of two numbers, the lower one first.'
        raise complaint("invalid_input", detail, (*path, "value"))
    return leaf


LEAF_RULES = (
    _key_is_known,
    _whole_elements_are_compared_whole,
    _value_is_given,
    _cohort_names_one_cohort,
    _pattern_is_short,
    _range_has_two_ends,
)

Properties = Annotated[PropertyGroup | None, BeforeValidator(read_properties)]
