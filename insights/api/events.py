"""Single events over HTTP, page by page: for scripts, and for copying events elsewhere.

Pages are cut by position in the order, not by counting rows: a page costs the same however deep it lies,
and events that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from insights.compute import Run, compute
from insights.context import project_context
from insights.services.refusals import gone
from insights_service import clock
from insights_service.accounts.models import Project
from insights_service.accounts.permissions import ProjectView
from insights_service.errors import InvalidInput
from insights_service.fields import decoded
from insights_service.pagination import DEFAULT_LIMIT
from insights_service.requests import request_parameters
from queries.date_text import FIRST_YEAR, LAST_YEAR
from queries.errors import QueryError
from queries.execute import QueryTag
from queries.hogql_node import EventsQuery
from queries.parse import parse_query
from queries.properties import as_whole

Json = dict[str, Any]
MAX_PAGE = 10_000
RECENT = timedelta(days=1)  # where a list of the newest looks first
TICK = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST_FIRST, OLDEST_FIRST = "-timestamp", "timestamp"
ORDERS: Mapping[str, list[str]] = {
    NEWEST_FIRST: ["timestamp DESC", "uuid ASC"],
    OLDEST_FIRST: ["timestamp ASC", "uuid ASC"],
}
PASSED_ON = ("event", "after", "before")  # parameters that are fields of the node
CURSOR = re.compile(r"(-?\d{1,16})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

PARAMETERS = [
    OpenApiParameter("event", str, description="Only events of this name."),
    OpenApiParameter("after", str, description="Not before this instant; also relative, such as -7d."),
    OpenApiParameter("before", str, description="Before this instant."),
    OpenApiParameter("distinct_id", str, description="Only events sent under this distinct id."),
    OpenApiParameter("person_id", str, description="Only events of this person (uuid)."),
    OpenApiParameter("properties", str, description="Property filters as JSON."),
    OpenApiParameter("limit", int, description=f"Events per page, {DEFAULT_LIMIT}; at most {MAX_PAGE}."),
    OpenApiParameter(
        "order", str, enum=list(ORDERS), description="Newest first, or oldest first for copying everything."
    ),
    OpenApiParameter("cursor", str, description="Where the page before ended; it is part of `next`."),
]


class EventSerializer(serializers.Serializer[Any]):
    """An event, and the person behind it as he is now."""

    id = serializers.UUIDField()
    distinct_id = serializers.CharField()
    properties = serializers.DictField()
    event = serializers.CharField()
    timestamp = serializers.DateTimeField()
    person = serializers.DictField()
    elements = serializers.ListField(child=serializers.DictField())
    elements_chain = serializers.CharField()


EVENT_PAGE = inline_serializer(
    "EventPage", {"next": serializers.URLField(allow_null=True), "results": EventSerializer(many=True)}
)


class EventsView(ProjectView):
    """The events of a project."""

    required_scopes: ClassVar = {"query:read"}

    @extend_schema(operation_id="events_list", parameters=PARAMETERS, responses=EVENT_PAGE)
    def get(self, request: Any, **_: Any) -> Response:
        """A page of events. `next` leads to the page after it and is null on the last one."""
        given = request_parameters(request)
        limit = _limit(given)
        rows = self._page(given, limit + 1)
        events = [event_json(*row) for row in rows[:limit]]
        following = self._next(given, events[-1], limit) if rows[limit:] else None
        return Response({"next": following, "results": events})

    def _page(self, given: Json, count: int) -> Sequence[Any]:
        """One row more than is shown: whether there is another page.

        The newest of a project are nearly always of the last day; only where that day has too few is the
        rest looked at.
        """
        node = _node(given, count)
        if node.after is None and _order(given) == NEWEST_FIRST and not node.before:
            recent = node.model_copy(update={"after": (clock.now() - RECENT).isoformat()})
            found = events_found(self.project, recent)
            if len(found) == count:
                return found
        return events_found(self.project, node.model_copy(update={"after": node.after or "all"}))

    def _next(self, given: Json, last: Json, limit: int) -> str:
        query = {**given, "limit": limit, "cursor": _cursor(last)}
        pairs = [
            (name, value if isinstance(value, str) else orjson.dumps(value).decode())
            for name, value in query.items()
        ]
        return str(self.request.build_absolute_uri(f"{self.request.path}?{urlencode(pairs)}"))


class EventView(ProjectView):
    """One event."""

    required_scopes: ClassVar = {"query:read"}

    @extend_schema(responses=EventSerializer)
    def get(self, request: Any, event_id: str, **_: Any) -> Response:
        """The event with this uuid."""
        try:
            wanted = uuid.UUID(event_id)
        except ValueError:
            raise gone() from None
        found = events_found(
            self.project, _parsed({"after": "all", "where": [f"uuid = '{wanted}'"], "limit": 1})
        )
        if not found:
            raise gone()
        return Response(event_json(*found[0]))


def events_found(project: Project, node: EventsQuery) -> Sequence[Any]:
    """Rows (event, person) of the node, read anew: pages are not kept."""
    ctx = project_context(project, [node])
    run = Run(project.pk, f"events-{uuid.uuid4().hex}")
    entry = compute(node, ctx, QueryTag(project.pk, node.kind, run.id, run=run.token))
    rows: Sequence[Any] = orjson.loads(entry.body)
    return rows


def event_json(event: Json, person: Json) -> Json:
    """An event as the API lists it."""
    return {
        "id": event["uuid"],
        "distinct_id": event["distinct_id"],
        "properties": event["properties"],
        "event": event["event"],
        "timestamp": event["timestamp"],
        "person": {**person, "distinct_ids": [event["distinct_id"]]},
        "elements": event["properties"].get("$elements") or [],
        "elements_chain": event["elements_chain"],
    }


def _node(given: Json, count: int) -> EventsQuery:
    """The parameters as a node. InvalidInput under the name of the parameter that is wrong."""
    fields = {name: given[name] for name in PASSED_ON if given.get(name)}
    order = _order(given)
    where = []
    if given.get("cursor"):
        moment, event = _position(given["cursor"])
        written = moment.isoformat(timespec="microseconds")
        beyond = ">" if order == OLDEST_FIRST else "<"
        where.append(
            f"timestamp {beyond} toDateTime('{written}')"
            f" OR (timestamp = toDateTime('{written}') AND uuid > '{event}')"
        )
        # The same once more as a bound of the range, by which the store finds where to begin.
        fields |= {"after": written} if order == OLDEST_FIRST else {"before": (moment + TICK).isoformat()}
    return _parsed(
        {
            **fields,
            "where": where,
            "orderBy": ORDERS[order],
            "limit": count,
            "personId": given.get("person_id") or None,
            "properties": decoded(given.get("properties")) or None,
            "fixedProperties": _of_distinct_id(given.get("distinct_id")),
        }
    )


def _parsed(fields: Json) -> EventsQuery:
    try:
        node = parse_query({"kind": "EventsQuery", "select": ["*", "person"], **fields})
    except QueryError as error:
        name = (error.attr or "").removeprefix("query__").partition("__")[0]
        raise InvalidInput(error.detail, attr="person_id" if name == "personId" else name or None) from error
    assert isinstance(node, EventsQuery)
    return node


def _of_distinct_id(distinct_id: Any) -> list[Json] | None:
    if not distinct_id:
        return None
    return [{"key": "distinct_id", "value": str(distinct_id), "type": "event_metadata", "operator": "exact"}]


def _cursor(event: Json) -> str:
    moment = datetime.fromisoformat(event["timestamp"]).astimezone(UTC)
    return f"{(moment - EPOCH) // TICK}.{event['id']}"


def _position(cursor: Any) -> tuple[datetime, str]:
    match = CURSOR.fullmatch(str(cursor))
    if match is None or not FIRST_YEAR <= (EPOCH + int(match[1]) * TICK).year < LAST_YEAR:
        raise InvalidInput("This is no cursor of a page of events.", attr="cursor")
    return EPOCH + int(match[1]) * TICK, match[2]


def _order(given: Json) -> str:
    """`order`; PostHog's `orderBy` (a JSON list) is read too."""
    written = decoded(given.get("order") or given.get("orderBy") or NEWEST_FIRST)
    order = str(written[0] if isinstance(written, list) and written else written)
    order = {"timestamp DESC": NEWEST_FIRST, "timestamp ASC": OLDEST_FIRST}.get(order, order)
    if order not in ORDERS:
        raise InvalidInput(f'"{order[:80]}" is not a valid choice.', code="invalid_choice", attr="order")
    return order


def _limit(given: Json) -> int:
    """What is no positive number means the default (api M17)."""
    limit = as_whole(given.get("limit"))
    return DEFAULT_LIMIT if limit is None or limit < 1 else min(limit, MAX_PAGE)
