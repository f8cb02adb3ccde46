"""Reading with a sharing token instead of a key (api Q10)."""

from __future__ import annotations

from functools import cached_property

from insights.levels import Viewer
from insights.models import SharingConfiguration
from insights.selectors import viewer_of
from insights.services.sharing import shared_by
from insights_service.accounts.authentication import SharedAccess
from insights_service.accounts.permissions import ProjectView


class SharedReading(ProjectView):
    """A view whose `shared_actions` may be read with `?sharing_access_token=`."""

    def open_shared(self, token: str) -> SharedAccess | None:
        """What the token opens, or None for a token that opens nothing."""
        sharing = shared_by(token)
        return None if sharing is None else SharedAccess(sharing.project_id, sharing)

    @property
    def sharing(self) -> SharingConfiguration | None:
        """The link through which a guest came; None for a user."""
        return self.guest.subject if self.guest else None

    @cached_property
    def viewer(self) -> Viewer:
        """Who looks, with his level and his places among collaborators."""
        if self.guest or self.level is None:
            return Viewer(None)
        return viewer_of(self.project, self.user, self.level)
