"""Rows of a path analysis -> its edges (api S21, V4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from queries.paths.node import PathsFilter
from queries.plan import Result, Rows

Edge = tuple[str, str, int, float]


def shape_paths(options: PathsFilter, found: Rows, dates: Mapping[str, str]) -> Result:
    """Edges in order of weight, those without a way from a first item removed (G17, G20)."""
    edges = [(str(s), str(t), int(n), float(ms)) for s, t, n, ms in found.rows]
    limit = options.effective_edge_limit
    return Result(
        results=[_edge(edge) for edge in connected(edges)],
        has_more=limit is not None and len(edges) >= limit,
        resolved_date_range=dates,
    )


def connected(edges: Sequence[Edge]) -> list[Edge]:
    """The edges whose source can be reached from some first item through edges that are shown (G20).

    An edge leads from position i to i + 1, so going through them by position visits each once.
    """
    reached: set[str] = set()
    kept: set[tuple[str, str]] = set()
    for source, target, _, _ in sorted(edges, key=lambda edge: _position(edge[0])):
        if _position(source) == 1 or source in reached:
            reached.add(target)
            kept.add((source, target))
    return [edge for edge in edges if (edge[0], edge[1]) in kept]


def _position(node: str) -> int:
    return int(node.split("_", 1)[0])


def _edge(edge: Edge) -> dict[str, Any]:
    source, target, value, milliseconds = edge
    return {"source": source, "target": target, "value": value, "average_conversion_time": milliseconds}
