"""The calculation endpoints: old parameters in, numbers out, nothing saved (api section S)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

import orjson
from django.utils.text import slugify
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from insights.answer import ABOUT_THE_QUESTION, Answer, Asked, answer
from insights.api import calculation_schema
from insights.api.asking import CLIENT_QUERY_ID, REFRESH, client_query_id, refresh_mode
from insights.api.conditional import conditional
from insights.api.explaining import EXPLAIN, explained, wants_explanation
from insights.api.query import timings
from insights.api.tables import result_table
from insights.context import project_context
from insights_service.accounts.permissions import ProjectView
from insights_service.config import get_config
from insights_service.persons.models import GroupType
from insights_service.renderers import CsvTable
from insights_service.requests import request_parameters
from queries.cache.policy import Endpoint
from queries.context import ProjectContext
from queries.dates import bucket_starts
from queries.errors import InvalidQuery, QueryError
from queries.legacy import LegacyQuery, read_legacy
from queries.legacy.spelling import legacy_error
from queries.nodes import AGGREGATED_DISPLAYS, Interval
from queries.plan import Result
from queries.registry import kind_of
from queries.sql.breakdowns import OTHER
from queries.trends.node import TrendsQuery
from queries.wrappers import SourceNode

PARAMETERS = [REFRESH, CLIENT_QUERY_ID, EXPLAIN]
ENTITIES = ("events", "actions", "groups")
EXPORTED_FROM = "PostHog"  # the word that clients expect in the name of a file (api Y2)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was asked and answered, for a table of it."""

    legacy: LegacyQuery
    result: Any
    found: Answer


class CalculationView(ProjectView):
    """One endpoint: GET and POST are the same function (api S1). `insight` is what it is about."""

    required_scopes: ClassVar = {"insight:read"}
    insight: ClassVar[str]
    needs_entities: ClassVar[bool] = True
    exported: Exported | None = None  # of this request, for its CSV

    def get(self, request: Any, **_: Any) -> Response:
        """Calculate, with parameters in the query string."""
        return self.calculate(request)

    def post(self, request: Any, **_: Any) -> Response:
        """Calculate, with parameters in the body, the query string, or both."""
        return self.calculate(request)

    def calculate(self, request: Any) -> Response:
        """The answer in the older shape (api S3)."""
        legacy = self._read(request_parameters(request))
        ctx = project_context(self.project, [legacy.node])
        asked = Asked(legacy.node, refresh_mode(request, Endpoint.CALCULATION), client_query_id(request))
        try:
            if wants_explanation(request):
                return explained(legacy.node, ctx, self.level)
            found = answer(asked, ctx)
        except QueryError as error:
            if isinstance(error, ABOUT_THE_QUESTION):
                raise legacy_error(error, legacy.spell) from error
            raise
        return conditional(request, found, lambda: self._body(found, legacy, ctx))

    def _body(self, found: Answer, legacy: LegacyQuery, ctx: ProjectContext) -> dict[str, Any]:
        result = self._legacy_result(found, legacy, ctx)
        plain = found.result if isinstance(result, orjson.Fragment) else result
        self.exported = Exported(legacy, plain, found)
        return self.envelope(result, found)

    def envelope(self, result: Any, found: Answer) -> dict[str, Any]:
        """api S3."""
        return {
            "result": result,
            "timezone": found.timezone,
            "is_cached": found.is_cached,
            "last_refresh": found.last_refresh,
            "timings": timings(found),
        }

    def csv_table(self, response: Response) -> CsvTable | None:
        """The result as a table, named after the request (api Y2-Y6)."""
        return _exported_table(self.exported, self.request) if self.exported else None

    def _read(self, parameters: Mapping[str, Any]) -> LegacyQuery:
        if self.needs_entities and all(parameters.get(name) in (None, "") for name in ENTITIES):
            raise InvalidQuery("This field is required.", code="required", attr="events")  # api S4
        group_types = self._group_types() if "funnel_aggregate_by_group_type" in parameters else None
        return read_legacy(parameters, insight=self.insight, group_types=group_types)

    def _group_types(self) -> dict[int, str]:
        rows = GroupType.objects.filter(project=self.project)
        return dict(rows.values_list("group_type_index", "group_type"))

    def _legacy_result(self, found: Answer, legacy: LegacyQuery, ctx: ProjectContext) -> Any:
        shape = kind_of(legacy.node).legacy
        if shape is None or found.header is None:
            return found.fragment
        result = Result(found.result, has_more=found.header.has_more)
        return shape(result, legacy.node, ctx, self._facts(found, legacy, ctx))

    def _facts(self, found: Answer, legacy: LegacyQuery, ctx: ProjectContext) -> dict[str, Any]:
        """What a legacy shape knows of the request: its echo, where the people are, the range by day."""
        return {
            "filter": legacy.echo,
            "project_path": f"/api/projects/{self.project.pk}",
            "breakdown_type": legacy.params.get("breakdown_type") or "event",
            **_range_facts(found, legacy.node, ctx),
        }


def described(view: type[CalculationView]) -> type[CalculationView]:
    """The view with its own parameters and answer in the description of the API."""
    answer = {200: calculation_schema.answer(view.insight)}
    parameters = [*calculation_schema.query_parameters(view.insight), *PARAMETERS]
    body = {"application/json": calculation_schema.body(view.insight)}
    in_view = extend_schema_view(
        get=extend_schema(parameters=parameters, responses=answer),
        post=extend_schema(parameters=PARAMETERS, request=body, responses=answer),
    )
    return in_view(view)


@described
class TrendView(CalculationView):
    """Trends; with `insight` or `shown_as` also stickiness and lifecycle."""

    insight = "TRENDS"

    def envelope(self, result: Any, found: Answer) -> dict[str, Any]:
        """api S3, with the link to the next breakdown values."""
        return {**super().envelope(result, found), "next": self._next()}

    def _next(self) -> str | None:
        """This URL with the next offset, when a series has as many values as were asked for (api S12)."""
        assert self.exported is not None
        node, result = self.exported.legacy.node, self.exported.result
        split = node.breakdown_filter if isinstance(node, TrendsQuery) else None
        if split is None or split.is_empty or split.cohorts or not isinstance(node, TrendsQuery):
            return None
        limit = split.limit(node.display)
        values = Counter(_series_of(row) for row in result if row.get("breakdown_value") != OTHER)
        if max(values.values(), default=0) < limit:
            return None
        url = self.request.build_absolute_uri()
        return str(replace_query_param(url, "offset", split.breakdown_offset + limit))


@described
class FunnelView(CalculationView):
    """Funnels: steps, over time, and times to convert."""

    insight = "FUNNELS"


@described
class CorrelationView(CalculationView):
    """What goes along with converting in a funnel."""

    insight = "CORRELATION"


@described
class PathView(CalculationView):
    """The ways people take."""

    insight = "PATHS"
    needs_entities = False


@described
class RetentionView(CalculationView):
    """Who comes back, and when."""

    insight = "RETENTION"
    needs_entities = False


def _series_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Which of the asked series and periods a row of a trend belongs to."""
    return (row["action"] or {}).get("order"), row.get("order"), row.get("compare_label")


def _exported_table(exported: Exported, request: Any) -> CsvTable:
    table = result_table(exported.legacy.node.kind, exported.result)
    parameters = request_parameters(request)
    insight_id = parameters.get("export_insight_id")
    site = get_config().site_url or request.build_absolute_uri("/")
    link = [f"{site.rstrip('/')}/insights/{insight_id}/"] if insight_id else []
    name = slugify(str(parameters.get("export_name") or "")) or "export"
    return replace(table, preamble=link, filename=f"{name} ({_span(exported)}) from {EXPORTED_FROM}.csv")


def _span(exported: Exported) -> str:
    """The dates in a file's name: `2024-01-08 - 2024-01-15`, or `up until 2024-01-15` for all time."""
    ends = (exported.found.header and exported.found.header.resolved_date_range) or {}
    first, last = (str(ends.get(end) or "")[:10] for end in ("date_from", "date_to"))
    return f"up until {last}" if exported.legacy.params.get("date_from") == "all" else f"{first} - {last}"


def _range_facts(found: Answer, node: SourceNode, ctx: ProjectContext) -> dict[str, Any]:
    """Ends of the range, and its days for points that stand for all of it (semantics D30)."""
    ends = found.header.resolved_date_range if found.header else None
    if not ends:
        return {"date_from": None, "date_to": None, "days": []}
    is_total = isinstance(node, TrendsQuery) and node.display in AGGREGATED_DISPLAYS
    return {**ends, "days": _days(ends, ctx) if is_total else []}


def _days(ends: Mapping[str, str], ctx: ProjectContext) -> list[str]:
    first, last = (datetime.fromisoformat(ends[end]).astimezone(ctx.zone) for end in ("date_from", "date_to"))
    try:
        return [f"{day:%Y-%m-%d}" for day in bucket_starts(first, last, Interval.DAY)]
    except InvalidQuery:  # more days than a list of buckets may have; the number itself needs none
        return []
