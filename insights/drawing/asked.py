"""What a kind of picture is told: the query node, the result and the facts around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from insights.drawing.numbers import NumberFormat, number_format

Json = Mapping[str, Any]
# Where each node keeps its wishes about the picture.
FILTERS = {
    "TrendsQuery": "trendsFilter",
    "FunnelsQuery": "funnelsFilter",
    "RetentionQuery": "retentionFilter",
    "StickinessQuery": "stickinessFilter",
    "LifecycleQuery": "lifecycleFilter",
    "PathsQuery": "pathsFilter",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to draw. `query` is the node itself, unwrapped; `result` has the shapes of api V.

    `known_until` is how far the numbers go (aware): buckets that end later are drawn as unfinished.
    """

    query: Json
    result: Any
    columns: Sequence[str] | None = None
    known_until: datetime | None = None
    timezone: str = "UTC"
    width: float = 720
    height: float = 320
    numbers: NumberFormat = field(default_factory=NumberFormat)

    @property
    def kind(self) -> str:
        """The kind of node."""
        return str(self.query.get("kind"))

    @property
    def wishes(self) -> Json:
        """`trendsFilter`, `funnelsFilter`... of the node; empty where there is none."""
        return wishes_of(self.query)

    @property
    def interval(self) -> str:
        """The unit of its buckets."""
        return str(self.query.get("interval") or "day")


def part(node: Json, key: str) -> Json:
    """An object inside an object; empty where there is none."""
    value = node.get(key)
    return value if isinstance(value, Mapping) else {}


def wishes_of(query: Json) -> Json:
    """What a node says about its picture; empty where it says nothing."""
    return part(query, FILTERS.get(str(query.get("kind")), ""))


def format_of(query: Json) -> NumberFormat:
    """How this node wants its numbers written."""
    return number_format(wishes_of(query))
