"""The door of every API view: credentials, scope, project, membership, in this order (api N4).

What a view must say about itself, and what it gets, is in the docstrings of `ApiView` and
`ProjectView`; everything else is closed by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

from rest_framework.exceptions import NotAuthenticated
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from insights_service.accounts import access
from insights_service.accounts.authentication import CREDENTIALS, SharedAccess
from insights_service.accounts.models import Level, PersonalAPIKey, Project, User
from insights_service.accounts.scopes import grants, needed_for_method
from insights_service.errors import Forbidden, InvalidInput, NotFound
from insights_service.pagination import LimitOffsetPagination
from insights_service.parsers import FormParser, JSONParser, MultiPartParser, contains_nul
from insights_service.renderers import CSVRenderer, FormatNegotiation, JSONRenderer, WrittenByView
from insights_service.requests import ApiRequest
from insights_service.throttling import BurstThrottle, SustainedThrottle, counts, note_caller, tightest


class ApiView(APIView):
    """An endpoint below /api/.

    Say, as class attributes, which scope a key needs (sessions need none, api M12):

    - `scopes = {"list": "insight:read", "create": "insight:write"}` per viewset action, or per method
      in lower case (`"get"`, `"post"`) of a plain view; or
    - `required_scopes = {"insight:read"}` for all actions alike.

    An action without a declared scope answers 403 to every key. Methods the route does not have need
    the read or write scope of the same object, then answer 405 with `Allow`. OPTIONS is answered here.

    `public = True` opens a view to everybody without looking for credentials (login, say).

    Errors are raised, never returned: `insights_service.errors.DomainError` or any REST framework
    exception, and become JSON also for callers who asked for CSV. CSV of a view's own making:
    `csv_table(self, response) -> CsvTable | None`.
    """

    scopes: ClassVar[Mapping[str, str]] = {}
    required_scopes: ClassVar[Iterable[str]] = ()
    public: ClassVar[bool] = False

    authentication_classes = CREDENTIALS
    permission_classes = ()
    content_negotiation_class = FormatNegotiation
    renderer_classes: Sequence[type[BaseRenderer]] = (JSONRenderer, CSVRenderer)
    parser_classes: Sequence[type[BaseParser]] = (JSONParser, FormParser, MultiPartParser)
    throttle_classes = (BurstThrottle, SustainedThrottle)
    metadata_class = None

    request: ApiRequest

    @property
    def user(self) -> User:
        """The caller; not to be asked for in views that guests may read."""
        return cast(User, self.request.user)

    @property
    def key(self) -> PersonalAPIKey | None:
        """The caller's key, or None for a session or a guest."""
        auth = self.request.auth
        return auth if isinstance(auth, PersonalAPIKey) else None

    @property
    def guest(self) -> SharedAccess | None:
        """What a guest with a sharing token may see, or None for a user (api Q10)."""
        auth = self.request.auth
        return auth if isinstance(auth, SharedAccess) else None

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        """Wrap Django's request in ours."""
        return ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def declared_scopes(self, action: str) -> list[str]:
        """The scopes a key needs for an action, or a method of a plain view; [] is closed to keys."""
        if self.required_scopes:
            return list(self.required_scopes)
        name = "get" if action == "head" else action
        return [self.scopes[name]] if name in self.scopes else []

    def get_authenticators(self) -> list[Any]:
        """Nobody is asked for credentials by a public view, so bad ones do no harm there."""
        return [] if self.public else super().get_authenticators()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """All checks before the method, in the contract's order (api N4)."""
        self.format_kwarg = request.version = request.versioning_scheme = None
        bad_format = self._negotiate(request)
        self.perform_authentication(request)
        self.check_permissions(request)
        note_caller(request)
        self.check_throttles(request)
        if bad_format is not None:
            raise bad_format
        _refuse_nul(request)

    def check_permissions(self, request: Request) -> None:
        """Credentials, then scope. `ProjectView` adds the project and the membership."""
        if self.public:
            return
        if not request.user.is_authenticated and self.guest is None:
            raise NotAuthenticated
        if self.key is not None:
            self._require_scopes(self.key)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are, in `Allow` (api M9)."""
        return Response()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Errors as JSON (api Y9); nothing is for shared caches; what is left of the caller's rate."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(response, Response) and (
            response.status_code >= 400 or isinstance(request.accepted_renderer, WrittenByView)
        ):
            response.accepted_renderer = JSONRenderer()
            response.accepted_media_type = JSONRenderer.media_type
        response.headers.setdefault("Cache-Control", "private, no-cache")
        count = tightest(counts())
        for name, value in count.headers().items() if count else ():
            response.headers[name] = value
        return response

    def _negotiate(self, request: Request) -> Exception | None:
        """Choose the renderer; an impossible wish is returned, since a 401 or 403 comes first."""
        try:
            chosen, failure = self.perform_content_negotiation(request), None
        except Exception as error:
            chosen, failure = self.perform_content_negotiation(request, force=True), error
        request.accepted_renderer, request.accepted_media_type = chosen
        return failure

    def _require_scopes(self, key: PersonalAPIKey) -> None:
        needed = self._needed_scopes()
        if not needed:
            raise Forbidden("This endpoint is not open to API keys.")
        for scope in needed:
            if not grants(key.scopes, scope):
                raise Forbidden(f"This API key lacks the scope '{scope}'.")

    def _needed_scopes(self) -> list[str]:
        """Those of the action, or of a method the route does not have (api N4)."""
        method = self.request.method or ""
        if method != "OPTIONS" and hasattr(self, method.lower()):
            return self.declared_scopes(getattr(self, "action", None) or method.lower())
        declared = [*self.required_scopes, *self.scopes.values()]
        return [needed_for_method(declared[0].partition(":")[0], method)] if declared else []


class ProjectView(ApiView):
    """An endpoint below /api/projects/<project_id>/; hung into `project_router` of urls.py.

    Besides the promises of `ApiView`, before the method runs:

    - `self.project` is the project of the path (`@current` included); 404 when there is none, 403 for
      who is no member and for keys limited to others (api M4, M15). Restrict every queryset to it.
    - `self.level` is the caller's level in it (`Level`), None for a guest of a sharing token.

    Guests: a view that sharing tokens may read names the actions in `shared_actions` and has
    `open_shared(token) -> SharedAccess | None`; inside, `self.guest.subject` is what it returned.
    """

    project: Project
    level: int | None = None

    def check_permissions(self, request: Request) -> None:
        """Credentials, scope, project, membership (api N4)."""
        super().check_permissions(request)
        if "project_id" in self.kwargs:
            self._enter(self.kwargs["project_id"])

    def require_admin(self) -> None:
        """403 unless the caller administers the project."""
        if self.level is None or self.level < Level.ADMIN:
            raise Forbidden("You need to be an administrator of this project.")

    def _enter(self, name: str) -> None:
        if self.guest is not None:
            self.project = access.shared_project(name, self.guest.project_id)
            return
        self.project = access.project_for(name, self.user, self.key)
        self.level = access.effective_level(self.project)


class ApiViewSet(ViewSetMixin, ApiView, GenericAPIView[Any]):
    """`ApiView` for the actions of one kind of thing, with pages of `limit` and `offset` (api M17)."""

    pagination_class: type[LimitOffsetPagination] | None = LimitOffsetPagination
    filter_backends = ()


class ProjectViewSet(ViewSetMixin, ProjectView, GenericAPIView[Any]):
    """`ProjectView` for the actions of one kind of thing: add the mixins and actions that exist.

    In urls.py: `project_router.register("insights", InsightViewSet, basename="insights")`.
    """

    pagination_class: type[LimitOffsetPagination] | None = LimitOffsetPagination
    filter_backends = ()


def _refuse_nul(request: Request) -> None:
    """No column can hold a NUL character: such a path names nothing, such a parameter is an error."""
    if contains_nul([request.path]):
        raise NotFound("Not found.")
    for name, values in request.query_params.lists():
        if contains_nul([name, *values]):
            raise InvalidInput("The NUL character is not allowed in text.", attr=name.replace("\x00", ""))
