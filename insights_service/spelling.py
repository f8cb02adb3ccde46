"""Every spelling of an API path answers directly, without a redirect (api M1-M3).

    /api/environments/1/insights/trend.csv  ->  /api/projects/1/insights/trend/  as CSV

Done once, before routing, so that each route is written down in one form only. What is no API path is
left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# Public pages (api Q6) and those of the front have the same freedom; capture paths have rules of their own.
PREFIXES = ("/api/", "/shared/", "/embedded/", "/project/", "/projects", "/login", "/keys")
SUFFIX = re.compile(r"\.(?P<format>json|csv|svg|png)/?$")
ALIAS = re.compile(r"^/api/environments(?=/)")

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CanonicalPathMiddleware:
    """Fold the spellings; the suffix is kept as `request.format_suffix`.

    `request.path`, from which links are built, gets the slash (api M2) but keeps the alias the caller
    chose.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PREFIXES):
            path, request.format_suffix = canonical(request.path_info)  # type: ignore[attr-defined]
            request.path = request.path.removesuffix(request.path_info) + path
            request.path_info = ALIAS.sub("/api/projects", path)
        return self.get_response(request)


def canonical(path: str) -> tuple[str, str | None]:
    """The path with its slash and without suffix, and the suffix."""
    suffix = SUFFIX.search(path)
    bare = path[: suffix.start()] if suffix else path
    return f"{bare.rstrip('/')}/", suffix["format"] if suffix else None
