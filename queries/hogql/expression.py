"""Single expressions about one event: filters, breakdowns and maths written in SQL."""

from __future__ import annotations

from typing import NoReturn

from queries.context import ProjectContext
from queries.hogql.columns import event_column, unknown_column
from queries.hogql.forms import lowering
from queries.hogql.lowering import NO_AGGREGATES, Aggregation, Lowering
from queries.hogql.parser import read_expression
from queries.hogql.person_sets import person_set
from queries.hogql.syntax import Expression, Hole, Name, Subselect
from queries.hogql.tokens import refuse
from queries.hogql.values import Value
from queries.sql.actors import person_number
from queries.sql.fragment import TRUE, USER_WRITTEN, Sql, sql
from queries.sql.lookup import Lookup

# More than this has been multiplied out of an expression that names the same thing again and again.
MAX_PIECES = 20_000


class EventScope:
    """Names are columns of the event; nothing else can be reached."""

    def __init__(self, ctx: ProjectContext, look: Lookup) -> None:
        self.ctx = ctx
        self.look = look

    def column(self, name: Name) -> Value:
        return event_column(name, self.ctx, self.look) or unknown_column(name)

    def whole(self, node: Expression) -> Sql | None:
        """Conditions on persons only cost one look-up in a set."""
        return person_set(node, self.ctx)

    def person_number(self, position: int) -> Sql:
        return person_number(self.ctx)

    def hole(self, hole: Hole) -> NoReturn:
        refuse("Braces are not allowed here", hole.position)

    def subselect(self, node: Subselect) -> NoReturn:
        refuse("Subqueries are not allowed here", node.position)


def event_expression(
    text: str, ctx: ProjectContext, look: Lookup, aggregation: Aggregation = NO_AGGREGATES
) -> tuple[Lowering, Expression]:
    """The expression as written, and what lowers it. InvalidQuery names what is wrong, and where."""
    return lowering(EventScope(ctx, look), ctx, aggregation), read_expression(text)


def aggregation_over(condition: Sql | None) -> Aggregation:
    return Aggregation(is_allowed=True, only=condition or TRUE)


def marked(fragment: Sql) -> Sql:
    """The expression with the mark that makes the store's refusals the user's errors, not ours."""
    return sql("({fragment})", fragment=marked_statement(fragment))


def marked_statement(fragment: Sql) -> Sql:
    """The same for a whole statement."""
    if len(fragment.pieces) > MAX_PIECES:
        refuse("The SQL is too complex", 1)
    return sql(f"{{fragment}} {USER_WRITTEN}", fragment=fragment)
