"""The people behind a number: the links in calculated answers, followed (api S6, W20-W22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from insights.answer import ABOUT_THE_QUESTION, Answer, Asked, answer
from insights.api.asking import CLIENT_QUERY_ID, REFRESH, client_query_id, refresh_mode
from insights.context import project_context
from insights_service.accounts.permissions import ProjectView
from insights_service.pagination import DEFAULT_LIMIT, MAX_LIMIT
from insights_service.persons.models import GroupType
from insights_service.renderers import CsvTable
from insights_service.requests import request_parameters
from queries.actors.node import MAX_OFFSET, ActorsQuery
from queries.actors.points import PEOPLE, People, read_point, read_question, spelled
from queries.cache.policy import Endpoint, Refresh
from queries.errors import QueryError
from queries.legacy import LegacyQuery
from queries.properties import as_whole

Json = dict[str, Any]
Parameters = Mapping[str, Any]
Actor = Mapping[str, Any]

ACTORS = serializers.ListField(child=serializers.DictField())
PAGE = inline_serializer(
    "PeopleBehindANumber",
    {
        "results": ACTORS,
        "next": serializers.URLField(allow_null=True),
        "initial": serializers.URLField(),
        "previous": serializers.URLField(allow_null=True),
        "is_cached": serializers.BooleanField(),
        "last_refresh": serializers.DateTimeField(),
        "missing_persons": serializers.IntegerField(),
    },
)
PARAMETERS = [
    OpenApiParameter("limit", int, description=f"People per page, {DEFAULT_LIMIT}; at most {MAX_LIMIT}."),
    OpenApiParameter("offset", int, description="People to skip before the page."),
    OpenApiParameter("search", str, description="A part of a name, an e-mail address or a distinct id."),
    REFRESH,
    CLIENT_QUERY_ID,
]


class PeopleView(ProjectView):
    """One kind of point; `path` is its row in `queries.actors.points.PEOPLE`."""

    required_scopes: ClassVar = {"person:read"}
    path: ClassVar[str]
    actors: list[Actor] | None = None  # of this request, for its CSV

    @extend_schema(parameters=PARAMETERS, responses=PAGE)
    def get(self, request: Any, **_: Any) -> Response:
        """The people of a point, with the filter and its coordinates in the query string."""
        return self.people(request)

    @extend_schema(parameters=PARAMETERS, request=OpenApiTypes.OBJECT, responses=PAGE)
    def post(self, request: Any, **_: Any) -> Response:
        """The people of a point, with parameters in the body, the query string, or both."""
        return self.people(request)

    def people(self, request: Any) -> Response:
        """A page of people (api W20)."""
        parameters = request_parameters(request)
        people = PEOPLE[self.path]
        legacy = read_question(people, parameters, self._group_types(parameters))
        found = self._found(people, legacy, parameters)
        self.actors = [row[0] for row in found.result]
        return Response(self.envelope(found, self._links(found, parameters), parameters))

    def envelope(self, found: Answer, links: Json, parameters: Parameters) -> Json:
        """api W20."""
        page = {"people": self.actors, "count": len(self.actors or ())}
        return {"results": [page], **links, **_facts(found)}

    def csv_table(self, response: Response) -> CsvTable | None:
        """The page as a table (api W22)."""
        return None if self.actors is None else people_table(self.actors)

    def _found(self, people: People, legacy: LegacyQuery, parameters: Parameters) -> Answer:
        ctx = project_context(self.project, [legacy.node])
        source = read_point(people, legacy, parameters, ctx)
        if people.has_definitions:
            ctx = project_context(self.project, [source], now=ctx.now)
        page = ActorsQuery(
            source=source,
            search=str(parameters.get("search") or "") or None,
            limit=_limit(parameters),
            offset=_offset(parameters),
        )
        asked = Asked(page, _mode(self.request), client_query_id(self.request))
        try:
            return answer(asked, ctx)
        except QueryError as error:
            if isinstance(error, ABOUT_THE_QUESTION):
                raise spelled(people, legacy, error) from error
            raise

    def _links(self, found: Answer, parameters: Parameters) -> Json:
        """The pages around this one. All parameters are in them, also those of a body."""
        limit, offset = _limit(parameters), _offset(parameters)
        has_more = found.header is not None and bool(found.header.has_more)
        return {
            "next": self._link(parameters, limit, offset + limit) if has_more else None,
            "initial": self._link(parameters, limit, 0),
            "previous": self._link(parameters, limit, max(0, offset - limit)) if offset else None,
        }

    def _link(self, parameters: Parameters, limit: int, offset: int) -> str:
        query = {**parameters, "limit": limit, "offset": offset or None}
        pairs = [(name, _parameter_text(value)) for name, value in query.items() if value is not None]
        return str(self.request.build_absolute_uri(f"{self.request.path}?{urlencode(pairs)}"))

    def _group_types(self, parameters: Parameters) -> dict[int, str]:
        if "funnel_aggregate_by_group_type" not in parameters:
            return {}
        rows = GroupType.objects.filter(project=self.project)
        return dict(rows.values_list("group_type_index", "group_type"))


class TrendPeopleView(PeopleView):
    """Who was counted in a bucket of a trend."""

    path = "trends"


class StickinessPeopleView(PeopleView):
    """Who was active in so many buckets."""

    path = "stickiness"


class LifecyclePeopleView(PeopleView):
    """Who was new, returning, resurrecting or dormant in a bucket."""

    path = "lifecycle"


class FunnelPeopleView(PeopleView):
    """Who reached a step of a funnel, or dropped off before it."""

    path = "funnel"


class CorrelationPeopleView(PeopleView):
    """Who converted, or did not, and did something that goes along with it."""

    path = "funnel/correlation"


class PathPeopleView(PeopleView):
    """Who took an edge of a path."""

    path = "path"


class RetentionPeopleView(PeopleView):
    """Who joined in a period; with `display=ActionsTable` in which of the next he appeared (H22)."""

    path = "retention"

    def envelope(self, found: Answer, links: Json, parameters: Parameters) -> Json:
        """`result`, as the peer product spells it here, and the same list as `results` (api W20)."""
        rows: list[Any] = self.actors or []
        if parameters.get("display") == "ActionsTable":
            rows = [{"person": actor, "appearances": appearances} for actor, appearances in found.result]
        return {"result": rows, "results": rows, **links, **_facts(found)}


PEOPLE_COLUMNS = ("Name", "Distinct ID", "Internal ID", "Email", "Properties")


def people_table(actors: list[Actor]) -> CsvTable:
    """A line per actor (api W22). A group has its key for name and id."""
    return CsvTable(PEOPLE_COLUMNS, ([*_identity(actor), actor["properties"]] for actor in actors))


def _identity(actor: Actor) -> list[Any]:
    ids = actor.get("distinct_ids") or [None]
    name = actor.get("name", actor["id"])
    return [name, ids[0], actor["id"], actor["properties"].get("email")]


def _facts(found: Answer) -> Json:
    return {"is_cached": found.is_cached, "last_refresh": found.last_refresh, "missing_persons": 0}


def _mode(request: Any) -> Refresh:
    """People are computed anew unless the caller says otherwise: who has been deleted, or counted only
    now, must not be a matter of what is kept."""
    if "refresh" not in request.query_params and "refresh" not in request.data:
        return Refresh.FORCE_BLOCKING
    return refresh_mode(request, Endpoint.CALCULATION)


def _limit(parameters: Parameters) -> int:
    """api M17: what is no positive number means the default."""
    limit = as_whole(parameters.get("limit"))
    return DEFAULT_LIMIT if limit is None or limit < 1 else min(limit, MAX_LIMIT)


def _offset(parameters: Parameters) -> int:
    return min(max(as_whole(parameters.get("offset")) or 0, 0), MAX_OFFSET)


def _parameter_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
