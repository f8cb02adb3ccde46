"""Event matchers over HTTP (api W14)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from insights.action_steps import read_steps
from insights.api.fields import AnyList, Reader, Switch, Tags, Text
from insights.api.requests import is_restored, not_deleted_this_way, read, reported
from insights.api.serializers import Plain, UserBasicSerializer
from insights.models import Action
from insights.selectors import is_id
from insights.services.actions import action_create, action_update
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectViewSet

TEXT_OR_NULL = {"type": "string", "nullable": True}
MATCHING = {"type": "string", "enum": ["contains", "exact", "regex", None], "nullable": True}
STEPS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            **dict.fromkeys(("event", "selector", "tag_name", "text", "href", "url"), TEXT_OR_NULL),
            **dict.fromkeys(("text_matching", "href_matching", "url_matching"), MATCHING),
            "properties": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
        },
    },
}


@extend_schema_field(STEPS)
class StoredSteps(Plain):
    """Steps as they are kept."""


@extend_schema_field(STEPS)
class Steps(AnyList):
    """Steps, checked; an error names its place: `steps__0__url`."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        """The steps with all keys of the contract."""
        return read_steps(super().to_internal_value(data), str(self.field_name))


class ActionSerializer(serializers.ModelSerializer[Action]):
    """An action."""

    name = serializers.CharField(read_only=True, allow_null=True)
    steps = StoredSteps()
    created_by = UserBasicSerializer(read_only=True, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_calculating = serializers.BooleanField(read_only=True, default=False)
    last_calculated_at = serializers.DateTimeField(source="updated_at", read_only=True)
    team_id = serializers.IntegerField(source="project_id", read_only=True)
    is_action = serializers.BooleanField(read_only=True, default=True)

    class Meta:
        model = Action
        fields = (
            "id",
            "name",
            "description",
            "tags",
            "post_to_slack",
            "steps",
            "created_at",
            "created_by",
            "deleted",
            "is_calculating",
            "last_calculated_at",
            "team_id",
            "is_action",
            "pinned_at",
        )
        read_only_fields = fields


class ActionBody(Reader):
    """What may be written."""

    name = Text()
    description = Text(max_length=None, allow_null=False)
    tags = Tags(required=False)
    post_to_slack = Switch()
    steps = Steps(required=False)
    deleted = Switch()
    pinned_at = serializers.DateTimeField(required=False, allow_null=True)


class ActionViewSet(ProjectViewSet):
    """Actions of a project."""

    scopes: ClassVar = {
        "list": "action:read",
        "retrieve": "action:read",
        "create": "action:write",
        "update": "action:write",
        "partial_update": "action:write",
        "destroy": "action:write",
    }
    serializer_class = ActionSerializer
    lookup_value_regex = "[^/]+"
    lookup_field = "id"

    def list(self, request: Any, **_: Any) -> Response:
        """The actions of the project, by id."""
        actions = self._actions().filter(deleted=False).select_related("created_by").order_by("id")
        page = self.paginate_queryset(actions)
        return self.get_paginated_response(ActionSerializer(page, many=True).data)

    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One action."""
        return Response(ActionSerializer(self._find(id)).data)

    @extend_schema(request=ActionBody, responses={201: ActionSerializer})
    def create(self, request: Any, **_: Any) -> Response:
        """A new action."""
        body = read(ActionBody, request)
        action = action_create(project=self.project, changes=body.validated_data, actor=self.user)
        return reported(Response(ActionSerializer(action).data, status=201), body)

    @extend_schema(request=ActionBody, responses=ActionSerializer)
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Change the given keys. A deleted action counts as unknown wherever it is used."""
        action = self._find(id, with_deleted=is_restored(request))
        body = read(ActionBody, request)
        action = action_update(action=action, changes=body.validated_data, actor=self.user)
        return reported(Response(ActionSerializer(action).data), body)

    @extend_schema(request=ActionBody, responses=ActionSerializer)
    def update(self, request: Any, id: str, **kwargs: Any) -> Response:
        """The same as PATCH: every field is optional."""
        return self.partial_update(request, id, **kwargs)

    @extend_schema(request=None, responses={405: None})
    def destroy(self, request: Any, **_: Any) -> Response:
        """Always 405: an action is taken away with PATCH and `deleted: true`."""
        return not_deleted_this_way(self)

    def _actions(self) -> QuerySet[Action]:
        return Action.objects.filter(project=self.project)

    def _find(self, reference: str, *, with_deleted: bool = False) -> Action:
        actions = self._actions().select_related("created_by")
        found = actions.filter(pk=int(reference)).first() if is_id(reference) else None
        if found is None or (found.deleted and not with_deleted):
            raise gone()
        return found
