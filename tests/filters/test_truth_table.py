"""Every operator against every sort of value, on events, persons, groups and in cohorts (semantics C1-C27).

One person per value; a filter is asked for the persons whose event passes it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_client import Api, make_project

# Name -> what the property holds. `missing` has no key at all.
VALUES: dict[str, Any] = {
    "missing": None,
    "null": None,
    "empty": "",
    "zero": 0,
    "zero_text": "0",
    "ten": 10,
    "ten_text": "10",
    "false": False,
    "true": True,
    "null_text": "null",
    "list": ["a", "b"],
    "text": "Pro plan",
    "date": "2024-03-10T12:00:00Z",
}
ALL = frozenset(VALUES)
ZEROS, TENS = {"zero", "zero_text"}, {"ten", "ten_text"}
UNSET = {"missing", "null"}


def but(*names: str) -> frozenset[str]:
    return ALL - set(names)


CASES: list[tuple[str, Any, Any]] = [
    # C8, C3: texts are compared, so 0 and "0" are the same filter
    ("exact", "0", ZEROS),
    ("exact", 0, ZEROS),
    ("exact", ["0", 10], ZEROS | TENS),
    ("exact", "", {"empty"}),
    ("exact", False, {"false"}),
    ("exact", "false", {"false"}),
    ("exact", ["true"], {"true"}),
    ("exact", 1, set()),  # C27: 1 is not true
    ("exact", "null", {"null_text"}),
    ("exact", '["a","b"]', {"list"}),  # C26: the compact JSON text
    ("exact", "pro plan", set()),
    ("exact", [], ALL),  # C5: an empty list filters nothing
    # C9: missing and null differ from everything
    ("is_not", "0", but(*ZEROS)),
    ("is_not", ["0", "Pro plan"], but(*ZEROS, "text")),
    ("is_not", "", but("empty")),
    ("is_not", ["true"], but("true")),
    ("is_not", [], ALL),
    # C10, C11: one value is a LIKE pattern, several are literal
    ("icontains", "PLAN", {"text"}),
    ("icontains", "a", {"false", "list", "text"}),
    ("icontains", "o_p", {"text"}),
    ("icontains", "P%n", {"text"}),
    ("icontains", ["o_p", "zzz"], set()),
    ("icontains", ["LA", "zzz"], {"text"}),
    ("not_icontains", "PLAN", but("text")),
    ("not_icontains", "a", but("false", "list", "text")),
    ("not_icontains", ["LA", "null"], but("text", "null_text")),
    # C12, C13, C22
    ("regex", "^$", {"empty"}),
    ("regex", r"^\d+$", ZEROS | TENS),
    ("regex", "plan", {"text"}),
    ("regex", "PLAN", set()),
    ("regex", "(?i)PLAN", {"text"}),
    ("regex", "(", set()),
    ("not_regex", "^$", but("empty")),
    ("not_regex", r"^\d+$", but(*ZEROS, *TENS)),
    ("not_regex", "(", set()),
    # C14, C21: numbers and numeric texts
    ("gt", 5, TENS),
    ("gt", "5", TENS),
    ("gt", 0, TENS),
    ("gte", 0, ZEROS | TENS),
    ("gte", 10, TENS),
    ("lt", 10, ZEROS),
    ("lt", 11, ZEROS | TENS),
    ("lte", 0, ZEROS),
    ("lte", -1, set()),
    ("gt", "abc", set()),
    ("min", 10, TENS),
    ("max", 0, ZEROS),
    # C15
    ("between", [0, 5], ZEROS),
    ("between", [0, 10], ZEROS | TENS),
    ("not_between", [0, 5], TENS),
    ("not_between", [1, 5], ZEROS | TENS),
    # C16, C17
    ("is_set", None, but(*UNSET)),
    ("is_not_set", None, UNSET),
    # C18, C23, C25: numbers are unix seconds
    ("is_date_exact", "2024-03-10", {"date"}),
    ("is_date_exact", "2024-03-10T12:00:00Z", {"date"}),
    ("is_date_exact", "2024-03-10T12:00:01Z", set()),
    ("is_date_before", "2024-03-11", ZEROS | TENS | {"date"}),
    ("is_date_before", "2024-03-10", ZEROS | TENS),
    ("is_date_before", "1969-01-01", set()),
    ("is_date_after", "2024-03-10", {"date"}),
    ("is_date_after", "2024-03-11", set()),
    ("is_date_after", 5, TENS | {"date"}),
    # C19
    ("in", ["0", "Pro plan"], ZEROS | {"text"}),
    ("not_in", ["0", "Pro plan"], but(*ZEROS, "text")),
    ("in", [], ALL),
    # api T6: both sides after path cleaning, which turns digits into N
    ("is_cleaned_path_exact", "7", ZEROS | TENS),
    ("is_cleaned_path_exact", ["null"], {"null_text"}),
]
IDS = [f"{operator} {value!r}" for operator, value, _ in CASES]


@pytest.fixture(scope="module")
def world(service: None) -> Api:
    """For each value an event, a person and a group that hold it."""
    api = make_project(path_cleaning_filters=[{"regex": r"\d+", "alias": "N", "order": 0}])
    for name, value in VALUES.items():
        held = {} if name == "missing" else {"x": value}
        group = {"$group_type": "company", "$group_key": name, "$group_set": held}
        api.capture(
            [
                {
                    "event": "$identify",
                    "distinct_id": name,
                    "$set": held,
                    "timestamp": "2024-01-01T00:00:00Z",
                },
                {
                    "event": "$groupidentify",
                    "distinct_id": name,
                    "properties": group,
                    "timestamp": "2024-01-01T00:00:00Z",
                },
                {
                    "event": "seen",
                    "distinct_id": name,
                    "properties": {**held, "$groups": {"company": name}},
                    "timestamp": "2024-01-10T12:00:00Z",
                },
            ]
        )
    return api


def passing(api: Api, *leaves: dict[str, Any]) -> set[str]:
    """Distinct ids of those whose event passes."""
    found = api.trend(
        "seen",
        properties=list(leaves),
        date_from="2024-01-01",
        breakdown="distinct_id",
        breakdown_type="hogql",
        breakdown_limit=100,
    )
    return {series["breakdown_value"] for series in found if series["count"]}


@pytest.mark.parametrize(("operator", "value", "names"), CASES, ids=IDS)
@pytest.mark.parametrize("owner", ["event", "person", "group"])
def test_operator(world: Api, owner: str, operator: str, value: Any, names: Any) -> None:
    leaf = {"key": "x", "type": owner, "operator": operator, "value": value}
    if owner == "group":
        leaf["group_type_index"] = 0
    assert passing(world, leaf) == set(names)


@pytest.mark.parametrize(("operator", "value", "names"), CASES, ids=IDS)
def test_mixed_owners_in_an_or(world: Api, operator: str, value: Any, names: Any) -> None:
    """A leaf reads the same beside a leaf of another owner (C32)."""
    person = {"key": "x", "type": "person", "operator": operator, "value": value}
    other = {"key": "x", "type": "event", "operator": "exact", "value": "Pro plan"}
    either = {"type": "OR", "values": [person, other]}
    assert passing(world, either) == {*names, "text"}


def test_the_table_has_every_operator() -> None:
    from queries.properties import OPERATOR_WORDS

    assert {operator for operator, _, _ in CASES} == set(OPERATOR_WORDS)
