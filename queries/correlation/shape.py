"""Rows of a correlation -> the answer (api V8, semantics F2-F12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from queries.correlation.elements import read_chain
from queries.correlation.node import CorrelationType, FunnelCorrelationQuery
from queries.correlation.things import AUTOCAPTURE, CHAIN_SEPARATOR, ELEMENTS_CHAIN, EVENT_TYPE
from queries.plan import Result

Json = dict[str, Any]
SEPARATOR = "::"
SKEW = 10  # semantics F7


@dataclass(frozen=True, slots=True)
class Totals:
    """How many actors converted and how many did not."""

    successes: int
    failures: int

    @property
    def is_compared(self) -> bool:
        return self.successes > 0 and self.failures > 0

    @property
    def is_skewed(self) -> bool:
        """One side is more than ten times the other, or nobody (semantics F2, F7)."""
        smaller, larger = sorted((self.successes, self.failures))
        return not self.is_compared or larger > SKEW * smaller


def shape_correlation(
    node: FunnelCorrelationQuery, rows: Sequence[Sequence[Any]], dates: Mapping[str, str]
) -> Result:
    """`rows` are those of `ranked`, at least one."""
    totals = Totals(int(rows[0][5]), int(rows[0][6]))
    if not totals.is_compared:
        return nothing(dates, is_skewed=True)
    shown = DESCRIPTIONS[node.funnel_correlation_type]
    events = [_row(row, shown) for row in rows]
    return Result(results={"events": events, "skewed": totals.is_skewed}, resolved_date_range=dates)


def nothing(dates: Mapping[str, str], *, is_skewed: bool) -> Result:
    return Result(results={"events": [], "skewed": is_skewed}, resolved_date_range=dates)


def _row(row: Sequence[Any], shown: Describe) -> Json:
    event, key, value, s, f, _, _, odds, is_success = row
    return {
        "event": shown(str(event), str(key), str(value)),
        "success_count": int(s),
        "failure_count": int(f),
        "odds_ratio": float(odds),
        "correlation_type": "success" if is_success else "failure",
    }


# --- `event` of a row (api S19) -----------------------------------------------------------------------------

Describe = Callable[[str, str, str], Json]


def _event(event: str, _: str, __: str) -> Json:
    return {"event": event, "properties": {}, "elements": []}


def _property(_: str, key: str, value: str) -> Json:
    return {"event": SEPARATOR.join((key, value)), "properties": {}, "elements": []}


def _event_property(event: str, key: str, value: str) -> Json:
    name = SEPARATOR.join((event, key, value))
    if (event, key) != (AUTOCAPTURE, ELEMENTS_CHAIN):
        return {"event": name, "properties": {key: value}, "elements": []}
    kind, _, chain = value.partition(CHAIN_SEPARATOR)
    return {"event": name, "properties": {EVENT_TYPE: kind}, "elements": read_chain(chain)}


DESCRIPTIONS: Mapping[CorrelationType, Describe] = {
    CorrelationType.EVENTS: _event,
    CorrelationType.PROPERTIES: _property,
    CorrelationType.EVENT_WITH_PROPERTIES: _event_property,
}
