"""The people behind one point of an insight, a page at a time (api V9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from insights.answer import Asked, answer
from insights.context import project_context
from insights.front import pages
from insights.front.views.insights import CHANGES, OneInsight
from insights_service.errors import InvalidInput
from queries.cache.policy import Refresh
from queries.parse import parse_query
from queries.wrappers import source_of

PER_PAGE = 50
# Coordinates that are numbers on the wire; the others are texts (a day is one or the other).
NUMBERS = frozenset({"day", "series", "interval", "funnelStep", "returningInterval"})
# Kind of the insight -> the node that selects its people, and the coordinates it knows.
POINTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "TrendsQuery": ("InsightActorsQuery", ("day", "series", "breakdown", "compare")),
    "StickinessQuery": ("InsightActorsQuery", ("day", "series", "compare")),
    "LifecycleQuery": ("InsightActorsQuery", ("day", "status")),
    "RetentionQuery": ("InsightActorsQuery", ("interval", "returningInterval")),
    "FunnelsQuery": ("FunnelsActorsQuery", ("funnelStep", "funnelStepBreakdown")),
}


class People(OneInsight):
    """Who was counted in one number."""

    def get(self, request: HttpRequest, insight_id: str) -> HttpResponseBase:
        """A page of people; the coordinates are in the address."""
        page = request.GET.get("page", "1")
        number = int(page) if page.isdecimal() and len(page) < 8 else 1
        node = source_of(parse_query(self._people(max(number, 1))))
        asked = Asked(node, Refresh.BLOCKING, pages.run_name(request))
        found = answer(asked, project_context(self.shop, [node]))
        return self.show(
            "people",
            insight=self.insight,
            actors=[row[0] for row in found.result or []],
            point=request.GET.get("label", ""),
            number=number,
            has_more=bool(found.header and found.header.has_more),
            address=pages.address(request, (*CHANGES, "label", *self._coordinates()[1])),
        )

    def _coordinates(self) -> tuple[str, tuple[str, ...]]:
        source = self.question().question.source or {}
        known = POINTS.get(str(source.get("kind")))
        if known is None:
            raise InvalidInput("The people behind this kind of number cannot be listed here.")
        return known

    def _people(self, number: int) -> dict[str, Any]:
        kind, names = self._coordinates()
        given = {name: self.request.GET[name] for name in names if name in self.request.GET}
        point = {
            name: int(text) if name in NUMBERS and text.lstrip("-").isdecimal() else text
            for name, text in given.items()
        }
        source = self.question().question.source
        return {
            "kind": "ActorsQuery",
            "source": {"kind": kind, "source": dict(source or {}), **point},
            "limit": PER_PAGE,
            "offset": (number - 1) * PER_PAGE,
        }
