"""How a request asks for an answer: refresh mode and the name of the run (api R1, R2, R12)."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from insights_service.errors import InvalidInput
from queries.cache.policy import Endpoint, Refresh, read_refresh

NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

REFRESH = OpenApiParameter(
    "refresh",
    str,
    enum=[mode.value for mode in Refresh],
    description=(
        "Whether to answer from the cache, to compute, or to compute in the background. "
        "`force_cache`: what is kept, whatever its age. `blocking`: compute unless what is kept is fresh. "
        "`async`: the same in the background. `lazy_async`: the same, but somewhat fresh will do. "
        "`force_blocking`, `force_async`: compute in any case. `true` means `force_blocking`."
    ),
)
CLIENT_QUERY_ID = OpenApiParameter(
    "client_query_id",
    str,
    description="A name for the run of this query, under which it can be watched and cancelled.",
)


def refresh_mode(request: Request, endpoint: Endpoint) -> Refresh:
    """The mode in the query string, else in the body (api R1). InvalidQuery at `refresh`."""
    return read_refresh(_parameter(request, "refresh"), endpoint)


def client_query_id(request: Request) -> str | None:
    """The caller's name for the run. InvalidInput when it cannot be one (api R12)."""
    given = _parameter(request, "client_query_id")
    if given in (None, ""):
        return None
    if not isinstance(given, str) or not NAME.fullmatch(given):
        raise InvalidInput(
            "A client_query_id has 1 to 128 letters, digits or any of _ . : -", attr="client_query_id"
        )
    return given


def _parameter(request: Request, name: str) -> Any:
    if name in request.query_params:
        return request.query_params[name]
    body: Any = request.data if request.method not in ("GET", "HEAD") else {}
    return body.get(name)
