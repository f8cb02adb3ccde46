"""Asking something new: a form, its answer, and saving both."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from insights.api.answers import answer_one
from insights.api.serializers import InsightBody
from insights.front import asking, charts, commands, pages
from insights.front.charts import chart_of
from insights.front.door import MISTAKES, Page
from insights.front.views.insights import INTERVALS, form_body
from insights.levels import insight_levels
from insights.models import Insight
from insights.question import PLAIN, Question
from insights.services.insights import insight_create
from insights.shown import ShownInsight
from insights_service.errors import problem_of
from insights_service.persons.models import EventDefinition, PropertyDefinition, PropertyOwner
from queries.parse import parse_query

MOST_SUGGESTIONS = 500
BREAKDOWN_OWNERS = (PropertyOwner.EVENT, PropertyOwner.PERSON)


class Asking(Page):
    """What the form and its answer have in common."""

    section = "new"

    def question(self) -> ShownInsight | None:
        """The question of the address as an insight that is not saved; None while nothing is asked.

        Raises what is wrong with it.
        """
        node = asking.question_of(self.request.GET)
        if node is None:
            return None
        query = node if "source" in node else asking.wrapped(node)
        parse_query(query)
        return ShownInsight(
            insight=Insight(project=self.shop, query=query),
            question=Question(query, {}),
            context=PLAIN,
            levels=insight_levels((), self.viewer),
            tiles=(),
            timezone=self.shop.timezone,
        )


class New(Asking):
    """The form with its answer below it."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The page; a mistake is shown beside the form."""
        try:
            shown, complaint = self.question(), None
            if shown is not None:
                shown = answer_one(shown, self.shop, charts.wish_of_page(request.GET))
        except MISTAKES as error:
            shown, complaint = None, problem_of(error)
        return self.show("new", shown=shown, complaint=complaint, **self._choices(), **self._given(shown))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Save it."""
        body = InsightBody(data={**form_body(request), "saved": True})
        body.is_valid(raise_exception=True)
        insight = insight_create(project=self.shop, changes=body.validated_data, viewer=self.viewer)
        self.say("Saved.")
        return self.go("insight", insight.short_id)

    def _choices(self) -> dict[str, Any]:
        events = EventDefinition.objects.filter(project=self.shop).order_by("name")
        properties = PropertyDefinition.objects.filter(project=self.shop, type__in=BREAKDOWN_OWNERS)
        return {
            "events": list(events.values_list("name", flat=True)[:MOST_SUGGESTIONS]),
            "properties": list(
                properties.order_by("name").values_list("name", flat=True).distinct()[:MOST_SUGGESTIONS]
            ),
            "tabs": asking.TABS,
            "maths": asking.MATHS,
            "intervals": INTERVALS,
            "periods": asking.PERIODS,
            "breakdown_of": asking.BREAKDOWN_OF,
            "displays": charts.DISPLAYS,
            "window_units": asking.WINDOW_UNITS,
            "path_types": asking.PATH_TYPES,
        }

    def _given(self, shown: ShownInsight | None) -> dict[str, Any]:
        """What the form was filled with."""
        form = self.request.GET
        kind = form.get("kind") if form.get("kind") in asking.TABS else "trends"
        names = [name for name in form.getlist("event") if name.strip()]
        given: dict[str, Any] = {
            "kind": kind,
            "explained": asking.TABS[str(kind)][1],
            "form": form,
            "chosen_types": asking.path_types(form),
            "names": [*names, *[""] * (3 if kind == "funnel" and len(names) < 2 else 1)],
            "address": form.urlencode(),
        }
        if shown is None:
            return given
        query = shown.question.query
        return given | {
            "chart": chart_of(shown),
            "query_json": json.dumps(query, indent=2, ensure_ascii=False),
            "answer_url": reverse("front:new-answer", args=(self.shop.pk,)),
            "curl": commands.curl_of_query(self.request, self.shop.pk, query),
        }


class NewAnswer(Asking):
    """The answer of a question that is not saved, as a piece of the page."""

    is_part = True

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Computed now unless it is fresh."""
        shown = self.question()
        if shown is None:
            return self.show("answer_part", chart=None)
        wish = charts.wish(pages.run_name(request), anew=bool(request.GET.get("anew")))
        return self.show("answer_part", chart=chart_of(answer_one(shown, self.shop, wish)), with_table=True)
