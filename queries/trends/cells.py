"""The numbers of a trend: one statement whose rows are cells.

A cell is (series, breakdown, bucket, value): the value of one series in one bucket, for one breakdown
value. Each math belongs to one strategy, a way to get its cells; the strategies of one question are put
together by UNION ALL, so a question is one statement a period whatever it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from queries.nodes import SeriesNode
from queries.sql.fragment import Sql, join
from queries.trends.first_time import FIRST_TIME_MATHS, first_time_cells
from queries.trends.per_actor import COUNT_PER_ACTOR, is_session_math, per_actor_cells, per_session_cells
from queries.trends.request import CellRequest, Numbered
from queries.trends.rolling import is_rolling, rolling_cells
from queries.trends.rollup import fits_rollup, rollup_cells
from queries.trends.scan import scan_cells
from queries.trends.unique import first_seen_cells, is_cumulative_unique


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to get cells: which series it serves, and the SELECT over them.

    `by_bucket`: each cell follows from the events of its own bucket alone, so it can be had by itself.
    """

    fits: Callable[[SeriesNode, CellRequest], bool]
    cells: Callable[[Sequence[Numbered], CellRequest], Sql]
    by_bucket: bool = False


def each(
    one: Callable[[int, SeriesNode, CellRequest], Sql],
) -> Callable[[Sequence[Numbered], CellRequest], Sql]:
    """A strategy that needs a SELECT of its own for every series."""
    return lambda series, request: join(" UNION ALL ", (one(i, s, request) for i, s in series))


STRATEGIES: tuple[Strategy, ...] = (  # first fit
    Strategy(
        lambda s, r: fits_rollup(s, r.question, r.period),
        lambda s, r: rollup_cells(s, r.question, r.period),
        by_bucket=True,
    ),
    Strategy(is_rolling, each(rolling_cells)),  # D20-D24
    Strategy(is_cumulative_unique, each(first_seen_cells)),  # D29
    Strategy(lambda s, _: s.effective_math in FIRST_TIME_MATHS, each(first_time_cells)),  # D25, D26
    Strategy(lambda s, _: s.effective_math in COUNT_PER_ACTOR, each(per_actor_cells), by_bucket=True),  # D11
    Strategy(is_session_math, each(per_session_cells)),  # D18
    Strategy(lambda _, __: True, scan_cells, by_bucket=True),
)


def cells(request: CellRequest) -> Sql | None:
    """All cells of one period; None when there is nothing to ask."""
    parts = [strategy.cells(chosen, request) for strategy, chosen in _chosen(request)]
    return join(" UNION ALL ", parts) if parts else None


def is_by_bucket(request: CellRequest) -> bool:
    """Whether every cell follows from the events of its own bucket."""
    return all(strategy.by_bucket for strategy, _ in _chosen(request))


def _chosen(request: CellRequest) -> Iterator[tuple[Strategy, list[Numbered]]]:
    remaining = list(request.question.series)
    for strategy in STRATEGIES:
        chosen = [numbered for numbered in remaining if strategy.fits(numbered[1], request)]
        if chosen:
            yield strategy, chosen
            remaining = [numbered for numbered in remaining if numbered not in chosen]
