"""Paths: a column per step, ribbons as wide as the number of people between them (api V4, S21)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from insights.drawing.asked import Asked
from insights.drawing.drawing import Cell, Sketch, Table
from insights.drawing.lettering import clipped
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import duration, exact, is_number, short

THICK, GAP, TOP, LINE = 10, 12, 26, 22
MOST_ROWS = 200
HUES = 6
LAST = 0.3  # part of a column that the names of the last one do without

Row = Mapping[str, Any]


@dataclass(slots=True)
class Item:
    """One page or event at one step. `top` and `height` are pixels; the rest is set while laying ribbons."""

    step: int
    name: str
    weight: float = 0.0
    top: float = 0.0
    height: float = 0.0
    taken_in: float = 0.0
    taken_out: float = 0.0
    edges_out: list[Row] = field(default_factory=list)


def paths(asked: Asked) -> Sketch | None:
    """The ways from step to step."""
    edges = [edge for edge in asked.result if is_number(edge.get("value")) and edge["value"] > 0]
    if not edges:
        return None
    items = _items(edges)
    columns = _columns(items)
    _place(columns, asked.height + 60)
    height = max(item.top + max(item.height, LINE) for item in items.values()) + 4

    def paint() -> Markup:
        for item in items.values():
            item.taken_in = item.taken_out = 0.0
        steps = sorted(columns)
        stride = (asked.width - THICK) / max(len(steps) - LAST, 1)
        lefts = {step: at * stride for at, step in enumerate(steps)}
        ribbons = [_ribbon(edge, items, lefts) for edge in _in_order(edges, items)]
        marks = [
            _item(item, lefts[item.step], stride * (1 - LAST if item.step == steps[-1] else 1))
            for item in items.values()
        ]
        heads = [el("text", f"Step {step}", class_="tick", x=lefts[step], y=14) for step in steps]
        return joined(*heads, *ribbons, *marks)

    first = max(edges, key=lambda edge: edge["value"])
    summary = (
        f"{len(edges)} ways between {len(items)} places; the widest is from {split(first['source'])[1]} "
        f"to {split(first['target'])[1]} with {exact(first['value'])}."
    )
    return Sketch(asked.width, height, paint, summary, _table(edges))


def split(node: Any) -> tuple[int, str]:
    """`2_/pricing` -> step 2, `/pricing`."""
    step, _, name = str(node).partition("_")
    return (int(step), name) if step.isascii() and step.isdecimal() and len(step) < 5 else (1, str(node))


def _items(edges: Sequence[Row]) -> dict[str, Item]:
    """Every node of the edges, as heavy as the larger of what comes and what goes."""
    coming: dict[str, float] = defaultdict(float)
    going: dict[str, float] = defaultdict(float)
    for edge in edges:
        going[str(edge["source"])] += edge["value"]
        coming[str(edge["target"])] += edge["value"]
    items = {}
    for node in dict.fromkeys([*going, *coming]):
        step, name = split(node)
        items[node] = Item(step, name, weight=max(coming[node], going[node]))
    return items


def _columns(items: Mapping[str, Item]) -> dict[int, list[Item]]:
    """Step -> its items, the heaviest first."""
    columns: dict[int, list[Item]] = defaultdict(list)
    for item in sorted(items.values(), key=lambda item: (-item.weight, item.name)):
        columns[item.step].append(item)
    return columns


def _place(columns: Mapping[int, Sequence[Item]], height: float) -> None:
    """Tops and heights: one scale for all columns, after which the fullest may be higher than `height`."""
    room = height - TOP
    scale = min(
        max(room - GAP * len(column), room / 2) / sum(item.weight for item in column)
        for column in columns.values()
    )
    for column in columns.values():
        top = float(TOP)
        for item in column:
            item.top, item.height = top, max(item.weight * scale, 2)
            top += max(item.height, LINE) + GAP


def _in_order(edges: Iterable[Row], items: Mapping[str, Item]) -> list[Row]:
    """From the top of the source to the top of the target, so that ribbons cross least."""
    return sorted(
        edges,
        key=lambda edge: (
            items[str(edge["source"])].step,
            items[str(edge["source"])].top,
            items[str(edge["target"])].top,
        ),
    )


def _ribbon(edge: Row, items: Mapping[str, Item], lefts: Mapping[int, float]) -> Markup:
    source, target = items[str(edge["source"])], items[str(edge["target"])]
    wide = max(edge["value"] * source.height / source.weight, 1)
    y1, y2 = source.top + source.taken_out + wide / 2, target.top + target.taken_in + wide / 2
    source.taken_out += wide
    target.taken_in += wide
    x1, x2 = lefts[source.step] + THICK, lefts[target.step]
    middle = (x1 + x2) / 2
    seconds = edge.get("average_conversion_time")
    time = f", on average {duration(seconds / 1000)}" if is_number(seconds) else ""
    says = f"{source.name} → {target.name}\n{exact(edge['value'])}{time}"
    return el(
        "g",
        el("title", says),
        el(
            "path",
            class_=f"ribbon c{(source.step - 1) % HUES}",
            d=f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}",
            stroke_width=wide,
        ),
    )


def _item(item: Item, left: float, room: float) -> Markup:
    number = short(item.weight)
    name = clipped(item.name, room - THICK - 12)
    middle = item.top + max(item.height, 12) / 2
    return el(
        "g",
        el("title", f"{item.name}\n{exact(item.weight)}"),
        el(
            "rect",
            class_=f"bar c{(item.step - 1) % HUES}",
            x=left,
            y=item.top,
            width=THICK,
            height=item.height,
            rx=2,
        ),
        el("text", name, class_="strong halo", x=left + THICK + 6, y=middle + 1),
        el("text", number, class_="tick halo", x=left + THICK + 6, y=middle + 14),
    )


def _table(edges: Sequence[Row]) -> Table:
    rows = [
        [
            Cell(str(split(edge["source"])[0]), is_number=True),
            Cell(split(edge["source"])[1]),
            Cell(split(edge["target"])[1]),
            Cell(exact(edge["value"]), is_number=True),
            Cell(_time(edge.get("average_conversion_time")), is_number=True),
        ]
        for edge in edges[:MOST_ROWS]
    ]
    left_out = len(edges) - len(rows)
    return Table(["Step", "From", "To", "People", "Average time"], rows, heads=0, left_out=left_out)


def _time(milliseconds: Any) -> str:
    return duration(milliseconds / 1000) if is_number(milliseconds) else "–"
