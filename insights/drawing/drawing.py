"""What drawing gives: a picture, the same in words, and the same as a table (see the package)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from insights.drawing.markup import Markup


class State(StrEnum):
    """Whether there was something to draw."""

    DRAWN = "drawn"
    EMPTY = "empty"  # computed, and nothing was found
    WAITING = "waiting"  # being computed
    MISSING = "missing"  # not computed and not being computed
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table. `shade` 0..10 is how dark its ground is; None is no shade."""

    text: str
    is_number: bool = False
    shade: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers as rows. The first `heads` cells of a row are its name; `left_out` rows are not shown."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    heads: int = 1
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend: a colour class (`c0`, `new`...), what it stands for, and a number."""

    tone: str
    name: str
    number: str = ""
    is_previous: bool = False


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a kind draws: the marks in a box of `width` x `height` pixels, and what goes around them.

    `is_table`: the table says it better than the marks; pages show it, pictures for previews the marks.
    """

    width: float
    height: float
    paint: Callable[[], Markup]
    summary: str
    table: Table
    legend: Sequence[Entry] = field(default_factory=tuple)
    is_table: bool = False
