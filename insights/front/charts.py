"""An insight with its answer, ready for a template: the picture, the table, the facts and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.http import urlencode

from insights.api.answers import Wish
from insights.api.tables import result_table
from insights.drawing import Drawing
from insights.drawing.markup import Markup
from insights.drawn import draw_insight
from insights.front.points import points_of
from insights.mentions import source_of
from insights.shared_page import PHONE
from insights.shown import ShownInsight
from insights_service import clock
from queries.cache.policy import Refresh

MOST_ROWS = 100  # of a table on a page; the download has them all
WHOLE, TILE = (1000, 360), (560, 280)  # pixels: a page of its own, a dashboard's tile
KEPT = Wish(Refresh.FORCE_CACHE, as_values=True)  # pages do not wait


def wish(name: str | None = None, *, anew: bool = False) -> Wish:
    """An answer worth waiting for, under a name by which it can be cancelled; `anew`: whatever is kept."""
    return Wish(Refresh.FORCE_BLOCKING if anew else Refresh.BLOCKING, name, as_values=True)


def wish_of_page(parameters: Mapping[str, str]) -> Wish:
    """What is kept; with `wait`, for browsers without scripts, what has to be computed, with `anew` again."""
    return wish(anew=bool(parameters.get("anew"))) if parameters.get("wait") else KEPT


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, and the coordinates of the people behind it as a query string, when there are some."""

    text: Any
    point: str = ""
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A result as rows of cells, the first rows of it."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    has_more: bool
    has_people: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What a page shows of one insight."""

    shown: ShownInsight
    drawing: Drawing
    narrow: Drawing

    @property
    def figure(self) -> Markup:
        """The picture for a page."""
        return self.drawing.figure(narrow=self.narrow)

    @property
    def kind(self) -> str:
        """The kind of the question inside its wrapper."""
        return str((self.shown.question.source or {}).get("kind") or "")

    @property
    def has_result(self) -> bool:
        return self.shown.answer.result is not None

    @property
    def is_question(self) -> bool:
        return self.shown.question.query is not None

    @property
    def complaint(self) -> str | None:
        """Why there is no answer, in words; None while nothing went wrong."""
        if self.shown.question.unreadable is not None:
            return self.shown.question.unreadable.detail
        status = self.shown.answer.query_status
        if not status or not status.get("error"):
            return None
        return status.get("error_message") or "The server could not compute this. Its log says why."

    @property
    def is_unanswered(self) -> bool:
        """Nothing to show yet, and nothing went wrong: the page leaves a place that is filled later."""
        return self.is_question and not self.has_result and self.complaint is None

    @property
    def needs_filling(self) -> bool:
        """Whether the script is to ask behind the page: nothing is kept, or it is too old."""
        age = self.shown.answer.cache_target_age
        is_old = self.has_result and age is not None and age < clock.now()
        return self.is_unanswered or is_old

    @property
    def table(self) -> Table | None:
        """The same numbers as the download, with the people behind them."""
        if not self.has_result:
            return None
        answer = self.shown.answer
        table = result_table(self.kind, answer.result, columns=answer.columns)
        rows = [list(row) for row in islice(table.rows, MOST_ROWS + 1)]
        find = points_of(self.kind, answer.result)
        cells = [
            [_cell(value, find(at, column)) for column, value in enumerate(row)]
            for at, row in enumerate(rows[:MOST_ROWS])
        ]
        has_people = any(cell.point for row in cells for cell in row)
        return Table(list(table.columns), cells, len(rows) > MOST_ROWS, has_people)


def chart_of(shown: ShownInsight, *, is_tile: bool = False) -> Chart:
    """The insight with its picture, once more for small screens; on a dashboard in a tile's proportions."""
    (width, height), (phone_width, phone_height) = TILE if is_tile else WHOLE, PHONE
    drawing = draw_insight(shown, width=width, height=height)
    return Chart(shown, drawing, draw_insight(shown, width=phone_width, height=phone_height))


def _cell(value: Any, point: Mapping[str, Any] | None) -> Cell:
    return Cell(_text(value), urlencode(point) if point else "", isinstance(value, int | float))


def _text(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return value


# --- the little that can be changed in the address of a page -----------------------------------------------

# Node -> where its unit of time stands.
UNITS: Mapping[str, tuple[str, ...]] = {
    "TrendsQuery": ("interval",),
    "StickinessQuery": ("interval",),
    "LifecycleQuery": ("interval",),
    "RetentionQuery": ("retentionFilter", "period"),
}
DISPLAYS = {
    "ActionsLineGraph": "Line",
    "ActionsLineGraphCumulative": "Running total",
    "ActionsAreaGraph": "Area",
    "ActionsBar": "Bars",
    "ActionsBarValue": "Bars of totals",
    "ActionsPie": "Pie",
    "BoldNumber": "Number",
    "ActionsTable": "Table",
    "WorldMap": "World map",
}


def interval_of(source: Mapping[str, Any] | None) -> str | None:
    """The unit of time of a question, in lower case: empty when it names none, None where there is none."""
    place = UNITS.get(str((source or {}).get("kind")))
    if place is None or source is None:
        return None
    found: Any = source
    for key in place:
        found = found.get(key) if isinstance(found, Mapping) else None
    return str(found or "").lower()


def display_of(source: Mapping[str, Any] | None) -> str | None:
    """The picture of a trend; None for other kinds."""
    if source is None or source.get("kind") != "TrendsQuery":
        return None
    display = (source.get("trendsFilter") or {}).get("display")
    return str(display or "ActionsLineGraph")


def changed_query(query: Mapping[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    """The query with the interval (`by`) and `display` of the address, where its kind has them."""
    source = source_of(query)
    place = UNITS.get(str(source.get("kind")))
    if place and wanted.get("by"):
        source = _with(source, place, wanted["by"])
    if source.get("kind") == "TrendsQuery" and wanted.get("display"):
        source = _with(source, ("trendsFilter", "display"), wanted["display"])
    return dict(source) if source_of(query) is query else {**query, "source": dict(source)}


def _with(node: Mapping[str, Any], place: tuple[str, ...], value: str) -> dict[str, Any]:
    head, *rest = place
    if not rest:
        return {**node, head: value}
    inner = node.get(head)
    return {**node, head: _with(inner if isinstance(inner, Mapping) else {}, tuple(rest), value)}
