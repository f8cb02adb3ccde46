"""Tables: as HTML for pages, and as marks for pictures."""

from __future__ import annotations

from collections.abc import Sequence

from insights.drawing.asked import Asked
from insights.drawing.drawing import Cell, Sketch, Table
from insights.drawing.lettering import clipped, text_width
from insights.drawing.markup import Markup, el, joined

LINE, PADDING = 28, 12
PICTURE_ROWS, PICTURE_COLUMNS = 14, 14
CELL_LETTERS = 300  # of one cell on a page


def table_sketch(asked: Asked, table: Table, summary: str) -> Sketch:
    """A result that is best read as a table."""
    lines = min(len(table.rows), PICTURE_ROWS) + 1 + int(_left_out(table) > 0)
    return Sketch(
        asked.width, lines * LINE + 8, lambda: _marks(table, asked.width), summary, table, is_table=True
    )


def table_html(table: Table, caption: str) -> Markup:
    """The table for a page; it scrolls by itself when it is too wide."""
    head = el(
        "tr", *(el("th", name, scope="col", class_=_kind(table, at)) for at, name in enumerate(table.columns))
    )
    body = joined(*(el("tr", *_cells(row, table.heads)) for row in table.rows))
    note = el("p", f"and {table.left_out:,} more rows", class_="note") if table.left_out else None
    words = el("caption", caption, class_="hidden")
    return joined(
        el(
            "div",
            el("table", words, el("thead", head), el("tbody", body)),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=caption,
        ),
        note,
    )


def _cells(row: Sequence[Cell], heads: int) -> list[Markup]:
    return [
        el(
            "th" if at < heads else "td",
            cell.text[:CELL_LETTERS],
            class_=_classes(cell),
            scope="row" if at < heads else None,
        )
        for at, cell in enumerate(row)
    ]


def _classes(cell: Cell) -> str | None:
    names = ["n" if cell.is_number else "", "" if cell.shade is None else f"s{cell.shade}"]
    return " ".join(filter(None, names)) or None


def _kind(table: Table, column: int) -> str | None:
    """Headings of numbers stand above the numbers."""
    return (
        "n" if any(cell.is_number for row in table.rows[:20] for cell in row[column : column + 1]) else None
    )


# --- as marks --------------------------------------------------------------------------------------------


def _marks(table: Table, width: float) -> Markup:
    """The first rows and columns of a table."""
    columns = list(table.columns[:PICTURE_COLUMNS])
    rows = [row[: len(columns)] for row in table.rows[:PICTURE_ROWS]]
    lefts = _lefts(columns, rows, width)
    left_out = _left_out(table)
    foot = el("text", f"and {left_out:,} more rows", class_="tick", x=PADDING, y=(len(rows) + 1) * LINE + 18)
    return joined(
        *(_head(name, at, lefts, _kind(table, at) == "n") for at, name in enumerate(columns)),
        el("line", class_="zero", x1=0, x2=width, y1=LINE, y2=LINE),
        *(
            _mark(cell, at, lefts, LINE * (place + 1), at < table.heads)
            for place, row in enumerate(rows)
            for at, cell in enumerate(row)
        ),
        foot if left_out else None,
    )


def _lefts(columns: Sequence[str], rows: Sequence[Sequence[Cell]], width: float) -> list[float]:
    """Where each column begins, and where the last one ends; wide ones give way first."""
    wishes = [
        min(
            max(text_width(text) for text in [name, *(row[at].text[:80] for row in rows if at < len(row))]),
            320,
        )
        + 2 * PADDING
        for at, name in enumerate(columns)
    ]
    if sum(wishes) > width:
        cap = width / len(wishes)
        spare = sum(cap - wish for wish in wishes if wish < cap)
        wide = sum(wish for wish in wishes if wish >= cap) or 1
        room = cap * sum(wish >= cap for wish in wishes) + spare
        wishes = [wish if wish < cap else room * wish / wide for wish in wishes]
    elif wishes:
        wishes[-1] += 0
        wishes = [wish + (width - sum(wishes)) / len(wishes) for wish in wishes]
    lefts = [0.0]
    for wish in wishes:
        lefts.append(lefts[-1] + wish)
    return lefts


def _head(name: str, at: int, lefts: Sequence[float], is_number: bool) -> Markup:
    return _text(name, lefts[at], lefts[at + 1], 18, "tick", is_number)


def _mark(cell: Cell, at: int, lefts: Sequence[float], top: float, is_head: bool) -> Markup:
    left, right = lefts[at], lefts[at + 1]
    ground = el(
        "rect",
        class_=f"cell s{cell.shade}",
        x=left + 1,
        y=top + 1,
        width=right - left - 2,
        height=LINE - 2,
        rx=3,
    )
    on = "strong" if is_head else ""
    if cell.shade is not None:
        on = f"on{cell.shade}"
    return joined(
        ground if cell.shade is not None else None,
        _text(cell.text, left, right, top + 18, on, cell.is_number),
    )


def _text(text: str, left: float, right: float, baseline: float, classes: str, is_number: bool) -> Markup:
    words = clipped(text, right - left - 1.5 * PADDING)
    x = right - PADDING if is_number else left + PADDING
    return el(
        "text", words, class_=f"{classes} {'end' if is_number else ''}".strip() or None, x=x, y=baseline
    )


def _left_out(table: Table) -> int:
    return table.left_out + max(len(table.rows) - PICTURE_ROWS, 0)
