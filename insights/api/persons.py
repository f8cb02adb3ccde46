"""Persons over HTTP: list, search, look up, edit, split, delete; values of properties (api W17, W18)."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from pydantic_core import PydanticCustomError
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from insights.api.fields import AnyList, JsonObject, Reader, Text
from insights.api.requests import read
from insights.api.serializers import NullableObject
from insights.models import Cohort
from insights.people import PersonFilter, person_json, person_values, persons_found
from insights.selectors import is_id
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectView, ProjectViewSet
from insights_service.errors import InvalidInput
from insights_service.fields import decoded
from insights_service.pagination import UncountedPagination
from insights_service.persons import services
from insights_service.persons.models import Person
from queries.context import ProjectContext
from queries.properties import PropertyGroup, read_properties
from queries.sql.cohorts import stored_members


class PersonSerializer(serializers.Serializer[Any]):
    """A person (api W17)."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    distinct_ids = serializers.ListField(child=serializers.CharField())
    properties = NullableObject()
    created_at = serializers.DateTimeField()
    uuid = serializers.UUIDField()


PERSON_SPLIT = inline_serializer("PersonSplit", {"success": serializers.BooleanField()})
PERSON_PAGE = inline_serializer(
    "PersonPage",
    {
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": PersonSerializer(many=True),
    },
)


class ValueSerializer(serializers.Serializer[Any]):
    """One value that a property has had."""

    name = serializers.CharField()


class PersonBody(Reader):
    """Properties to set; what is not named stays."""

    properties = JsonObject(required=False)


class PropertyBody(Reader):
    """One property to set."""

    key = Text(required=True, allow_null=False, allow_blank=False)
    value = serializers.JSONField(required=True, allow_null=True)


class UnsetBody(Reader):
    """One property to take away: PostHog spells it `$unset`, `key` does as well."""

    key = Text()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """`{"key": name}`"""
        found = super().to_internal_value({"key": data.get("$unset", data.get("key"))})
        if not found.get("key"):
            raise InvalidInput("This field is required.", code="required", attr="$unset")
        return found


class SplitBody(Reader):
    """Which distinct id keeps the profile; the oldest, if none is named."""

    main_distinct_id = Text()
    distinct_ids_to_split = AnyList(required=False)


class PersonPages:
    """Pages of persons, without a count."""

    def __init__(self, view: ProjectView, wanted: PersonFilter) -> None:
        self.view = view
        self.wanted = wanted

    def __getitem__(self, place: slice) -> list[Person]:
        """What a paginator asks for."""
        first = place.start or 0
        return persons_found(self.view.project, self.wanted, first=first, count=place.stop - first)


def page_of_persons(view: Any, request: Any, wanted: PersonFilter) -> Response:
    """One page as the API shows it; `search`, `email`, `distinct_id` and `properties` narrow it further."""
    pages = UncountedPagination()
    found = pages.paginate_queryset(PersonPages(view, wanted), request, view)
    return pages.get_paginated_response(person_json(view.project, found))


def filter_of(request: Any, **more: Any) -> PersonFilter:
    """What the query string asks for. InvalidInput at `properties` for what is no filter."""
    given = request.query_params
    return PersonFilter(
        search=given.get("search") or None,
        email=given.get("email") or None,
        distinct_id=given.get("distinct_id") or None,
        properties=_properties(given.get("properties")),
        **more,
    )


def _properties(raw: str | None) -> PropertyGroup | None:
    """Filters on persons, as JSON text; a leaf without a type is about the person."""
    if not raw:
        return None
    try:
        return read_properties(_about_persons(decoded(raw)))
    except PydanticCustomError as error:
        context: Any = error.context or {}
        raise InvalidInput(
            str(context.get("detail", error.message())), code=error.type, attr="properties"
        ) from error


def _about_persons(raw: Any) -> Any:
    if isinstance(raw, list):
        return [_about_persons(item) for item in raw]
    if isinstance(raw, dict) and "values" in raw and "key" not in raw:
        return {**raw, "values": _about_persons(raw["values"])}
    if not isinstance(raw, dict):
        raise InvalidInput("A list of filters is needed, as JSON.", attr="properties")
    if raw.get("type", "person") != "person":
        raise InvalidInput("Persons are filtered by properties of persons.", attr="properties")
    return {**raw, "type": "person"}


LIST_PARAMETERS = [
    OpenApiParameter("search", str, description="Part of an e-mail, a name or a distinct id, or an id."),
    OpenApiParameter("email", str, description="The whole e-mail."),
    OpenApiParameter("distinct_id", str, description="The person that has this distinct id."),
    OpenApiParameter("properties", str, description="Property filters as JSON."),
]


class PersonViewSet(ProjectViewSet):
    """Persons of a project."""

    scopes: ClassVar = {
        "list": "person:read",
        "retrieve": "person:read",
        "partial_update": "person:write",
        "update_property": "person:write",
        "delete_property": "person:write",
        "split": "person:write",
        "destroy": "person:write",
    }
    serializer_class = PersonSerializer
    pagination_class = UncountedPagination
    lookup_value_regex = "[^/]+"
    lookup_field = "id"

    @extend_schema(parameters=LIST_PARAMETERS)
    def list(self, request: Any, **_: Any) -> Response:
        """Persons, the newest first."""
        return page_of_persons(self, request, filter_of(request))

    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One person, by number or uuid."""
        return Response(self._shown(self._find(id)))

    @extend_schema(request=PersonBody, responses=PersonSerializer)
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Set properties; those not named stay."""
        person = self._find(id)  # the object comes before the body (api N4)
        return self._changed(person, set_=read(PersonBody, request).validated_data.get("properties", {}))

    @extend_schema(request=PropertyBody, responses=PersonSerializer)
    @action(detail=True, methods=["post"])
    def update_property(self, request: Any, id: str, **_: Any) -> Response:
        """Set one property."""
        person = self._find(id)
        given = read(PropertyBody, request).validated_data
        return self._changed(person, set_={given["key"]: given["value"]})

    @extend_schema(request=UnsetBody, responses=PersonSerializer)
    @action(detail=True, methods=["post"])
    def delete_property(self, request: Any, id: str, **_: Any) -> Response:
        """Take one property away."""
        person = self._find(id)
        given = read(UnsetBody, request).validated_data
        return self._changed(person, unset=[given["key"]])

    @extend_schema(request=SplitBody, responses={201: PERSON_SPLIT})
    @action(detail=True, methods=["post"])
    def split(self, request: Any, id: str, **_: Any) -> Response:
        """Make each distinct id a person of its own."""
        person = self._find(id)
        main = read(SplitBody, request).validated_data.get("main_distinct_id")
        services.split_person(
            project_id=self.project.pk, person_no=person.person_no, main_distinct_id=main or None
        )
        return Response({"success": True}, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Any, id: str, **_: Any) -> Response:
        """Delete the profile; events stay and count as those of somebody without one (semantics B5)."""
        services.delete_person(project_id=self.project.pk, person_no=self._find(id).person_no)
        return Response(status=204)

    def _find(self, reference: str) -> Person:
        persons = Person.objects.filter(project=self.project)
        if is_id(reference):
            found = persons.filter(person_no=int(reference)).first()
        else:
            found = persons.filter(uuid=uuid_of(reference)).first()
        if found is None:
            raise gone()
        return found

    def _changed(self, person: Person, **changes: Any) -> Response:
        services.update_person_properties(project_id=self.project.pk, person_no=person.person_no, **changes)
        person.refresh_from_db()
        return Response(self._shown(person))

    def _shown(self, person: Person) -> dict[str, Any]:
        return person_json(self.project, [person])[0]


def uuid_of(text: str) -> uuid.UUID:
    """The uuid in a path; 404 for anything else."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise gone() from None


class PersonValuesView(ProjectView):
    """The values a property of persons has, the commonest first."""

    required_scopes = ("person:read",)

    @extend_schema(
        parameters=[
            OpenApiParameter("key", str, required=True, description="The property."),
            OpenApiParameter("value", str, description="Part of the values to show."),
        ],
        responses=ValueSerializer(many=True),
    )
    def get(self, request: Any, **_: Any) -> Response:
        """At most a hundred values."""
        key, part = asked_values(request)
        return Response([{"name": value} for value in person_values(self.project, key, part=part)])


def asked_values(request: Any) -> tuple[str, str]:
    """The property and the part its values have to contain. InvalidInput without a property."""
    key = request.query_params.get("key")
    if not key:
        raise InvalidInput("This field is required.", code="required", attr="key")
    return key, request.query_params.get("value", "")


class CohortPersonsView(ProjectView):
    """The persons in a cohort, as of its last calculation (api W15)."""

    required_scopes = ("cohort:read",)

    @extend_schema(parameters=LIST_PARAMETERS, responses=PERSON_PAGE)
    def get(self, request: Any, cohort_id: str, **_: Any) -> Response:
        """A page of them; nobody before the first calculation."""
        cohorts = Cohort.objects.filter(project=self.project, deleted=False)
        cohort = cohorts.filter(pk=int(cohort_id)).first() if is_id(cohort_id) else None
        if cohort is None:
            raise gone()
        context = ProjectContext(project_id=self.project.pk, now=cohort.created_at)
        members = stored_members(cohort.pk, cohort.version or 0, context)
        return page_of_persons(self, request, filter_of(request, members_of=members))
