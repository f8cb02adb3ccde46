"""A small form -> a query node. Pure: parameters in, JSON out.

The form knows the commonest questions; whoever wants more pastes a node, as the API takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import QueryDict as Form

from insights_service.errors import InvalidInput, UnreadableBody
from insights_service.parsers import parse_json

Json = dict[str, Any]


MATHS = {
    "total": "Times",
    "dau": "People",
    "unique_session": "Sessions",
    "weekly_active": "Weekly active people",
    "monthly_active": "Monthly active people",
    "first_time_for_user": "First time ever",
    "sum": "Sum of a property",
    "avg": "Average of a property",
    "min": "Least of a property",
    "max": "Greatest of a property",
    "median": "Median of a property",
    "p90": "90th percentile of a property",
    "p99": "99th percentile of a property",
    "avg_count_per_actor": "Times per person",
}
PROPERTY_MATHS = frozenset({"sum", "avg", "min", "max", "median", "p90", "p99"})
BREAKDOWN_OF = {"event": "of the event", "person": "of the person", "session": "of the session"}
PERIODS = ("Day", "Week", "Month")
WINDOW_UNITS = ("minute", "hour", "day", "week", "month")
PATH_TYPES = {"custom_event": "Events", "$pageview": "Page views", "$screen": "Screens"}


def question_of(form: Form) -> Json | None:
    """The node of a form that was sent; None before. InvalidInput for a node that is no JSON."""
    if not form.get("ask"):
        return None
    return KINDS.get(form.get("kind", ""), _pasted)(form)


def wrapped(node: Mapping[str, Any]) -> Json:
    """The node as it is saved."""
    if str(node.get("kind", "")).startswith("HogQL"):
        return {"kind": "DataTableNode", "source": dict(node)}
    is_insight = node.get("kind") in SAVED_AS_PICTURE
    return {"kind": "InsightVizNode", "source": dict(node)} if is_insight else dict(node)


SAVED_AS_PICTURE = frozenset(
    {"TrendsQuery", "FunnelsQuery", "RetentionQuery", "PathsQuery", "StickinessQuery", "LifecycleQuery"}
)


def _trends(form: Form) -> Json:
    names: list[str | None] = [*_names(form, "event")] or [None]
    node: Json = {
        "kind": "TrendsQuery",
        "series": [_series(form, name) for name in names],
        "interval": form.get("interval") or "day",
        **_range(form),
    }
    wishes = {key: form.get(key) for key in ("display", "formula") if form.get(key)}
    if wishes:
        node["trendsFilter"] = wishes
    if form.get("compare"):
        node["compareFilter"] = {"compare": True}
    return node | _breakdown(form)


def _funnel(form: Form) -> Json:
    window, steps = form.get("window") or "14", _names(form, "event")
    if len(steps) < 2:
        raise InvalidInput("A funnel has at least two steps.", attr="event")
    return {
        "kind": "FunnelsQuery",
        "series": [_event(name) for name in steps],
        "funnelsFilter": {
            "funnelWindowInterval": int(window) if window.isdecimal() else window,
            "funnelWindowIntervalUnit": form.get("unit") or "day",
        },
        **_range(form),
        **_breakdown(form),
    }


def _retention(form: Form) -> Json:
    first, *rest = [*_names(form, "event"), None][:2]
    back = rest[0] if rest and rest[0] else first
    return {
        "kind": "RetentionQuery",
        "retentionFilter": {
            "period": form.get("period") or "Week",
            "totalIntervals": 8,
            "targetEntity": {"id": first, "type": "events"},
            "returningEntity": {"id": back, "type": "events"},
        },
        **_range(form),
    }


def _paths(form: Form) -> Json:
    chosen = _names(form, "event")
    wishes: Json = {"includeEventTypes": path_types(form)}
    if chosen:
        wishes["startPoint"] = chosen[0]
    return {"kind": "PathsQuery", "pathsFilter": wishes, **_range(form)}


def path_types(form: Form) -> list[str]:
    """Which events are items of a path; the names of events unless something is ticked."""
    return form.getlist("types") or ["custom_event"]


def _stickiness(form: Form) -> Json:
    names: list[str | None] = [*_names(form, "event")] or [None]
    interval = form.get("interval") or "day"
    return {
        "kind": "StickinessQuery",
        "series": [_event(name) for name in names],
        "interval": interval,
        **_range(form),
    }


def _lifecycle(form: Form) -> Json:
    name = next(iter(_names(form, "event")), None)
    interval = form.get("interval") or "day"
    return {"kind": "LifecycleQuery", "series": [_event(name)], "interval": interval, **_range(form)}


def _sql(form: Form) -> Json:
    return {"kind": "HogQLQuery", "query": form.get("sql") or ""}


def _pasted(form: Form) -> Json:
    text = form.get("query") or ""
    try:
        node = parse_json(text.encode("utf-8", "surrogatepass"))
    except UnreadableBody as error:
        raise InvalidInput(f"This is not JSON: {error.detail}", attr="query") from None
    if not isinstance(node, dict):
        raise InvalidInput('A query is an object, such as {"kind": "TrendsQuery", ...}.', attr="query")
    return node


KINDS: Mapping[str, Callable[[Form], Json]] = {
    "trends": _trends,
    "funnel": _funnel,
    "retention": _retention,
    "paths": _paths,
    "stickiness": _stickiness,
    "lifecycle": _lifecycle,
    "sql": _sql,
    "query": _pasted,
}
TABS = {
    "trends": ("Trends", "How often, or by how many people, something is done over time."),
    "funnel": ("Funnel", "How many people get from one step to the next, and where they give up."),
    "retention": ("Retention", "Whether people come back after they did something."),
    "paths": ("Paths", "What people do one after another."),
    "stickiness": ("Stickiness", "In how many different days or weeks people do something."),
    "lifecycle": ("Lifecycle", "New, returning, resurrecting and dormant people."),
    "sql": ("SQL", "A SELECT over events, persons, sessions, groups and cohorts."),
    "query": ("Query node", "Any question the API knows, as JSON."),
}


def _names(form: Form, field: str) -> list[str]:
    return [name for text in form.getlist(field) if (name := text.strip())]


def _event(name: str | None) -> Json:
    return {"kind": "EventsNode", "event": name, "name": name or "All events"}


def _series(form: Form, name: str | None) -> Json:
    math = form.get("math") or "total"
    of_property = form.get("math_property", "").strip()
    series = _event(name) | {"math": math}
    return series | {"math_property": of_property} if math in PROPERTY_MATHS and of_property else series


def _breakdown(form: Form) -> Json:
    name = form.get("breakdown", "").strip()
    if not name:
        return {}
    kind = form.get("breakdown_type") or "event"
    return {"breakdownFilter": {"breakdown": name, "breakdown_type": kind}}


def _range(form: Form) -> Json:
    dates = {name: form.get(name, "").strip() for name in ("date_from", "date_to")}
    given = {name: text for name, text in dates.items() if text}
    return {"dateRange": given} if given else {}
