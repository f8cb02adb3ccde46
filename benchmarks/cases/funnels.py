"""Funnels: few steps of rare events, six that begin with the commonest, twenty of the same three events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from typing import Any

from benchmarks.cases.case import FEBRUARY, RANGE, Case, event

THREE = ("viewed item", "added item", "purchased")
SIX = ("$pageview", "searched", "viewed item", "added item", "started checkout", "purchased")
TWENTY = tuple(islice(cycle(THREE), 20))
COLUMNS = ("ts", "actor_no", "event")
EVERYTHING = {"date_from": "2024-01-01", "date_to": "2024-03-30"}
LAST = "ts >= '2024-01-01 00:00:00' AND ts < '2024-03-31 00:00:00'"
EXCLUDED = [{**event("searched"), "funnelFromStep": 0, "funnelToStep": 2}]
BY_COUNTRY = {"breakdown": "$geoip_country_code", "breakdown_limit": 10}


def funnel(steps: Iterable[str], *, fields: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {
        "kind": "FunnelsQuery",
        "series": [event(name) for name in steps],
        "dateRange": FEBRUARY,
        "funnelsFilter": options,
        **(fields or {}),
    }


def of(names: Sequence[str] | None, span: str = RANGE) -> str:
    """The condition of a floor; None is any event."""
    listed = ", ".join(f"'{name}'" for name in dict.fromkeys(names or ()))
    return f"team_id = 1 AND {f'event IN ({listed}) AND ' if listed else ''}{span}"


def case(name: str, node: dict[str, Any], names: Sequence[str] | None, *columns: str) -> Case:
    return Case(f"funnel {name}", node, (*COLUMNS, *columns), of(names), grouped=True)


CASES: tuple[Case, ...] = (
    case("3 ordered", funnel(THREE), THREE),
    case("6 ordered", funnel(SIX), SIX),
    case("20 ordered", funnel(TWENTY), THREE),
    case("3 strict", funnel(THREE, funnelOrderType="strict"), None),
    case("6 strict", funnel(SIX, funnelOrderType="strict"), None),
    case("20 strict", funnel(TWENTY, funnelOrderType="strict"), None),
    case("3 unordered", funnel(THREE, funnelOrderType="unordered"), THREE),
    case("6 unordered", funnel(SIX, funnelOrderType="unordered"), SIX),
    case("20 unordered", funnel(TWENTY, funnelOrderType="unordered"), THREE),
    case("3 with exclusion", funnel(THREE, exclusions=EXCLUDED), (*THREE, "searched")),
    case("3 by country", funnel(THREE, fields={"breakdownFilter": BY_COUNTRY}), THREE, "p_country"),
    case("6 by country", funnel(SIX, fields={"breakdownFilter": BY_COUNTRY}), SIX, "p_country"),
    case("3 trends", funnel(THREE, funnelVizType="trends"), THREE),
    case("6 trends", funnel(SIX, funnelVizType="trends"), SIX),
    case("3 time to convert", funnel(THREE, funnelVizType="time_to_convert"), THREE),
    Case(
        "funnel 6 ordered, 90 days",
        funnel(SIX, fields={"dateRange": EVERYTHING}),
        COLUMNS,
        of(SIX, LAST),
        grouped=True,
    ),
)
