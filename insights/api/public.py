"""What a public link opens, for everybody who has it (api Q.2).

`/shared/<token>` and `/embedded/<token>` are two frames around one content. The JSON is made here; a
page for browsers is one more renderer in `PublicView.renderer_classes`, fed by `view.content`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_exempt
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.response import Response

from insights import selectors
from insights.api.answers import Wish, answer_all, wish_of
from insights.api.dashboard_serializers import SharedDashboardSerializer
from insights.api.serializers import SharedInsightSerializer
from insights.api.tables import shown_table
from insights.dashboards_shown import ShownDashboard, show_dashboard, show_tiles, with_answers
from insights.guests import for_guest
from insights.levels import Viewer
from insights.links import Link, PasswordRequired, open_token, password_in
from insights.models import Dashboard, SharingConfiguration
from insights.question import Context
from insights.services.viewed import mark_viewed_by_guest
from insights.shown import ShownInsight, show
from insights_service.accounts.permissions import ApiView
from insights_service.errors import NotFound
from insights_service.renderers import CsvTable

Frame = Literal["scene", "embed"]
GUEST = Viewer(None)


@dataclass(frozen=True, slots=True)
class SharedContent:
    """Exactly one thing: an insight or a dashboard, as guests may see it."""

    sharing: SharingConfiguration
    insight: ShownInsight | None = None
    dashboard: ShownDashboard | None = None


class SharedContentSerializer(serializers.Serializer[Any]):
    """The JSON of a public link (api Q6)."""

    type = serializers.ChoiceField(choices=["scene", "embed"], read_only=True)
    accessToken = serializers.CharField(read_only=True)
    insight = SharedInsightSerializer(read_only=True, allow_null=True)
    dashboard = SharedDashboardSerializer(read_only=True, allow_null=True)


@extend_schema(responses=SharedContentSerializer, tags=["shared"])
@method_decorator(xframe_options_exempt, name="dispatch")
class PublicView(ApiView):
    """A public link; wrong, switched off and deleted ones are all the same 404."""

    public = True
    frame: ClassVar[Frame] = "scene"
    content: SharedContent | None = None  # for the renderers

    def get(self, request: Any, access_token: str) -> Response:
        """What the link opens."""
        self.content = content = open_link(_opened(request, access_token), wish_of(request, is_guest=True))
        body = {
            "type": self.frame,
            "accessToken": access_token,
            "insight": content.insight and SharedInsightSerializer(content.insight).data,
            "dashboard": content.dashboard and SharedDashboardSerializer(content.dashboard).data,
        }
        return Response(body, headers={"Referrer-Policy": "no-referrer"})

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A missing password is asked for in the form that browsers have a window for."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="shared", charset="UTF-8"'
        return response

    def csv_table(self, response: Response) -> CsvTable | None:
        """The numbers of a shared insight; of a dashboard the tiles' facts."""
        insight = self.content.insight if self.content else None
        return shown_table(insight) if insight else None


class SharedView(PublicView):
    """A link opened as a page of its own."""

    frame = "scene"


class EmbeddedView(PublicView):
    """A link opened inside somebody else's page."""

    frame = "embed"


def open_link(link: Link, wish: Wish) -> SharedContent:
    """The content behind an open link, with answers; it counts as a guest's view."""
    if link.sharing.dashboard is not None:
        return SharedContent(link.sharing, dashboard=_dashboard(link.sharing.dashboard, link, wish))
    return SharedContent(link.sharing, insight=_insight(link, wish))


def _insight(link: Link, wish: Wish) -> ShownInsight:
    project = link.sharing.project
    insights = selectors.with_everything(selectors.insights_of(project))
    insight = insights.get(sharing=link.sharing)
    mark_viewed_by_guest([insight])
    shown = show(insight, GUEST, project.timezone, Context(row_filter=link.row_filter))
    return for_guest(answer_all([shown], project, wish)[0], link.sharing)


def _dashboard(dashboard: Dashboard, link: Link, wish: Wish) -> ShownDashboard:
    project, over = link.sharing.project, Context(row_filter=link.row_filter)
    tiles = list(selectors.live_tiles_of(dashboard))
    shown = show_tiles(show_dashboard(dashboard, GUEST), tiles, GUEST, project.timezone, over)
    insights = [tile.insight for tile in shown.tiles if tile.insight]
    mark_viewed_by_guest([one.insight for one in insights])
    answered = answer_all(insights, project, wish)
    return with_answers(shown, [for_guest(one, link.sharing) for one in answered])


def _opened(request: Any, access_token: str) -> Link:
    """The link of a path. NotFound without a hint why; NotAuthenticated when it asks for a password."""
    try:
        link = open_token(access_token, password_in(request.headers))
    except PasswordRequired:
        raise NotAuthenticated("This link asks for a password.") from None
    if link is None:
        raise NotFound("Not found.")
    return link
