"""Who asks: the first credential found decides, and a bad one is an error (api M11-M13).

The order is the order of CREDENTIALS below: sharing token, header, body, query string, session.
`request.auth` is the `PersonalAPIKey`, a `SharedAccess`, or None for a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from insights_service import clock
from insights_service.accounts import tokens
from insights_service.accounts.models import PersonalAPIKey, User
from insights_service.accounts.scopes import SAFE_METHODS

SHARING_PARAMETER = "sharing_access_token"
LAST_USED_PRECISION = timedelta(hours=1)  # api M13

Credentials = tuple[User | AnonymousUser, Any] | None


@dataclass(frozen=True, slots=True)
class SharedAccess:
    """A guest with a sharing token: may read `subject` of one project and nothing else (api Q10)."""

    project_id: int
    subject: Any  # whatever the view that opened it wants to find again


class ApiAuthentication(BaseAuthentication):
    """Common to all: a 401 says how to do better (api N3)."""

    def authenticate_header(self, request: Any) -> str:
        """The challenge of a 401."""
        return "Bearer"


class SharingTokenAuthentication(ApiAuthentication):
    """`?sharing_access_token=`, on views that can open one.

    A view takes part by naming `shared_actions` (reading actions a guest may call) and a method
    `open_shared(token) -> SharedAccess | None`. It is asked with the token only; None is a bad token.
    """

    def authenticate(self, request: Any) -> Credentials:
        """The guest, when the parameter is there."""
        token = request.query_params.get(SHARING_PARAMETER)
        if token is None:
            return None
        view = request.parser_context["view"]
        if request.method not in SAFE_METHODS:
            raise AuthenticationFailed("A sharing access token can only read.")
        if getattr(view, "action", None) not in getattr(view, "shared_actions", ()):
            raise PermissionDenied("A sharing access token is not valid for this endpoint.")
        access = view.open_shared(token)
        if access is None:
            raise AuthenticationFailed("The sharing access token is not valid.")
        return AnonymousUser(), access


class PersonalKeyAuthentication(ApiAuthentication):
    """A personal API key; subclasses say where it is looked for."""

    place = ""

    def find(self, request: Any) -> Any:
        """What stands in this place, or None."""
        raise NotImplementedError

    def authenticate(self, request: Any) -> Credentials:
        """The key's user and the key, when there is one in this place."""
        value = self.find(request)
        if value is None:
            return None
        key = usable_key(value) if isinstance(value, str) else None
        if key is None:
            raise AuthenticationFailed(f"The personal API key in the request's {self.place} is not valid.")
        note_use(key)
        return key.user, key


class HeaderKeyAuthentication(PersonalKeyAuthentication):
    """`Authorization: Bearer phx_...`; other schemes are somebody else's."""

    place = "Authorization header"

    def find(self, request: Any) -> str | None:
        """The text after `Bearer`."""
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        return value.strip() if scheme.lower() == "bearer" else None


class BodyKeyAuthentication(PersonalKeyAuthentication):
    """Body field `personal_api_key`."""

    place = "body"

    def find(self, request: Any) -> Any:
        """The field's value; a body that cannot be read has none (api N4)."""
        return request.read_body_key()


class QueryKeyAuthentication(PersonalKeyAuthentication):
    """Query parameter `personal_api_key`."""

    place = "query string"

    def find(self, request: Any) -> Any:
        """The parameter's value, which `ApiRequest` has set aside."""
        return request.query_key


class SessionAuthentication(ApiAuthentication):
    """Django's session cookie; unsafe methods need the CSRF token (api M12)."""

    def authenticate(self, request: Any) -> Credentials:
        """The logged-in user, if any."""
        user = getattr(request._request, "user", None)
        if user is None or not user.is_authenticated or not user.is_active:
            return None
        refuse_forged(request)
        return user, None


CREDENTIALS: list[type[BaseAuthentication]] = [
    SharingTokenAuthentication,
    HeaderKeyAuthentication,
    BodyKeyAuthentication,
    QueryKeyAuthentication,
    SessionAuthentication,
]


def usable_key(value: str) -> PersonalAPIKey | None:
    """The key of this text if it exists, has not expired and its user is active."""
    key = PersonalAPIKey.objects.select_related("user").filter(value_hash=tokens.hash_key(value)).first()
    if key is None or not key.user.is_active:
        return None
    expired = key.expires_at is not None and key.expires_at <= clock.now()
    return None if expired else key


def note_use(key: PersonalAPIKey) -> None:
    """Write `last_used_at`, at most once an hour: reading must not turn into writing."""
    now = clock.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_PRECISION)
    if key.last_used_at is None or key.last_used_at <= now - LAST_USED_PRECISION:
        PersonalAPIKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def refuse_forged(request: Any) -> None:
    """403 unless an unsafe request repeats the CSRF cookie in the header X-CSRFToken (api M12)."""
    check: Any = CSRFCheck(lambda _: HttpResponse())  # only asked, never run
    check.process_request(request._request)
    reason = check.process_view(request._request, None, (), {})
    if reason:
        raise PermissionDenied(f"CSRF Failed: {reason}")
