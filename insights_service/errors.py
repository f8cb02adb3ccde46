"""The one table: exception -> status and the contract's error form (api section N).

Every answer that is not a success comes from here, whether the exception was raised by the query layer,
by a service, by the REST framework, by Django or by a store that is down. An error body always has
exactly the keys `type`, `code`, `detail`, `attr`; one error is reported, the first in field order.

Code below the views raises `DomainError`s (or the query layer's `QueryError`s) and knows no status.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import structlog
from django.core import exceptions as django_core
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from queries import errors as query

log = structlog.get_logger(__name__)


class DomainError(Exception):
    """A rule of the service was broken. `detail` is a sentence a person can act on (api N2).

    `attr` is the field in the caller's spelling, nested parts joined by `__` (api N1).
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, code: str | None = None, attr: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.attr = attr


class InvalidInput(DomainError):
    """A value the caller can correct."""

    default_code = "invalid_input"


class Forbidden(DomainError):
    """The caller is known, and may not do this."""

    default_code = "permission_denied"


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else."""

    default_code = "not_found"


class Conflict(DomainError):
    """The request is fine, but the thing has changed or is in use."""

    default_code = "conflict"


class PreconditionFailed(DomainError):
    """The caller names a version (If-Match) that is not the current one any more."""

    default_code = "precondition_failed"


class RequestTooLarge(DomainError):
    """The body is longer than a body may be (api M10)."""

    default_code = "request_too_large"


class UnreadableBody(DomainError):
    """The body, or a parameter that holds JSON, is not what it says it is (api M8)."""

    default_code = "parse_error"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is answered. `headers` go with it."""

    status: int
    type: str
    code: str
    detail: str
    attr: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, str | None]:
        """The contract's form, keys in its order (api N1)."""
        return {"type": self.type, "code": self.code, "detail": self.detail, "attr": self.attr}


@dataclass(frozen=True, slots=True)
class Row:
    """How a kind of exception is answered; `code` and `detail` default to the exception's own."""

    status: int
    type: str
    code: str | None = None
    detail: str | None = None
    retry_after_seconds: int | None = None


STORE_IS_DOWN = "A data store does not answer at the moment, try again shortly."

# The nearest class in the exception's ancestry wins. Order as in the contract's table (api N2).
TABLE: dict[type[BaseException], Row] = {
    # 400
    drf.ValidationError: Row(400, "validation_error"),
    django_core.ValidationError: Row(400, "validation_error"),
    InvalidInput: Row(400, "validation_error"),
    query.InvalidQuery: Row(400, "validation_error"),
    query.UnknownReference: Row(400, "validation_error"),
    query.NotSupported: Row(400, "validation_error"),
    # A value that no column can hold and no field rule caught. It is the caller's, so not a 500.
    DataError: Row(
        400, "validation_error", "invalid_input", "A value is out of the range that can be stored."
    ),
    drf.ParseError: Row(400, "invalid_request", "parse_error"),
    UnreadableBody: Row(400, "invalid_request"),
    query.UnreadableQuery: Row(400, "invalid_request"),
    query.QueryCancelled: Row(400, "invalid_request"),
    django_core.BadRequest: Row(400, "invalid_request", "parse_error", "The request cannot be read."),
    django_core.SuspiciousOperation: Row(
        400, "invalid_request", "parse_error", "The request cannot be read."
    ),
    # 401, 403
    drf.NotAuthenticated: Row(401, "authentication_error", "not_authenticated"),
    drf.AuthenticationFailed: Row(401, "authentication_error", "authentication_failed"),
    drf.PermissionDenied: Row(403, "authentication_error", "permission_denied"),
    django_core.PermissionDenied: Row(
        403, "authentication_error", "permission_denied", "You do not have permission to do this."
    ),
    Forbidden: Row(403, "authentication_error"),
    # 404 .. 429
    drf.NotFound: Row(404, "invalid_request", "not_found"),
    Http404: Row(404, "invalid_request", "not_found", "Not found."),
    django_core.ObjectDoesNotExist: Row(404, "invalid_request", "not_found", "Not found."),
    NotFound: Row(404, "invalid_request"),
    drf.MethodNotAllowed: Row(405, "invalid_request", "method_not_allowed"),
    drf.NotAcceptable: Row(406, "invalid_request", "not_acceptable"),
    Conflict: Row(409, "invalid_request"),
    IntegrityError: Row(
        409, "invalid_request", "conflict", "Another request changed this at the same moment, try again."
    ),
    PreconditionFailed: Row(412, "invalid_request"),
    RequestTooLarge: Row(413, "invalid_request"),
    django_core.RequestDataTooBig: Row(
        413, "invalid_request", "request_too_large", "The request body is too large."
    ),
    drf.UnsupportedMediaType: Row(415, "invalid_request", "unsupported_media_type"),
    drf.Throttled: Row(429, "throttled_error", "throttled"),
    # 5xx
    query.TooManyQueries: Row(429, "throttled_error"),
    query.AtCapacity: Row(503, "server_error", retry_after_seconds=5),
    query.StoreUnavailable: Row(503, "server_error", retry_after_seconds=5),
    OperationalError: Row(503, "server_error", "at_capacity", STORE_IS_DOWN, retry_after_seconds=5),
    InterfaceError: Row(503, "server_error", "at_capacity", STORE_IS_DOWN, retry_after_seconds=5),
    RedisError: Row(503, "server_error", "at_capacity", STORE_IS_DOWN, retry_after_seconds=5),
    BrokerError: Row(503, "server_error", "at_capacity", STORE_IS_DOWN, retry_after_seconds=5),
    query.QueryTimedOut: Row(504, "server_error"),
    query.QueryTooExpensive: Row(504, "server_error"),
    # Our own fault: nothing internal in the text.
    BaseException: Row(500, "server_error", "error", "A server error occurred."),
}

# Field rules of the frameworks whose code the contract does not list are plain `invalid_input` (api N1).
FIELD_CODES = dict.fromkeys(
    (
        "invalid",
        "date",
        "datetime",
        "make_aware",
        "max_string_length",
        "naive",
        "no_match",
        "not_a_dict",
        "null_characters_not_allowed",
        "overflow",
        "password_entirely_numeric",
        "password_too_common",
        "password_too_short",
        "password_too_similar",
        "surrogate_characters_not_allowed",
    ),
    "invalid_input",
)
NO_FIELD = {"non_field_errors", "__all__"}

PathPart = str | int


def problem_of(exc: BaseException) -> Problem:
    """What to answer for an exception. Total: whatever is not in the table is a 500."""
    row = next(TABLE[kind] for kind in type(exc).__mro__ if kind in TABLE)
    path, code, detail = _own_words(exc)
    headers = _headers(exc, row)
    return Problem(
        status=row.status,
        type=row.type,
        code=row.code or FIELD_CODES.get(code, code),
        detail=row.detail or detail,
        attr="__".join(map(str, path)) or None,
        headers=headers,
    )


def noted_problem(exc: BaseException, request: Any) -> Problem:
    """What to answer, with the log line that a failure on our side deserves."""
    problem = problem_of(exc)
    _log(problem, exc, request)
    return problem


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """The REST framework's hook: called for whatever a view raises."""
    problem = noted_problem(exc, context.get("request"))
    set_rollback()
    return Response(problem.body(), status=problem.status, headers=dict(problem.headers))


def plain_response(problem: Problem) -> JsonResponse:
    """The same body outside the REST framework: unknown routes, middleware, Django's own refusals."""
    return JsonResponse(problem.body(), status=problem.status, headers=dict(problem.headers))


@csrf_exempt  # it changes nothing, and a POST to a wrong path is to hear that it is wrong
def endpoint_not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
    """Any path that is no route, before credentials are looked at (api M.4). Also Django's handler404."""
    return plain_response(Problem(404, "invalid_request", "not_found", "Endpoint not found."))


def bad_request(request: HttpRequest, exception: BaseException) -> JsonResponse:
    """Django's handler400."""
    return plain_response(problem_of(exception))


def forbidden(request: HttpRequest, exception: BaseException) -> JsonResponse:
    """Django's handler403."""
    return plain_response(problem_of(exception))


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500: something outside a view failed, a store in most cases."""
    exc = sys.exc_info()[1] or RuntimeError("unknown failure")
    return plain_response(noted_problem(exc, request))


def _own_words(exc: BaseException) -> tuple[tuple[PathPart, ...], str, str]:
    """Path, code and sentence as the exception itself has them."""
    match exc:
        case DomainError() | query.QueryError():
            return ((exc.attr,) if exc.attr else ()), exc.code, exc.detail
        case drf.APIException():
            return _first(exc.detail) or ((), "error", str(exc))
        case django_core.ValidationError():
            return _first_of_django(exc)
        case _:
            return (), "error", ""


def _first(detail: Any, path: tuple[PathPart, ...] = ()) -> tuple[tuple[PathPart, ...], str, str] | None:
    """The first leaf of the REST framework's nested error details, in field order."""
    if isinstance(detail, drf.ErrorDetail):
        return path, detail.code or "invalid", str(detail)
    if isinstance(detail, dict):
        below = ((path if name in NO_FIELD else (*path, name), value) for name, value in detail.items())
    elif isinstance(detail, list):
        # A list of sentences is about the field itself; a list of objects has positions.
        below = (
            (path if isinstance(value, drf.ErrorDetail) else (*path, index), value)
            for index, value in enumerate(detail)
        )
    else:
        return None
    return next((found for place, value in below if (found := _first(value, place))), None)


def _first_of_django(exc: django_core.ValidationError) -> tuple[tuple[PathPart, ...], str, str]:
    """The same for a model's or a validator's complaint."""
    if hasattr(exc, "error_dict"):
        name, complaints = next(iter(exc.error_dict.items()))
        return () if name in NO_FIELD else (name,), complaints[0].code or "invalid", complaints[0].messages[0]
    first = exc.error_list[0]
    return (), first.code or "invalid", first.messages[0]


def _headers(exc: BaseException, row: Row) -> dict[str, str]:
    headers: dict[str, str] = {}
    if row.status == 401:
        headers["WWW-Authenticate"] = "Bearer"  # api N3
    if row.retry_after_seconds is not None:
        headers["Retry-After"] = str(row.retry_after_seconds)
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    return headers


def _log(problem: Problem, exc: BaseException, request: Any) -> None:
    """5xx with the stack; values refused by the database too, since a field rule should have caught them."""
    if problem.status < 500 and not isinstance(exc, DatabaseError):
        return
    path = getattr(request, "path", None)
    level = log.error if problem.status == 500 else log.warning
    level("request_failed", status=problem.status, code=problem.code, path=path, exc_info=exc)
