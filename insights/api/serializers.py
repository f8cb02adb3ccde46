"""The wire shape of insights, with exact types for the API description (api P.1).

Reading only: what a body may contain is `InsightBody`. The serializers do not query or calculate; they
read from `insights.shown.ShownInsight`, which was put together from rows loaded before.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from insights.api.fields import (
    OBJECT,
    AnyList,
    JsonObject,
    LegacyFilters,
    QueryNode,
    Reader,
    References,
    Switch,
    Tags,
    Text,
)
from insights.dashboard_filters import check_property_filters
from insights.models import Privilege, Restriction
from insights.selectors import MAX_ID
from insights_service.fields import decoded
from queries.properties import as_whole

INT32 = 2**31
ANY: dict[str, Any] = {}
NULLABLE_OBJECT = {**OBJECT, "nullable": True}


class Plain(serializers.Field[Any, Any, Any, Any]):
    """A finished JSON value; subclasses only say which type it has."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"read_only": True, **options})

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


@extend_schema_field(ANY)
class Anything(Plain):
    """Depends on the kind of query (api section V)."""


@extend_schema_field({"type": "array", "items": {"type": "string"}, "nullable": True})
class Texts(Plain):
    """A list of texts."""


@extend_schema_field({"type": "array", "items": {}, "nullable": True})
class List(Plain):
    """A list of anything."""


@extend_schema_field(NULLABLE_OBJECT)
class NullableObject(Plain):
    """An object, or null."""


@extend_schema_field({"type": "array", "items": {"type": "integer"}})
class Ids(Plain):
    """A list of ids."""


class UserBasicSerializer(serializers.Serializer[Any]):
    """Somebody, as others see him (api P3)."""

    id = serializers.IntegerField(read_only=True)
    uuid = serializers.UUIDField(read_only=True)
    distinct_id = serializers.CharField(read_only=True, allow_null=True)
    first_name = serializers.CharField(read_only=True)
    last_name = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    is_email_verified = serializers.BooleanField(read_only=True, allow_null=True)
    hedgehog_config = NullableObject()


class DashboardTileBasicSerializer(serializers.Serializer[Any]):
    """On which dashboard an insight is shown (api P1)."""

    id = serializers.IntegerField(read_only=True)
    dashboard_id = serializers.IntegerField(read_only=True)
    deleted = serializers.BooleanField(read_only=True)


class QueryProgressSerializer(serializers.Serializer[Any]):
    """How far a running query is (api R10)."""

    bytes_read = serializers.IntegerField(read_only=True)
    rows_read = serializers.IntegerField(read_only=True)
    estimated_rows_total = serializers.IntegerField(read_only=True)
    time_elapsed = serializers.IntegerField(read_only=True)
    active_cpu_time = serializers.IntegerField(read_only=True)


class QueryStatusSerializer(serializers.Serializer[Any]):
    """A query in the background (api R10)."""

    id = serializers.CharField(read_only=True)
    team_id = serializers.IntegerField(read_only=True)
    insight_id = serializers.IntegerField(read_only=True, allow_null=True)
    dashboard_id = serializers.IntegerField(read_only=True, allow_null=True)
    query_async = serializers.BooleanField(read_only=True)
    complete = serializers.BooleanField(read_only=True)
    error = serializers.BooleanField(read_only=True)
    error_message = serializers.CharField(read_only=True, allow_null=True)
    results = Anything()
    start_time = serializers.DateTimeField(read_only=True)
    pickup_time = serializers.DateTimeField(read_only=True, allow_null=True)
    end_time = serializers.DateTimeField(read_only=True, allow_null=True)
    expiration_time = serializers.DateTimeField(read_only=True, allow_null=True)
    task_id = serializers.CharField(read_only=True, allow_null=True)
    labels = Texts()
    query_progress = QueryProgressSerializer(read_only=True, allow_null=True)


@extend_schema_field(QueryStatusSerializer(allow_null=True))
class QueryStatus(Plain):
    """The status as the query layer gives it."""


class ResolvedDateRangeSerializer(serializers.Serializer[Any]):
    """The instants that a result covers."""

    date_from = serializers.DateTimeField(read_only=True)
    date_to = serializers.DateTimeField(read_only=True)


@extend_schema_field(ResolvedDateRangeSerializer(allow_null=True))
class ResolvedDateRange(Plain):
    """The range as the query layer gives it."""


class InsightSerializer(serializers.Serializer[Any]):
    """The full form: the 33 keys of the contract in its order, then its additions (api P1, P2)."""

    id = serializers.IntegerField(source="insight.id", read_only=True)
    short_id = serializers.CharField(source="insight.short_id", read_only=True)
    name = serializers.CharField(source="insight.name", read_only=True, allow_null=True)
    derived_name = serializers.CharField(source="insight.derived_name", read_only=True, allow_null=True)
    filters = JsonObject(source="question.filters", read_only=True)
    query = NullableObject(source="question.query")
    order = serializers.IntegerField(
        source="insight.order", read_only=True, allow_null=True, min_value=-INT32, max_value=INT32 - 1
    )
    deleted = serializers.BooleanField(source="insight.deleted", read_only=True)
    dashboards = Ids(help_text="Deprecated: read dashboard_tiles instead.")
    dashboard_tiles = DashboardTileBasicSerializer(source="tiles", many=True, read_only=True)
    last_refresh = serializers.DateTimeField(source="answer.last_refresh", read_only=True, allow_null=True)
    cache_target_age = serializers.DateTimeField(
        source="answer.cache_target_age", read_only=True, allow_null=True
    )
    next_allowed_client_refresh = serializers.DateTimeField(
        source="answer.next_allowed_client_refresh", read_only=True, allow_null=True
    )
    result = Anything(source="answer.result")
    hasMore = serializers.BooleanField(source="answer.has_more", read_only=True, allow_null=True)
    columns = Texts(source="answer.columns")
    created_at = serializers.DateTimeField(source="insight.created_at", read_only=True, allow_null=True)
    created_by = UserBasicSerializer(source="insight.created_by", read_only=True, allow_null=True)
    description = serializers.CharField(source="insight.description", read_only=True, allow_null=True)
    updated_at = serializers.DateTimeField(source="insight.updated_at", read_only=True)
    tags = serializers.ListField(source="insight.tags", child=serializers.CharField(), read_only=True)
    favorited = serializers.BooleanField(source="insight.favorited", read_only=True)
    saved = serializers.BooleanField(source="insight.saved", read_only=True)
    last_modified_at = serializers.DateTimeField(source="insight.last_modified_at", read_only=True)
    last_modified_by = UserBasicSerializer(source="insight.last_modified_by", read_only=True, allow_null=True)
    is_sample = serializers.BooleanField(source="insight.is_sample", read_only=True)
    effective_restriction_level = serializers.ChoiceField(
        source="levels.restriction", choices=Restriction.choices, read_only=True
    )
    effective_privilege_level = serializers.ChoiceField(
        source="levels.privilege", choices=Privilege.choices, read_only=True
    )
    timezone = serializers.CharField(read_only=True)
    is_cached = serializers.BooleanField(source="answer.is_cached", read_only=True)
    query_status = QueryStatus(source="answer.query_status")
    hogql = serializers.CharField(source="answer.hogql", read_only=True, allow_null=True)
    types = List(source="answer.types")
    filters_hash = serializers.CharField(source="answer.cache_key", read_only=True, allow_null=True)
    last_viewed_at = serializers.DateTimeField(read_only=True, allow_null=True)
    resolved_date_range = ResolvedDateRange(source="answer.resolved_date_range")


class InsightOnDashboardSerializer(InsightSerializer):
    """The full form as one dashboard shows it (api P2, P28)."""

    color = serializers.CharField(source="context.tile.color", read_only=True, allow_null=True)
    layouts = JsonObject(source="context.tile.layouts", read_only=True)


class ForGuests(serializers.Serializer[Any]):
    """A form without some of its keys."""

    hidden: ClassVar[frozenset[str]] = frozenset({"created_by", "last_modified_by"})

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields in their order, less the hidden ones."""
        return {name: field for name, field in super().get_fields().items() if name not in self.hidden}


class SharedInsightSerializer(ForGuests, InsightSerializer):
    """The full form for guests: nobody's name or e-mail is in it (api Q6)."""


class InsightBasicSerializer(serializers.Serializer[Any]):
    """The basic form: no result, and no cache is asked (api P4)."""

    id = serializers.IntegerField(source="insight.id", read_only=True)
    short_id = serializers.CharField(source="insight.short_id", read_only=True)
    name = serializers.CharField(source="insight.name", read_only=True, allow_null=True)
    derived_name = serializers.CharField(source="insight.derived_name", read_only=True, allow_null=True)
    filters = JsonObject(source="question.filters", read_only=True)
    query = NullableObject(source="question.query")
    dashboards = Ids()
    dashboard_tiles = DashboardTileBasicSerializer(source="tiles", many=True, read_only=True)
    description = serializers.CharField(source="insight.description", read_only=True, allow_null=True)
    last_refresh = serializers.DateTimeField(source="answer.last_refresh", read_only=True, allow_null=True)
    refreshing = serializers.BooleanField(read_only=True)
    saved = serializers.BooleanField(source="insight.saved", read_only=True)
    tags = serializers.ListField(source="insight.tags", child=serializers.CharField(), read_only=True)
    updated_at = serializers.DateTimeField(source="insight.updated_at", read_only=True)
    created_by = UserBasicSerializer(source="insight.created_by", read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="insight.created_at", read_only=True, allow_null=True)
    last_modified_at = serializers.DateTimeField(source="insight.last_modified_at", read_only=True)
    favorited = serializers.BooleanField(source="insight.favorited", read_only=True)
    last_viewed_at = serializers.DateTimeField(read_only=True, allow_null=True)


class SharedInsightBasicSerializer(ForGuests, InsightBasicSerializer):
    """The basic form for guests."""


class InsightBody(Reader):
    """What may be written, in the order of the seed (api P8, P11)."""

    name = Text()
    derived_name = Text()
    filters = LegacyFilters(required=False)
    query = QueryNode(required=False, allow_null=True)
    order = serializers.IntegerField(required=False, allow_null=True, min_value=-INT32, max_value=INT32 - 1)
    deleted = Switch()
    dashboards = References(required=False)
    description = Text()
    tags = Tags(required=False)
    favorited = Switch()
    saved = Switch()


class SharingSerializer(serializers.Serializer[Any]):
    """A public link (api Q1)."""

    created_at = serializers.DateTimeField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    access_token = serializers.CharField(read_only=True)


class SharingBody(Reader):
    """A public link switched on or off (api Q2); `password` protects it, null or nothing opens it again."""

    enabled = Switch()
    password = Text(max_length=256, trim_whitespace=False)


@extend_schema_field({"oneOf": [{"type": "array", "items": OBJECT}, OBJECT]})
class PropertyFilters(serializers.Field[Any, Any, Any, Any]):
    """Property filters in any accepted shape, at least one; checked by asking a question with them."""

    def to_internal_value(self, data: Any) -> Any:
        """The filters as sent. QueryError at `properties__...`."""
        filters = decoded(data)
        check_property_filters(filters, str(self.field_name))
        return filters


class EmbedBody(Reader):
    """Which rows a guest is to see, and how long the token lasts."""

    properties = PropertyFilters()
    expires_in = serializers.IntegerField(
        required=False, min_value=60, max_value=366 * 86_400, default=86_400, help_text="Seconds."
    )


class EmbedTokenSerializer(serializers.Serializer[Any]):
    """A token for one customer."""

    access_token = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)


class ViewedIds(References):
    """At least one id; ids that name nothing are for the service to skip."""

    most = 2500  # api Q19
    default_error_messages = {
        "empty": "This list may not be empty.",
        "incorrect_type": "Expected a list of insight ids.",
    }

    def to_internal_value(self, data: Any) -> list[int]:
        """The ids that can name an insight."""
        ids = [as_whole(item) for item in AnyList.to_internal_value(self, data)]
        if not ids:
            self.fail("empty")
        if None in ids:
            self.fail("incorrect_type")
        return [number for number in ids if number is not None and 0 < number <= MAX_ID]


class ViewedBody(Reader):
    """Insights the caller has looked at (api Q19)."""

    insight_ids = ViewedIds(required=True)


class CancelBody(Reader):
    """The name under which a query was started (api Q21)."""

    client_query_id = serializers.CharField(max_length=128, trim_whitespace=False)
