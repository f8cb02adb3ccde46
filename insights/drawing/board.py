"""Several drawings as one picture, for the preview of a dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from insights.drawing.draw import Drawing
from insights.drawing.lettering import clipped
from insights.drawing.look import style
from insights.drawing.markup import Markup, el, joined
from insights.drawing.picture import EDGE, HEAD, TITLE_SIZE, Theme

MOST, COLUMNS, GAP = 6, 2, 16


def board_picture(title: str, drawings: Sequence[Drawing], theme: Theme) -> str:
    """An SVG file with the first drawings in two columns, each with its title."""
    shown = drawings[:MOST]
    wide = max((drawing.width + 2 * EDGE for drawing in shown), default=560)
    tiles: list[Markup] = []
    bottoms = [float(HEAD + EDGE)] * COLUMNS
    for drawing in shown:
        column = bottoms.index(min(bottoms))
        marks, height = drawing.tile()
        place = f"translate({EDGE + column * (wide + GAP):g} {bottoms[column]:g})"
        tiles.append(
            el("g", el("rect", class_="tile", width=wide, height=height, rx=8), marks, transform=place)
        )
        bottoms[column] += height + GAP
    width, height = EDGE * 2 + wide * COLUMNS + GAP, max(bottoms) - GAP + EDGE
    return el(
        "svg",
        el("title", title),
        Markup(f"<style>{style(theme)}</style>"),
        el("rect", class_="ground", width=width, height=height),
        el("text", clipped(title, width - 2 * EDGE, TITLE_SIZE), class_="title", x=EDGE, y=EDGE + 18),
        joined(*tiles),
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
    )
