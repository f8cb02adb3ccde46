"""Names of events and properties that were seen, and the values they have (api W18)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from insights.api.fields import Reader
from insights.api.groups import index_of
from insights.api.persons import ValueSerializer, asked_values, uuid_of
from insights.api.requests import read, reported
from insights.people import event_values
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectView, ProjectViewSet
from insights_service.errors import InvalidInput
from insights_service.fields import decoded
from insights_service.persons.models import (
    EventDefinition,
    EventProperty,
    PropertyDefinition,
    PropertyOwner,
    PropertyType,
)
from queries.hogql.columns import session_type
from queries.sql.sessions import SESSION_KEYS

SEARCH = OpenApiParameter("search", str, description="Part of the name.")
MAX_EVENT_NAMES = 100


class EventDefinitionSerializer(serializers.ModelSerializer[EventDefinition]):
    """An event name."""

    class Meta:
        model = EventDefinition
        fields = ("id", "name", "created_at", "last_seen_at")


class PropertyDefinitionSerializer(serializers.ModelSerializer[PropertyDefinition]):
    """A property key. `property_type` is the declared type, else what its first value looked like."""

    property_type = serializers.ChoiceField(PropertyType.choices, allow_null=True)
    is_numerical = serializers.BooleanField(read_only=True)

    class Meta:
        model = PropertyDefinition
        fields = ("id", "name", "type", "property_type", "is_numerical")
        read_only_fields = ("id", "name", "type")


class PropertyDefinitionBody(Reader):
    """What may be declared; null takes a declaration back (semantics C4)."""

    property_type = serializers.ChoiceField(PropertyType.choices, required=False, allow_null=True)


BY_ID = OpenApiParameter("id", int, location=OpenApiParameter.PATH)


class EventDefinitionViewSet(ProjectViewSet):
    """Event names of a project."""

    scopes: ClassVar = {"list": "event_definition:read", "retrieve": "event_definition:read"}
    serializer_class = EventDefinitionSerializer
    lookup_field = "id"

    @extend_schema(parameters=[SEARCH])
    def list(self, request: Any, **_: Any) -> Response:
        """By name."""
        found = _searched(EventDefinition.objects.filter(project=self.project), request)
        page = self.paginate_queryset(found.order_by("name"))
        return self.get_paginated_response(EventDefinitionSerializer(page, many=True).data)

    @extend_schema(parameters=[BY_ID])
    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One of them."""
        return Response(EventDefinitionSerializer(_found(EventDefinition.objects, self, id)).data)


class PropertyDefinitionViewSet(ProjectViewSet):
    """Property keys of a project."""

    scopes: ClassVar = {
        "list": "property_definition:read",
        "retrieve": "property_definition:read",
        "partial_update": "property_definition:write",
    }
    serializer_class = PropertyDefinitionSerializer
    lookup_field = "id"

    @extend_schema(
        parameters=[
            SEARCH,
            OpenApiParameter("type", str, enum=PropertyOwner.values, description="Whose; default event."),
            OpenApiParameter("group_type_index", int, description="For groups: of which kind."),
            OpenApiParameter("event_names", str, description="JSON list: only what came with these events."),
        ]
    )
    def list(self, request: Any, **_: Any) -> Response:
        """By name."""
        owner = request.query_params.get("type") or PropertyOwner.EVENT
        if owner not in PropertyOwner.values:
            raise InvalidInput(f'"{owner}" is not a valid choice.', code="invalid_choice", attr="type")
        if owner == PropertyOwner.SESSION:
            return self._of_sessions(request)
        found = PropertyDefinition.objects.filter(project=self.project, type=owner)
        found = _searched(self._narrowed(found, owner, request), request)
        page = self.paginate_queryset(found.order_by("name", "id"))
        return self.get_paginated_response(PropertyDefinitionSerializer(page, many=True).data)

    @extend_schema(parameters=[BY_ID])
    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One of them."""
        return Response(PropertyDefinitionSerializer(_found(PropertyDefinition.objects, self, id)).data)

    @extend_schema(parameters=[BY_ID], request=PropertyDefinitionBody, responses=PropertyDefinitionSerializer)
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Declare the type of a property: filters compare in it from then on (semantics C4)."""
        found = _found(PropertyDefinition.objects, self, id)
        body = read(PropertyDefinitionBody, request)
        if "property_type" in body.validated_data:
            found.declared_type = body.validated_data["property_type"]
            found.save(update_fields=["declared_type"])
        return reported(Response(PropertyDefinitionSerializer(found).data), body)

    def _narrowed(
        self, found: QuerySet[PropertyDefinition], owner: str, request: Any
    ) -> QuerySet[PropertyDefinition]:
        given = request.query_params
        if owner == PropertyOwner.GROUP and given.get("group_type_index"):
            found = found.filter(group_type_index=index_of(given["group_type_index"]))
        names = _names(given.get("event_names"))
        if owner == PropertyOwner.EVENT and names:
            pairs = EventProperty.objects.filter(project=self.project, event__in=names)
            found = found.filter(name__in=pairs.values("property"))
        return found

    def _of_sessions(self, request: Any) -> Response:
        """Sessions are put together by us: their properties are the same for everybody (semantics B14)."""
        search = request.query_params.get("search", "").lower()
        known = [
            PropertyDefinition(name=key, type=PropertyOwner.SESSION, inferred_type=session_type(key))
            for key in sorted(SESSION_KEYS)
            if search in key.lower()
        ]
        page: Any = self.paginate_queryset(known)
        return self.get_paginated_response(PropertyDefinitionSerializer(page, many=True).data)


class EventValuesView(ProjectView):
    """The values an event property had in the last days, the commonest first."""

    required_scopes = ("event_definition:read",)

    @extend_schema(
        parameters=[
            OpenApiParameter("key", str, required=True, description="The property."),
            OpenApiParameter("value", str, description="Part of the values to show."),
            OpenApiParameter("event_name", str, many=True, description="Only on these events."),
        ],
        responses=ValueSerializer(many=True),
    )
    def get(self, request: Any, **_: Any) -> Response:
        """At most a hundred values."""
        key, part = asked_values(request)
        events = request.query_params.getlist("event_name")[:MAX_EVENT_NAMES]
        found = event_values(self.project, key, part=part, events=events)
        return Response([{"name": value} for value in found])


def _searched(found: QuerySet[Any], request: Any) -> QuerySet[Any]:
    search = request.query_params.get("search")
    return found.filter(name__icontains=search) if search else found


def _found(manager: Any, view: ProjectView, reference: str) -> Any:
    """The definition of this project by its uuid; 404 for anything else."""
    found = manager.filter(project=view.project, id=uuid_of(reference)).first()
    if found is None:
        raise gone()
    return found


def _names(raw: str | None) -> list[str]:
    if not raw:
        return []
    names = decoded(raw)
    if not isinstance(names, list) or len(names) > MAX_EVENT_NAMES:
        raise InvalidInput("A JSON list of event names is needed.", attr="event_names")
    return [str(name) for name in names]
