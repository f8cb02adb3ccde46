"""Group types and groups over HTTP (api W16)."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from insights.api.fields import Reader, Text
from insights.api.serializers import NullableObject
from insights.services.refusals import gone
from insights_service.accounts.api.serializers import GroupTypeSerializer
from insights_service.accounts.permissions import ProjectView, ProjectViewSet
from insights_service.errors import InvalidInput
from insights_service.pagination import DEFAULT_LIMIT, MAX_LIMIT
from insights_service.parsers import JSONParser, parse_json, parse_json_body
from insights_service.persons.models import Group, GroupType
from queries.properties import MAX_GROUP_TYPE_INDEX, as_whole

NAME_LENGTH = 400


class GroupSerializer(serializers.ModelSerializer[Group]):
    """A group."""

    group_properties = NullableObject(source="properties")

    class Meta:
        model = Group
        fields = ("group_type_index", "group_key", "group_properties", "created_at")


class GroupTypeBody(Reader):
    """How a kind of group is called."""

    name_singular = Text(NAME_LENGTH)
    name_plural = Text(NAME_LENGTH)


class GroupTypesView(ProjectView):
    """The kinds of groups of a project, at most five."""

    scopes: ClassVar = {"get": "group:read"}

    @extend_schema(responses=GroupTypeSerializer(many=True))
    def get(self, request: Any, **_: Any) -> Response:
        """All of them, by index."""
        return Response(GroupTypeSerializer(_types(self), many=True).data)


class ListParser(JSONParser):
    """A body that is a list: `{"group_types": [...]}` to everybody behind."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> dict[str, Any]:
        """The fields of the body in `stream`."""
        raw = stream.read()
        return {"group_types": parse_json(raw)} if raw.lstrip().startswith(b"[") else parse_json_body(raw)


class GroupTypesMetadataView(ProjectView):
    """The names of the kinds."""

    parser_classes = (ListParser,)

    scopes: ClassVar = {"patch": "group:write"}

    @extend_schema(request=GroupTypeSerializer(many=True), responses=GroupTypeSerializer(many=True))
    def patch(self, request: Any, **_: Any) -> Response:
        """Change the names of those in the list; the others stay."""
        known = {kind.group_type_index: kind for kind in _types(self)}
        for place, item in enumerate(_items(request.data)):
            kind = known.get(index_of(item.get("group_type_index"), f"{place}__group_type_index"))
            if kind is None:
                raise gone()
            _rename(kind, item)
        return Response(GroupTypeSerializer(_types(self), many=True).data)


def _items(data: Any) -> list[Any]:
    items = data.get("group_types")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidInput("A list of group types is needed.", attr="group_types")
    return items


def _rename(kind: GroupType, item: Any) -> None:
    reader = GroupTypeBody(data=item)
    reader.is_valid(raise_exception=True)
    for name, value in reader.validated_data.items():
        setattr(kind, name, value or None)
    kind.save(update_fields=["name_singular", "name_plural"])


def _types(view: ProjectView) -> list[GroupType]:
    return list(GroupType.objects.filter(project=view.project).order_by("group_type_index"))


def index_of(raw: Any, attr: str = "group_type_index") -> int:
    """0 to 4. InvalidInput when it is absent or anything else."""
    if raw in (None, ""):
        raise InvalidInput("This field is required.", code="required", attr=attr)
    index = as_whole(raw)
    if index is None or not 0 <= index <= MAX_GROUP_TYPE_INDEX:
        raise InvalidInput(f"The index of a group type is 0 to {MAX_GROUP_TYPE_INDEX}.", attr=attr)
    return index


class GroupPages(CursorPagination):
    """`{"next", "previous", "results"}`, the newest first."""

    page_size = DEFAULT_LIMIT
    page_size_query_param = "limit"
    max_page_size = MAX_LIMIT
    ordering = ("-created_at", "id")

    def get_page_size(self, request: Any) -> int:
        """As asked for, within bounds."""
        return super().get_page_size(request) or DEFAULT_LIMIT


class GroupViewSet(ProjectViewSet):
    """Groups of one kind."""

    scopes: ClassVar = {"list": "group:read"}
    serializer_class = GroupSerializer
    pagination_class: Any = GroupPages

    @extend_schema(
        parameters=[
            OpenApiParameter("group_type_index", int, required=True),
            OpenApiParameter("search", str, description="Part of the key or of the group's name."),
        ]
    )
    def list(self, request: Any, **_: Any) -> Response:
        """The newest first."""
        index = index_of(request.query_params.get("group_type_index"))
        groups = Group.objects.filter(project=self.project, group_type_index=index)
        search = request.query_params.get("search")
        if search:
            groups = groups.filter(group_key__icontains=search) | groups.filter(
                properties__name__icontains=search
            )
        page = self.paginate_queryset(groups)
        return self.get_paginated_response(GroupSerializer(page, many=True).data)


class GroupFindView(ProjectView):
    """One group by its kind and key."""

    required_scopes = ("group:read",)

    @extend_schema(
        parameters=[
            OpenApiParameter("group_type_index", int, required=True),
            OpenApiParameter("group_key", str, required=True),
        ],
        responses=GroupSerializer,
    )
    def get(self, request: Any, **_: Any) -> Response:
        """The group; 404 when nobody has named it yet."""
        index = index_of(request.query_params.get("group_type_index"))
        key = request.query_params.get("group_key", "")
        found = Group.objects.filter(project=self.project, group_type_index=index, group_key=key).first()
        if found is None:
            raise gone()
        return Response(GroupSerializer(found).data)
