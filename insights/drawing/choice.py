"""Which picture a question gets: a table of nodes and displays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from insights.drawing.asked import Asked, wishes_of
from insights.drawing.drawing import Sketch
from insights.drawing.kinds.bars import lifecycle_bars, side_by_side_bars, stacked_bars
from insights.drawing.kinds.funnel import steps, times
from insights.drawing.kinds.line import areas, conversion, lines
from insights.drawing.kinds.paths import paths
from insights.drawing.kinds.retention import retention
from insights.drawing.kinds.rows import correlation_table, rows_table
from insights.drawing.kinds.totals import big_number, lying_bars, pie, totals_table
from insights.drawing.kinds.world_map import world_map

Kind = Callable[[Asked], Sketch | None]  # None: there is nothing to draw

LINE = "ActionsLineGraph"
DISPLAYS: Mapping[str, Kind] = {  # of trends and stickiness (api V2)
    LINE: lines,
    "ActionsLineGraphCumulative": lines,
    "ActionsAreaGraph": areas,
    "ActionsBar": stacked_bars,
    "ActionsStackedBar": stacked_bars,
    "ActionsUnstackedBar": side_by_side_bars,
    "ActionsBarValue": lying_bars,
    "ActionsPie": pie,
    "ActionsTable": totals_table,
    "BoldNumber": big_number,
    "WorldMap": world_map,
}
FUNNELS: Mapping[str, Kind] = {"steps": steps, "trends": conversion, "time_to_convert": times}
NODES: Mapping[str, Kind] = {
    "LifecycleQuery": lifecycle_bars,
    "RetentionQuery": retention,
    "PathsQuery": paths,
    "FunnelCorrelationQuery": correlation_table,
    "HogQLQuery": rows_table,
    "EventsQuery": rows_table,
    "ActorsQuery": rows_table,
}


def kind_of(query: Mapping[str, Any]) -> Kind:
    """What draws the result of this node; rows where nothing better is known."""
    node, wishes = str(query.get("kind")), wishes_of(query)
    if node == "FunnelsQuery":
        return FUNNELS.get(str(wishes.get("funnelVizType")), steps)
    if node in ("TrendsQuery", "StickinessQuery"):
        return DISPLAYS.get(str(wishes.get("display")), lines)
    return NODES.get(node, rows_table)
