"""What a public link shows, as the parts of a page: titles, figures, words, and what the address asks for.

Made from content that was stripped for guests before (`insights.guests`); templates only place it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from insights.dashboards_shown import ShownDashboard, ShownTile
from insights.drawing import Drawing, State, Theme
from insights.drawing.board import board_picture
from insights.drawing.markup import NOTHING, Markup
from insights.drawn import draw_insight
from insights.markdown import markdown
from insights.shown import ShownInsight

COLUMNS, ROW, GAP, EDGES = 12, 80, 16, 42  # of a dashboard's grid; pixels
PAGE, PHONE = (760, 330), (340, 250)  # what a figure of its own, and one on a phone, is drawn for
BOARD_WIDTH = 1240
HEIGHTS = (180, 460)
DEFAULT_SIZE = (6, 5)  # of a tile that was never placed
WAIT_SECONDS = 3
OFF = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Options:
    """What the address asks for, in PostHog's words: `?whitelabel&noHeader&legend=false&theme=dark`."""

    shows_header: bool = True
    shows_legend: bool = True
    shows_extra: bool = True
    is_branded: bool = True
    is_detailed: bool = False
    theme: Theme = Theme.AUTO


def options_of(parameters: Mapping[str, str]) -> Options:
    """The options of an address. A word alone is a yes; what is not understood is left out."""

    def says(name: str, otherwise: bool) -> bool:
        return parameters[name].lower() not in OFF if name in parameters else otherwise

    theme = parameters.get("theme")
    return Options(
        shows_header=not says("noHeader", False),
        shows_legend=says("legend", True),
        shows_extra=not says("hideExtraDetails", False),
        is_branded=not says("whitelabel", False),
        is_detailed=says("detailed", False),
        theme=Theme(theme) if theme in tuple(Theme) else Theme.AUTO,
    )


@dataclass(frozen=True, slots=True)
class Tile:
    """One box: a figure with its title, or words. `place` are classes of the grid."""

    title: str = ""
    description: str = ""
    figure: Markup = NOTHING
    words: Markup | None = None
    note: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on a page. The addresses are absolute where other machines read them."""

    title: str
    description: str
    summary: str
    tiles: Sequence[Tile]
    is_board: bool
    is_waiting: bool
    again: str
    picture: str
    png: str
    csv: str
    json: str
    wait_seconds: int = WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Drawn:
    """An insight and its drawing."""

    shown: ShownInsight
    drawing: Drawing
    narrow: Drawing


def draw_shared(content: ShownInsight | ShownDashboard, options: Options) -> list[Drawn]:
    """The drawings behind a link, in reading order."""
    if isinstance(content, ShownInsight):
        return [_drawn(content, *PAGE, options)]
    return [_drawn_tile(tile, options) for tile in in_order(content) if tile.insight]


def page_of(content: ShownInsight | ShownDashboard, options: Options, address: str, root: str) -> Page:
    """The page. `address` is the link's path without a suffix, `root` the site before it."""
    drawn = {one.shown.insight.pk: one for one in draw_shared(content, options)}
    is_board = isinstance(content, ShownDashboard)
    if isinstance(content, ShownDashboard):
        title, description = content.dashboard.name or "Dashboard", content.dashboard.description
        tiles = [_tile(tile, drawn, options) for tile in in_order(content)]
    else:
        title, description = content.insight.title or "Insight", content.insight.description or ""
        tiles = [_figure_tile(next(iter(drawn.values())), options)]
    query = _query(options)
    return Page(
        title=title,
        description=description,
        summary=description or next((one.drawing.summary for one in drawn.values()), title),
        tiles=tiles,
        is_board=is_board,
        is_waiting=any(one.drawing.state is State.WAITING for one in drawn.values()),
        again=f"{address}{query}",
        picture=f"{root}{address}.png",
        png=f"{address}.png{query}",
        csv=f"{address}.csv",
        json=f"{address}.json",
    )


def shared_picture(content: ShownInsight | ShownDashboard, theme: Theme) -> str:
    """An SVG of what the link opens."""
    if isinstance(content, ShownInsight):
        return draw_insight(content, height=300).picture(theme)
    drawings = [
        draw_insight(tile.insight, width=512, height=260) for tile in in_order(content) if tile.insight
    ]
    return board_picture(content.dashboard.name or "Dashboard", drawings, theme)


# --- tiles -----------------------------------------------------------------------------------------------


def in_order(shown: ShownDashboard) -> list[ShownTile]:
    """The tiles as they are read: by row, then by column; never placed ones last."""
    return sorted(shown.tiles, key=lambda tile: (box_of(tile)[1], box_of(tile)[0] or 0, tile.order))


def _tile(tile: ShownTile, drawn: Mapping[int, Drawn], options: Options) -> Tile:
    x, _, wide, _ = box_of(tile)
    place = f"w{wide}" if x is None else f"w{wide} x{x}"
    if tile.insight is None:
        return Tile(words=markdown(tile.tile.text.body if tile.tile.text else ""), place=place)
    return replace(_figure_tile(drawn[tile.insight.insight.pk], options), place=place)


def _figure_tile(one: Drawn, options: Options) -> Tile:
    insight = one.shown.insight
    return Tile(
        title=insight.title,
        description=insight.description or "",
        figure=one.drawing.figure(narrow=one.narrow, is_open=options.is_detailed),
        note=_note(one.shown),
    )


def _drawn_tile(tile: ShownTile, options: Options) -> Drawn:
    assert tile.insight is not None
    _, _, wide, high = box_of(tile)
    column = (BOARD_WIDTH - GAP * (COLUMNS - 1)) / COLUMNS
    width = column * wide + GAP * (wide - 1) - EDGES
    height = min(max(high * ROW - 130, HEIGHTS[0]), HEIGHTS[1])
    return _drawn(tile.insight, width, height, options)


def _drawn(shown: ShownInsight, width: float, height: float, options: Options) -> Drawn:
    legend = options.shows_legend
    wide = draw_insight(shown, width=width, height=height, shows_legend=legend)
    return Drawn(shown, wide, draw_insight(shown, width=PHONE[0], height=PHONE[1], shows_legend=legend))


def box_of(tile: ShownTile) -> tuple[int | None, float, int, int]:
    """(column, row, columns wide, rows high) of the wide layout; the column of a stray tile is open."""
    layouts = tile.tile.layouts
    box = layouts.get("sm") if isinstance(layouts, Mapping) else None
    box = box if isinstance(box, Mapping) else {}
    wide, high = (_whole(box.get(key)) or size for key, size in zip("wh", DEFAULT_SIZE, strict=True))
    x, y = _whole(box.get("x")), _whole(box.get("y"))
    wide = min(max(wide, 1), COLUMNS)
    if x is None or y is None:
        return None, float("inf"), wide, max(high, 1)
    return min(x, COLUMNS - wide), y, wide, max(high, 1)


def _whole(value: Any) -> int | None:
    """What clients stored; any JSON may be in a layout."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10_000
    return int(value) if is_number else None


def _note(shown: ShownInsight) -> str:
    """When it was computed, in the project's zone."""
    moment = shown.answer.last_refresh
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(shown.timezone))
    return f"Computed {local.day} {local:%b %Y, %H:%M} ({shown.timezone})"


def _query(options: Options) -> str:
    """The options once more, for links of the page to itself."""
    plain = Options()
    words = {
        "noHeader": not options.shows_header,
        "whitelabel": not options.is_branded,
        "hideExtraDetails": not options.shows_extra,
        "detailed": options.is_detailed,
    }
    said = {name: "true" for name, wanted in words.items() if wanted}
    said |= {"legend": "false"} if not options.shows_legend else {}
    said |= {"theme": str(options.theme)} if options.theme is not plain.theme else {}
    return f"?{urlencode(said)}" if said else ""
