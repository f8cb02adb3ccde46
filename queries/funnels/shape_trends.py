"""Rows of a funnel over time -> conversion rates by entrance (api S14, V3; semantics E37-E41)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queries.date_labels import days, labels
from queries.dates import ResolvedRange
from queries.funnels.chain import FunnelScan
from queries.funnels.shape_steps import Value, wire_value
from queries.plan import Result
from queries.sql.buckets import key_of


def shape_trends(funnel: FunnelScan, period: ResolvedRange, rows: Sequence[tuple[Any, ...]]) -> Result:
    """One series, or one per breakdown value with most entrants first; all buckets are there (E40)."""
    buckets = period.buckets()
    cells: dict[Value, dict[int, tuple[int, int]]] = {}
    for value, bucket, entered, converted in rows:
        cells.setdefault(tuple(value), {})[int(bucket)] = (int(entered), int(converted))
    is_broken_down = funnel.node.breakdown_filter is not None and not funnel.node.breakdown_filter.is_empty
    if not is_broken_down:
        cells = {(): cells.get((), {})}
    ranked = sorted(cells, key=lambda v: (-sum(entered for entered, _ in cells[v].values()), v))
    limit = funnel.node.breakdown_filter.limit() if funnel.node.breakdown_filter else len(ranked)
    results = []
    for value in ranked[:limit]:
        pairs = [cells[value].get(key_of(period.interval, bucket), (0, 0)) for bucket in buckets]
        series: dict[str, Any] = {
            "count": len(buckets),
            "data": [round(100 * done / all_, 2) if all_ else 0 for all_, done in pairs],
            "days": days(buckets, period.interval),
            "labels": labels(buckets, period, "current"),
        }
        if is_broken_down:
            series["breakdown_value"] = wire_value(funnel, value)
        results.append(series)
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    return Result(results=results, has_more=len(ranked) > limit, resolved_date_range=dates)
