"""Property filters: every shape clients send becomes one tree; every broken leaf is named (api T3-T7)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.errors import QueryError
from queries.nodes import Operator, PropertyFilter, PropertyGroup, PropertyType, leaves, read_properties
from queries.parse import parse_query

PRO = {"key": "plan", "value": "pro"}
OLD = {"key": "age", "value": 30, "operator": "gt", "type": "person"}
PRO_LEAF = PropertyFilter(key="plan", value="pro")
OLD_LEAF = PropertyFilter(key="age", value=30, operator=Operator.GT, type=PropertyType.PERSON)


def AND(*values: PropertyGroup | PropertyFilter) -> PropertyGroup:
    return PropertyGroup(values=values)


def OR(*values: PropertyGroup | PropertyFilter) -> PropertyGroup:
    return PropertyGroup(type="OR", values=values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "raw, expected",
    [
        pytest.param([PRO, OLD], AND(PRO_LEAF, OLD_LEAF), id="a list is AND"),
        pytest.param({"type": "OR", "values": [PRO, OLD]}, OR(PRO_LEAF, OLD_LEAF), id="a group"),
        pytest.param({"type": "or", "values": [PRO]}, OR(PRO_LEAF), id="in any case"),
        pytest.param({"values": [PRO]}, AND(PRO_LEAF), id="without a type it is AND"),
        pytest.param(
            [{"type": "OR", "values": [PRO]}, {"type": "AND", "values": [OLD]}],
            AND(OR(PRO_LEAF), AND(OLD_LEAF)),
            id="a list of groups is the AND of them",
        ),
        pytest.param(
            {"type": "OR", "values": [PRO, {"type": "AND", "values": [OLD]}]},
            OR(PRO_LEAF, AND(OLD_LEAF)),
            id="leaves and groups may be mixed",
        ),
        pytest.param(PRO, AND(PRO_LEAF), id="a single leaf"),
        pytest.param(
            {"plan": "pro", "age__gt": 30, "a__b": 1},
            AND(
                PRO_LEAF,
                PropertyFilter(key="age", value=30, operator=Operator.GT),
                PropertyFilter(key="a__b", value=1),
            ),
            id="the oldest form",
        ),
        pytest.param(None, None, id="nothing"),
        pytest.param([], None, id="an empty list"),
        pytest.param({}, None, id="an empty object"),
        pytest.param(
            {"type": "AND", "values": [{"type": "OR", "values": []}]}, None, id="groups without leaves"
        ),
        pytest.param({"type": "AND"}, None, id="a group without values"),
    ],
)
def test_shapes(raw: Any, expected: PropertyGroup | None) -> None:
    assert read_properties(raw) == expected


@pytest.mark.parametrize(
    "raw, expected",
    [
        pytest.param({"key": "a", "value": 1}, PropertyFilter(key="a", value=1), id="exact on the event"),
        pytest.param(
            {"key": "a", "value": 1, "operator": None, "type": ""},
            PropertyFilter(key="a", value=1),
            id="blanks",
        ),
        pytest.param(
            {"key": "a", "value": [1, "1"]}, PropertyFilter(key="a", value=(1, "1")), id="values keep types"
        ),
        pytest.param({"key": "a", "value": True}, PropertyFilter(key="a", value=True), id="true stays true"),
        pytest.param({"key": "a", "value": ""}, PropertyFilter(key="a", value=""), id="blank is a value"),
        pytest.param(
            {"key": "a", "value": {"b": [1]}}, PropertyFilter(key="a", value='{"b":[1]}'), id="compact JSON"
        ),
        pytest.param(
            {"key": "a", "value": [[1, 2]]}, PropertyFilter(key="a", value=("[1,2]",)), id="list of lists"
        ),
        pytest.param(
            {"key": "a", "value": [None]}, PropertyFilter(key="a", value=("null",)), id="null in a list"
        ),
        pytest.param(
            {"key": "a", "value": 1, "operator": "min"},
            PropertyFilter(key="a", value=1, operator=Operator.GTE),
            id="min is gte",
        ),
        pytest.param(
            {"key": "a", "value": 1, "operator": "max"},
            PropertyFilter(key="a", value=1, operator=Operator.LTE),
            id="max is lte",
        ),
        pytest.param(
            {"key": "a", "operator": "is_set", "value": "is_set"},
            PropertyFilter(key="a", operator=Operator.IS_SET),
            id="the value of is_set means nothing",
        ),
        pytest.param(
            {"key": "new-nav", "type": "feature", "value": "true"},
            PropertyFilter(key="$feature/new-nav", value="true"),
            id="a feature is a property of the event",
        ),
        pytest.param(
            {"key": "name = 'a'", "type": "hogql"},
            PropertyFilter(key="name = 'a'", type=PropertyType.HOGQL),
            id="an expression has no value",
        ),
        pytest.param(
            {"key": "plan", "type": "group", "group_type_index": "2", "value": "pro"},
            PropertyFilter(key="plan", type=PropertyType.GROUP, group_type_index=2, value="pro"),
            id="a group has an index",
        ),
        pytest.param(
            {"key": "a", "value": 1, "label": "A", "cohort_name": "x", "bytecode": []},
            PropertyFilter(key="a", value=1),
            id="other keys are ignored",
        ),
    ],
)
def test_leaves_are_completed(raw: Any, expected: PropertyFilter) -> None:
    assert read_properties([raw]) == AND(expected)


@pytest.mark.parametrize(
    "fields, operator",
    [
        pytest.param({}, Operator.IN, id="in by default"),
        pytest.param({"operator": "exact"}, Operator.IN, id="exact is in"),
        pytest.param({"operator": "not_in"}, Operator.NOT_IN, id="not in"),
        pytest.param({"negation": True}, Operator.NOT_IN, id="negation is not in"),
        pytest.param({"type": "static-cohort"}, Operator.IN, id="static"),
        pytest.param({"type": "precalculated-cohort", "negation": True}, Operator.NOT_IN, id="precalculated"),
        pytest.param({"value": "12"}, Operator.IN, id="text of a number"),
        pytest.param({"value": [12]}, Operator.IN, id="list of one"),
    ],
)
def test_a_cohort_is_in_or_not_in(fields: dict[str, Any], operator: Operator) -> None:  # semantics C29
    found = read_properties([{"key": "id", "type": "cohort", "value": 12, **fields}])
    assert found == AND(PropertyFilter(key="id", type=PropertyType.COHORT, value=12, operator=operator))


@pytest.mark.parametrize(
    "leaf, code, part",
    [
        pytest.param({"value": 1}, "required", "key", id="no key"),
        pytest.param({"key": "a"}, "required", "value", id="no value"),
        pytest.param({"key": "a", "value": None}, "required", "value", id="a null value"),
        pytest.param({"key": "a", "value": 1, "operator": "like"}, "parse_error", "operator", id="operator"),
        pytest.param({"key": "a", "value": 1, "type": "zodiac"}, "parse_error", "type", id="type"),
        pytest.param({"key": "a", "value": 1, "type": "recording"}, "not_supported", "type", id="recording"),
        pytest.param({"key": "a", "value": 1, "type": "behavioral"}, "not_supported", "type", id="behaviour"),
        pytest.param(
            {"key": "a", "value": 1, "operator": "flag_evaluates_to"}, "not_supported", "operator", id="flag"
        ),
        pytest.param(
            {"key": "a", "value": 1, "type": "group"}, "required", "group_type_index", id="group index"
        ),
        pytest.param(
            {"key": "a", "value": 1, "type": "group", "group_type_index": 5},
            "max_value",
            "group_type_index",
            id="sixth group type",
        ),
        pytest.param(
            {"key": "a", "value": 1, "type": "group", "group_type_index": "x"},
            "parse_error",
            "group_type_index",
            id="no index",
        ),
        pytest.param(
            {"key": "a", "operator": "between", "value": [2, 1]}, "invalid_input", "value", id="2..1"
        ),
        pytest.param(
            {"key": "a", "operator": "between", "value": [1]}, "invalid_input", "value", id="one end"
        ),
        pytest.param(
            {"key": "a", "operator": "not_between", "value": 1}, "invalid_input", "value", id="no list"
        ),
        pytest.param(
            {"key": "a", "operator": "between", "value": ["x", "y"]}, "invalid_input", "value", id="texts"
        ),
        pytest.param(
            {"key": "a", "operator": "regex", "value": "x" * 1001}, "max_length", "value", id="long regex"
        ),
        pytest.param({"key": "a", "value": ["x"] * 1001}, "max_length", "value", id="long list"),
        pytest.param({"key": "name", "type": "cohort", "value": 1}, "parse_error", "key", id="cohort key"),
        pytest.param({"key": "id", "type": "cohort", "value": "x"}, "invalid_input", "value", id="cohort id"),
        pytest.param(
            {"key": "id", "type": "cohort", "value": [1, 2]}, "invalid_input", "value", id="one cohort"
        ),
        pytest.param(
            {"key": "id", "type": "cohort", "value": 1, "operator": "gt"},
            "parse_error",
            "operator",
            id="cohort gt",
        ),
        pytest.param(
            {"key": "colour", "type": "element", "value": "x"}, "parse_error", "key", id="element key"
        ),
        pytest.param(
            {"key": "selector", "type": "element", "value": "x", "operator": "regex"},
            "parse_error",
            "operator",
            id="selectors are compared whole",
        ),
        pytest.param({"key": "$shoe", "type": "session", "value": 1}, "parse_error", "key", id="session key"),
        pytest.param(
            {"key": "$ip", "type": "event_metadata", "value": 1}, "parse_error", "key", id="metadata key"
        ),
    ],
)
def test_broken_leaves(leaf: dict[str, Any], code: str, part: str) -> None:
    tree = {"type": "OR", "values": [PRO, {"type": "AND", "values": [leaf]}]}
    with pytest.raises(QueryError) as caught:
        parse_query({"kind": "TrendsQuery", "series": [], "properties": tree})
    where = f"query__properties__values__1__values__0__{part}"
    assert (caught.value.code, caught.value.attr) == (code, where)


@pytest.mark.parametrize(
    "raw, attr",
    [
        pytest.param({"type": "XOR", "values": []}, "query__properties__type", id="unknown combination"),
        pytest.param({"type": "AND", "values": 5}, "query__properties__values", id="values that are no list"),
        pytest.param(
            {"plan": "x", "age__between": [2, 1]}, "query__properties__age__between__value", id="oldest"
        ),
    ],
)
def test_broken_groups(raw: Any, attr: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query({"kind": "TrendsQuery", "series": [], "properties": raw})
    assert caught.value.attr == attr


def test_depth_is_bounded() -> None:
    tree: Any = [PRO]
    for _ in range(40):
        tree = {"type": "AND", "values": [tree]}
    assert len(leaves(read_properties(tree))) == 1
    for _ in range(2000):
        tree = {"type": "AND", "values": [tree]}
    with pytest.raises(QueryError, match="deep"):
        parse_query({"kind": "TrendsQuery", "series": [], "properties": tree})


# --- laws ---------------------------------------------------------------------------------------------

SCALARS = st.text(max_size=5) | st.integers(-9, 9) | st.booleans() | st.floats(-9, 9)
LEAVES = st.builds(
    PropertyFilter,
    key=st.text(max_size=5),
    value=SCALARS | st.lists(SCALARS, max_size=3).map(tuple),
    operator=st.sampled_from([Operator.EXACT, Operator.IS_NOT, Operator.ICONTAINS, Operator.GT]),
    type=st.sampled_from([PropertyType.EVENT, PropertyType.PERSON]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        PropertyGroup, type=st.sampled_from(["AND", "OR"]), values=st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(TREES)
def test_a_tree_written_and_read_is_the_same_tree(tree: PropertyGroup | PropertyFilter) -> None:
    group = read_properties(tree)
    assert read_properties(group.to_wire() if group else None) == (group if leaves(group) else None)


JSON = st.recursive(
    st.none() | SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "values", "key", "value", "operator", "negation", "group_type_index", "plan"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_a_filter_or_an_error_of_ours(raw: Any) -> None:
    try:
        parse_query({"kind": "TrendsQuery", "series": [], "properties": raw})
    except QueryError as error:
        assert error.attr is not None and error.attr.startswith("query")
