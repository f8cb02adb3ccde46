"""Saved insights: the list, one of them drawn, changing it, and what was done to it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from insights import selectors
from insights.api.answers import answer_one
from insights.api.contexts import insight_context
from insights.api.filters import Asker, filtered
from insights.api.serializers import InsightBody
from insights.front import charts, commands, pages
from insights.front.charts import chart_of
from insights.front.door import Page
from insights.models import ActivityScope, Insight
from insights.services.insights import insight_update
from insights.services.refusals import gone
from insights.services.viewed import mark_viewed
from insights.shown import ShownInsight, show
from insights_service.fields import decoded

KINDS = {
    "TRENDS": "Trends",
    "FUNNELS": "Funnels",
    "RETENTION": "Retention",
    "PATHS": "Paths",
    "STICKINESS": "Stickiness",
    "LIFECYCLE": "Lifecycle",
    "SQL": "SQL",
    "JSON": "Other",
}
LIST_FILTERS = ("search", "insight", "favorited", "user")
INTERVALS = ("hour", "day", "week", "month", "quarter", "year")
CHANGES = ("date_from", "date_to", "by", "display")  # `by` is the interval


class InsightList(Page):
    """The insights of a project, the latest first."""

    section = "insights"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """A page of them, narrowed as the address says (api P5)."""
        wanted = {name: text for name in LIST_FILTERS if (text := request.GET.get(name))}
        found = filtered(
            selectors.live(selectors.insights_of(self.shop)),
            {"order": "-last_modified_at", **wanted},
            Asker(self.shop, self.user),
        )
        page = pages.page_of(selectors.with_everything(found), request)
        return self.show("insights", page=page, kinds=KINDS, wanted=wanted)


class OneInsight(Page):
    """What the pages of one insight have in common."""

    section = "insights"

    @cached_property
    def insight(self) -> Insight:
        """The insight of the path, by id or short id."""
        insights = selectors.with_everything(selectors.live(selectors.insights_of(self.shop)))
        found = selectors.find_insight(insights, self.kwargs["insight_id"])
        if found is None:
            raise gone()
        return found

    def changes(self) -> dict[str, str]:
        """What the address changes of the question, empty values left out."""
        given = self.request.GET
        return {name: text for name in CHANGES if (text := given.get(name, "").strip())}

    def question(self) -> ShownInsight:
        """The insight as the address changes it, still without its answer."""
        wanted = self.changes()
        dates = {name: wanted[name] for name in ("date_from", "date_to") if name in wanted}
        parameters = {"from_dashboard": self.request.GET.get("from_dashboard"), "filters_override": dates}
        context = insight_context(parameters, self.insight)
        shown = show(self.insight, self.viewer, self.shop.timezone, context)
        if shown.question.query is None:
            return shown
        query = charts.changed_query(shown.question.query, wanted)
        return replace(shown, question=replace(shown.question, query=query))


class InsightPage(OneInsight):
    """One insight, drawn at once when its answer is kept, else as soon as it is there."""

    def get(self, request: HttpRequest, insight_id: str) -> HttpResponseBase:
        """The page. `wait` computes before it answers, for browsers without scripts."""
        question = self.question()
        shown = answer_one(question, self.shop, charts.wish_of_page(request.GET))
        mark_viewed(project=self.shop, insight_ids=[self.insight.pk], user=self.user)
        source = shown.question.source
        return self.show(
            "insight",
            insight=self.insight,
            shown=shown,
            chart=chart_of(shown),
            can_edit=shown.levels.can_edit,
            changes=self.changes(),
            query_json=json.dumps(shown.question.query, indent=2, ensure_ascii=False),
            address=pages.address(request, (*CHANGES, "from_dashboard")),
            answer_url=reverse("front:insight-answer", args=(self.shop.pk, self.insight.short_id)),
            interval=charts.interval_of(source),
            intervals=INTERVALS,
            display=charts.display_of(source),
            displays=charts.DISPLAYS,
            dates=pages.dates_of(source),
            dashboards=list(selectors.listed_dashboards(self.shop)),
            curl=commands.curl(request, shown, self.changes()),
            download=commands.download(request, shown, self.changes()),
        )


class InsightAnswer(OneInsight):
    """The answer of one insight as a piece of its page."""

    is_part = True

    def get(self, request: HttpRequest, insight_id: str) -> HttpResponseBase:
        """Computed now unless it is fresh; with `anew` in any case."""
        wish = charts.wish(pages.run_name(request), anew=bool(request.GET.get("anew")))
        shown = answer_one(self.question(), self.shop, wish)
        address = pages.address(request, (*CHANGES, "from_dashboard"))
        chart = chart_of(shown)
        return self.show("answer_part", insight=self.insight, chart=chart, with_table=True, address=address)


class InsightChange(OneInsight):
    """Name, description, favourite, dashboards, question, deletion: the body of a PATCH as a form."""

    def post(self, request: HttpRequest, insight_id: str) -> HttpResponseBase:
        """Change what the form holds, and back to the page."""
        body = InsightBody(data=form_body(request))
        body.is_valid(raise_exception=True)
        changed = insight_update(insight=self.insight, changes=body.validated_data, viewer=self.viewer)
        if changed.deleted:
            self.say(f"“{changed}” was deleted. `deleted: false` over the API brings it back.")
            return self.go("insights")
        self.say("Saved.")
        return pages.onward(request, self.back())

    def back(self) -> str:
        """The insight."""
        return reverse("front:insight", args=(self.shop.pk, self.kwargs["insight_id"]))


class InsightActivity(OneInsight):
    """Who did what to one insight."""

    def get(self, request: HttpRequest, insight_id: str) -> HttpResponseBase:
        """A page of records, the latest first (api Q12)."""
        records = selectors.activity_of(self.shop, ActivityScope.INSIGHT, str(self.insight.pk))
        return self.show("activity", thing=self.insight, page=pages.page_of(records, request))


def form_body(request: HttpRequest) -> dict[str, Any]:
    """A form in the words of the API: JSON where a field is one, lists where there are several."""
    form = request.POST
    names = set(form) - {"csrfmiddlewaretoken", "next"}
    body: dict[str, Any] = {name: form[name] for name in names - {"dashboards", "all_dashboards"}}
    if "all_dashboards" in names:  # a form that shows all boxes: those not ticked are to go
        body["dashboards"] = [int(text) if text.isdecimal() else text for text in form.getlist("dashboards")]
    if "tags" in names:
        body["tags"] = form["tags"].split(",")
    if "query" in names:
        body["query"] = decoded(form["query"])
    return body
