"""Bars over time: stacked, side by side, and up and down for lifecycle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from insights.drawing.asked import Asked
from insights.drawing.drawing import Sketch
from insights.drawing.markup import Markup, el, joined
from insights.drawing.series import Series
from insights.drawing.series_chart import Chart, chart_of, plain_extremes, stacked_extremes, value_at

FILLED = 0.72  # part of a band that bars take
LIFECYCLE = {"new": "New", "returning": "Returning", "resurrecting": "Resurrecting", "dormant": "Dormant"}


def stacked_bars(asked: Asked) -> Sketch | None:
    """One bar per bucket, the series on top of each other; the period before beside it."""
    chart = chart_of(asked, stacked_extremes)
    return chart.sketch(_stacked) if chart else None


def side_by_side_bars(asked: Asked) -> Sketch | None:
    """A bar per bucket and series."""
    chart = chart_of(asked, plain_extremes)
    return chart.sketch(_side_by_side) if chart else None


def lifecycle_bars(asked: Asked) -> Sketch | None:
    """Who came above the line, who stayed away below it (api V7); `toggledLifecycles` hides statuses."""
    wanted = asked.wishes.get("toggledLifecycles")
    shown = set(map(str, wanted)) if isinstance(wanted, list) and wanted else set(LIFECYCLE)
    rows = [
        {**row, "label": LIFECYCLE[row["status"]], "action": None}
        for row in asked.result
        if row.get("status") in shown & set(LIFECYCLE)
    ]
    chart = chart_of(replace(asked, result=rows), stacked_extremes)
    return chart.sketch(_stacked) if chart else None


def _stacked(chart: Chart) -> Markup:
    periods = [one for one in (_of(chart, False), _of(chart, True)) if one]
    return joined(
        *(
            _stack(chart, stack, place, column, len(periods))
            for place in range(chart.count)
            for column, stack in enumerate(periods)
        )
    )


def _stack(chart: Chart, stack: Sequence[Series], place: int, column: int, columns: int) -> Markup:
    """The bars of one bucket, upwards and downwards from zero."""
    up = down = 0.0
    bars = []
    for series in stack:
        value = value_at(series, place)
        if not value:
            continue
        base = up if value > 0 else down
        bars.append(_bar(chart, series, place, column, columns, base, base + value))
        up, down = (up + value, down) if value > 0 else (up, down + value)
    return joined(*bars)


def _side_by_side(chart: Chart) -> Markup:
    columns = len(chart.series)
    return joined(
        *(
            _bar(chart, series, place, column, columns, 0, value)
            for column, series in enumerate(chart.series)
            for place, value in enumerate(series.values)
            if value
        )
    )


def _of(chart: Chart, is_previous: bool) -> list[Series]:
    return [one for one in chart.series if one.is_previous is is_previous]


def _bar(
    chart: Chart, series: Series, place: int, column: int, columns: int, start: float, end: float
) -> Markup:
    """From one number to another, in one of `columns` columns of a bucket."""
    plot = chart.plot
    room = min(plot.band * FILLED, 56 * columns)
    wide = room / columns
    top, bottom = sorted((plot.y(start), plot.y(end)))
    unfinished = place >= chart.finished and not series.is_previous
    classes = [
        "bar",
        series.tone,
        "previous" if series.is_previous else "",
        "unfinished" if unfinished else "",
    ]
    gap = 1 if wide > 6 and columns > 1 else 0
    return el(
        "rect",
        class_=" ".join(filter(None, classes)),
        x=plot.x(place) - room / 2 + column * wide,
        y=top,
        width=max(wide - gap, 0.5),
        height=max(bottom - top, 0.5),
        rx=2 if wide > 8 else None,
    )
