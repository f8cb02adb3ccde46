"""What may be chosen as coordinates of a point: the answer itself tells (api V10).

The insight is computed once; its buckets, series and breakdown values are the choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from queries.actors.node import InsightActorsQuery, InsightActorsQueryOptions
from queries.context import ProjectContext
from queries.errors import NotSupported
from queries.funnels.node import FunnelsActorsQuery, FunnelVizType
from queries.funnels.values import OTHER as FUNNEL_OTHER
from queries.lifecycle.node import LifecycleStatus
from queries.plan import Plan, Result, Rows
from queries.sql.breakdowns import NONE, OTHER
from queries.stickiness.node import StickinessActorsQuery

Choice = dict[str, Any]
Options = dict[str, list[Choice] | None]
Compile = Callable[[Any, ProjectContext], Plan]  # of any insight

KEYS = ("day", "status", "interval", "breakdown", "breakdowns", "series", "compare")
NO_VALUE, REMAINING = "None (i.e. no value)", "Other (i.e. all remaining values)"
WORDS = {NONE: NO_VALUE, OTHER: REMAINING}
FUNNEL_WORDS = {"": NO_VALUE, FUNNEL_OTHER: REMAINING}  # semantics E27
PERIODS: list[Choice] = [
    {"label": "Current", "value": "current"},
    {"label": "Previous", "value": "previous"},
]


def options_of(node: InsightActorsQueryOptions, ctx: ProjectContext, compile_insight: Compile) -> Plan:
    """The plan of the insight, its result read as choices. Lists that mean nothing there are None."""
    if not isinstance(node.source, InsightActorsQuery | StickinessActorsQuery | FunnelsActorsQuery):
        raise NotSupported(f"{node.source.kind} has no such options.", attr="source__kind")
    insight: Any = node.source.source
    read = READERS.get(insight.kind)
    if read is None:
        return _mapped(compile_insight(insight, ctx), lambda _: _complete({}))
    return _mapped(compile_insight(insight, ctx), lambda result: _complete(read(insight, result.results)))


def _mapped(plan: Plan, read: Callable[[Result], Options]) -> Plan:
    """The same plan with its last result replaced by what `read` makes of it."""

    def shape(found: Sequence[Rows]) -> Result | Plan:
        result = plan.shape(found)
        return _mapped(result, read) if isinstance(result, Plan) else Result(results=read(result))

    return Plan(plan.statements, shape)


def _complete(options: Options) -> Options:
    return {key: options.get(key) for key in KEYS}


# --- one reader per insight ------------------------------------------------------------------------------


def _trends(node: Any, rows: Sequence[Mapping[str, Any]]) -> Options:
    return {
        "day": _days(rows),
        "series": _series(node),
        "compare": PERIODS if node.is_compared else None,
        **_breakdowns(node, [row["breakdown_value"] for row in rows if "breakdown_value" in row]),
    }


def _stickiness(node: Any, rows: Sequence[Mapping[str, Any]]) -> Options:
    longest: Mapping[str, Any] = max(rows, key=lambda row: len(row["days"]), default={})
    return {
        "day": _days([longest]),
        "series": _series(node),
        "compare": PERIODS if node.is_compared else None,
    }


def _lifecycle(node: Any, rows: Sequence[Mapping[str, Any]]) -> Options:
    return {
        "day": _days(rows),
        "status": [_choice_of(status.value.title(), status.value) for status in LifecycleStatus],
        "series": _series(node),
    }


def _retention(node: Any, rows: Sequence[Mapping[str, Any]]) -> Options:
    labels = list(dict.fromkeys(row["label"] for row in rows))
    return {
        "interval": [_choice_of(label, place) for place, label in enumerate(labels)],
        **_breakdowns(node, [row["breakdown_value"] for row in rows if "breakdown_value" in row]),
    }


def _funnels(node: Any, found: Any) -> Options:
    """The steps, and what the shown view is divided by; times to convert are not."""
    view = node.funnels_filter.funnel_viz_type
    rows: Sequence[Mapping[str, Any]] = found if view is FunnelVizType.TRENDS else ()
    if view is FunnelVizType.STEPS:
        rows = [steps[0] for steps in found if isinstance(steps, list)]
    return {
        "day": _days(rows) if view is FunnelVizType.TRENDS else None,
        "series": _series(node),
        **_breakdowns(
            node, [row["breakdown_value"] for row in rows if "breakdown_value" in row], FUNNEL_WORDS
        ),
    }


READERS: Mapping[str, Callable[[Any, Sequence[Any]], Options]] = {
    "TrendsQuery": _trends,
    "StickinessQuery": _stickiness,
    "LifecycleQuery": _lifecycle,
    "RetentionQuery": _retention,
    "FunnelsQuery": _funnels,
}


def _choice_of(label: Any, value: Any) -> Choice:
    return {"label": str(label), "value": value}


def _days(rows: Sequence[Mapping[str, Any]]) -> list[Choice]:
    """The buckets of all shown periods, each once, as they are labelled."""
    known = {
        day: label
        for row in rows
        for day, label in zip(row.get("days") or (), row.get("labels") or (), strict=False)
    }
    return [_choice_of(label, day) for day, label in known.items()]


def _series(node: Any) -> list[Choice]:
    return [_choice_of(_name(part), place) for place, part in enumerate(node.series)]


def _name(part: Any) -> str:
    given = (getattr(part, key, None) for key in ("custom_name", "name", "event", "id"))
    return str(next((name for name in given if name is not None), "All events"))


def _breakdowns(node: Any, values: Sequence[Any], words: Mapping[str, str] = WORDS) -> Options:
    """One list, or one per property where values are lists."""
    split = node.breakdown_filter
    if split is None or split.is_empty:
        return {}
    if split.is_list:
        columns = zip(*(value for value in values if isinstance(value, list)), strict=False)
        return {"breakdowns": [{"values": _values(column, words)} for column in columns]}
    return {"breakdown": _values(values, words)}


def _values(values: Sequence[Any], words: Mapping[str, str]) -> list[Choice]:
    """Each value once. A funnel's is a list also of one property, and named as such (semantics E27)."""
    labels: dict[str, Any] = {}
    for value in values:
        parts = value if isinstance(value, list) else [value]
        labels.setdefault("::".join(words.get(part, str(part)) for part in parts), value)
    return [_choice_of(label, value) for label, value in labels.items()]
