"""Makes `shapes.tsv` from the TopoJSON files of the npm package world-atlas (see LICENCE.md).

    python make.py FOLDER_OF_THE_PACKAGE COUNTRY_CODES.json > shapes.tsv

COUNTRY_CODES.json is the ISO 3166-1 list of the package pycountry (`databases/iso3166-1.json`).
One line per country: its code, its name, and its outline as an SVG path in a box of 2000 x 870, in the Equal
Earth projection; countries too small for the coarse map are a point `x,y`.
"""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

WIDTH, NORTH, WEST, EAST = 2000, 84.0, -171.0, 191.0  # no country is cut at its edge
NAMES = {"N. Cyprus": "CY", "Somaliland": "SO", "Kosovo": "XK"}  # without a number of their own
LEFT_OUT = {"AQ"}
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
Point = tuple[int, int]


def equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    """Radians on the plane, of degrees (Šavrič, Patterson and Jenny 2018)."""
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    t2, t6 = t * t, t**6
    slope = 3 * (9 * A4 * t6 * t2 + 7 * A3 * t6 + 3 * A2 * t2 + A1)
    x = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(t) / slope
    return x, t * (A4 * t6 * t2 + A3 * t6 + A2 * t2 + A1)


LEFT, RIGHT = equal_earth(WEST, 0)[0], equal_earth(EAST, 0)[0]
TOP = equal_earth(0, NORTH)[1]


def pixel(longitude: float, latitude: float) -> Point:
    x, y = equal_earth(longitude, latitude)
    scale = WIDTH / (RIGHT - LEFT)
    return round((x - LEFT) * scale), round((TOP - y) * scale)


class Atlas:
    """One TopoJSON file."""

    def __init__(self, path: Path) -> None:
        self.file: dict[str, Any] = json.loads(path.read_text())
        (self.kx, self.ky), (self.dx, self.dy) = (
            self.file["transform"][key] for key in ("scale", "translate")
        )

    def countries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.file["objects"]["countries"]["geometries"]
        return found

    def rings(self, geometry: dict[str, Any]) -> list[list[Point]]:
        """The outer and inner rings of a country, in pixels."""
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        return [self._ring(ring) for polygon in polygons for ring in polygon]

    def _ring(self, arcs: list[int]) -> list[Point]:
        """One ring, in one piece also where it crosses the date line."""
        places: list[tuple[float, float]] = []
        for number in arcs:
            arc = self._arc(number if number >= 0 else ~number)
            places += (arc if number >= 0 else arc[::-1])[bool(places) :]
        turned, before = [], places[0][0]
        for longitude, latitude in places:
            before += (longitude - before + 180) % 360 - 180
            turned.append((before, latitude))
        shift = 360 if min(longitude for longitude, _ in turned) < WEST - 5 else 0
        points = [pixel(longitude + shift, latitude) for longitude, latitude in turned]
        return [point for at, point in enumerate(points) if not at or point != points[at - 1]]

    def _arc(self, number: int) -> list[tuple[float, float]]:
        x = y = 0
        places = []
        for step_x, step_y in self.file["arcs"][number]:
            x, y = x + step_x, y + step_y
            places.append((x * self.kx + self.dx, y * self.ky + self.dy))
        return places


def path(rings: list[list[Point]]) -> str:
    """A path of relative steps; specks that round to nothing are left out."""
    parts = []
    for ring in rings:
        if len(ring) < 4:
            continue
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(ring[:-1])]
        text = "".join(f"{dx if dx < 0 else f' {dx}'}{dy if dy < 0 else f' {dy}'}" for dx, dy in steps)
        parts.append(f"M{ring[0][0]} {ring[0][1]}l{text.strip()}z")
    return "".join(parts)


def main() -> None:
    folder, codes = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())["3166-1"]
    numbers = {row["numeric"]: row["alpha_2"] for row in codes}
    names = {row["alpha_2"]: row.get("common_name", row["name"]) for row in codes} | {"XK": "Kosovo"}
    outlines: dict[str, list[list[Point]]] = {}
    coarse, fine = Atlas(folder / "countries-110m.json"), Atlas(folder / "countries-50m.json")
    for country in coarse.countries():
        code = numbers.get(country.get("id"), "") or NAMES[country["properties"]["name"]]
        outlines.setdefault(code, []).extend(coarse.rings(country))
    shapes = {code: path(rings) for code, rings in outlines.items()}
    for country in fine.countries():
        code = numbers.get(country.get("id"), "")
        if code and code not in shapes and "arcs" in country:
            biggest = max(fine.rings(country), key=len)
            x, y = (sum(values) / len(values) for values in zip(*biggest, strict=True))
            shapes[code] = f"{x:.0f},{y:.0f}"
    for code, shape in sorted(shapes.items()):
        if shape and code not in LEFT_OUT:
            print(code, names[code].split(",")[0], shape, sep="\t")


if __name__ == "__main__":
    main()
