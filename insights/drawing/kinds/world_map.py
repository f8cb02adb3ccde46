"""A map of the world, each country as dark as its number (display WorldMap; values are codes or names)."""

from __future__ import annotations

import math
from typing import Any

from insights.drawing.asked import Asked
from insights.drawing.drawing import Cell, Sketch, Table
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import percent
from insights.drawing.series import human, series_of
from insights.drawing.world import HEIGHT, WIDTH, Country, codes_of_names, countries

SHADES = 10
LEGEND, STEP = 26, 22


def world_map(asked: Asked) -> Sketch | None:
    """The map, and the numbers of all countries as a table."""
    numbers = _numbers(asked)
    if not numbers:
        return None
    found = {code: number for code, number in numbers.items() if code in countries() and number > 0}
    most, whole = max(found.values(), default=1), math.fsum(numbers.values()) or 1
    scale = asked.width / WIDTH
    height = HEIGHT * scale + LEGEND

    def paint() -> Markup:
        land = el(
            "g",
            *(_country(asked, one, found.get(one.code), most) for one in _points_last()),
            transform=f"scale({scale:.4f})",
        )
        return joined(land, _legend(asked, most, height))

    rows = [
        [
            Cell(_name(code)),
            Cell(asked.numbers.exact(number), is_number=True),
            Cell(percent(number / whole), is_number=True),
        ]
        for code, number in sorted(numbers.items(), key=lambda pair: -pair[1])
    ]
    first = ", ".join(f"{row[0].text} {row[1].text}" for row in rows[:3])
    return Sketch(
        asked.width,
        height,
        paint,
        f"{len(rows)} countries; {first}.",
        Table(["Country", "Total", "Share"], rows),
    )


def _numbers(asked: Asked) -> dict[str, float]:
    """Code (or whatever the value is) -> number of the current period."""
    numbers: dict[str, float] = {}
    for one in series_of(asked.result):
        if one.total is not None and not one.is_previous:
            code = _code(one.breakdown)
            numbers[code] = numbers.get(code, 0) + one.total
    return numbers


def _code(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    text = human(first)
    return text.upper() if text.upper() in countries() else codes_of_names().get(text.casefold(), text)


def _name(code: str) -> str:
    country = countries().get(code)
    return country.name if country else code


def _points_last() -> list[Country]:
    return sorted(countries().values(), key=lambda country: country.path is None)


def _country(asked: Asked, country: Country, number: float | None, most: float) -> Markup | None:
    """A country in its shade. Small ones without a number are not shown: nobody would find them."""
    tone = "land" if number is None else f"land s{shade(number, most)}"
    if country.path:
        shape = el("path", class_=tone, d=country.path)
    elif number is not None and country.point:
        shape = el("circle", class_=tone, cx=country.point[0], cy=country.point[1], r=7)
    else:
        return None
    if number is None:
        return shape
    return el("g", el("title", f"{country.name}: {asked.numbers.exact(number)}"), shape)


def shade(number: float, most: float) -> int:
    """1..SHADES; by the root, so that one large country does not pale all others."""
    return max(1, min(SHADES, math.ceil(math.sqrt(number / most) * SHADES)))


def _legend(asked: Asked, most: float, height: float) -> Markup:
    """The shades with their ends."""
    top = height - LEGEND + 8
    boxes = (
        el("rect", class_=f"cell s{one}", x=8 + (one - 1) * STEP, y=top, width=STEP, height=10)
        for one in range(1, SHADES + 1)
    )
    return joined(
        *boxes,
        el("text", f"up to {asked.numbers.short(most)}", class_="tick", x=16 + SHADES * STEP, y=top + 10),
    )
