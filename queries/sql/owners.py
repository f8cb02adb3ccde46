"""The property of whoever an event belongs to, as a side that a scan joins: rows (owner, stored)."""

from __future__ import annotations

from queries.context import ProjectContext
from queries.sql.actors import person_number
from queries.sql.events import project_condition
from queries.sql.filters import stored_property
from queries.sql.fragment import Sql, number, sql


def person_values(key: str, ctx: ProjectContext) -> Sql:
    """Current properties of persons (semantics B6)."""
    return sql(
        "SELECT person_no AS owner, {stored} AS stored FROM person FINAL WHERE {project} AND is_deleted = 0",
        stored=stored_property(key),
        project=project_condition(ctx),
    )


def group_values(key: str, group_type_index: int, ctx: ProjectContext) -> Sql:
    """Current properties of the groups of one type (semantics B10)."""
    return sql(
        "SELECT group_key AS owner, {stored} AS stored FROM groups FINAL"
        " WHERE {project} AND group_type_index = {index}",
        stored=stored_property(key),
        project=project_condition(ctx),
        index=number(group_type_index),
    )


def owner_join(side: Sql, key: Sql, alias: str) -> Sql:
    """The side under a name of our own choosing; an event without an owner reads '' (not set)."""
    return sql(f"ANY LEFT JOIN ({{side}}) AS {alias} ON {alias}.owner = {{key}}", side=side, key=key)


def everybody(ctx: ProjectContext) -> Sql:
    """Every person of the project, those without a profile too: `actor`, once each."""
    return sql(
        "SELECT DISTINCT {person} AS actor FROM actor FINAL WHERE {project}",
        person=person_number(ctx),
        project=project_condition(ctx),
    )
