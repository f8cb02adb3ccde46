"""The wire shape of dashboards (api W11-W13)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from insights.api.fields import AnyList, JsonObject, Reader, Switch, Tags, Text, under
from insights.api.serializers import (
    ForGuests,
    InsightSerializer,
    SharedInsightSerializer,
    UserBasicSerializer,
)
from insights.dashboard_filters import check_dashboard_filters
from insights.models import CreationMode, Privilege, Restriction
from insights_service.fields import IdField


class DashboardBasicSerializer(serializers.Serializer[Any]):
    """A dashboard without its tiles."""

    id = serializers.IntegerField(source="dashboard.id", read_only=True)
    name = serializers.CharField(source="dashboard.name", read_only=True, allow_null=True)
    description = serializers.CharField(source="dashboard.description", read_only=True)
    pinned = serializers.BooleanField(source="dashboard.pinned", read_only=True)
    created_at = serializers.DateTimeField(source="dashboard.created_at", read_only=True)
    created_by = UserBasicSerializer(source="dashboard.created_by", read_only=True, allow_null=True)
    is_shared = serializers.BooleanField(read_only=True)
    deleted = serializers.BooleanField(source="dashboard.deleted", read_only=True)
    creation_mode = serializers.ChoiceField(
        source="dashboard.creation_mode", choices=CreationMode.choices, read_only=True
    )
    filters = JsonObject(read_only=True)
    tags = serializers.ListField(source="dashboard.tags", child=serializers.CharField(), read_only=True)
    restriction_level = serializers.ChoiceField(
        source="dashboard.restriction_level", choices=Restriction.choices, read_only=True
    )
    effective_restriction_level = serializers.ChoiceField(
        source="levels.restriction", choices=Restriction.choices, read_only=True
    )
    effective_privilege_level = serializers.ChoiceField(
        source="levels.privilege", choices=Privilege.choices, read_only=True
    )
    last_accessed_at = serializers.DateTimeField(
        source="dashboard.last_accessed_at", read_only=True, allow_null=True
    )
    last_refresh = serializers.DateTimeField(read_only=True, allow_null=True)
    team_id = serializers.IntegerField(source="dashboard.project_id", read_only=True)


class TextSerializer(serializers.Serializer[Any]):
    """The words of a text tile."""

    id = serializers.IntegerField(read_only=True)
    body = serializers.CharField(read_only=True)


class TileSerializer(serializers.Serializer[Any]):
    """One tile; exactly one of `insight` and `text` is not null (api W12)."""

    id = serializers.IntegerField(source="tile.id", read_only=True)
    layouts = JsonObject(source="tile.layouts", read_only=True)
    color = serializers.CharField(source="tile.color", read_only=True, allow_null=True)
    insight = InsightSerializer(read_only=True, allow_null=True)
    text = TextSerializer(source="tile.text", read_only=True, allow_null=True)
    deleted = serializers.BooleanField(source="tile.deleted", read_only=True)
    last_refresh = serializers.DateTimeField(read_only=True, allow_null=True)
    is_cached = serializers.BooleanField(read_only=True)
    order = serializers.IntegerField(read_only=True)


class DashboardSerializer(DashboardBasicSerializer):
    """A dashboard with its tiles."""

    variables = JsonObject(read_only=True)
    persisted_filters = JsonObject(source="dashboard.filters", read_only=True)
    tiles = TileSerializer(many=True, read_only=True)


class SharedTileSerializer(TileSerializer):
    """A tile for guests."""

    insight = SharedInsightSerializer(read_only=True, allow_null=True)


class SharedDashboardSerializer(ForGuests, DashboardSerializer):
    """A dashboard for guests: no names, no filters (api Q6)."""

    hidden = frozenset({"created_by", "filters", "persisted_filters", "variables"})
    tiles = SharedTileSerializer(many=True, read_only=True)


class DashboardFilters(JsonObject):
    """Filters over all tiles, checked by asking a question with them; null means none (api W13)."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Null is the absence of filters."""
        return (True, {}) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The filters as sent. QueryError at `filters__...`."""
        filters = super().to_internal_value(data)
        check_dashboard_filters(filters, str(self.field_name))
        return filters


class TextBody(Reader):
    """The words of a text tile."""

    body = Text(max_length=4000, allow_null=False)


class TileBody(Reader):
    """A tile to be changed by its id; without an id, a new text."""

    id = IdField(required=False, min_value=1)
    layouts = JsonObject(required=False)
    color = Text()
    deleted = Switch()
    text = TextBody(required=False, allow_null=True)


@extend_schema_field(TileBody(many=True))
class Tiles(AnyList):
    """Tiles to be changed; an error names its position: `tiles__0__color`."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        """The changes in their order."""
        return [self._tile(position, item) for position, item in enumerate(super().to_internal_value(data))]

    def _tile(self, position: int, item: Any) -> dict[str, Any]:
        try:
            return dict(TileBody().run_validation(item))
        except serializers.ValidationError as exc:
            raise under(str(position), exc) from exc


class DashboardBody(Reader):
    """What may be written (api W13). `use_dashboard` and `duplicate_tiles` only when making one."""

    name = Text()
    description = Text(max_length=None, allow_null=False)
    pinned = Switch()
    deleted = Switch()
    delete_insights = Switch()
    tags = Tags(required=False)
    filters = DashboardFilters(required=False)
    variables = JsonObject(required=False)
    restriction_level = serializers.ChoiceField(choices=Restriction.choices, required=False)
    tiles = Tiles(required=False)
    use_dashboard = IdField(required=False, allow_null=True)
    duplicate_tiles = Switch()


class CollaboratorSerializer(serializers.Serializer[Any]):
    """Somebody with a place of his own on a restricted dashboard."""

    dashboard_id = serializers.IntegerField(read_only=True)
    user = UserBasicSerializer(read_only=True)
    level = serializers.ChoiceField(choices=Privilege.choices, read_only=True)
    added_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class CollaboratorBody(Reader):
    """Whose level is to be what."""

    user_uuid = serializers.UUIDField()
    level = serializers.ChoiceField(choices=Privilege.choices)
