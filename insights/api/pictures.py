"""Answers as pictures: SVG, and PNG for previews. A view that has them offers `picture(theme)`, SVG text."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.renderers import BaseRenderer

from insights.drawing import Theme
from insights.rasterize import to_png

# An SVG opened by itself is a document: its own styles, and nothing else.
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"
KEPT_SECONDS = 3600


class SvgRenderer(BaseRenderer):
    """`view.picture(theme)`, light and dark in one file unless `?theme=` says which."""

    media_type = "image/svg+xml"
    format = "svg"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """The picture; `data` is what it shows and was made from the same answer."""
        renderer_context["response"]["Content-Security-Policy"] = SVG_POLICY
        return _picture(renderer_context, Theme.AUTO).encode()


class PngRenderer(BaseRenderer):
    """The same as pixels, light unless `?theme=dark`."""

    media_type = "image/png"
    format = "png"
    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """The picture; kept for a while, since previews are asked for by many at once."""
        return _pixels(_picture(renderer_context, Theme.LIGHT))


PICTURES = (SvgRenderer, PngRenderer)


def theme_of(request: Any, default: Theme = Theme.AUTO) -> Theme:
    """`?theme=light` or `dark`; anything else is the default."""
    wish = request.query_params.get("theme")
    return Theme(wish) if wish in (Theme.LIGHT, Theme.DARK) else default


def _pixels(svg: str) -> bytes:
    key = f"png:{hashlib.sha256(svg.encode()).hexdigest()}"
    try:
        kept = cache.get(key)
        if kept is None:
            kept = to_png(svg)
            cache.set(key, kept, KEPT_SECONDS)
    except RedisError:
        return to_png(svg)
    return bytes(kept)


def _picture(context: Any, default: Theme) -> str:
    return str(context["view"].picture(theme_of(context["request"], default)))
