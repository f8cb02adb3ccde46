"""Projects: where callers learn the project id, and where an administrator sets what numbers depend on."""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from insights_service.accounts import access, services
from insights_service.accounts.api.serializers import ProjectBasicSerializer, ProjectSerializer
from insights_service.accounts.models import Level, Organization, Project
from insights_service.accounts.permissions import ApiView, ProjectViewSet
from insights_service.errors import Forbidden, NotFound

NEED_ORGANIZATION_ADMIN = "You need to be an administrator of this organization."


class ProjectsViewSet(ProjectViewSet):
    """`/api/projects/` (api W6, W7)."""

    scopes = {
        "list": "project:read",
        "retrieve": "project:read",
        "create": "project:write",
        "partial_update": "project:write",
        "destroy": "project:write",
        "reset_token": "project:write",
    }
    lookup_url_kwarg = "project_id"
    lookup_value_regex = "[^/]+"
    serializer_class = ProjectSerializer
    queryset = Project.objects.all()
    organization: Organization | None = None

    @extend_schema(responses=ProjectBasicSerializer)
    def list(self, request: Any, **kwargs: str) -> Response:
        """The caller's projects, by id."""
        projects = self._visible()
        page = self.paginate_queryset(projects)
        return self.get_paginated_response(ProjectBasicSerializer(page, many=True).data)

    def create(self, request: Any, **kwargs: str) -> Response:
        """Make a project in the organization of the path, else in the caller's current one."""
        organization = self._organization_to_fill()
        project = services.project_create(
            organization=organization, fields=self._checked(), creator=self.user
        )
        return Response(self._shown(access.with_levels(self.user).get(pk=project.pk)), status=201)

    def retrieve(self, request: Any, **kwargs: str) -> Response:
        """One project with its settings."""
        return Response(self._shown(self.project))

    def partial_update(self, request: Any, **kwargs: str) -> Response:
        """Change settings; needs an administrator of the project."""
        self.require_admin()
        services.project_update(project=self.project, changes=self._checked(partial=True))
        return Response(self._shown(self.project))

    @extend_schema(responses={204: None})
    def destroy(self, request: Any, **kwargs: str) -> Response:
        """Remove the project; needs an administrator of the organization."""
        if (self.project.organization_level or 0) < Level.ADMIN:
            raise Forbidden(NEED_ORGANIZATION_ADMIN)
        services.project_delete(project=self.project)
        return Response(status=204)

    @extend_schema(request=None)
    @action(detail=True, methods=["post", "patch"])
    def reset_token(self, request: Any, **kwargs: str) -> Response:
        """Give the project a new capture token; the old one stops working at once."""
        self.require_admin()
        services.project_token_rotate(project=self.project)
        return Response(self._shown(self.project))

    def _visible(self) -> Any:
        projects = access.visible_projects(self.user, self.key)
        return projects if self.organization is None else projects.filter(organization=self.organization)

    def _organization_to_fill(self) -> Organization:
        if self.key is not None and self.key.scoped_teams:
            raise Forbidden("This API key is limited to some projects and cannot make another.")
        organization = self.organization or access.current_organization(self.user, self.key)
        if organization is None or organization.membership_level < Level.ADMIN:
            raise Forbidden(NEED_ORGANIZATION_ADMIN)
        return organization

    def _checked(self, *, partial: bool = False) -> dict[str, Any]:
        body = ProjectSerializer(data=self.request.data, partial=partial)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def _shown(self, project: Project) -> Any:
        prefetch_related_objects([project], "group_types")
        return ProjectSerializer(project).data


class OrganizationProjectsViewSet(ProjectsViewSet):
    """`/api/organizations/<organization_id>/projects/`: the same, for one organization (api W8)."""

    def check_permissions(self, request: Any) -> None:
        """Credentials and scope, then the organization, then the project in it."""
        ApiView.check_permissions(self, request)
        self.organization = access.organization_for(self.kwargs["organization_id"], self.user, self.key)
        if "project_id" in self.kwargs:
            self._enter(self.kwargs["project_id"])
            if self.project.organization_id != self.organization.pk:
                raise NotFound("Project not found.")
