"""A drawing as an SVG file of its own, with title, legend, ground and styles."""

from __future__ import annotations

from enum import StrEnum

from insights.drawing.drawing import Sketch
from insights.drawing.legend import legend_marks
from insights.drawing.lettering import clipped
from insights.drawing.look import style
from insights.drawing.markup import Markup, el

EDGE, HEAD = 24, 40
TITLE_SIZE = 17


class Theme(StrEnum):
    """Colours of a picture; `auto` is light or dark as its reader prefers."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


def picture_of(
    sketch: Sketch | None,
    title: str,
    summary: str,
    width: float,
    words: str | None,
    theme: Theme,
    height: float | None = None,
) -> str:
    """The file. `words` stand where there is nothing to draw. With `height` it is at least that high."""
    head = HEAD if title else 0
    legend, legend_height = legend_marks(sketch.legend if sketch else (), width)
    marks_height = sketch.height if sketch else 160
    whole = max(EDGE * 2 + head + marks_height + (legend_height and legend_height + 10), height or 0)
    down = head + EDGE
    body = sketch.paint() if sketch else el("text", words, class_="strong middle", x=width / 2, y=80)
    return el(
        "svg",
        el("title", title or summary),
        el("desc", summary),
        Markup(f"<style>{style(theme)}</style>"),
        el("rect", class_="ground", width=width + 2 * EDGE, height=whole),
        el("text", clipped(title, width, TITLE_SIZE), class_="title", x=EDGE, y=EDGE + 18) if title else None,
        el("g", body, transform=f"translate({EDGE} {down})"),
        el("g", legend, transform=f"translate({EDGE} {down + marks_height + 10:g})")
        if legend_height
        else None,
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        viewBox=f"0 0 {width + 2 * EDGE:g} {whole:g}",
        width=width + 2 * EDGE,
        height=whole,
    )
