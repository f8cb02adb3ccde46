"""The pages that show the description of the API (api W24). What it says is made in `openapi.py`."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView
from rest_framework.response import Response

from insights_service.renderers import FormatNegotiation


class SchemaView(SpectacularAPIView):
    """`/api/schema/`: YAML, or JSON by `?format=json` or the Accept header.

    The document is made once per process, since the code does not change under it.
    """

    content_negotiation_class = FormatNegotiation

    def _get_schema_response(self, request: Any) -> Response:
        return Response(_document())


class SwaggerView(SpectacularSwaggerView):
    """`/api/schema/swagger-ui/`: try the API from the browser; all its files come from this server."""

    url_name = "schema"


class RedocView(SpectacularRedocView):
    """`/api/schema/redoc/`: read the API; without the fonts from elsewhere that the original asks for."""

    url_name = "schema"
    template_name = "insights_service/redoc.html"


@cache
def _document() -> Any:
    generator: Any = SchemaGenerator
    return generator().get_schema(request=None, public=True)
