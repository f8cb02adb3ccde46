"""What several views read from a request or say in a header of the answer."""

from __future__ import annotations

from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from insights.api.fields import Reader, Switch
from insights.services.idempotency import MAX_KEY_LENGTH
from insights_service.errors import DomainError, InvalidInput

IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="A request repeated with the same key within a day creates nothing again.",
)
IF_MATCH_HEADER = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the version you read; 412 if it has been changed since.",
)
IGNORED_HEADER = "X-Ignored-Fields"
MAX_IGNORED = 20  # names in the header

R = TypeVar("R", bound=Reader)


def read(body: type[R], request: Any) -> R:
    """The body of a request, valid; its fields are in `validated_data`."""
    reader = body(data=request.data)
    reader.is_valid(raise_exception=True)
    return reader


def reported(response: Response, body: Reader) -> Response:
    """The answer with a header that names the keys of the body which mean nothing here (api P21)."""
    names = [name for name in body.ignored if name.isascii() and name.isidentifier()]
    if names:
        response[IGNORED_HEADER] = ", ".join(names[:MAX_IGNORED])
    return response


def idempotency_key(request: Any) -> str | None:
    """The key of a creation that may be sent twice; None without one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} visible characters.")
    return str(key)


def is_restored(request: Any) -> bool:
    """Whether the body brings something deleted back: the only request that finds it (api P31)."""
    try:
        value = request.data.get("deleted")
        return value is not None and Switch().run_validation(value) is False
    except (DomainError, APIException):
        return False  # what is wrong with the body is said later, to who may know that the thing exists


def wants_csv(request: Any) -> bool:
    return bool(request.accepted_renderer.format == "csv")


def not_deleted_this_way(view: Any) -> Response:
    """405 with an empty body: things are taken away with PATCH and `deleted: true` (api P33)."""
    allowed = [method for method in view.allowed_methods if method != "DELETE"]
    return Response(status=405, headers={"Allow": ", ".join(allowed)})
