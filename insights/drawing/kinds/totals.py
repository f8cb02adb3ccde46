"""One number per series: bars lying down, a pie, a table, or one big number (api V2, aggregated)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from insights.drawing.asked import Asked
from insights.drawing.drawing import Cell, Entry, Sketch, Table
from insights.drawing.lettering import clipped, text_width
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import percent
from insights.drawing.series import MOST, Series, series_of
from insights.drawing.tables import table_sketch

ROW, SLICES = 30, 12
CONVERSIONS = ("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9")


def lying_bars(asked: Asked) -> Sketch | None:
    """A bar per series, its name before and its number behind it."""
    series = _with_total(asked)[:MOST]
    if not series:
        return None

    def paint() -> Markup:
        names = min(max(text_width(one.name) for one in series) + 14, asked.width * 0.36)
        ends = max(text_width(asked.numbers.exact(one.total)) for one in series) + 14
        room, most = asked.width - names - ends, max(max(one.total or 0 for one in series), 1e-9)
        return joined(*(row(place, one, names, room / most) for place, one in enumerate(series)))

    def row(place: int, one: Series, left: float, scale: float) -> Markup:
        middle, length = place * ROW + ROW / 2 + 6, max((one.total or 0) * scale, 1)
        number = asked.numbers.exact(one.total)
        previous = " previous" if one.is_previous else ""
        return el(
            "g",
            el("title", f"{one.name}: {number}"),
            el("text", clipped(one.name, left - 12), class_="end", x=left - 10, y=middle + 4),
            el(
                "rect",
                class_=f"bar {one.tone}{previous}",
                x=left,
                y=middle - 10,
                width=length,
                height=20,
                rx=3,
            ),
            el("text", number, class_="strong", x=left + length + 8, y=middle + 4),
        )

    height = len(series) * ROW + 12
    return Sketch(asked.width, height, paint, _summary(asked, series), _table(asked, series))


def pie(asked: Asked) -> Sketch | None:
    """Slices of a ring, their shares in the legend; small ones beyond SLICES together."""
    series = [one for one in _with_total(asked) if (one.total or 0) > 0 and not one.is_previous]
    if not series:
        return None
    whole = math.fsum(one.total or 0 for one in series)
    slices = [(one.tone, one.name, float(one.total or 0)) for one in series[:SLICES]]
    if len(series) > SLICES:
        rest = math.fsum(one.total or 0 for one in series[SLICES:])
        slices.append(("other", f"{len(series) - SLICES} more", rest))

    def paint() -> Markup:
        radius, x, y = asked.height / 2 - 12, asked.width / 2, asked.height / 2
        parts, turn = [], 0.0
        for tone, name, total in slices:
            share = total / whole
            says = el("title", f"{name}: {asked.numbers.exact(total)} ({percent(share)})")
            parts.append(el("g", says, _slice(tone, x, y, radius, turn, share)))
            turn += share
        return joined(
            *parts,
            el("text", asked.numbers.short(whole), class_="middle big", x=x, y=y + 5),
            el("text", "in all", class_="middle tick", x=x, y=y + 24),
        )

    legend = [
        Entry(tone, name, f"{asked.numbers.exact(total)} · {percent(total / whole)}")
        for tone, name, total in slices
    ]
    return Sketch(asked.width, asked.height, paint, _summary(asked, series), _table(asked, series), legend)


def totals_table(asked: Asked) -> Sketch | None:
    """A row per series."""
    series = _with_total(asked)
    return table_sketch(asked, _table(asked, series), _summary(asked, series)) if series else None


def big_number(asked: Asked) -> Sketch | None:
    """The number of the first series, and how it was in the period before."""
    series = _with_total(asked)
    if not series:
        return None
    now = series[0]
    before = next((one for one in series if one.is_previous), None)
    text, note = asked.numbers.exact(now.total), _change(asked, now, before)

    def paint() -> Markup:
        size = min(96.0, asked.width * 0.8 / max(text_width(text, 1), 1))
        middle = asked.height / 2 + size / 3 - (12 if note else 0)
        return joined(
            el("text", text, class_="number middle", x=asked.width / 2, y=middle, font_size=size),
            el("text", note, class_="tick middle", x=asked.width / 2, y=middle + 32) if note else None,
        )

    summary = f"{now.name}: {text}. {note}".strip()
    return Sketch(asked.width, min(asked.height, 240), paint, summary, _table(asked, series))


def _with_total(asked: Asked) -> list[Series]:
    return [one for one in series_of(asked.result) if one.total is not None]


def _change(asked: Asked, now: Series, before: Series | None) -> str:
    if before is None or before.total is None or now.total is None:
        return ""
    was = asked.numbers.exact(before.total)
    if not before.total:
        return f"{was} in the period before"
    share = now.total / before.total - 1
    arrow = "▲" if share > 0 else "▼" if share < 0 else "="
    return f"{arrow} {percent(abs(share))} from {was} in the period before"


def _slice(tone: str, x: float, y: float, radius: float, start: float, share: float) -> Markup:
    """A part of a ring, from `start` on, both in parts of the whole."""
    inner = radius * 0.58
    if share > 0.9999:
        ring = (radius + inner) / 2
        return el(
            "circle", class_=f"ring {tone}", cx=x, cy=y, r=ring, fill="none", stroke_width=radius - inner
        )
    a, b = ((turn - 0.25) * 2 * math.pi for turn in (start, start + share))
    big = int(share > 0.5)
    (x1, y1), (x2, y2) = ((x + radius * math.cos(t), y + radius * math.sin(t)) for t in (a, b))
    (x3, y3), (x4, y4) = ((x + inner * math.cos(t), y + inner * math.sin(t)) for t in (b, a))
    outline = (
        f"M{x1:.1f} {y1:.1f}A{radius:.1f} {radius:.1f} 0 {big} 1 {x2:.1f} {y2:.1f}"
        f"L{x3:.1f} {y3:.1f}A{inner:.1f} {inner:.1f} 0 {big} 0 {x4:.1f} {y4:.1f}Z"
    )
    return el("path", class_=f"slice {tone}", d=outline)


def _table(asked: Asked, series: Sequence[Series]) -> Table:
    rows = [[Cell(one.name), Cell(asked.numbers.exact(one.total), is_number=True)] for one in series]
    return Table(["", "Total"], rows)


def _summary(asked: Asked, series: Sequence[Series]) -> str:
    first = ", ".join(f"{one.name} {asked.numbers.exact(one.total)}" for one in series[:3])
    return f"{first}{f' and {len(series) - 3} more' if len(series) > 3 else ''}."
