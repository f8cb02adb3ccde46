"""RetentionQuery -> plan (semantics H). `patterns` and `cells` say how the numbers come about; `parts`
does so in parts of the actors, where memory is short."""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.earliest import with_project_earliest
from queries.plan import Plan, Result, Rows, statement
from queries.retention.node import RetentionQuery
from queries.retention.parts import in_parts
from queries.retention.question import Question, understand
from queries.retention.ranking import other_cells, ranked_cells, values_of
from queries.retention.shape import shape_retention
from queries.sql.breakdowns import OTHER


def compile_retention(node: RetentionQuery, ctx: ProjectContext) -> Plan:
    return with_project_earliest(node, ctx, lambda earliest: _plan(understand(node, ctx, earliest)))


def _plan(question: Question) -> Plan:
    """One statement; a second one only when amounts are broken down by more values than are shown."""
    if question.is_empty:
        return Plan((), lambda _: shape_retention(question, [], []))

    def shape(found: Sequence[Rows]) -> Result | Plan:
        shown, has_others = values_of(question, found[0])
        rows = found[0].rows
        hidden = question.breakdown is not None and question.breakdown.breakdown_hide_other_aggregation
        if not has_others or hidden:
            return shape_retention(question, shown, rows)
        if not question.has_amounts:
            return shape_retention(question, [*shown, (OTHER,)], rows)
        return Plan(
            (statement(other_cells(question, shown)),),
            lambda others: shape_retention(question, [*shown, (OTHER,)], [*rows, *others[0].rows]),
        )

    return Plan(
        (statement(ranked_cells(question)),),
        shape,
        smaller=lambda: in_parts(question, lambda found: shape_retention(question, [], found.rows)),
    )
