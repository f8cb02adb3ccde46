"""Saved insights over HTTP (api section P, Q18-Q22)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from insights import selectors
from insights.answer import respelled
from insights.api.answers import NAME_PARAMETER, REFRESH_PARAMETERS, Wish, answer_all, answer_one, wish_of
from insights.api.asking import client_query_id
from insights.api.conditional import insight_response
from insights.api.contexts import FROM_DASHBOARD, OVERRIDE_PARAMETERS, insight_context
from insights.api.files import TABULAR_RENDERERS, file_response, is_file_wanted
from insights.api.filters import LIST_PARAMETERS, Asker, filtered
from insights.api.fingerprints import Rows
from insights.api.kept_responses import MadeOf, may_be_kept
from insights.api.pictures import PICTURES
from insights.api.requests import (
    IDEMPOTENCY_HEADER,
    IF_MATCH_HEADER,
    idempotency_key,
    is_restored,
    not_deleted_this_way,
    read,
    reported,
    wants_csv,
)
from insights.api.serializers import (
    CancelBody,
    InsightBasicSerializer,
    InsightBody,
    InsightOnDashboardSerializer,
    InsightSerializer,
    SharedInsightBasicSerializer,
    SharedInsightSerializer,
    ViewedBody,
)
from insights.api.shared import SharedReading
from insights.api.tables import list_table, shown_table
from insights.api.timing import note_timing
from insights.background import cancel
from insights.context import project_context
from insights.drawing import Theme, draw
from insights.drawn import draw_insight
from insights.exporting import FILES
from insights.guests import for_guest
from insights.models import Insight
from insights.question import PLAIN, Context, question_of
from insights.services import idempotency
from insights.services.insights import insight_create, insight_update, require_edit
from insights.services.refusals import gone
from insights.services.versions import version_tag
from insights.services.viewed import mark_viewed
from insights.shown import ShownInsight, show, show_all
from insights_service.accounts.access import CURRENT
from insights_service.accounts.authentication import HeaderKeyAuthentication
from insights_service.accounts.permissions import ApiView, ProjectViewSet
from insights_service.parsers import is_true
from insights_service.renderers import CsvTable
from queries.cache.policy import Endpoint, Refresh
from queries.errors import QueryError
from queries.parse import parse_query, spelling
from queries.wrappers import source_of

BASIC = OpenApiParameter("basic", OpenApiTypes.BOOL, description="Without results; no cache is asked.")


def either_form(**options: Any) -> PolymorphicProxySerializer:
    """For the API description: the full form, or with `basic` the basic one."""
    forms = [InsightSerializer, InsightBasicSerializer]
    return PolymorphicProxySerializer(
        component_name="InsightInEitherForm", serializers=forms, resource_type_field_name=None, **options
    )


def is_printed_example(body: Any) -> bool:
    """The reference page prints the fields of an insight for requests that have nothing to do with one."""
    return bool(body) and body.keys() <= InsightBody().fields.keys()


class InsightViewSet(SharedReading, ProjectViewSet):
    """Saved insights of a project."""

    scopes: ClassVar = {
        "list": "insight:read",
        "retrieve": "insight:read",
        "create": "insight:write",
        "update": "insight:write",
        "partial_update": "insight:write",
        "destroy": "insight:write",
        "viewed": "insight:read",
        "viewed_many": "insight:read",
        "my_last_viewed": "insight:read",
        "cancel": "insight:read",
        "timing": "insight:read",
    }
    shared_actions = ("list", "retrieve")
    serializer_class = InsightSerializer
    lookup_value_regex = "[^/]+"
    lookup_field = "id"
    shown: ShownInsight | None = None  # of a retrieve, for its CSV

    # --- reading ---------------------------------------------------------------------------------------

    @extend_schema(
        parameters=[*LIST_PARAMETERS, BASIC, *REFRESH_PARAMETERS], responses=either_form(many=True)
    )
    def list(self, request: Any, **_: Any) -> Response:
        """The insights of the project, filtered and a page at a time."""
        asker = Asker(self.project, None if self.guest else self.user)
        found = filtered(selectors.live(self._insights()), request.query_params, asker)
        page = self.paginate_queryset(selectors.with_everything(found)) or []
        shown = show_all(page, self.viewer, self.project.timezone, self.context_of)
        if is_true(request.query_params.get("basic")) or wants_csv(request):
            return self.get_paginated_response(self._basic(shown))
        wish = wish_of(request, Endpoint.LIST, is_guest=self.guest is not None)
        return self.get_paginated_response(self._serialized(answer_all(shown, self.project, wish)))

    @extend_schema(
        parameters=[FROM_DASHBOARD, *OVERRIDE_PARAMETERS, BASIC, *REFRESH_PARAMETERS, NAME_PARAMETER],
        responses=either_form(),
    )
    def retrieve(self, request: Any, id: str, **_: Any) -> HttpResponseBase:
        """One insight with its result; reading it does not count as viewing it.

        With `from_dashboard` the tile's `color` and `layouts` are added.
        """
        insight = self._find(id)
        # A guest overrides nothing (api Q10).
        context = self.context_of(insight) if self.guest else insight_context(request.query_params, insight)
        is_basic = is_true(request.query_params.get("basic"))
        if request.accepted_renderer.format in FILES and (is_basic or self.guest):
            raise Http404
        if is_basic:
            shown = show(insight, self.viewer, self.project.timezone, context)
            return Response(self._basic([shown])[0], headers={"ETag": version_tag(insight)})
        return self._file(insight, context) or self._answered(
            insight, wish_of(request, is_guest=self.guest is not None), context
        )

    # --- writing ---------------------------------------------------------------------------------------

    @extend_schema(
        request=InsightBody,
        responses={201: InsightSerializer},
        parameters=[IDEMPOTENCY_HEADER, *REFRESH_PARAMETERS],
    )
    def create(self, request: Any, **_: Any) -> Response:
        """A new insight; with `refresh=blocking` its result is in the answer."""
        wish, body, key = wish_of(request), read(InsightBody, request), idempotency_key(request)
        insight, is_replayed = self._create_once(body, key) if key else (self._create(body), False)
        response = self._answered(self._reloaded(insight), wish, status=201)
        if is_replayed:
            response["Idempotency-Replayed"] = "true"
        return reported(response, body)

    @extend_schema(
        request=InsightBody, responses=InsightSerializer, parameters=[IF_MATCH_HEADER, *REFRESH_PARAMETERS]
    )
    def partial_update(self, request: Any, id: str, **_: Any) -> Response:
        """Change the given keys. `deleted: true` takes the insight away, `deleted: false` brings it back."""
        insight = self._find(id, with_deleted=is_restored(request))
        require_edit(insight, self.viewer)
        wish, body = wish_of(request), read(InsightBody, request)
        insight = insight_update(
            insight=insight,
            changes=body.validated_data,
            viewer=self.viewer,
            expected_version=request.headers.get("If-Match"),
        )
        return reported(self._answered(self._reloaded(insight), wish), body)

    @extend_schema(
        request=InsightBody, responses=InsightSerializer, parameters=[IF_MATCH_HEADER, *REFRESH_PARAMETERS]
    )
    def update(self, request: Any, id: str, **kwargs: Any) -> Response:
        """The same as PATCH: every field is optional."""
        return self.partial_update(request, id, **kwargs)

    @extend_schema(request=None, responses={405: None})
    def destroy(self, request: Any, **_: Any) -> Response:
        """Always 405: an insight is taken away with PATCH and `deleted: true` (api P33)."""
        return not_deleted_this_way(self)

    # --- views, cancel, timing -------------------------------------------------------------------------

    @extend_schema(request=None, responses={200: None})
    @action(detail=True, methods=["post"])
    def viewed(self, request: Any, id: str, **_: Any) -> Response:
        """The caller has looked at this insight."""
        mark_viewed(project=self.project, insight_ids=[self._find(id).pk], user=self.user)
        return Response()

    @extend_schema(request=ViewedBody, responses={201: None})
    @action(detail=False, methods=["post"], url_path="viewed")
    def viewed_many(self, request: Any, **_: Any) -> Response:
        """The caller has looked at these insights, at most 2500."""
        ids = read(ViewedBody, request).validated_data["insight_ids"]
        mark_viewed(project=self.project, insight_ids=ids, user=self.user)
        return Response(status=201)

    @extend_schema(responses=InsightBasicSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def my_last_viewed(self, request: Any, **_: Any) -> Response:
        """Basic details of the last 5 insights viewed by this user, most recently viewed first."""
        insights = selectors.my_last_viewed(self.project, self.user)
        shown = show_all(insights, self.viewer, self.project.timezone)
        return Response(InsightBasicSerializer(shown, many=True).data)

    @extend_schema(request=CancelBody, responses={200: None})
    @action(detail=False, methods=["post"])
    def cancel(self, request: Any, **_: Any) -> Response:
        """Stop whatever runs or waits in this project under a `client_query_id`."""
        if not is_printed_example(request.data):
            cancel(self.project.pk, read(CancelBody, request).validated_data["client_query_id"])
        return Response()

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: None})
    @action(detail=False, methods=["post"])
    def timing(self, request: Any, **_: Any) -> Response:
        """What a client measured while somebody waited for a chart."""
        note_timing(self.project, self.user, request.data)
        return Response()

    # --- shared by the above ---------------------------------------------------------------------------

    def csv_table(self, response: Response) -> CsvTable | None:
        """The list as rows, a single insight as the table of its result (api Y7, Y8)."""
        if self.action in ("list", "my_last_viewed"):
            return list_table(response.data)
        return shown_table(self.shown) if self.action == "retrieve" and self.shown else None

    def get_renderers(self) -> Any:
        """One insight also comes as a file of its table and as a picture; everything else does not."""
        kinds = (*TABULAR_RENDERERS, *PICTURES) if self.action == "retrieve" else ApiView.renderer_classes
        return [kind() for kind in kinds]

    def picture(self, theme: Theme) -> str:
        """An SVG of a retrieved insight with the answer it has."""
        shown = self.shown
        if shown is None:  # basic=true: nothing was asked
            return draw(None, None).picture(theme)
        return draw_insight(for_guest(shown, self.sharing) if self.guest else shown).picture(theme)

    def _insights(self) -> QuerySet[Insight]:
        return selectors.insights_of(self.project, shared=self.sharing)

    def _find(self, reference: str, *, with_deleted: bool = False) -> Insight:
        """The insight of a path with everything that hangs on it; 404 when it is not there (api M5)."""
        insights = selectors.with_everything(self._insights())
        insight = selectors.find_insight(insights if with_deleted else selectors.live(insights), reference)
        if insight is None:
            raise gone()
        return insight

    def _reloaded(self, insight: Insight) -> Insight:
        return selectors.with_everything(selectors.insights_of(self.project)).get(pk=insight.pk)

    def _create(self, body: InsightBody) -> Insight:
        return insight_create(project=self.project, changes=body.validated_data, viewer=self.viewer)

    def _create_once(self, body: InsightBody, key: str) -> tuple[Insight, bool]:
        return idempotency.create_once(
            project=self.project,
            user=self.user,
            key=key,
            body=body.initial_data,
            create=lambda: self._create(body),
        )

    def _answered(
        self, insight: Insight, wish: Wish, context: Context = PLAIN, status: int = 200
    ) -> Response:
        """The full form of one insight, computed as the request asks."""
        shown = show(insight, self.viewer, self.project.timezone, context)
        is_read = self.action == "retrieve" and self.guest is None
        answered = (
            answer_one(shown, self.project, wish) if is_read else answer_all([shown], self.project, wish)[0]
        )
        self.shown = answered
        if is_read and wish.refresh is Refresh.FORCE_CACHE:
            self._may_be_kept(answered)
        return insight_response(self.request, insight, self._serialized([answered])[0], status)

    def _may_be_kept(self, shown: ShownInsight) -> None:
        """Tell `KeptResponses` what the answer was made of: of a key, an id and an answer that lay ready."""
        found, insight = shown.answer, shown.insight
        is_by_header = isinstance(self.request.successful_authenticator, HeaderKeyAuthentication)
        # An id wins over a short id (api M5), so a short id of digits only could come to mean another one.
        is_lasting = self.kwargs["id"] == str(insight.pk) or not self.kwargs["id"].isdecimal()
        is_named = self.kwargs["project_id"] != CURRENT
        if not (self.key and is_by_header and is_lasting and is_named and found.cache_key):
            return
        if found.entry is None or found.entry.raw is None or found.leaning is None or found.query_status:
            return
        rows = Rows(self.key.value_hash, self.project.pk, insight.pk, found.leaning)
        may_be_kept(self.request._request, MadeOf(rows, found.cache_key), found.entry)

    def _file(self, insight: Insight, context: Context) -> HttpResponseBase | None:
        """The whole table of a tabular insight, when it is to be computed anyway; None for an answer.

        Guests see what is kept.
        """
        source = question_of(insight, context).source
        if self.guest or source is None or not is_file_wanted(self.request):
            return None
        wrapper = parse_query(source)
        ctx = project_context(self.project, [source_of(wrapper)])
        name = slugify(insight.title) or "export"
        try:
            return file_response(
                self.request, source_of(wrapper), ctx, run_id=client_query_id(self.request), name=name
            )
        except QueryError as error:
            raise respelled(error, spelling(wrapper)) from error

    def _basic(self, shown: Sequence[ShownInsight]) -> Any:
        if self.guest:
            seen = [for_guest(one, self.sharing) for one in shown]
            return SharedInsightBasicSerializer(seen, many=True).data
        return InsightBasicSerializer(shown, many=True).data

    def _serialized(self, shown: Sequence[ShownInsight]) -> Any:
        if self.guest:
            seen = [for_guest(one, self.sharing) for one in shown]
            return SharedInsightSerializer(seen, many=True).data
        on_dashboard = len(shown) == 1 and shown[0].context.tile is not None
        serializer = InsightOnDashboardSerializer if on_dashboard else InsightSerializer
        return serializer(shown, many=True).data
