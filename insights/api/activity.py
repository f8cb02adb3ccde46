"""Who changed what, a page at a time (api Q11-Q15)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from insights import selectors
from insights.api.serializers import Anything, Plain
from insights.models import ActivityLog, ActivityScope
from insights.services.refusals import gone
from insights_service.accounts.permissions import ProjectView
from insights_service.errors import InvalidInput, NotFound
from insights_service.renderers import CsvTable, to_json

DEFAULT_LIMIT, MAX_LIMIT = 10, 100  # api Q14
MAX_PAGE = 10**9
PAGE_PARAMETERS = [
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="From 1."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    ),
]
SYSTEM = {"first_name": "System", "email": None, "is_system": True}  # api Q13
CSV_COLUMNS = ["created_at", "user", "activity", "scope", "item_id", "name", "changes"]  # api Q15


class ChangeSerializer(serializers.Serializer[Any]):
    """One field before and after."""

    type = serializers.CharField(read_only=True)
    action = serializers.ChoiceField(choices=["created", "changed", "deleted"], read_only=True)
    field = serializers.CharField(read_only=True)
    before = Anything()
    after = Anything()


class DetailSerializer(serializers.Serializer[Any]):
    """What happened, and the name the thing had then."""

    changes = ChangeSerializer(many=True, read_only=True, allow_null=True)
    merge = Anything()
    trigger = Anything()
    name = serializers.CharField(read_only=True, allow_null=True)
    short_id = serializers.CharField(read_only=True, allow_null=True)
    type = serializers.CharField(read_only=True, allow_null=True)


DETAIL_KEYS = tuple(DetailSerializer().fields)
CHANGE_KEYS = tuple(ChangeSerializer().fields)


@extend_schema_field(
    {
        "type": "object",
        "nullable": True,
        "required": ["first_name", "email"],
        "properties": {
            "first_name": {"type": "string"},
            "email": {"type": "string", "format": "email", "nullable": True},
            "is_system": {"type": "boolean", "description": "Only there for work of the server itself."},
        },
    }
)
class ActivityUser(Plain):
    """Who did it; null for a user who is gone (api Q13)."""


class ActivitySerializer(serializers.Serializer[Any]):
    """One record (api Q12)."""

    id = serializers.UUIDField(read_only=True)
    user = ActivityUser()
    activity = serializers.CharField(read_only=True)
    scope = serializers.CharField(read_only=True)
    item_id = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    detail = DetailSerializer(read_only=True)


class ActivityPageSerializer(serializers.Serializer[Any]):
    """A page of records, newest first."""

    results = ActivitySerializer(many=True, read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True)
    previous = serializers.URLField(read_only=True, allow_null=True)
    total_count = serializers.IntegerField(read_only=True)


@extend_schema(parameters=PAGE_PARAMETERS, responses=ActivityPageSerializer)
class ActivityView(ProjectView):
    """The records of one scope; subclasses say of which thing."""

    scopes: ClassVar = {"get": "activity_log:read"}
    scope: ClassVar[ActivityScope]

    def get(self, request: Any, **_: Any) -> Response:
        """A page of records, newest first."""
        item_id = self.item_id()
        page = _whole(request, "page", 1, MAX_PAGE)
        limit = _whole(request, "limit", DEFAULT_LIMIT, MAX_LIMIT)
        return Response(_page(request, self._records(item_id), page, limit))

    def item_id(self) -> str | None:
        """The thing of the path; None for all of the project, deleted ones included (api Q11)."""
        return None

    def csv_table(self, response: Response) -> CsvTable:
        """One line per record (api Q15)."""
        return CsvTable(CSV_COLUMNS, (_csv_row(record) for record in response.data["results"]))

    def _records(self, item_id: str | None) -> QuerySet[ActivityLog]:
        return selectors.activity_of(self.project, self.scope, item_id)


class InsightsActivityView(ActivityView):
    """Records of all insights of the project."""

    scope = ActivityScope.INSIGHT


class InsightActivityView(ActivityView):
    """Records of one insight."""

    scope = ActivityScope.INSIGHT

    def item_id(self) -> str:
        """The insight of the path; 404 when it is deleted."""
        insights = selectors.live(selectors.insights_of(self.project))
        insight = selectors.find_insight(insights, self.kwargs["insight_id"])
        if insight is None:
            raise gone()
        return str(insight.pk)


class DashboardsActivityView(ActivityView):
    """Records of all dashboards of the project."""

    scope = ActivityScope.DASHBOARD


class DashboardActivityView(ActivityView):
    """Records of one dashboard."""

    scope = ActivityScope.DASHBOARD

    def item_id(self) -> str:
        """The dashboard of the path."""
        dashboard = selectors.find_dashboard(self.project, self.kwargs["dashboard_id"])
        if dashboard is None:
            raise gone()
        return str(dashboard.pk)


def _page(request: Any, records: QuerySet[ActivityLog], page: int, limit: int) -> dict[str, Any]:
    """The envelope of a page. NotFound past the end; the first page always exists (api Q14)."""
    total, start = records.count(), (page - 1) * limit
    if start >= total and page > 1:
        raise NotFound("Invalid page.")
    return {
        "results": [_record(record) for record in records[start : start + limit]],
        "next": _link(request, page + 1, limit) if start + limit < total else None,
        "previous": _link(request, page - 1, limit) if page > 1 else None,
        "total_count": total,
    }


def _record(record: ActivityLog) -> dict[str, Any]:
    return {
        "id": str(record.pk),
        "user": _user(record),
        "activity": record.activity,
        "scope": record.scope,
        "item_id": record.item_id,
        "created_at": record.created_at,
        "detail": _detail(record.detail),
    }


def _detail(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored detail with its keys in the contract's order, which the database does not keep."""
    changes = stored["changes"]
    ordered = changes and [{key: change[key] for key in CHANGE_KEYS} for change in changes]
    return {**{key: stored[key] for key in DETAIL_KEYS}, "changes": ordered}


def _user(record: ActivityLog) -> dict[str, Any] | None:
    if record.is_system:
        return SYSTEM
    if record.user is None:
        return None
    return {"first_name": record.user.first_name, "email": record.user.email}


def _csv_row(record: dict[str, Any]) -> list[Any]:
    detail, user = record["detail"], record["user"] or {}
    changes = None if detail["changes"] is None else to_json(detail["changes"]).decode()
    who = user.get("email") or user.get("first_name")
    kept = (record["activity"], record["scope"], record["item_id"])
    return [record["created_at"], who, *kept, detail["name"], changes]


def _link(request: Any, page: int, limit: int) -> str:
    url = replace_query_param(request.build_absolute_uri(), "limit", limit)
    return replace_query_param(url, "page", page)


def _whole(request: Any, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and 1 <= int(text) <= most):
        raise InvalidInput(f"{name} must be a whole number from 1 to {most}.", attr=name)
    return int(text)
