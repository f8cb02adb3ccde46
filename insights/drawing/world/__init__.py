"""The countries of the world as outlines (see LICENCE.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WIDTH, HEIGHT = 2000, 870  # the box of the outlines
SHAPES = Path(__file__).parent / "shapes.tsv"


@dataclass(frozen=True, slots=True)
class Country:
    """One country: an outline, or a point where it is too small for one."""

    code: str
    name: str
    path: str | None
    point: tuple[int, int] | None


@cache
def countries() -> Mapping[str, Country]:
    """ISO 3166-1 code -> country."""
    return {one.code: one for one in map(_country, SHAPES.read_text(encoding="utf-8").splitlines())}


@cache
def codes_of_names() -> Mapping[str, str]:
    """Name in lower case -> code."""
    return {one.name.casefold(): one.code for one in countries().values()}


def _country(line: str) -> Country:
    code, name, shape = line.split("\t")
    if shape.startswith("M"):
        return Country(code, name, shape, None)
    x, y = map(int, shape.split(","))
    return Country(code, name, None, (x, y))
