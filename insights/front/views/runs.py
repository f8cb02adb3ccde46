"""What is being computed in a project now, and stopping it (api Q21)."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from insights import background, selectors
from insights.front.door import Page
from insights_service import clock
from queries.cache.connection import CacheUnavailable


class Runs(Page):
    """Runs that wait or run, the oldest first."""

    section = "queries"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The list; without a queue nobody can tell."""
        try:
            runs, is_known = background.under_way(self.shop.pk), True
        except CacheUnavailable:
            runs, is_known = [], False
        ids = {run.insight_id for run in runs if run.insight_id}
        insights = selectors.insights_of(self.shop).in_bulk(ids) if ids else {}
        rows = [(run, insights.get(run.insight_id or 0)) for run in runs]
        return self.show("queries", rows=rows, is_known=is_known, now=clock.now())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Cancel one by its name; a run that has ended meanwhile is no mistake."""
        stopped = background.cancel(self.shop.pk, request.POST.get("id", ""))
        self.say(stopped.value)
        return self.go("queries")
