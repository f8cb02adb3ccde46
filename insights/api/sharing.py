"""The public link of an insight or a dashboard (api Q.1)."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from insights import selectors
from insights.api.requests import read, reported
from insights.api.serializers import EmbedBody, EmbedTokenSerializer, SharingBody, SharingSerializer
from insights.levels import Viewer
from insights.links import embed_token
from insights.models import Dashboard, Insight, SharingConfiguration
from insights.services import sharing
from insights.services.sharing import Shareable
from insights_service import clock
from insights_service.accounts.permissions import ProjectView
from insights_service.errors import NotFound


class SharedThing(ProjectView):
    """What the views below have in common: whose link it is, and who asks."""

    @cached_property
    def viewer(self) -> Viewer:
        """Who asks, with his level and his places among collaborators."""
        return selectors.viewer_of(self.project, self.user, self.level or 0)

    def thing(self) -> Shareable:
        """The insight or dashboard of the path."""
        raise NotImplementedError


class InsightOfPath(SharedThing):
    """The insight named in the path, by id or short id."""

    def thing(self) -> Insight:
        """The insight; 404 in its own words (api Q1)."""
        insights = selectors.with_everything(selectors.live(selectors.insights_of(self.project)))
        insight = selectors.find_insight(insights, self.kwargs["insight_id"])
        if insight is None:
            raise NotFound("Insight not found.")
        return insight


class DashboardOfPath(SharedThing):
    """The dashboard named in the path."""

    def thing(self) -> Dashboard:
        """The dashboard; 404 in its own words."""
        dashboard = selectors.find_dashboard(self.project, self.kwargs["dashboard_id"])
        if dashboard is None:
            raise NotFound("Dashboard not found.")
        return dashboard


class SharingView(SharedThing):
    """See and switch a link."""

    scopes: ClassVar = {
        "get": "sharing_configuration:read",
        "patch": "sharing_configuration:write",
    }

    @extend_schema(responses=SharingSerializer)
    def get(self, request: Any, **_: Any) -> Response:
        """The link; the first look makes it, switched off."""
        return _answer(sharing.sharing_of(self.thing()))

    @extend_schema(request=SharingBody, responses=SharingSerializer)
    def patch(self, request: Any, **_: Any) -> Response:
        """Switch the link on or off; it keeps its token."""
        thing = self.thing()
        sharing.require_edit(thing, self.viewer)
        body = read(SharingBody, request)
        return reported(_answer(sharing.sharing_update(thing, body.validated_data, self.viewer)), body)


class SharingRefreshView(SharedThing):
    """Replace the token of a link."""

    scopes: ClassVar = {"post": "sharing_configuration:write"}

    @extend_schema(request=None, responses=SharingSerializer)
    def post(self, request: Any, **_: Any) -> Response:
        """The link under a new token; the old one dies at once."""
        return _answer(sharing.sharing_refresh(thing=self.thing(), viewer=self.viewer))


class EmbedTokenView(SharedThing):
    """Make a token for one customer."""

    scopes: ClassVar = {"post": "sharing_configuration:write"}

    @extend_schema(request=EmbedBody, responses={201: EmbedTokenSerializer})
    def post(self, request: Any, **_: Any) -> Response:
        """A token that opens the link, while it is on, with only the rows that pass `properties`."""
        thing = self.thing()
        sharing.require_edit(thing, self.viewer)
        body = read(EmbedBody, request)
        expires_at = clock.now() + timedelta(seconds=body.validated_data["expires_in"])
        token = embed_token(sharing.sharing_of(thing), body.validated_data["properties"], expires_at)
        answer = EmbedTokenSerializer({"access_token": token, "expires_at": expires_at})
        return reported(Response(answer.data, status=201), body)


class InsightSharingView(InsightOfPath, SharingView):
    """The link of an insight."""


class InsightSharingRefreshView(InsightOfPath, SharingRefreshView):
    """A new token for the link of an insight."""


class InsightEmbedTokenView(InsightOfPath, EmbedTokenView):
    """A token for the link of an insight."""


class DashboardSharingView(DashboardOfPath, SharingView):
    """The link of a dashboard."""


class DashboardSharingRefreshView(DashboardOfPath, SharingRefreshView):
    """A new token for the link of a dashboard."""


class DashboardEmbedTokenView(DashboardOfPath, EmbedTokenView):
    """A token for the link of a dashboard."""


def _answer(link: SharingConfiguration) -> Response:
    return Response(SharingSerializer(link).data)
