"""Answers that a client has already: ETag and 304 for what is read with GET (RFC 9110 13.1.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from rest_framework.response import Response

from insights.answer import Answer
from insights.models import Insight
from insights.services import versions
from insights.services.versions import version_tag
from insights_service.renderers import to_json
from queries.cache.key import ENGINE_VERSION


def conditional(request: Any, found: Answer, body: Callable[[], Any]) -> Response:
    """The answer with its tag; for a client that names the tag already, 304 and no body is made.

    The tag is weak: the numbers are the same under it, while `is_cached` and `timings` tell of the request.
    """
    if request.method not in ("GET", "HEAD") or found.header is None:
        return Response(body())
    tag = answer_tag(found, request.accepted_renderer.format)
    if tag in known_tags(request.headers.get("If-None-Match", "")):
        return Response(status=304, headers={"ETag": tag})
    return Response(body(), headers={"ETag": tag})


# Keys of a saved insight that tell of this request or of looking at it, not of the insight.
UNTOLD = frozenset({"is_cached", "last_viewed_at", "timings"})


def insight_response(request: Any, insight: Insight, body: Mapping[str, Any], status: int) -> Response:
    """The full form of an insight, or 304 when the client that reads it has it already.

    The tag is good for both If-None-Match and If-Match: it begins with the insight's version.
    """
    if request.method not in ("GET", "HEAD"):
        return Response(body, status, headers={"ETag": version_tag(insight)})
    told = to_json({key: body[key] for key in body if key not in UNTOLD})
    form = request.accepted_renderer.format.encode()
    tag = versions.answer_tag(insight, hashlib.sha256(form + told).hexdigest()[:32])
    if tag in known_tags(request.headers.get("If-None-Match", "")):
        return Response(status=304, headers={"ETag": tag})
    return Response(body, status, headers={"ETag": tag})


def answer_tag(found: Answer, form: str) -> str:
    """Changes whenever the result does: with the question, the project behind it, and each computation."""
    told = f"{ENGINE_VERSION} {found.cache_key} {found.last_refresh} {form}"
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def known_tags(header: str) -> set[str]:
    """The tags of an If-None-Match; they are compared weakly, so a strong one counts as well."""
    tags = (tag.strip() for tag in header.split(","))
    return {tag if tag.startswith("W/") else f"W/{tag}" for tag in tags if tag}
