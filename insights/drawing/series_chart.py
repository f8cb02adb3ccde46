"""What all charts of series over buckets share: axes, tooltips, legend, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from insights.drawing.asked import Asked
from insights.drawing.axes import Plot, below, grid, hits, plot_for, ticks
from insights.drawing.buckets import axis_labels, finished
from insights.drawing.drawing import Cell, Entry, Sketch, Table
from insights.drawing.markup import Markup, joined
from insights.drawing.numbers import Number, NumberFormat
from insights.drawing.series import MOST, Series, series_of

TOOLTIP_LINES = 12
TABLE_ROWS = 400

Extremes = Callable[[Sequence[Series], int], tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """Some series over the same buckets."""

    asked: Asked
    series: Sequence[Series]  # those that are drawn
    all_series: Sequence[Series]
    extremes: Extremes
    numbers: NumberFormat

    @cached_property
    def axis(self) -> Series:
        """The series whose buckets name the axis: the longest of the current period."""
        current = [one for one in self.series if not one.is_previous] or list(self.series)
        return max(current, key=lambda one: len(one.values))

    @cached_property
    def count(self) -> int:
        """Buckets on the axis."""
        return max(len(one.values) for one in self.series)

    @cached_property
    def finished(self) -> int:
        """Buckets of the current period whose numbers are whole."""
        return finished(self.axis.days, self.asked.interval, self.asked.known_until, self.asked.timezone)

    @cached_property
    def marks(self) -> list[float]:
        """Ticks of the numbers' axis."""
        return ticks(*self.extremes(self.series, self.count), most=max(2, int(self.asked.height // 60)))

    @cached_property
    def plot(self) -> Plot:
        """The box of the marks."""
        return plot_for(self.asked.width, self.asked.height, self.marks, self.count, self.numbers.short)

    def sketch(self, paint: Callable[[Chart], Markup]) -> Sketch:
        """The chart with `paint`'s marks between the axes and the tooltips."""

        def picture() -> Markup:
            labels = axis_labels(self.axis.days, self.axis.labels, self.asked.interval)
            return joined(
                grid(self.plot, self.marks, self.numbers.short),
                below(self.plot, labels),
                paint(self),
                hits(self.plot, self.tooltips()),
            )

        return Sketch(
            self.asked.width, self.asked.height, picture, self.summary(), self.table(), self.legend()
        )

    def tooltips(self) -> list[str]:
        """What is said about each bucket: its label, then a line per series."""
        shown = self.series[:TOOLTIP_LINES]
        left_out = len(self.all_series) - len(shown)
        more = [f"and {left_out} more"] if left_out else []
        return [
            "\n".join(
                [
                    self.label(place),
                    *(f"{one.name}: {self.numbers.exact(value_at(one, place))}" for one in shown),
                    *more,
                ]
            )
            for place in range(self.count)
        ]

    def label(self, place: int) -> str:
        """The full label of a bucket; a note when it is not over."""
        text = self.axis.labels[place] if place < len(self.axis.labels) else ""
        return f"{text} (in part)" if place >= self.finished else text

    def legend(self) -> list[Entry]:
        """An entry per series."""
        return [Entry(one.tone, one.name, is_previous=one.is_previous) for one in self.series]

    def table(self) -> Table:
        """A row per bucket, a column per series."""
        rows = [
            [
                Cell(self.label(place)),
                *(Cell(self.numbers.exact(value_at(one, place)), is_number=True) for one in self.series),
            ]
            for place in range(min(self.count, TABLE_ROWS))
        ]
        return Table(["", *(one.name for one in self.series)], rows, left_out=self.count - len(rows))

    def summary(self) -> str:
        """The picture in a sentence."""
        values = [value for one in self.series for value in one.values if value is not None]
        if not values or not self.axis.labels:
            return "No numbers."
        names = ", ".join(one.name for one in self.series[:3])
        more = f" and {len(self.all_series) - 3} more" if len(self.all_series) > 3 else ""
        low, high = self.numbers.exact(min(values)), self.numbers.exact(max(values))
        return f"{names}{more}: {self.axis.labels[0]} to {self.axis.labels[-1]}, between {low} and {high}."


def chart_of(asked: Asked, extremes: Extremes, numbers: NumberFormat | None = None) -> Chart | None:
    """The chart of a result that is a list of series; None when no series has a bucket."""
    series = [one for one in series_of(asked.result) if one.values]
    if not series:
        return None
    return Chart(asked, _most(series), series, extremes, numbers or asked.numbers)


def value_at(series: Series, place: int) -> Number | None:
    """The number of a bucket; None beyond the end of the period (semantics A24)."""
    return series.values[place] if place < len(series.values) else None


def plain_extremes(series: Sequence[Series], count: int) -> tuple[float, float]:
    """The smallest and the largest number."""
    values = [value for one in series for value in one.values if value is not None]
    return (min(values, default=0), max(values, default=0))


def stacked_extremes(series: Sequence[Series], count: int) -> tuple[float, float]:
    """The lowest and the highest end of a stack; the two periods stand beside each other."""
    low = high = 0.0
    for is_previous in (False, True):
        stack = [one for one in series if one.is_previous is is_previous]
        for place in range(count):
            values = [value_at(one, place) or 0 for one in stack]
            high = max(high, sum(value for value in values if value > 0))
            low = min(low, sum(value for value in values if value < 0))
    return low, high


def _most(series: Sequence[Series]) -> list[Series]:
    """The first MOST series of each period."""
    current = [one for one in series if not one.is_previous][:MOST]
    return current + [one for one in series if one.is_previous][:MOST]
