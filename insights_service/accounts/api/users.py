"""The caller himself (api W9)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from insights_service.accounts import access, services
from insights_service.accounts.api.serializers import UserChangesSerializer, UserSerializer
from insights_service.accounts.permissions import ApiView
from insights_service.errors import InvalidInput


class MeView(ApiView):
    """`/api/users/@me/`."""

    scopes = {"get": "user:read", "patch": "user:write"}

    @extend_schema(operation_id="users_me_retrieve", responses=UserSerializer)
    def get(self, request: Any) -> Response:
        """Who the caller is, and where he is at home."""
        return Response(self._shown())

    @extend_schema(
        operation_id="users_me_partial_update", request=UserChangesSerializer, responses=UserSerializer
    )
    def patch(self, request: Any) -> Response:
        """Change name, current project, current organization, or the password."""
        body = UserChangesSerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changes = dict(body.validated_data)
        new, current = changes.pop("password", None), changes.pop("current_password", None)
        changes = self._with_places(changes)
        if new is not None:
            services.password_change(user=self.user, current=current, new=new)
            if self.key is None:
                update_session_auth_hash(request, self.user)  # this session stays, the others end
        services.user_update(user=self.user, changes=changes)
        return Response(self._shown())

    def _with_places(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Replace the ids of `set_current_*` by what they name; the caller must be allowed in."""
        if (pk := changes.pop("set_current_team", None)) is not None:
            project = access.visible_projects(self.user, self.key).filter(pk=pk).first()
            changes["current_project"] = _known(project, pk, "set_current_team")
            changes["current_organization"] = changes["current_project"].organization
        if (pk := changes.pop("set_current_organization", None)) is not None:
            organization = access.visible_organizations(self.user, self.key).filter(pk=pk).first()
            changes["current_organization"] = _known(organization, pk, "set_current_organization")
        return changes

    def _shown(self) -> Any:
        context = {
            "team": access.current_project(self.user, self.key),
            "organization": access.current_organization(self.user, self.key),
            "organizations": list(access.visible_organizations(self.user, self.key)),
        }
        return UserSerializer(self.user, context=context).data


def _known(found: Any, pk: Any, attr: str) -> Any:
    if found is None:
        raise InvalidInput(f'Invalid pk "{pk}" - object does not exist.', code="does_not_exist", attr=attr)
    return found
