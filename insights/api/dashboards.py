"""Dashboards and who may edit them, over HTTP (api W11-W13)."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from insights import selectors
from insights.api.answers import REFRESH_PARAMETERS, Wish, answer_all, wish_of
from insights.api.contexts import OVERRIDE_PARAMETERS, filters_override, variables_override
from insights.api.dashboard_serializers import (
    CollaboratorBody,
    CollaboratorSerializer,
    DashboardBasicSerializer,
    DashboardBody,
    DashboardSerializer,
)
from insights.api.requests import IF_MATCH_HEADER, is_restored, not_deleted_this_way, read, reported
from insights.api.sharing import DashboardOfPath
from insights.dashboards_shown import show_dashboard, show_tiles, with_answers
from insights.levels import Viewer
from insights.models import Dashboard
from insights.question import PLAIN, Context
from insights.services import collaborators
from insights.services.dashboards import (
    dashboard_accessed,
    dashboard_create,
    dashboard_update,
    require_edit,
)
from insights.services.refusals import gone
from insights.services.versions import version_tag
from insights_service.accounts.permissions import ProjectViewSet


class DashboardViewSet(ProjectViewSet):
    """Dashboards of a project."""

    scopes: ClassVar = {
        "list": "dashboard:read",
        "retrieve": "dashboard:read",
        "create": "dashboard:write",
        "update": "dashboard:write",
        "partial_update": "dashboard:write",
        "destroy": "dashboard:write",
    }
    serializer_class = DashboardSerializer
    lookup_value_regex = "[^/]+"
    lookup_field = "id"

    @property
    def viewer(self) -> Viewer:
        """Who asks, with his level and his places among collaborators."""
        return selectors.viewer_of(self.project, self.user, self.level or 0)

    @extend_schema(responses=DashboardBasicSerializer(many=True))
    def list(self, request: Any, **_: Any) -> Response:
        """The dashboards of the project: pinned ones first, then by name."""
        page = self.paginate_queryset(selectors.listed_dashboards(self.project)) or []
        viewer = self.viewer
        shown = [show_dashboard(dashboard, viewer) for dashboard in page]
        return self.get_paginated_response(DashboardBasicSerializer(shown, many=True).data)

    @extend_schema(parameters=[*OVERRIDE_PARAMETERS, *REFRESH_PARAMETERS], responses=DashboardSerializer)
    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One dashboard with its tiles and their results; a tile that fails fails alone."""
        dashboard = self._find(id)
        parameters = request.query_params
        over = Context(None, filters_override(parameters), variables_override(parameters))
        wish = wish_of(request)
        dashboard_accessed(dashboard)
        return self._answered(dashboard, wish, over)

    @extend_schema(request=DashboardBody, responses={201: DashboardSerializer})
    def create(self, request: Any, **_: Any) -> Response:
        """A new dashboard, empty or a copy of another one."""
        wish, body = wish_of(request), read(DashboardBody, request)
        dashboard = dashboard_create(project=self.project, changes=body.validated_data, viewer=self.viewer)
        return reported(self._answered(dashboard, wish, status=201), body)

    @extend_schema(request=DashboardBody, responses=DashboardSerializer, parameters=[IF_MATCH_HEADER])
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Change the given keys. `deleted: true` takes it away with its tiles, false brings both back."""
        dashboard, viewer = self._find(id, with_deleted=is_restored(request)), self.viewer
        require_edit(dashboard, viewer)
        wish, body = wish_of(request), read(DashboardBody, request)
        dashboard = dashboard_update(
            dashboard=dashboard,
            changes=body.validated_data,
            viewer=viewer,
            expected_version=request.headers.get("If-Match"),
        )
        return reported(self._answered(dashboard, wish), body)

    @extend_schema(request=DashboardBody, responses=DashboardSerializer, parameters=[IF_MATCH_HEADER])
    def update(self, request: Any, id: str, **kwargs: Any) -> Response:
        """The same as PATCH: every field is optional."""
        return self.partial_update(request, id, **kwargs)

    @extend_schema(request=None, responses={405: None})
    def destroy(self, request: Any, **_: Any) -> Response:
        """Always 405: a dashboard is taken away with PATCH and `deleted: true`."""
        return not_deleted_this_way(self)

    def _find(self, reference: str, *, with_deleted: bool = False) -> Dashboard:
        dashboard = selectors.find_dashboard(self.project, reference, with_deleted=with_deleted)
        if dashboard is None:
            raise gone()
        return dashboard

    def _answered(
        self, dashboard: Dashboard, wish: Wish, over: Context = PLAIN, status: int = 200
    ) -> Response:
        """The full form with each tile's answer as the request asks."""
        viewer, zone = self.viewer, self.project.timezone
        tiles = list(selectors.live_tiles_of(dashboard))
        shown = show_tiles(show_dashboard(dashboard, viewer), tiles, viewer, zone, over)
        insights = [tile.insight for tile in shown.tiles if tile.insight]
        shown = with_answers(shown, answer_all(insights, self.project, wish))
        return Response(DashboardSerializer(shown).data, status, headers={"ETag": version_tag(dashboard)})


class CollaboratorsView(DashboardOfPath):
    """People with a place of their own on a dashboard."""

    scopes: ClassVar = {"get": "dashboard:read", "post": "dashboard:write"}

    @extend_schema(responses=CollaboratorSerializer(many=True))
    def get(self, request: Any, **_: Any) -> Response:
        """All of them, in the order in which they came."""
        people = self.thing().collaborations.select_related("user")
        return Response(CollaboratorSerializer(people, many=True).data)

    @extend_schema(request=CollaboratorBody, responses={201: CollaboratorSerializer})
    def post(self, request: Any, **_: Any) -> Response:
        """Give somebody a level: 37 may edit, 21 may view."""
        dashboard, viewer = self.thing(), self.viewer
        collaborators.require_edit(dashboard, viewer)
        body = read(CollaboratorBody, request)
        place = collaborators.collaborator_set(dashboard=dashboard, viewer=viewer, **body.validated_data)
        return reported(Response(CollaboratorSerializer(place).data, status=201), body)


class CollaboratorView(DashboardOfPath):
    """One of these people."""

    scopes: ClassVar = {"delete": "dashboard:write"}

    @extend_schema(responses={204: None})
    def delete(self, request: Any, user_uuid: Any, **_: Any) -> Response:
        """The person is an ordinary member again."""
        collaborators.collaborator_remove(dashboard=self.thing(), user_uuid=user_uuid, viewer=self.viewer)
        return Response(status=204)
