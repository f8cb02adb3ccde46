"""Text tiles are Markdown, as in PostHog; what comes out is safe to place in a page."""

from __future__ import annotations

from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from insights.drawing.markup import IMPOSSIBLE, Markup


def markdown(text: str) -> Markup:
    """HTML of a text: no HTML of its own, no images from elsewhere, no links but to the web and mail."""
    return Markup(_reader().render(IMPOSSIBLE.sub("\ufffd", text)))


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])
    reader.add_render_rule("link_open", _link)
    return reader


def _link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """A link tells the other side nothing about this page."""
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return str(self.renderToken(tokens, index, options, env))
