"""SQL expressions in filters, breakdowns and maths, as fragments (semantics C30, D19; api T5).

InvalidQuery names what is not allowed and its position. The language is described in docs/hogql.md.
"""

from __future__ import annotations

from queries.context import ProjectContext
from queries.hogql.expression import aggregation_over, event_expression, marked
from queries.hogql.syntax import Call
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, as_text, settled
from queries.sql.events import Span
from queries.sql.fragment import Sql, sql
from queries.sql.lookup import InPlace, Joined, Lookup


def boolean_expression(text: str, ctx: ProjectContext, span: Span = Span()) -> Sql:
    """The expression as a condition on one event, never NULL; `span` is the query's range."""
    low, expression = event_expression(text, ctx, InPlace(ctx, span))
    return marked(low.condition(expression))


def value_expression(text: str, ctx: ProjectContext, span: Span = Span()) -> Sql:
    """The expression's value for one event as text, '' for NULL: what a breakdown shows."""
    return _text_of(text, ctx, InPlace(ctx, span))


def joined_value(text: str, ctx: ProjectContext, span: Span, prefix: str) -> tuple[Sql, tuple[Sql, ...]]:
    """The same, and the joins that have to follow FROM the events: for persons and sessions without limit.

    `prefix` begins the names of the joins.
    """
    look = Joined(ctx, span, prefix)
    return _text_of(text, ctx, look), look.joins()


def _text_of(text: str, ctx: ProjectContext, look: Lookup) -> Sql:
    low, expression = event_expression(text, ctx, look)
    value = as_text(settled(low.value(expression), ctx), ctx)
    if value.kind is Kind.ANY:
        return marked(sql("ifNull(toString({v}), '')", v=value.sql))
    return marked(sql("ifNull({v}, '')", v=value.sql))


def number_expression(text: str, ctx: ProjectContext, span: Span = Span()) -> Sql:
    """The expression's value for one event as Nullable(Float64)."""
    low, expression = event_expression(text, ctx, InPlace(ctx, span))
    as_number = Call("toFloat", (expression,), expression.position)
    number = sql("toFloat64({v})", v=low.value(as_number).sql)
    return marked(sql("if(isFinite({n}), {n}, NULL)", n=number))


def aggregate_expression(
    text: str, ctx: ProjectContext, condition: Sql | None = None, span: Span = Span()
) -> Sql:
    """Aggregates over the events meeting `condition`, as a finite Float64; nothing to aggregate is 0."""
    low, expression = event_expression(text, ctx, InPlace(ctx, span), aggregation_over(condition))
    value = low.value(expression)
    if not low.has_aggregates:
        refuse("An aggregate such as sum(properties.amount) is needed here", expression.position)
    if value.kind not in (Kind.NUMBER, Kind.BOOLEAN, Kind.ANY):
        refuse(f"A number is needed here, not a {value.kind}", expression.position)
    return marked(sql("ifNotFinite(ifNull(toFloat64({v}), 0), 0)", v=value.sql))
