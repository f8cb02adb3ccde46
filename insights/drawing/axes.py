"""Axes: where a number and a bucket stand, with ticks at round numbers and labels that do not touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from insights.drawing.lettering import clipped, text_width
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import Number, Writer

TOP, RIGHT, FOOT = 14, 14, 30
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Plot:
    """The box of the marks inside a picture, `count` bands wide, and from `low` to `high`."""

    left: float
    top: float
    width: float
    height: float
    count: int
    low: float
    high: float

    @property
    def band(self) -> float:
        """Pixels of one band."""
        return self.width / max(self.count, 1)

    @property
    def floor(self) -> float:
        """Where zero is."""
        return self.y(0)

    def x(self, position: float) -> float:
        """The middle of a band."""
        return self.left + (position + 0.5) * self.band

    def y(self, value: Number) -> float:
        """Where a number is."""
        return self.top + self.height * (self.high - value) / (self.high - self.low)


TINY = 1e-300  # numbers that differ by less cannot be divided into steps


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from below `low` to above `high`; always more than one."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < TINY:
        high = low + 1
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * part for part in STEPS if size * part >= rough * 0.999)
    if step < 1 and all(float(edge).is_integer() for edge in (low, high)) and high - low >= 1:
        step = 1.0 if high - low <= most * 1.5 else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def plot_for(width: float, height: float, marks: Sequence[float], count: int, write: Writer) -> Plot:
    """The box that leaves room for the texts of the ticks and the labels below."""
    left = max(text_width(write(mark)) for mark in marks) + 14
    return Plot(left, TOP, width - left - RIGHT, height - TOP - FOOT, count, marks[0], marks[-1])


def grid(plot: Plot, marks: Sequence[float], write: Writer) -> Markup:
    """A line and a text for every tick; zero stands out."""
    right = plot.left + plot.width
    return joined(
        *(
            joined(
                el(
                    "line",
                    class_="zero" if mark == 0 else "grid",
                    x1=plot.left,
                    x2=right,
                    y1=plot.y(mark),
                    y2=plot.y(mark),
                ),
                el("text", write(mark), class_="tick end", x=plot.left - 8, y=plot.y(mark) + 4),
            )
            for mark in marks
        )
    )


def below(plot: Plot, labels: Sequence[str]) -> Markup:
    """Labels below the bands: as many as have room."""
    if not labels:
        return joined()
    widest = min(max(text_width(label) for label in labels), 120)
    every = max(1, math.ceil((widest + 14) / plot.band))
    baseline = plot.top + plot.height + 19
    return joined(
        *(
            el(
                "text",
                clipped(labels[place], max(every * plot.band - 6, 24)),
                class_=f"tick {_anchor(plot, place, labels[place])}",
                x=_within(plot, place, labels[place]),
                y=baseline,
            )
            for place in range(0, len(labels), every)
        )
    )


def _anchor(plot: Plot, place: int, label: str) -> str:
    half = min(text_width(label), 120) / 2
    if plot.x(place) + half > plot.left + plot.width + RIGHT:
        return "end"
    return "middle"


def _within(plot: Plot, place: int, label: str) -> float:
    at_end = _anchor(plot, place, label) == "end"
    return plot.left + plot.width + RIGHT - 2 if at_end else plot.x(place)


def hits(plot: Plot, texts: Sequence[str]) -> Markup:
    """An invisible column over every band: shows a line and says the numbers when pointed at."""
    return el(
        "g",
        *(
            el(
                "g",
                el("title", text),
                el("rect", x=plot.left + place * plot.band, y=plot.top, width=plot.band, height=plot.height),
                el("line", x1=plot.x(place), x2=plot.x(place), y1=plot.top, y2=plot.top + plot.height),
                class_="hit",
            )
            for place, text in enumerate(texts)
        ),
        class_="hits",
    )
