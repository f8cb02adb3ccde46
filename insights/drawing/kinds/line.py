"""Lines over time: trends, stickiness, the conversion of a funnel. And areas, which are stacked."""

from __future__ import annotations

from collections.abc import Sequence

from insights.drawing.asked import Asked
from insights.drawing.drawing import Sketch
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import PERCENT
from insights.drawing.series import Series
from insights.drawing.series_chart import Chart, chart_of, plain_extremes, stacked_extremes, value_at

DOTS = 40  # buckets up to which every number gets a dot

Point = tuple[float, float]


def lines(asked: Asked) -> Sketch | None:
    """A line per series."""
    chart = chart_of(asked, plain_extremes)
    return chart.sketch(_lines) if chart else None


def conversion(asked: Asked) -> Sketch | None:
    """The conversion of a funnel over time, in percent (api V3, S14)."""
    chart = chart_of(asked, lambda series, count: (0, 100), PERCENT)
    return chart.sketch(_lines) if chart else None


def areas(asked: Asked) -> Sketch | None:
    """Areas, each on the one before it."""
    chart = chart_of(asked, stacked_extremes)
    return chart.sketch(_areas) if chart else None


def _lines(chart: Chart) -> Markup:
    """The first series last, so that it lies on top."""
    return joined(*(_line(chart, one) for one in reversed(chart.series)))


def _line(chart: Chart, series: Series) -> Markup:
    plot = chart.plot
    points = [
        None if value is None else (plot.x(place), plot.y(value)) for place, value in enumerate(series.values)
    ]
    classes = f"line {series.tone}{' previous' if series.is_previous else ''}"
    over = len(points) if series.is_previous else chart.finished
    parts = [
        el("path", class_=classes, d=_path(points[:over])),
        el("path", class_=f"{classes} unfinished", d=_path(points[max(over - 1, 0) :]))
        if over < len(points)
        else None,
    ]
    if len(points) <= DOTS and not series.is_previous:
        parts += [el("circle", class_=f"dot {series.tone}", cx=x, cy=y, r=3) for x, y in filter(None, points)]
    return joined(*parts)


def _path(points: Sequence[Point | None]) -> str:
    """Straight from number to number; a missing one interrupts the line."""
    steps, pen = [], "M"
    for point in points:
        if point is not None:
            steps.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L" if point is not None else "M"
    return "".join(steps)


def _areas(chart: Chart) -> Markup:
    """The current period stacked; the one before as a single dashed line of its sums."""
    plot, base = chart.plot, [0.0] * chart.count
    parts = []
    for series in (one for one in chart.series if not one.is_previous):
        top = [low + (value_at(series, place) or 0) for place, low in enumerate(base)]
        upper = [(plot.x(place), plot.y(value)) for place, value in enumerate(top)]
        lower = [(plot.x(place), plot.y(value)) for place, value in enumerate(base)]
        outline = _path(upper) + _path(lower[::-1]).replace("M", "L", 1) + "Z"
        parts += [
            el("path", class_=f"area {series.tone}", d=outline),
            el("path", class_=f"line {series.tone}", d=_path(upper)),
        ]
        base = top
    previous = [one for one in chart.series if one.is_previous]
    if previous:
        sums = [sum(value_at(one, place) or 0 for one in previous) for place in range(chart.count)]
        path = _path([(plot.x(place), plot.y(value)) for place, value in enumerate(sums)])
        parts.append(el("path", class_=f"line {previous[0].tone} previous", d=path))
    return joined(*parts)
