"""Funnel steps: a column per step, filled as far as people got (api V3, S13); and the times between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from insights.drawing.asked import Asked
from insights.drawing.axes import below, grid, hits, plot_for, ticks
from insights.drawing.drawing import Cell, Entry, Sketch, Table
from insights.drawing.lettering import clipped
from insights.drawing.markup import Markup, el, joined
from insights.drawing.numbers import duration, exact, is_number, percent, short
from insights.drawing.series import HUES, human

MOST_VALUES = 10
HEAD, FOOT, LINE = 8, 84, 17

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of one breakdown value (or of everybody)."""

    name: str
    tone: str
    steps: Sequence[Row]

    @property
    def counts(self) -> list[int]:
        return [step["count"] for step in self.steps]

    def of_first(self, place: int) -> float:
        """The share of those who began that reached a step."""
        return self.counts[place] / self.counts[0] if self.counts[0] else 0.0

    def of_previous(self, place: int) -> float:
        """The share of those who reached the step before."""
        before = self.counts[place - 1] if place else self.counts[0]
        return self.counts[place] / before if before else 0.0


def steps(asked: Asked) -> Sketch | None:
    """A group of columns per step, one per breakdown value."""
    ladders = _ladders(asked.result)
    if not ladders:
        return None
    shown = ladders[:MOST_VALUES]
    first = shown[0]

    def paint() -> Markup:
        wide = asked.width / len(first.steps)
        return joined(*(_step(asked, shown, place, wide) for place in range(len(first.steps))))

    legend = (
        [Entry(one.tone, one.name, percent(one.of_first(-1))) for one in shown] if len(ladders) > 1 else []
    )
    whole = first if len(ladders) == 1 else _together(ladders)
    summary = (
        f"{whole.counts[0]:,} entered, {whole.counts[-1]:,} ({percent(whole.of_first(-1))}) reached "
        f"the last of {len(whole.steps)} steps."
    )
    return Sketch(asked.width, asked.height + 40, paint, summary, _table(ladders), legend)


def _ladders(result: Any) -> list[Ladder]:
    if not isinstance(result, list) or not result:
        return []
    many = result if isinstance(result[0], list) else [result]
    return [
        Ladder(
            human(one[0].get("breakdown_value")) if "breakdown_value" in one[0] else "", f"c{at % HUES}", one
        )
        for at, one in enumerate(each for each in many if each)
    ]


def _together(ladders: Sequence[Ladder]) -> Ladder:
    steps = [
        {**step, "count": sum(one.counts[at] for one in ladders), "average_conversion_time": None}
        for at, step in enumerate(ladders[0].steps)
    ]
    return Ladder("", "c0", steps)


def _name(step: Row) -> str:
    return str(step.get("custom_name") or step.get("name") or "Any event")


def _step(asked: Asked, ladders: Sequence[Ladder], place: int, wide: float) -> Markup:
    """The columns of one step with its name and numbers below."""
    left, floor = place * wide, asked.height + 40 - FOOT
    room, step = wide - 28, ladders[0].steps[place]
    column = min(room / len(ladders), 160)
    start = left + 14
    bars = [
        _column(one, place, start + at * column, column - (2 if len(ladders) > 1 else 0), floor)
        for at, one in enumerate(ladders)
    ]
    whole = ladders[0] if len(ladders) == 1 else _together(ladders)
    lines = [("strong", f"{place + 1}  {_name(step)}"), *_notes(whole, place)]
    texts = (
        el("text", clipped(text, wide - 20), class_=tone, x=start, y=floor + 5 + (at + 1) * LINE)
        for at, (tone, text) in enumerate(lines)
    )
    return joined(*bars, *texts)


def _notes(whole: Ladder, place: int) -> list[tuple[str | None, str]]:
    """What stands below the name of a step: how many, how many were lost, how long it took."""
    number = whole.counts[place]
    if not place:
        return [(None, f"{number:,}")]
    notes: list[tuple[str | None, str]] = [(None, f"{number:,} · {percent(whole.of_first(place))}")]
    lost = whole.counts[place - 1] - number
    notes.append(("tick", f"▼ {short(lost)} ({percent(1 - whole.of_previous(place))})"))
    seconds = whole.steps[place].get("average_conversion_time")
    return [*notes, ("tick", f"Ø {duration(seconds)}")] if is_number(seconds) else notes


def _column(ladder: Ladder, place: int, left: float, wide: float, floor: float) -> Markup:
    full = floor - HEAD
    tall = full * ladder.of_first(place)
    kept = full * (ladder.of_first(place - 1) if place else 1)
    says = f"{ladder.name + ': ' if ladder.name else ''}{_name(ladder.steps[place])}\n"
    says += f"{ladder.counts[place]:,} people, {percent(ladder.of_first(place))} of the first step"
    if place:
        says += f", {percent(ladder.of_previous(place))} of the step before"
    return el(
        "g",
        el("title", says),
        el("rect", class_="track", x=left, y=HEAD, width=wide, height=full, rx=4),
        el("rect", class_=f"lost {ladder.tone}", x=left, y=floor - kept, width=wide, height=kept, rx=4),
        el("rect", class_=f"bar {ladder.tone}", x=left, y=floor - tall, width=wide, height=tall, rx=4),
    )


def _table(ladders: Sequence[Ladder]) -> Table:
    named = len(ladders) > 1 or bool(ladders[0].name)
    rows = [
        [
            *([Cell(one.name)] if named else []),
            Cell(_name(step)),
            Cell(exact(one.counts[place]), is_number=True),
            Cell(percent(one.of_first(place)), is_number=True),
            Cell(percent(one.of_previous(place)) if place else "–", is_number=True),
            _time(step.get("average_conversion_time")),
            _time(step.get("median_conversion_time")),
        ]
        for one in ladders
        for place, step in enumerate(one.steps)
    ]
    columns = ["Step", "Count", "Of first", "Of previous", "Average time", "Median time"]
    return Table(["Value", *columns] if named else columns, rows, heads=2 if named else 1)


def _time(seconds: Any) -> Cell:
    return Cell(duration(seconds) if is_number(seconds) else "–", is_number=True)


# --- time to convert (api S15) ---------------------------------------------------------------------------


def times(asked: Asked) -> Sketch | None:
    """How long people took, as a histogram."""
    result = asked.result
    bins = result.get("bins") if isinstance(result, Mapping) else None
    if not bins or not any(count for _, count in bins):
        return None
    people = sum(count for _, count in bins)
    labels = [duration(seconds) for seconds, _ in bins]
    average = result.get("average_conversion_time")

    def paint() -> Markup:
        marks = ticks(0, max(count for _, count in bins))
        plot = plot_for(asked.width, asked.height, marks, len(bins), short)
        bars = (
            el(
                "rect",
                class_="bar c0",
                x=plot.x(at) - plot.band * 0.46,
                y=plot.y(count),
                width=plot.band * 0.92,
                height=plot.floor - plot.y(count),
                rx=3,
            )
            for at, (_, count) in enumerate(bins)
        )
        says = [
            f"{_between(bins, at)}\n{count:,} people, {percent(count / people)}"
            for at, (_, count) in enumerate(bins)
        ]
        return joined(grid(plot, marks, short), below(plot, labels), *bars, hits(plot, says))

    rows = [
        [
            Cell(_between(bins, at)),
            Cell(exact(count), is_number=True),
            Cell(percent(count / people), is_number=True),
        ]
        for at, (_, count) in enumerate(bins)
    ]
    typical = f", on average in {duration(average)}" if is_number(average) else ""
    summary = f"{people:,} people converted{typical}."
    return Sketch(
        asked.width, asked.height, paint, summary, Table(["Time to convert", "People", "Share"], rows)
    )


def _between(bins: Sequence[Sequence[float]], at: int) -> str:
    start = duration(bins[at][0])
    return f"{start} to {duration(bins[at + 1][0])}" if at + 1 < len(bins) else f"{start} or more"
