"""Legends: a list for pages, rows of marks for pictures."""

from __future__ import annotations

from collections.abc import Sequence

from insights.drawing.drawing import Entry
from insights.drawing.lettering import clipped, text_width
from insights.drawing.markup import Markup, el, joined

MOST = 12
ROW, SWATCH, GAP, NAME = 22, 12, 18, 180


def legend_html(entries: Sequence[Entry]) -> Markup | None:
    """A list with a coloured mark before each name; nothing for a single series."""
    if len(entries) < 2:
        return None
    items = [
        el(
            "li",
            el("i", class_=_swatch(entry), aria_hidden="true"),
            el("span", entry.name[:200], class_="name", title=entry.name if len(entry.name) > 40 else None),
            el("b", entry.number) if entry.number else None,
        )
        for entry in entries[:MOST]
    ]
    if len(entries) > MOST:
        items.append(el("li", f"and {len(entries) - MOST} more", class_="more"))
    return el("ul", *items, class_="legend")


def legend_marks(entries: Sequence[Entry], width: float) -> tuple[Markup, float]:
    """The legend as marks in rows, and how many pixels high it is."""
    if len(entries) < 2:
        return joined(), 0
    x, row, parts = 0.0, 0, []
    for entry in entries[:MOST]:
        name = clipped(f"{entry.name} {entry.number}".strip(), NAME)
        wide = SWATCH + 6 + text_width(name) + GAP
        if x and x + wide > width:
            x, row = 0.0, row + 1
        parts += [
            el("rect", class_=_swatch(entry), x=x, y=row * ROW + 4, width=SWATCH, height=SWATCH, rx=3),
            el("text", name, x=x + SWATCH + 6, y=row * ROW + 14),
        ]
        x += wide
    if len(entries) > MOST:
        parts.append(
            el("text", f"and {len(entries) - MOST} more", class_="tick", x=0, y=(row + 1) * ROW + 14)
        )
        row += 1
    return joined(*parts), (row + 1) * ROW


def _swatch(entry: Entry) -> str:
    return f"swatch {entry.tone}{' previous' if entry.is_previous else ''}"
