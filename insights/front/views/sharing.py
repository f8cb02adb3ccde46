"""The public link of an insight or a dashboard: switch it, renew it, protect it, paste it (api Q.1)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from insights.api.serializers import SharingBody
from insights.front.door import Page
from insights.front.views.dashboards import OneDashboard
from insights.front.views.insights import OneInsight
from insights.levels import can_edit, insight_levels, live_tiles
from insights.services import sharing
from insights.services.sharing import Shareable


class SharingPage(Page):
    """One link. `name` is the page of the thing behind it."""

    name: str

    def thing(self) -> Shareable:
        """The insight or dashboard of the path."""
        raise NotImplementedError

    def may_edit(self) -> bool:
        """Whether the viewer may change who sees it."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **_: Any) -> HttpResponseBase:
        """The link, the code for other people's pages, and the switches."""
        thing = self.thing()
        link = sharing.sharing_of(thing)
        places = {frame: reverse(frame, args=(link.access_token,)) for frame in ("shared", "embedded")}
        return self.show(
            "sharing",
            thing=thing,
            back=self._of(self.name),
            link=link,
            can_edit=self.may_edit(),
            urls={frame: request.build_absolute_uri(path) for frame, path in places.items()},
        )

    def post(self, request: HttpRequest, **_: Any) -> HttpResponseBase:
        """`do`: on, off, renew or password."""
        thing, wanted = self.thing(), request.POST.get("do")
        if wanted == "renew":
            sharing.sharing_refresh(thing=thing, viewer=self.viewer)
            self.say("There is a new link. The old one is dead.")
        else:
            sharing.require_edit(thing, self.viewer)
            body = SharingBody(data=self._change(wanted))
            body.is_valid(raise_exception=True)
            sharing.sharing_update(thing, body.validated_data, self.viewer)
            self.say("Saved.")
        return self.go(f"{self.name}-sharing", *self._reference())

    def back(self) -> str:
        """This page."""
        return self._of(f"{self.name}-sharing")

    def _change(self, wanted: str | None) -> dict[str, Any]:
        if wanted == "password":
            return {"password": self.request.POST.get("password", "")}
        return {"enabled": wanted == "on"}

    def _reference(self) -> list[str]:
        return [value for name, value in self.kwargs.items() if name != "project_id"]

    def _of(self, name: str) -> str:
        return reverse(f"front:{name}", args=(self.shop.pk, *self._reference()))


class InsightSharing(SharingPage, OneInsight):
    """The link of an insight."""

    name = "insight"

    def thing(self) -> Shareable:
        """The insight."""
        return self.insight

    def may_edit(self) -> bool:
        """Edit privilege on a dashboard that carries it (api P18)."""
        return insight_levels((tile.dashboard for tile in live_tiles(self.insight)), self.viewer).can_edit


class DashboardSharing(SharingPage, OneDashboard):
    """The link of a dashboard."""

    name = "dashboard"

    def thing(self) -> Shareable:
        """The dashboard."""
        return self.dashboard

    def may_edit(self) -> bool:
        """Who may edit the dashboard."""
        return can_edit(self.dashboard, self.viewer)
