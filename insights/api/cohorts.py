"""Saved sets of persons over HTTP (api W15). Who is in one is worked out in the background."""

from __future__ import annotations

import csv
import io
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from insights.api.fields import AnyList, JsonObject, QueryNode, Reader, Switch, Text
from insights.api.requests import is_restored, not_deleted_this_way, read, reported
from insights.api.serializers import NullableObject, Plain, UserBasicSerializer
from insights.models import Cohort
from insights.selectors import is_id
from insights.services.cohorts import cohort_create, cohort_update
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectViewSet
from insights_service.errors import InvalidInput

MAX_STATIC = 1_000_000
MAX_CELL = 400
HEADERS = frozenset({"distinct_id", "distinct-id", "email", "person_id", "id"})


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
class Groups(Plain):
    """The oldest form of a definition."""


class CohortSerializer(serializers.ModelSerializer[Cohort]):
    """A cohort and how its calculation stands."""

    name = serializers.CharField(read_only=True, allow_null=True)
    groups = Groups()
    filters = NullableObject()
    query = NullableObject()
    created_by = UserBasicSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Cohort
        fields = (
            "id",
            "name",
            "description",
            "groups",
            "deleted",
            "filters",
            "query",
            "is_calculating",
            "created_by",
            "created_at",
            "last_calculation",
            "errors_calculating",
            "count",
            "is_static",
        )
        read_only_fields = fields


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class PersonList(AnyList):
    """Persons of a static cohort, each by distinct id, e-mail or uuid."""

    most = MAX_STATIC

    def to_internal_value(self, data: Any) -> list[str]:
        """Their names, each once, in their order."""
        texts = (str(item).strip() for item in super().to_internal_value(data))
        return list(dict.fromkeys(text for text in texts if text and len(text) <= MAX_CELL))


class CsvOfPersons(serializers.FileField):
    """A file with a person per line: the first cell is a distinct id or an e-mail."""

    def to_internal_value(self, data: Any) -> Any:
        """The first cells, each once; a header called distinct_id or email is left out."""
        uploaded = super().to_internal_value(data)
        try:
            text = uploaded.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidInput("The file is not UTF-8 text.", attr=str(self.field_name)) from None
        return PersonList().run_validation(_first_cells(text))


def _first_cells(text: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        cells = [row[0].strip() for row in rows if row]
    except csv.Error as error:
        raise InvalidInput(f"The file is not CSV: {error}", attr="csv") from error
    return cells[1:] if cells and cells[0].lower() in HEADERS else cells


class CohortBody(Reader):
    """What may be written. `is_static` and the lists of persons belong together (api W15)."""

    name = Text()
    description = Text(max_length=None, allow_null=False)
    groups = AnyList(required=False)
    filters = JsonObject(required=False, allow_null=True)
    is_static = Switch()
    csv = CsvOfPersons(required=False)
    _create_static_person_ids = PersonList(required=False)
    query = QueryNode(required=False, allow_null=True)  # whose persons: ActorsQuery or a source of one
    deleted = Switch()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The changes; both ways of listing persons become `static_source`."""
        changes = super().to_internal_value(data)
        lists = [changes.pop(name) for name in ("csv", "_create_static_person_ids") if name in changes]
        if lists:
            changes["static_source"] = list(dict.fromkeys(name for names in lists for name in names))
        return changes


class CohortViewSet(ProjectViewSet):
    """Cohorts of a project."""

    scopes: ClassVar = {
        "list": "cohort:read",
        "retrieve": "cohort:read",
        "create": "cohort:write",
        "update": "cohort:write",
        "partial_update": "cohort:write",
        "destroy": "cohort:write",
    }
    serializer_class = CohortSerializer
    lookup_value_regex = "[^/]+"
    lookup_field = "id"

    def list(self, request: Any, **_: Any) -> Response:
        """The cohorts of the project, by id."""
        cohorts = self._cohorts().filter(deleted=False).select_related("created_by").order_by("id")
        page = self.paginate_queryset(cohorts)
        return self.get_paginated_response(CohortSerializer(page, many=True).data)

    def retrieve(self, request: Any, id: str, **_: Any) -> Response:
        """One cohort."""
        return Response(CohortSerializer(self._find(id)).data)

    @extend_schema(request=CohortBody, responses={201: CohortSerializer})
    def create(self, request: Any, **_: Any) -> Response:
        """A new cohort; its members are worked out at once, in the background."""
        body = read(CohortBody, request)
        cohort = cohort_create(project=self.project, changes=body.validated_data, actor=self.user)
        return reported(Response(CohortSerializer(cohort).data, status=201), body)

    @extend_schema(request=CohortBody, responses=CohortSerializer)
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Change the given keys; a changed definition is calculated anew."""
        cohort = self._find(id, with_deleted=is_restored(request))
        body = read(CohortBody, request)
        cohort = cohort_update(cohort=cohort, changes=body.validated_data, actor=self.user)
        return reported(Response(CohortSerializer(cohort).data), body)

    @extend_schema(request=CohortBody, responses=CohortSerializer)
    def update(self, request: Any, id: str, **kwargs: Any) -> Response:
        """The same as PATCH: every field is optional."""
        return self.partial_update(request, id, **kwargs)

    @extend_schema(request=None, responses={405: None})
    def destroy(self, request: Any, **_: Any) -> Response:
        """Always 405: a cohort is taken away with PATCH and `deleted: true`."""
        return not_deleted_this_way(self)

    def _cohorts(self) -> QuerySet[Cohort]:
        return Cohort.objects.filter(project=self.project)

    def _find(self, reference: str, *, with_deleted: bool = False) -> Cohort:
        cohorts = self._cohorts().select_related("created_by")
        found = cohorts.filter(pk=int(reference)).first() if is_id(reference) else None
        if found is None or (found.deleted and not with_deleted):
            raise gone()
        return found
