"""What changed, and the record of it (api Q16, Q17).

One difference function for every kind of thing, over a table of the fields that are logged. A caller
takes a snapshot before and after his change and hands in both; the record is written in his transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from insights.models import Action, ActivityLog, ActivityScope, Cohort, Dashboard, DashboardTile, Insight
from insights_service import clock
from insights_service.accounts.models import User

Snapshot = Mapping[str, Any]
Change = dict[str, Any]

# Kind of thing -> its logged fields, in the order in which changes are reported (api Q17).
# `dashboards` is read from the tiles; every other word is an attribute.
LOGGED: Mapping[str, tuple[str, ...]] = {
    ActivityScope.INSIGHT: (
        "tags",
        "name",
        "derived_name",
        "description",
        "filters",
        "query",
        "favorited",
        "deleted",
        "dashboards",
    ),
    ActivityScope.DASHBOARD: (
        "tags",
        "name",
        "description",
        "filters",
        "pinned",
        "restriction_level",
        "deleted",
    ),
    ActivityScope.ACTION: ("tags", "name", "description", "steps", "deleted"),
    ActivityScope.COHORT: ("name", "description", "filters", "groups", "is_static", "deleted"),
}
SCOPES: Mapping[type, ActivityScope] = {
    Insight: ActivityScope.INSIGHT,
    Dashboard: ActivityScope.DASHBOARD,
    Action: ActivityScope.ACTION,
    Cohort: ActivityScope.COHORT,
}
Thing = Insight | Dashboard | Action | Cohort


def snapshot(thing: Thing) -> dict[str, Any]:
    """The logged fields of a thing as JSON values. Asks the database only for an insight's tiles."""
    return {field: _read(thing, field) for field in LOGGED[SCOPES[type(thing)]]}


def difference(scope: str, before: Snapshot, after: Snapshot) -> list[Change]:
    """One change per logged field that differs; a field missing from both sides did not change."""
    return [
        _change(scope, field, before.get(field), after.get(field))
        for field in LOGGED[scope]
        if before.get(field) != after.get(field)
    ]


def record_created(thing: Thing, *, actor: User | None) -> None:
    """The record of a creation; it has no changes (api Q16)."""
    _record(thing, "created", None, actor=actor)


def record_updated(thing: Thing, *, actor: User | None, before: Snapshot, after: Snapshot) -> None:
    """The record of an update, named after `deleted` if that changed; none when nothing did."""
    changes = difference(SCOPES[type(thing)], before, after)
    if changes:
        _record(thing, _verb(before, after), changes, actor=actor)


def record_sharing(thing: Insight | Dashboard, *, actor: User | None, enabled: bool) -> None:
    """The record of a link switched on or off (api Q17)."""
    change = {**_change(SCOPES[type(thing)], "sharing", None, enabled), "action": "changed"}
    _record(thing, f"sharing {'enabled' if enabled else 'disabled'}", [change], actor=actor)


def record_password(thing: Insight | Dashboard, *, actor: User | None, is_set: bool) -> None:
    """The record of a link's password set or taken away; the password is not in it."""
    _record(thing, f"sharing password {'set' if is_set else 'removed'}", None, actor=actor)


def record_token_refreshed(thing: Insight | Dashboard, *, actor: User | None) -> None:
    """The record of a new link; neither token is in it, since whoever reads it could use them."""
    _record(thing, "access token refreshed", None, actor=actor)


def _verb(before: Snapshot, after: Snapshot) -> str:
    if before.get("deleted") == after.get("deleted"):
        return "updated"
    return "deleted" if after.get("deleted") else "restored"


def _change(scope: str, field: str, before: Any, after: Any) -> Change:
    action = "created" if before is None else "deleted" if after is None else "changed"
    return {"type": str(scope), "action": action, "field": field, "before": before, "after": after}


def _record(thing: Thing, activity: str, changes: Sequence[Change] | None, *, actor: User | None) -> None:
    name = _title(thing)
    if not name and isinstance(thing, Insight):
        return  # api Q16: a nameless insight leaves no trace
    ActivityLog.objects.create(
        project_id=thing.project_id,
        user=actor,
        is_system=actor is None,
        scope=SCOPES[type(thing)],
        item_id=str(thing.pk),
        activity=activity,
        detail={
            "changes": changes,
            "merge": None,
            "trigger": None,
            "name": name,
            "short_id": getattr(thing, "short_id", None),
            "type": None,
        },
        created_at=clock.now(),
    )


def _title(thing: Thing) -> str:
    return thing.title if isinstance(thing, Insight) else thing.name or ""


def _read(thing: Thing, field: str) -> Any:
    return READERS.get(field, _attribute(field))(thing)


def _attribute(field: str) -> Callable[[Any], Any]:
    return lambda thing: getattr(thing, field)


def _dashboards(insight: Insight) -> list[dict[str, Any]]:
    """Id and name of the dashboards that carry the insight, by id (api Q17)."""
    live = DashboardTile.objects.filter(insight=insight, deleted=False, dashboard__deleted=False)
    pairs = live.order_by("dashboard_id").values_list("dashboard_id", "dashboard__name")
    return [{"id": dashboard_id, "name": name} for dashboard_id, name in pairs]


READERS: Mapping[str, Callable[[Any], Any]] = {
    "dashboards": _dashboards,
    "tags": lambda thing: sorted(thing.tags),
}
