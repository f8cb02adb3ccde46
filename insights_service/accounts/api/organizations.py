"""Organizations of the caller, for clients that set projects up (api W8)."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response

from insights_service.accounts import access
from insights_service.accounts.api.serializers import OrganizationSerializer
from insights_service.accounts.models import Organization
from insights_service.accounts.permissions import ApiViewSet


class OrganizationsViewSet(ApiViewSet):
    """`/api/organizations/`, with `@current` as an id."""

    scopes = {"list": "organization:read", "retrieve": "organization:read"}
    lookup_url_kwarg = "organization_id"
    lookup_value_regex = "[^/]+"
    serializer_class = OrganizationSerializer
    queryset = Organization.objects.all()

    def list(self, request: Any) -> Response:
        """The caller's organizations, oldest first."""
        page = self.paginate_queryset(access.visible_organizations(self.user, self.key))
        return self.get_paginated_response(self._shown(page, many=True))

    def retrieve(self, request: Any, organization_id: str) -> Response:
        """One organization with the projects the caller may enter."""
        return Response(self._shown(access.organization_for(organization_id, self.user, self.key)))

    def _shown(self, what: Any, *, many: bool = False) -> Any:
        context = {"projects": list(access.visible_projects(self.user, self.key))}
        return OrganizationSerializer(what, many=many, context=context).data
