"""A drawing as an SVG file of its own, with title, legend, ground and styles."""

from __future__ import annotations

from enum import StrEnum

from insights.drawing.drawing import Sketch
from insights.drawing.legend import legend_marks
from insights.drawing.lettering import clipped
from insights.drawing.look import style
from insights.drawing.markup import Markup, el, joined

EDGE, HEAD, WORDS = 24, 36, 160
TITLE_SIZE = 17


class Theme(StrEnum):
    """Colours of a picture; `auto` is light or dark as its reader prefers."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def framed(sketch: Sketch | None, title: str, width: float, words: str) -> tuple[Markup, float]:
    """Title, marks and legend with an edge around them, and their height. `words` stand for missing marks."""
    legend, legend_height = legend_marks(sketch.legend if sketch else (), width)
    head = HEAD if title else 0
    marks = sketch.paint() if sketch else el("text", words, class_="strong middle", x=width / 2, y=WORDS / 2)
    bottom = EDGE + head + (sketch.height if sketch else WORDS)
    parts = [
        el("text", clipped(title, width, TITLE_SIZE), class_="title", x=EDGE, y=EDGE + 16) if title else None,
        el("g", marks, transform=f"translate({EDGE} {EDGE + head})"),
    ]
    if legend_height:
        parts.append(el("g", legend, transform=f"translate({EDGE} {bottom + 10:g})"))
        bottom += legend_height + 10
    return joined(*parts), bottom + EDGE


def picture_of(
    sketch: Sketch | None, title: str, summary: str, width: float, words: str, theme: Theme
) -> str:
    """The file."""
    marks, height = framed(sketch, title, width, words)
    return el(
        "svg",
        el("title", title or summary),
        el("desc", summary),
        Markup(f"<style>{style(theme)}</style>"),
        el("rect", class_="ground", width=width + 2 * EDGE, height=height),
        marks,
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        viewBox=f"0 0 {width + 2 * EDGE:g} {height:g}",
        width=width + 2 * EDGE,
        height=height,
    )
