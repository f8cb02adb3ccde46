"""Elements as text that is good HTML and good XML at once: everything that is no `Markup` is escaped."""

from __future__ import annotations

import html
import re

Attribute = str | int | float | None
# What XML 1.0 cannot hold, halves of surrogate pairs included.
IMPOSSIBLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
EMPTY = frozenset({"rect", "circle", "line", "path", "polygon", "polyline"})  # of SVG; HTML closes the rest


class Markup(str):
    """Finished markup; nobody escapes it again."""

    __slots__ = ()

    def __html__(self) -> str:
        """For templates."""
        return self


NOTHING = Markup("")


def el(tag: str, *children: str | None, **attributes: Attribute) -> Markup:
    """An element. `class_` is class, `text_anchor` text-anchor; what is None is left out."""
    head = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(_text(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    body = joined(*children)
    if not body and tag in EMPTY:
        return Markup(f"<{tag}{head}/>")
    return Markup(f"<{tag}{head}>{body}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Pieces one after another, text escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escaped(one) for one in children if one))


def escaped(text: str) -> str:
    """Text for an element or an attribute; what XML has no place for becomes U+FFFD."""
    return html.escape(IMPOSSIBLE.sub("\ufffd", text))


def _text(value: Attribute) -> str:
    """Coordinates with one decimal are exact enough, and short."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
