"""Questions as nodes, asked without saving them, and the status of runs in the background (api W1-W5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from insights import background, keeping
from insights.answer import Answer, Asked, answer, kept_answer, respelled
from insights.api.asking import CLIENT_QUERY_ID, REFRESH, client_query_id, refresh_mode
from insights.api.contexts import filters_override, variables_override
from insights.api.explaining import EXPLAIN, explained, wants_explanation
from insights.api.fields import JsonObject, LegacyFilters, QueryNode, Reader
from insights.api.files import TABULAR_RENDERERS, file_response
from insights.api.serializers import QueryStatusSerializer
from insights.api.tables import result_table
from insights.context import project_context
from insights.overrides import apply_dashboard_filters, apply_variables
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.accounts.permissions import ProjectView
from insights_service.errors import NotFound
from insights_service.fields import decoded
from insights_service.parsers import is_true
from insights_service.renderers import CsvTable
from queries.cache.connection import CacheUnavailable
from queries.cache.policy import Endpoint, Refresh, read_refresh
from queries.cache.status import QueryStatus
from queries.errors import InvalidQuery, NotSupported, QueryError
from queries.legacy import parse_legacy
from queries.legacy.to_filters import to_legacy
from queries.parse import parse_query, spelling
from queries.wrappers import SourceNode, source_of

MAX_NAME = 128  # api W1
STATUS_CODES: Mapping[tuple[bool, bool], int] = {  # (complete, has a message) -> code (api W3)
    (False, False): 202,
    (True, True): 400,
    (True, False): 500,
}
SHOW_PROGRESS = OpenApiParameter(
    "show_progress", OpenApiTypes.BOOL, description="Whether to ask the event store how far the run is."
)
ANSWER = inline_serializer(
    "QueryAnswer",
    {
        "results": serializers.JSONField(),
        "is_cached": serializers.BooleanField(),
        "last_refresh": serializers.DateTimeField(),
        "cache_key": serializers.CharField(),
        "cache_target_age": serializers.DateTimeField(allow_null=True),
        "next_allowed_client_refresh": serializers.DateTimeField(),
        "timezone": serializers.CharField(),
        "hasMore": serializers.BooleanField(allow_null=True),
        "limit": serializers.IntegerField(allow_null=True),
        "offset": serializers.IntegerField(allow_null=True),
        "columns": serializers.ListField(child=serializers.CharField(), allow_null=True),
        "types": serializers.ListField(allow_null=True),
        "hogql": serializers.CharField(allow_null=True),
        "query_status": QueryStatusSerializer(allow_null=True),
    },
)
STATUS = inline_serializer("QueryStatusAnswer", {"query_status": QueryStatusSerializer()})


class QueryBody(Reader):
    """A question and how to answer it (api W1)."""

    query = QueryNode(required=True)
    filters_override = JsonObject(required=False, allow_null=True)
    variables_override = JsonObject(required=False, allow_null=True)
    name = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=MAX_NAME)


class QueryView(ProjectView):
    """Any query node, answered at once or in the background."""

    required_scopes: ClassVar = {"query:read"}
    renderer_classes = TABULAR_RENDERERS
    asked: SourceNode | None = None  # of this request, for its CSV
    found: Answer | None = None

    @extend_schema(
        request=QueryBody,
        parameters=[REFRESH, CLIENT_QUERY_ID, EXPLAIN],
        responses={200: ANSWER, 202: STATUS},
    )
    def post(self, request: Any, **_: Any) -> HttpResponseBase:
        """Answer a query. 202 while a run in the background has not ended.

        With `format=csv`, `parquet` or `arrow` a SQL query and a list of events are a file without a
        ceiling of rows, made anew whatever `refresh` says.
        """
        body = QueryBody(data=request.data)
        body.is_valid(raise_exception=True)
        wrapper = parse_query(_in_context(decoded(body.validated_data["query"]), request.data))
        node = source_of(wrapper)
        asked = Asked(node, _mode(request), client_query_id(request))
        ctx = project_context(self.project, [node])
        try:
            if wants_explanation(request):
                return explained(node, ctx, self.level)
            file = file_response(request, node, ctx, run_id=asked.name)
            if file is not None:
                return file
            found = answer(asked, ctx)
        except QueryError as error:
            raise respelled(error, spelling(wrapper)) from error
        self.asked, self.found = node, found
        return _answered(found)

    def csv_table(self, response: Response) -> CsvTable | None:
        """The result as a table (api Y)."""
        return None if self.found is None or self.asked is None else _table(self.asked, self.found)


class QueryStatusView(ProjectView):
    """One run in the background."""

    required_scopes: ClassVar = {"query:read"}

    @extend_schema(parameters=[SHOW_PROGRESS], responses={200: STATUS, 202: STATUS})
    def get(self, request: Any, query_id: str, **_: Any) -> Response:
        """How it is: 202 running, 200 with its answer, 400 or 500 failed, 404 unknown or cancelled."""
        status = run_status(self.project, query_id)
        wants = request.query_params.get("show_progress", request.query_params.get("showProgress"))
        running = background.progress_of(status) if is_true(wants) else None
        results = status_results(self.project, status) if status.is_success else None
        body = background.status_json(status, results=results, running=running)
        code = 200 if status.is_success else STATUS_CODES[status.complete, bool(status.error_message)]
        return Response({"query_status": body}, status=code)

    @extend_schema(
        parameters=[OpenApiParameter("dequeue_only", OpenApiTypes.BOOL)],
        responses={200: inline_serializer("QueryStopped", {"message": serializers.CharField()})},
    )
    def delete(self, request: Any, query_id: str, **_: Any) -> Response:
        """Stop it, or with `dequeue_only` only keep it from starting."""
        dequeue_only = is_true(request.query_params.get("dequeue_only"))
        stopped = background.cancel(self.project.pk, query_id, dequeue_only=dequeue_only)
        return Response({"message": stopped.value})


def run_status(project: Project, query_id: str) -> QueryStatus:
    """The status of a run of this project; NotFound when there is none, or nobody can tell."""
    try:
        status = keeping.board().get(project.pk, query_id, now=clock.now())
    except CacheUnavailable:
        status = None
    if status is None:
        raise NotFound("Query not found.")
    return status


def status_results(project: Project, status: QueryStatus) -> dict[str, Any] | None:
    """The answer of a run that succeeded, as the query endpoint gives it (api R10)."""
    node = source_of(parse_query(status.work["query"]))
    found = kept_answer(node, project_context(project, [node]), status.cache_key)
    return None if found.entry is None else answer_json(found, is_cached=False)


class CheckAuthView(ProjectView):
    """Whether the caller may ask for queries in the background."""

    required_scopes: ClassVar = {"query:read"}

    @extend_schema(request=None, responses=inline_serializer("QueryAuth", {"user": serializers.CharField()}))
    def post(self, request: Any, **_: Any) -> Response:
        """`{"user": "ok"}`."""
        return Response({"user": "ok"})


class ConvertBody(Reader):
    """One of the two."""

    filters = LegacyFilters(required=False)
    query = QueryNode(required=False)


class ConvertView(ProjectView):
    """A question in the other of its two forms, for callers who move from one to the other (api T10)."""

    required_scopes: ClassVar = {"query:read"}

    @extend_schema(
        request=ConvertBody,
        responses=inline_serializer(
            "Converted",
            {
                "filters": serializers.JSONField(required=False),
                "query": serializers.JSONField(required=False),
            },
        ),
    )
    def post(self, request: Any, **_: Any) -> Response:
        """`{"query": node}` for `{"filters": ...}`, and the other way round."""
        body = ConvertBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if len(given) != 1:
            raise InvalidQuery("Send filters or query, one of them.", code="required", attr="filters")
        if "filters" in given:
            return Response({"query": parse_legacy(given["filters"], endpoint=False).to_wire()})
        try:
            return Response({"filters": to_legacy(source_of(parse_query(given["query"])))})
        except NotSupported as error:
            raise InvalidQuery(str(error), code=error.code, attr="query__kind") from error


def _in_context(query: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The query with what the request overrides (api P29, P30)."""
    filtered = apply_dashboard_filters(query, filters_override(parameters))
    return apply_variables(filtered, variables_override(parameters))


def _mode(request: Any) -> Refresh:
    """`async: true` is how older clients asked for a background run (api W1)."""
    if "refresh" not in request.query_params and "refresh" not in request.data:
        return read_refresh("async" if is_true(request.data.get("async")) else None, Endpoint.QUERY)
    return refresh_mode(request, Endpoint.QUERY)


def _answered(found: Answer) -> Response:
    is_running = found.query_status is not None and not found.query_status["complete"]
    code = 202 if is_running else 200
    if found.entry is None:
        return Response({"cache_key": found.cache_key, "query_status": found.query_status}, status=code)
    return Response(answer_json(found), status=code)


def answer_json(found: Answer, **changed: Any) -> dict[str, Any]:
    """An answer with a result, keys in the contract's order (api W2); `changed` replaces some."""
    assert found.header is not None
    header = found.header
    return {
        "results": found.fragment,
        "is_cached": found.is_cached,
        "last_refresh": header.last_refresh,
        "cache_key": found.cache_key,
        "cache_target_age": found.cache_target_age,
        "next_allowed_client_refresh": found.next_allowed_client_refresh,
        "timezone": found.timezone,
        "hasMore": header.has_more,
        "limit": header.limit,
        "offset": header.offset,
        "columns": header.columns,
        "types": header.types,
        "hogql": header.hogql,
        "resolved_date_range": header.resolved_date_range,
        "timings": timings(found),
        "modifiers": None,
        "error": None,
        "query_status": found.query_status,
        **header.extra,
        **changed,
    }


def timings(found: Answer) -> list[dict[str, Any]]:
    """What took how long, in seconds (api S3): the event store's part, when this request waited for it."""
    if found.header is None or found.is_cached:
        return []
    return [{"k": "./query", "t": round(found.header.seconds, 6)}]


def _table(node: SourceNode, found: Answer) -> CsvTable | None:
    """The result as a table; None when there is none yet."""
    if found.header is None:
        return None
    return result_table(node.kind, found.result, columns=found.header.columns)
