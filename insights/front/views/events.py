"""Whether data arrive, which, and how to send them."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from insights.answer import Asked, answer
from insights.context import project_context
from insights.front import pages
from insights.front.door import Page
from insights_service.persons.models import EventDefinition
from queries.cache.policy import Refresh
from queries.parse import parse_query
from queries.wrappers import source_of

LATEST = {
    "kind": "EventsQuery",
    "select": ["event", "timestamp", "distinct_id"],
    "orderBy": ["timestamp DESC"],
    "after": "all",
    "limit": 10,
}


class Events(Page):
    """Names of events with the hour of the last one, and the code for one's own program."""

    section = "events"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """A page of names, narrowed by `search`."""
        search = request.GET.get("search", "").strip()
        found = EventDefinition.objects.filter(project=self.shop)
        if search:
            found = found.filter(name__icontains=search)
        page = pages.page_of(found.order_by("name", "id"), request)
        site = request.build_absolute_uri("/").rstrip("/")
        return self.show("events", page=page, search=search, site=site)


class Latest(Page):
    """The last events as a piece of that page."""

    is_part = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Asked anew: somebody waits for what he has just sent."""
        node = source_of(parse_query(LATEST))
        asked = Asked(node, Refresh.FORCE_BLOCKING, pages.run_name(request))
        found = answer(asked, project_context(self.shop, [node]))
        return self.show("latest_part", rows=found.result or [])
