"""What a public link opens, for everybody who has it (api Q.2).

`/shared/<token>` and `/embedded/<token>` are two frames around one content: a page for browsers, and the
same as JSON, CSV, SVG and PNG.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal

from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_exempt
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.response import Response

from insights import selectors
from insights.api.answers import Wish, answer_all, wish_of
from insights.api.dashboard_serializers import SharedDashboardSerializer
from insights.api.pictures import PICTURES
from insights.api.public_pages import PageRenderer
from insights.api.serializers import SharedInsightSerializer
from insights.api.tables import shown_table
from insights.dashboards_shown import ShownDashboard, show_dashboard, show_tiles, with_answers
from insights.drawing import Theme
from insights.guests import for_guest
from insights.levels import Viewer
from insights.links import Link, PasswordRequired, is_signed, open_token, password_in, unlocked_token
from insights.models import Dashboard, SharingConfiguration
from insights.question import Context
from insights.services.viewed import mark_viewed_by_guest
from insights.shared_page import shared_picture
from insights.shown import ShownInsight, show
from insights_service import clock
from insights_service.accounts.permissions import ApiView
from insights_service.errors import NotFound
from insights_service.renderers import CSVRenderer, CsvTable, JSONRenderer
from insights_service.throttling import address_of

Frame = Literal["scene", "embed"]
GUEST = Viewer(None)
UNLOCKED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SharedContent:
    """Exactly one thing: an insight or a dashboard, as guests may see it."""

    sharing: SharingConfiguration
    insight: ShownInsight | None = None
    dashboard: ShownDashboard | None = None

    @property
    def shown(self) -> ShownInsight | ShownDashboard:
        """Whichever it is."""
        shown = self.insight or self.dashboard
        assert shown is not None
        return shown


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
    renderer_classes = (PageRenderer, JSONRenderer, CSVRenderer, *PICTURES)
    # For the renderers: what is shown, and the path under which the page links to itself.
    content: SharedContent | None = None
    address: str = ""

    def get(self, request: Any, access_token: str) -> Response:
        """What the link opens."""
        return self._answer(
            request, access_token, _opened(request, access_token, password_in(request.headers))
        )

    @extend_schema(exclude=True)
    def post(self, request: Any, access_token: str) -> Response:
        """The page of a protected link, opened with the password of its form."""
        password = request.data.get("password")
        link = _opened(request, access_token, password if isinstance(password, str) else None)
        if not link.sharing.password_hash:
            raise MethodNotAllowed("POST")
        return self._answer(request, access_token, link)

    def picture(self, theme: Theme) -> str:
        """An SVG of what the link opens."""
        assert self.content is not None
        return shared_picture(self.content.shown, theme)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Errors look like what was asked for: a page, or JSON. No other site learns the address.

        A missing password is asked for by the page's form, else by HTTP's basic form (any name).
        """
        wants_page = getattr(request, "accepted_renderer", None)
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        if isinstance(wants_page, PageRenderer) and isinstance(response, Response):
            response.accepted_renderer, response.accepted_media_type = wants_page, wants_page.media_type
        elif response.status_code == 401:
            response["WWW-Authenticate"] = 'Basic realm="shared", charset="UTF-8"'
        return response

    def csv_table(self, response: Response) -> CsvTable | None:
        """The numbers of a shared insight; of a dashboard the tiles' facts."""
        insight = self.content.insight if self.content else None
        return shown_table(insight) if insight else None

    def _answer(self, request: Any, access_token: str, link: Link) -> Response:
        self.address = (
            f"{request.path.removesuffix(f'{access_token}/')}{_token_for_links(link, access_token)}"
        )
        self.content = content = open_link(link, wish_of(request, is_guest=True))
        body = {
            "type": self.frame,
            "accessToken": access_token,
            "insight": content.insight and SharedInsightSerializer(content.insight).data,
            "dashboard": content.dashboard and SharedDashboardSerializer(content.dashboard).data,
        }
        return Response(body)


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


def _opened(request: Any, access_token: str, password: str | None) -> Link:
    """The link of a path. NotFound without a hint why; NotAuthenticated when it asks for a password."""
    try:
        link = open_token(access_token, password, address_of(request))
    except PasswordRequired:
        raise NotAuthenticated("This link asks for a password.") from None
    if link is None:
        raise NotFound("Not found.")
    return link


def _token_for_links(link: Link, access_token: str) -> str:
    """What a page calls itself by: for who gave the password, a token that needs none for a while."""
    if not link.sharing.password_hash or is_signed(access_token):
        return access_token
    return unlocked_token(link.sharing, clock.now() + UNLOCKED_FOR)
