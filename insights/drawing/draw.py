"""From a question and its result to a figure for a page and a picture of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from insights.drawing.asked import Asked, format_of
from insights.drawing.choice import kind_of
from insights.drawing.drawing import Entry, Sketch, State, Table
from insights.drawing.legend import legend_html
from insights.drawing.markup import Markup, el, joined
from insights.drawing.picture import Theme, framed, picture_of
from insights.drawing.tables import table_html

WIDTH, HEIGHT = 720, 320
NARROWEST = 240
WORDS: Mapping[State, tuple[str, str]] = {
    State.DRAWN: ("", ""),
    State.EMPTY: ("No results", "Nothing happened that matches this question."),
    State.WAITING: ("Being computed", "The numbers will be here in a moment."),
    State.MISSING: ("Not computed yet", "Open it again in a moment."),
    State.FAILED: ("This could not be computed", ""),
}
NO_TABLE = Table([], [])


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawn result. `summary` says it in a sentence; `sketch` is None unless drawn."""

    state: State
    title: str
    summary: str
    width: float
    sketch: Sketch | None = None
    shows_legend: bool = True

    @property
    def table(self) -> Table:
        """All numbers (of a very long result the first ones)."""
        return self.sketch.table if self.sketch else NO_TABLE

    @property
    def legend(self) -> Sequence[Entry]:
        """What the colours mean; empty where there is only one."""
        return self.sketch.legend if self.sketch else ()

    @property
    def is_table(self) -> bool:
        """Whether a page shows the table in place of marks."""
        return bool(self.sketch and self.sketch.is_table)

    @property
    def svg(self) -> Markup:
        """The marks as an `<svg>` that takes the width it is given; empty when nothing was drawn."""
        return self._svg("drawing")

    def _svg(self, classes: str) -> Markup:
        if self.sketch is None:
            return Markup("")
        return el(
            "svg",
            el("desc", self.summary),
            self.sketch.paint(),
            class_=classes,
            viewBox=f"0 0 {self.sketch.width:g} {self.sketch.height:g}",
            role="img",
            aria_label=f"{self.title}. {self.summary}" if self.title else self.summary,
        )

    @property
    def html(self) -> Markup:
        """The whole figure for a page."""
        return self.figure()

    def figure(self, *, narrow: Drawing | None = None, is_open: bool = False) -> Markup:
        """The same. `narrow` is the same result drawn for phones, which show its marks instead; with
        `is_open` the numbers below the marks are unfolded.
        """
        if self.sketch is None:
            return self._words()
        table = table_html(self.sketch.table, self.title or self.summary)
        if self.sketch.is_table:
            return el("figure", table, class_="figure")
        legend = legend_html(self.legend) if self.shows_legend else None
        head = el("summary", "Numbers")
        numbers = el("details", head, table, class_="numbers", open="" if is_open else None)
        marks = joined(self._svg("drawing wide"), narrow._svg("drawing narrow")) if narrow else self.svg
        return el("figure", marks, legend, numbers, class_="figure")

    def picture(self, theme: Theme = Theme.AUTO) -> str:
        """An SVG file: title, marks and legend on a ground, styles inside. `AUTO` follows the reader's."""
        head, _ = WORDS[self.state]
        return picture_of(self._shown, self.title, self.summary, self.width, head, theme)

    def tile(self) -> tuple[Markup, float]:
        """The same without ground and styles, to stand in a larger picture; and its height."""
        return framed(self._shown, self.title, self.width, WORDS[self.state][0])

    @property
    def _shown(self) -> Sketch | None:
        return self.sketch if self.shows_legend or not self.sketch else replace(self.sketch, legend=())

    def _words(self) -> Markup:
        head, rest = WORDS[self.state]
        say = self.summary if self.state is State.FAILED else rest
        return el("figure", el("strong", head), el("p", say), class_=f"figure words {self.state}")


def draw(
    query: Mapping[str, Any] | None,
    result: Any,
    *,
    title: str = "",
    columns: Sequence[str] | None = None,
    as_of: datetime | None = None,
    until: datetime | None = None,
    timezone: str = "UTC",
    width: float = WIDTH,
    height: float = HEIGHT,
    shows_legend: bool = True,
    failure: str | None = None,
    is_waiting: bool = False,
) -> Drawing:
    """The drawing of a result; never an error, whatever was stored.

    `columns` name the cells of rows (SQL). `as_of` is when it was computed, `until` the last instant that was
    asked for (both aware): buckets that go on after either are dashed. `width` and `height` are pixels of
    the marks and also decide how many labels fit.
    """
    width = max(width, NARROWEST)
    node = _node(query)
    if failure is not None or node is None or result is None:
        state = State.FAILED if failure is not None else State.WAITING if is_waiting else State.MISSING
        return Drawing(state, title, failure or WORDS[state][1], width)
    asked = Asked(node, result, columns, _known_until(as_of, until), timezone, width, height, format_of(node))
    sketch = _sketch(kind_of(node), asked)
    if sketch is None:
        return Drawing(State.EMPTY, title, WORDS[State.EMPTY][1], width)
    return Drawing(State.DRAWN, title, sketch.summary, width, sketch, shows_legend)


def _known_until(as_of: datetime | None, until: datetime | None) -> datetime | None:
    """Up to when the numbers are whole; ranges end a moment before the next bucket begins."""
    ends = [as_of, until + timedelta(seconds=1) if until else None]
    return min((end for end in ends if end), default=None)


def _sketch(kind: Callable[[Asked], Sketch | None], asked: Asked) -> Sketch | None:
    return kind(asked) if asked.result else None


def _node(query: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The node inside its wrappers."""
    while query is not None and isinstance(query.get("source"), Mapping) and _is_wrapper(query):
        query = query["source"]
    return query


def _is_wrapper(query: Mapping[str, Any]) -> bool:
    return query.get("kind") in ("InsightVizNode", "DataVisualizationNode", "DataTableNode")
