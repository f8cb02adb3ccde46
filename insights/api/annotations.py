"""Remarks at a date over HTTP: what happened when, shown beside charts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from insights.api.fields import Reader, Switch, Text
from insights.api.requests import is_restored, not_deleted_this_way, read, reported
from insights.api.serializers import UserBasicSerializer
from insights.models import Annotation, AnnotationScope
from insights.selectors import MAX_ID, is_id
from insights.services.annotations import annotation_create, annotation_update
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectViewSet
from insights_service.errors import InvalidInput

MAX_CONTENT = 8192
MAX_SEARCH = 200


class AnnotationSerializer(serializers.ModelSerializer[Annotation]):
    """A remark. `dashboard_item` is the id of an insight, as PostHog spells it."""

    created_by = UserBasicSerializer(read_only=True, allow_null=True)
    creation_type = serializers.CharField(read_only=True, default="USR")
    dashboard_item = serializers.IntegerField(source="insight_id", read_only=True, allow_null=True)
    dashboard_id = serializers.IntegerField(read_only=True, allow_null=True)
    dashboard_name = serializers.CharField(
        source="dashboard.name", read_only=True, default=None, allow_null=True
    )
    insight_short_id = serializers.CharField(
        source="insight.short_id", read_only=True, default=None, allow_null=True
    )
    insight_name = serializers.CharField(source="insight.name", read_only=True, default=None, allow_null=True)
    insight_derived_name = serializers.CharField(
        source="insight.derived_name", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = Annotation
        fields = (
            "id",
            "content",
            "date_marker",
            "creation_type",
            "dashboard_item",
            "dashboard_id",
            "dashboard_name",
            "insight_short_id",
            "insight_name",
            "insight_derived_name",
            "created_by",
            "created_at",
            "updated_at",
            "deleted",
            "scope",
        )
        read_only_fields = fields


class AnnotationBody(Reader):
    """What may be written."""

    content = Text(max_length=MAX_CONTENT)
    date_marker = serializers.DateTimeField(required=False, allow_null=True)
    scope = serializers.ChoiceField(AnnotationScope.choices, required=False)
    dashboard_item = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_ID)
    dashboard_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MAX_ID)
    deleted = Switch()


class AnnotationViewSet(ProjectViewSet):
    """Remarks of a project, and those that hold for its whole organization."""

    scopes: ClassVar = {
        "list": "annotation:read",
        "retrieve": "annotation:read",
        "create": "annotation:write",
        "update": "annotation:write",
        "partial_update": "annotation:write",
        "destroy": "annotation:write",
    }
    serializer_class = AnnotationSerializer
    lookup_value_regex = "[^/]+"
    lookup_field = "id"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "search", str, description=f"Part of the text, at most {MAX_SEARCH} characters."
            ),
            OpenApiParameter("scope", str, enum=AnnotationScope.values, description="Only of this scope."),
        ]
    )
    def list(self, request: Any, **_: Any) -> Response:
        """The newest date first."""
        found = self._seen().filter(deleted=False, **_wanted(request.query_params))
        page = self.paginate_queryset(found.order_by("-date_marker", "-id"))
        return self.get_paginated_response(AnnotationSerializer(page, many=True).data)

    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One remark."""
        return Response(AnnotationSerializer(_found(self._seen(), id)).data)

    @extend_schema(request=AnnotationBody, responses={201: AnnotationSerializer})
    def create(self, request: Any, **_: Any) -> Response:
        """A new remark; without a date it is about now."""
        body = read(AnnotationBody, request)
        annotation = annotation_create(project=self.project, changes=body.validated_data, actor=self.user)
        return reported(Response(AnnotationSerializer(annotation).data, status=201), body)

    @extend_schema(request=AnnotationBody, responses=AnnotationSerializer)
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Change the given keys. A remark of another project of the organization is only shown here."""
        own = self._joined().filter(project=self.project)
        annotation = _found(own, id, with_deleted=is_restored(request))
        body = read(AnnotationBody, request)
        annotation_update(annotation=annotation, changes=body.validated_data)
        return reported(Response(AnnotationSerializer(_found(own, id, with_deleted=True)).data), body)

    @extend_schema(request=AnnotationBody, responses=AnnotationSerializer)
    def update(self, request: Any, id: str, **kwargs: Any) -> Response:
        """The same as PATCH: every field is optional."""
        return self.partial_update(request, id, **kwargs)

    @extend_schema(request=None, responses={405: None})
    def destroy(self, request: Any, **_: Any) -> Response:
        """Always 405: a remark is taken away with PATCH and `deleted: true`."""
        return not_deleted_this_way(self)

    def _joined(self) -> QuerySet[Annotation]:
        return Annotation.objects.select_related("created_by", "insight", "dashboard")

    def _seen(self) -> QuerySet[Annotation]:
        of_all = Q(scope=AnnotationScope.ORGANIZATION, project__organization=self.project.organization_id)
        return self._joined().filter(Q(project=self.project) | of_all)


def _wanted(given: Any) -> dict[str, str]:
    """The conditions of the list. InvalidInput for what is none."""
    search, scope = given.get("search") or "", given.get("scope") or ""
    if len(search) > MAX_SEARCH:
        raise InvalidInput(f"Search for at most {MAX_SEARCH} characters.", attr="search")
    if scope and scope not in AnnotationScope.values:
        raise InvalidInput(f'"{scope}" is not a valid choice.', code="invalid_choice", attr="scope")
    return {
        name: value
        for name, value in (("content__icontains", search.replace("\x00", "")), ("scope", scope))
        if value
    }


def _found(annotations: QuerySet[Annotation], reference: str, *, with_deleted: bool = False) -> Annotation:
    found = annotations.filter(pk=int(reference)).first() if is_id(reference) else None
    if found is None or (found.deleted and not with_deleted):
        raise gone()
    return found
