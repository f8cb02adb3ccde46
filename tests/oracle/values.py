"""Properties and filters by the letter of semantics C, one event at a time."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Mapping
from typing import Any

Filter = Mapping[str, Any]


def text(value: Any) -> str | None:
    """Comparison text (C3); None is not set (C1)."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def number(value: Any) -> float | None:
    """C21, D15: finite numbers and numeric text."""
    found = text(value)
    if found is None or isinstance(value, bool | list | dict):
        return None
    try:
        parsed = float(found.strip(" \"'"))
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def matches(leaf: Filter, properties: Mapping[str, Any]) -> bool:
    """The truth table of C8-C17."""
    found, operator, wanted = text(properties.get(leaf["key"])), leaf["operator"], leaf.get("value")
    if operator == "is_set":
        return found is not None
    if operator == "is_not_set":
        return found is None
    if wanted == []:
        return True  # C5
    negative = operator in ("is_not", "not_icontains", "not_regex", "not_in")
    if found is None:
        return negative
    texts = [text(w) or "" for w in _list(wanted)]
    value = number(properties.get(leaf["key"]))
    if operator in ("exact", "in", "is_not", "not_in"):
        hit = found in texts
    elif operator in ("icontains", "not_icontains"):
        hit = any(t.lower() in found.lower() for t in texts)
    elif operator in ("regex", "not_regex"):
        hit = any(re.search(t, found) for t in texts)
    else:
        bounds = [float(w) for w in _list(wanted)]
        tests = {
            "gt": lambda v: v > bounds[0],
            "gte": lambda v: v >= bounds[0],
            "lt": lambda v: v < bounds[0],
            "lte": lambda v: v <= bounds[0],
            "between": lambda v: bounds[0] <= v <= bounds[1],
            "not_between": lambda v: v < bounds[0] or v > bounds[1],
        }
        return value is not None and tests[operator](value)
    return not hit if negative else hit


def passes(tree: Any, event_properties: Mapping[str, Any], person_properties: Mapping[str, Any]) -> bool:
    """A filter tree over an event and its person; nothing to test is true (C32)."""
    if not tree:
        return True
    if "values" in tree:
        if not tree["values"]:
            return True
        truths = [passes(t, event_properties, person_properties) for t in tree["values"]]
        return all(truths) if tree["type"] == "AND" else any(truths)
    return matches(tree, person_properties if tree["type"] == "person" else event_properties)


_LEAVES = (
    ("exact", ("x", ["x", "y"], 1, "1", "", True, [])),
    ("is_not", ("x", ["x", ""], "true", [])),
    ("icontains", ("x", "X")),
    ("not_icontains", ("x", ["x", "u"])),
    ("regex", ("^$", "^x", "[xy]")),
    ("not_regex", ("^x$",)),
    ("is_set", (None,)),
    ("is_not_set", (None,)),
)
_NUMERIC = (
    ("gt", (1, "2")),
    ("lte", (2.5,)),
    ("gte", (4,)),
    ("lt", (0,)),
    ("between", ([1, 4],)),
    ("not_between", ([1, 4],)),
)


def random_leaf(rng: random.Random) -> Filter:
    kind = rng.choice(("p", "p", "n", "person"))
    if kind == "n":
        operator, values = rng.choice(_NUMERIC)
        return {"key": "n", "type": "event", "operator": operator, "value": rng.choice(values)}
    operator, values = rng.choice(_LEAVES)
    value = rng.choice(values)
    if kind == "person":
        value = rng.choice(("pro", ["free", 7], "")) if operator in ("exact", "is_not") else value
        return {"key": "plan", "type": "person", "operator": operator, "value": value}
    return {"key": "p", "type": "event", "operator": operator, "value": value}


def random_tree(rng: random.Random, depth: int = 0) -> Any:
    if depth >= 2 or rng.random() < 0.5:
        return random_leaf(rng)
    values = [random_tree(rng, depth + 1) for _ in range(rng.randint(1, 3))]
    return {"type": rng.choice(("AND", "OR")), "values": values}


def random_filters(rng: random.Random) -> Any:
    """`properties` of a query or a series: often none."""
    if rng.random() < 0.5:
        return None
    tree = random_tree(rng)
    return tree if "values" in tree else {"type": "AND", "values": [tree]}
