"""The page that answers the description of the API (api W24). What it says is made in `openapi.py`."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.views import SpectacularAPIView
from rest_framework.response import Response


class SchemaView(SpectacularAPIView):
    """`/api/schema/`: YAML, or JSON by `?format=json` or the Accept header.

    The document is made once per process, since the code does not change under it.
    """

    def _get_schema_response(self, request: Any) -> Response:
        return Response(_document(self.generator_class))


@cache
def _document(generator_class: Any) -> Any:
    return generator_class().get_schema(request=None, public=True)
