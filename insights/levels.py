"""Who may edit what (api P18). Pure: everything it needs was loaded before by `selectors`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from insights.models import Dashboard, DashboardTile, Insight, Privilege, Restriction
from insights_service.accounts.models import Level, User


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking: a member with his level and his place among collaborators, or a guest of a link.

    `collaborations` maps dashboard ids to the privilege given to this user there.
    """

    user: User | None
    level: int = Level.MEMBER
    collaborations: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_guest(self) -> bool:
        return self.user is None

    @property
    def is_admin(self) -> bool:
        return self.level >= Level.ADMIN


@dataclass(frozen=True, slots=True)
class Levels:
    """The two numbers of the wire: what is asked for, and what the viewer has."""

    restriction: int
    privilege: int

    @property
    def can_edit(self) -> bool:
        return self.privilege == Privilege.CAN_EDIT


GUEST = Levels(Restriction.ONLY_COLLABORATORS_CAN_EDIT, Privilege.CAN_VIEW)


def can_restrict(dashboard: Dashboard, viewer: Viewer) -> bool:
    """Whether the viewer may say who else may edit: the creator and administrators (api W13)."""
    if viewer.user is None:
        return False
    return viewer.is_admin or dashboard.created_by_id == viewer.user.pk


def can_edit(dashboard: Dashboard, viewer: Viewer) -> bool:
    if viewer.user is None:
        return False
    return (
        dashboard.restriction_level == Restriction.EVERYONE_CAN_EDIT
        or can_restrict(dashboard, viewer)
        or viewer.collaborations.get(dashboard.pk) == Privilege.CAN_EDIT
    )


def dashboard_levels(dashboard: Dashboard, viewer: Viewer) -> Levels:
    if viewer.is_guest:
        return GUEST
    privilege = Privilege.CAN_EDIT if can_edit(dashboard, viewer) else Privilege.CAN_VIEW
    return Levels(dashboard.restriction_level, privilege)


def insight_levels(dashboards: Iterable[Dashboard], viewer: Viewer) -> Levels:
    """The strictest dashboard restricts; being able to edit one of them is enough (api P18)."""
    if viewer.is_guest:
        return GUEST
    each = [dashboard_levels(dashboard, viewer) for dashboard in dashboards]
    return Levels(
        max((levels.restriction for levels in each), default=Restriction.EVERYONE_CAN_EDIT),
        max((levels.privilege for levels in each), default=Privilege.CAN_EDIT),
    )


def live_tiles(insight: Insight) -> list[DashboardTile]:
    """The tiles that show an insight, by id; prefetched by `selectors.with_tiles`."""
    return [tile for tile in insight.tiles.all() if not tile.deleted and not tile.dashboard.deleted]
