"""The first page of a project, the list of dashboards, and one with its tiles drawn."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from insights import selectors
from insights.api.answers import answer_all
from insights.api.contexts import filters_override
from insights.api.dashboard_serializers import DashboardBody
from insights.dashboards_shown import ShownDashboard, ShownTile, show_dashboard, show_tiles, with_answers
from insights.front import charts, pages
from insights.front.charts import Chart, chart_of
from insights.front.door import Page
from insights.levels import can_edit
from insights.models import Dashboard
from insights.question import PLAIN, Context
from insights.services.dashboards import dashboard_accessed, dashboard_create, dashboard_update
from insights.services.refusals import gone
from insights.shared_page import in_order
from insights_service.accounts.models import Project
from insights_service.persons.models import EventDefinition

DATES = ("date_from", "date_to")
MOST_ON_HOME = 6
MOST_TILES_ON_HOME = 2


class Home(Page):
    """Where somebody begins: what there is, and what to do first."""

    section = "home"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Dashboards, favourites and what was viewed last; how to begin while nothing is there."""
        insights = selectors.live(selectors.insights_of(self.shop))
        board = selectors.find_dashboard(self.shop, str(self.shop.primary_dashboard_id or ""))
        favourites = insights.filter(favorited=True).order_by("-last_modified_at", "-id")
        return self.show(
            "home",
            dashboards=list(selectors.listed_dashboards(self.shop)[:MOST_ON_HOME]),
            favourites=list(favourites[:MOST_ON_HOME]),
            viewed=list(selectors.my_last_viewed(self.shop, self.user)),
            latest=list(insights.order_by("-last_modified_at", "-id")[:MOST_ON_HOME]),
            dashboard=board,
            tiles=self._first_tiles(board) if board else [],
            has_events=EventDefinition.objects.filter(project=self.shop).exists(),
            site=request.build_absolute_uri("/").rstrip("/"),
        )

    def _first_tiles(self, board: Dashboard) -> list[tuple[ShownTile, Chart | None]]:
        """Some tiles of the project's own dashboard, as far as their answers are kept."""
        tiles = selectors.live_tiles_of(board).filter(insight__isnull=False)[:MOST_TILES_ON_HOME]
        shown = show_dashboard(board, self.viewer)
        shown = show_tiles(shown, list(tiles), self.viewer, self.shop.timezone, PLAIN)
        return drawn(answered(shown, self.shop, charts.KEPT))


class DashboardList(Page):
    """The dashboards of a project: pinned ones first, then by name."""

    section = "dashboards"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """A page of them."""
        return self.show("dashboards", page=pages.page_of(selectors.listed_dashboards(self.shop), request))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """A new one, empty or a copy."""
        body = DashboardBody(data=board_body(request))
        body.is_valid(raise_exception=True)
        made = dashboard_create(project=self.shop, changes=body.validated_data, viewer=self.viewer)
        return self.go("dashboard", made.pk)

    def back(self) -> str:
        """The list."""
        return reverse("front:dashboards", args=(self.shop.pk,))


class OneDashboard(Page):
    """What the pages of one dashboard have in common."""

    section = "dashboards"

    @cached_property
    def dashboard(self) -> Dashboard:
        """The dashboard of the path."""
        found = selectors.find_dashboard(self.shop, self.kwargs["dashboard_id"])
        if found is None:
            raise gone()
        return found

    def over(self) -> Context:
        """The dates of the address over those of the dashboard."""
        given = self.request.GET
        dates = {name: text for name in DATES if (text := given.get(name, "").strip())}
        return Context(None, filters_override({"filters_override": dates}))

    def question(self, tiles: list[Any]) -> ShownDashboard:
        """These tiles as the address changes them, still without answers."""
        shown = show_dashboard(self.dashboard, self.viewer)
        return show_tiles(shown, tiles, self.viewer, self.shop.timezone, self.over())


class DashboardPage(OneDashboard):
    """One dashboard: what is kept is drawn at once, the script asks for the rest tile by tile."""

    def get(self, request: HttpRequest, dashboard_id: str) -> HttpResponseBase:
        """The page; no tile keeps another one waiting or fails it."""
        shown = self.question(list(selectors.live_tiles_of(self.dashboard)))
        dashboard_accessed(self.dashboard)
        shown = answered(shown, self.shop, charts.wish_of_page(request.GET))
        own = self.dashboard.filters
        return self.show(
            "dashboard",
            dashboard=self.dashboard,
            tiles=drawn(shown),
            can_edit=can_edit(self.dashboard, self.viewer),
            address=pages.address(request, DATES),
            dates={name: request.GET.get(name) or own.get(name) or "" for name in DATES},
            is_changed=any(request.GET.get(name) for name in DATES),
        )


class Tile(OneDashboard):
    """One tile as a piece of its dashboard."""

    is_part = True

    def get(self, request: HttpRequest, dashboard_id: str, tile_id: int) -> HttpResponseBase:
        """Its answer, computed now unless it is fresh."""
        tiles = list(selectors.live_tiles_of(self.dashboard).filter(pk=tile_id, insight__isnull=False))
        if not tiles:
            raise gone()
        wish = charts.wish(pages.run_name(request), anew=bool(request.GET.get("anew")))
        (tile,) = answered(self.question(tiles), self.shop, wish).tiles
        assert tile.insight is not None
        return self.show(
            "answer_part", insight=tile.insight.insight, chart=chart_of(tile.insight, is_tile=True)
        )


class DashboardChange(OneDashboard):
    """Name, description, dates, tiles, deletion: the body of a PATCH as a form."""

    def post(self, request: HttpRequest, dashboard_id: str) -> HttpResponseBase:
        """Change what the form holds, and back to the page."""
        body = DashboardBody(data=board_body(request))
        body.is_valid(raise_exception=True)
        changed = dashboard_update(dashboard=self.dashboard, changes=body.validated_data, viewer=self.viewer)
        if changed.deleted:
            self.say(f"“{changed}” was deleted; its insights are still there.")
            return self.go("dashboards")
        self.say("Saved.")
        return pages.onward(request, self.back())

    def back(self) -> str:
        """The dashboard."""
        return reverse("front:dashboard", args=(self.shop.pk, self.kwargs["dashboard_id"]))


def answered(shown: ShownDashboard, project: Project, wish: Any) -> ShownDashboard:
    """The tiles with their answers; one that fails says so itself (api W12)."""
    insights = [tile.insight for tile in shown.tiles if tile.insight]
    return with_answers(shown, answer_all(insights, project, wish))


def drawn(shown: ShownDashboard) -> list[tuple[ShownTile, Chart | None]]:
    """The tiles in the order in which one reads them; None for a text."""
    tiles = in_order(shown)
    return [(tile, chart_of(tile.insight, is_tile=True) if tile.insight else None) for tile in tiles]


def board_body(request: HttpRequest) -> dict[str, Any]:
    """A form in the words of the API."""
    form = request.POST
    body: dict[str, Any] = {
        name: form[name]
        for name in ("name", "description", "pinned", "deleted", "use_dashboard", "duplicate_tiles")
        if name in form
    }
    if any(name in form for name in DATES):
        body["filters"] = {name: form[name] for name in DATES if form.get(name)}
    if "text" in form:
        body["tiles"] = [{"text": {"body": form["text"]}}]
    if "remove_tile" in form:
        body["tiles"] = [{"id": form["remove_tile"], "deleted": True}]
    return body
