"""Reading with a sharing token instead of a key (api Q10)."""

from __future__ import annotations

from functools import cached_property

from insights.levels import Viewer, live_tiles
from insights.links import Link, PasswordRequired, open_token, password_in
from insights.models import Insight, SharingConfiguration
from insights.question import PLAIN, Context
from insights.selectors import viewer_of
from insights_service.accounts.authentication import SharedAccess
from insights_service.accounts.permissions import ProjectView
from insights_service.throttling import address_of


def guest_context(insight: Insight, link: Link) -> Context:
    """Through a dashboard's link an insight is seen as on that dashboard, never without its filters."""
    tiles = (tile for tile in live_tiles(insight) if tile.dashboard_id == link.sharing.dashboard_id)
    return Context(next(tiles, None), row_filter=link.row_filter)


class SharedReading(ProjectView):
    """A view whose `shared_actions` may be read with `?sharing_access_token=`."""

    def open_shared(self, token: str) -> SharedAccess | None:
        """What the token opens, or None for a token that opens nothing."""
        try:
            link = open_token(token, password_in(self.request.headers), address_of(self.request))
        except PasswordRequired:
            return None
        return None if link is None else SharedAccess(link.sharing.project_id, link)

    @property
    def link(self) -> Link | None:
        """The link through which a guest came; None for a user."""
        return self.guest.subject if self.guest else None

    @property
    def sharing(self) -> SharingConfiguration | None:
        """The row of that link."""
        return self.link.sharing if self.link else None

    def context_of(self, insight: Insight) -> Context:
        """What lies over an insight for this guest; nothing for a user."""
        return guest_context(insight, self.link) if self.link else PLAIN

    @cached_property
    def viewer(self) -> Viewer:
        """Who looks, with his level and his places among collaborators."""
        if self.guest or self.level is None:
            return Viewer(None)
        return viewer_of(self.project, self.user, self.level)
