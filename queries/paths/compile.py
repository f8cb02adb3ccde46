"""PathsQuery -> plan: one ordered pass over each actor's events (semantics G).

items.py  what an event is called, as a number or a text
steps.py  sessions, what is shown of them, and the pairs of neighbours in that
edges     the pairs counted over all sessions and actors; parts.py: the same in parts of the actors, where
          memory is short
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.paths.items import Numbers, Texts
from queries.paths.node import PathsQuery
from queries.paths.parts import in_parts
from queries.paths.question import Question, with_question
from queries.paths.shape import shape_paths
from queries.paths.steps import traversals
from queries.plan import Plan, Result, Rows, statement
from queries.sql.fragment import Sql, all_of, bind, number, sql


def compile_paths(node: PathsQuery, ctx: ProjectContext) -> Plan:
    return with_question(node, ctx, _plan)


def _plan(question: Question) -> Plan:
    def shape(found: Sequence[Rows]) -> Result:
        return shape_paths(question.options, found[0] if found else Rows(()), question.dates)

    if question.period.is_empty:  # semantics A10
        return Plan((), shape)

    def texts() -> Plan:
        return Plan((statement(edges(Texts(question))),), shape, smaller=lambda: in_parts(question, shape))

    return Plan((statement(edges(Numbers(question))),), shape, smaller=texts)


def edges(form: Texts) -> Sql:
    """Rows (source, target, traversals, mean milliseconds), heaviest first (semantics G15-G19).

    Nodes get their names once the edges are counted: there are far fewer of those than traversals.
    """
    options = form.question.options
    limit = options.effective_edge_limit
    found = sql(
        "SELECT concat(toString(place), '_', {item}) AS source,"
        " concat(toString(place + 1), '_', {next}) AS target,"
        " traversals, milliseconds"
        " FROM (SELECT place, item, next, {weight} AS traversals, avg(took) / 1000 AS milliseconds"
        " FROM ({traversals}) GROUP BY place, item, next)"
        " WHERE {bounds} ORDER BY traversals DESC, source, target {limit}",
        item=form.text(sql("item")),
        next=form.text(sql("next")),
        weight=_weight(form.question.node.sampling_factor),
        traversals=traversals(form),
        bounds=all_of(
            [
                *_weight_bound(">=", options.min_edge_weight),
                *_weight_bound("<=", options.max_edge_weight),
            ]
        ),
        limit=sql("LIMIT {limit}", limit=number(limit)) if limit is not None else sql(""),
    )
    return form.complete(found)


def _weight(factor: float | None) -> Sql:
    """How often an edge was traversed; what a sample of the actors did is scaled up (D61)."""
    if factor is None:
        return sql("count()")
    return sql("toUInt64(round(count() / {factor}))", factor=bind(factor, "Float64"))


def _weight_bound(symbol: str, weight: int | None) -> list[Sql]:
    return [] if weight is None else [sql(f"traversals {symbol} {{weight}}", weight=number(weight))]
