"""Pages of lists by `limit` and `offset` (api M17, M18)."""

from __future__ import annotations

from typing import Any

from rest_framework import pagination as drf
from rest_framework.response import Response

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Beyond this the database could not count; there is no row anyway.
MAX_OFFSET = 2**62


class LimitOffsetPagination(drf.LimitOffsetPagination):
    """`{"count", "next", "previous", "results"}`; a bad limit or offset falls back to its default.

    Links are absolute, carry limit and offset, and keep every other parameter. The caller's key is not
    among them: `ApiRequest` has taken it out of the query string.
    """

    default_limit = DEFAULT_LIMIT
    max_limit = MAX_LIMIT
    limit_query_description = f"Rows per page, at most {MAX_LIMIT}."
    offset_query_description = "Rows to skip before the page."

    def get_offset(self, request: Any) -> int:
        """The offset asked for, or 0."""
        return min(super().get_offset(request), MAX_OFFSET)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """`limit` and `offset` with their bounds, for the API description."""
        limit, offset = super().get_schema_operation_parameters(view)
        limit["schema"] |= {"minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        offset["schema"] |= {"minimum": 0, "default": 0}
        return [limit, offset]


class UncountedPagination(LimitOffsetPagination):
    """The same without `count`, for lists that are dear to count (persons): one row too many is read."""

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any]:
        """The rows of the page; whether there is another one shows in the row after it."""
        self.request = request
        limit = self.get_limit(request) or self.default_limit
        self.limit, self.offset = limit, self.get_offset(request)
        rows = list(queryset[self.offset : self.offset + limit + 1])
        # Just enough for the links: the true count is at least this.
        self.count = self.offset + len(rows)
        return rows[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        """The envelope without `count`."""
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return Response({**links, "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """The envelope in the API description."""
        described = super().get_paginated_response_schema(schema)
        described["required"] = [name for name in described["required"] if name != "count"]
        del described["properties"]["count"]
        return described
