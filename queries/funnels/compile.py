"""FunnelsQuery -> plan: one statement over one pass of the events (semantics E).

question.py   range, steps, exclusions, window and actor understood
runs.py       how far each actor gets
steps.py      counted and timed by step; trends.py by entrance; times.py by how long it took
parts.py      the same in parts of the actors, where memory is short
shape_*.py    rows -> the answer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from queries.context import ProjectContext
from queries.earliest import with_project_earliest
from queries.funnels.node import FunnelsQuery, FunnelVizType
from queries.funnels.parts import SMALLER, in_parts
from queries.funnels.question import Question, understand
from queries.funnels.shape_steps import shape_steps
from queries.funnels.shape_times import shape_times
from queries.funnels.shape_trends import shape_trends
from queries.funnels.steps import step_counts
from queries.funnels.times import time_bins
from queries.funnels.trends import entrance_counts
from queries.plan import Plan, Result, Rows, statement
from queries.sql.fragment import Sql


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a funnel: what to ask, and how the rows become the answer (None: not asked)."""

    ask: Callable[[Question], Sql]
    shape: Callable[[Question, Rows | None], Result]


VIEWS: Mapping[FunnelVizType, View] = {
    FunnelVizType.STEPS: View(step_counts, shape_steps),
    FunnelVizType.TRENDS: View(entrance_counts, shape_trends),
    FunnelVizType.TIME_TO_CONVERT: View(time_bins, shape_times),
}


def compile_funnels(node: FunnelsQuery, ctx: ProjectContext) -> Plan:
    """The plan of a funnel. An all-time range first asks for the earliest event of the project."""
    return with_project_earliest(node, ctx, lambda earliest: _plan(understand(node, ctx, earliest)))


def _plan(question: Question) -> Plan:
    view = VIEWS[question.options.funnel_viz_type]
    if not question.steps or question.period.is_empty:  # semantics E13, A10
        return Plan((), lambda _: view.shape(question, None))

    def shape(found: Rows) -> Result:
        return view.shape(question, found)

    return Plan(
        (statement(view.ask(question)),),
        lambda found: shape(found[0]),
        smaller=lambda: in_parts(question, SMALLER, shape),
    )
