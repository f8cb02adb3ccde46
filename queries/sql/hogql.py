"""User-written SQL expressions as fragments (semantics C30, D19; api V11)."""

from __future__ import annotations

from queries.context import ProjectContext
from queries.errors import NotSupported
from queries.sql.fragment import Sql


def boolean_expression(text: str, ctx: ProjectContext) -> Sql:
    """The expression as a condition on one event, never NULL. InvalidQuery names what is not allowed."""
    raise NotSupported("SQL expressions are not supported by this server.")


def value_expression(text: str, ctx: ProjectContext) -> Sql:
    """The expression's value as text, '' for NULL: what a breakdown shows."""
    raise NotSupported("SQL expressions are not supported by this server.")


def number_expression(text: str, ctx: ProjectContext) -> Sql:
    """The expression's value as Nullable(Float64)."""
    raise NotSupported("SQL expressions are not supported by this server.")


def aggregate_expression(text: str, ctx: ProjectContext, condition: Sql | None = None) -> Sql:
    """Aggregates over the events meeting `condition`, as a finite Float64; nothing to aggregate is 0."""
    raise NotSupported("SQL expressions are not supported by this server.")
