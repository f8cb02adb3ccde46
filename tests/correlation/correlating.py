"""Asking for correlations in tests: funnels as letters, answers as cells."""

from __future__ import annotations

from typing import Any

from tests.api_client import Answer, Api

DAYS = {"date_from": "2024-01-08", "date_to": "2024-01-12"}
Cells = dict[str, tuple[int, int]]


def asked(api: Api, steps: str = "AB", **options: Any) -> Answer:
    """The answer for steps written as one letter each; `*` is any event."""
    events = [{"id": None if name == "*" else name, "order": place} for place, name in enumerate(steps)]
    return api.calculate("funnel/correlation", **{"events": events, **DAYS, **options})


def correlation(api: Api, steps: str = "AB", **options: Any) -> Any:
    return asked(api, steps, **options).result


def node(steps: str = "AB", *, kind: str = "events", source: Any = None, **options: Any) -> dict[str, Any]:
    """The same as a query node; `source` are fields of the funnel."""
    series = [{"kind": "EventsNode", "event": name} for name in steps]
    funnel = {"kind": "FunnelsQuery", "series": series, "dateRange": DAYS, **(source or {})}
    return {
        "kind": "FunnelCorrelationQuery",
        "source": {"kind": "FunnelsActorsQuery", "source": funnel},
        "funnelCorrelationType": kind,
        **options,
    }


def names(result: Any) -> list[str]:
    return [row["event"]["event"] for row in result["events"]]


def cells(result: Any) -> Cells:
    """Name -> how many who converted have it, how many of the others."""
    return {row["event"]["event"]: (row["success_count"], row["failure_count"]) for row in result["events"]}


def people(api: Api, url: str) -> list[str]:
    """Whom a link lists: first distinct ids, or keys of groups; each as often as it is listed."""
    listed = api.get(url).body["results"][0]["people"]
    return sorted(one.get("group_key") or one["distinct_ids"][0] for one in listed)


def cells_by_people(api: Api, result: Any) -> dict[str, tuple[list[str], list[str]]]:
    """Name -> the people of both cells, having checked that they are as many as the numbers say (F14)."""
    found = {}
    for row in result["events"]:
        listed = people(api, row["success_people_url"]), people(api, row["failure_people_url"])
        assert (len(listed[0]), len(listed[1])) == (row["success_count"], row["failure_count"]), row
        found[row["event"]["event"]] = listed
    return found
