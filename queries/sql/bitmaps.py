"""Bitmaps of actor numbers, as the hourly projection keeps them, read as whoever they are now."""

from __future__ import annotations

from queries.context import ProjectContext
from queries.sql.actors import Actor
from queries.sql.events import project_condition
from queries.sql.fragment import Sql, sql


def bitmap_of(actors: Sql, actor: Actor, ctx: ProjectContext) -> Sql:
    """The bitmap with every number that now belongs to another person replaced by that person's (B2)."""
    if actor.kind == "distinct_id" or not ctx.has_overrides:
        return actors
    moved = sql(
        "(SELECT groupBitmapState(actor_no) FROM actor_override WHERE {project})",
        project=project_condition(ctx),
    )
    return sql(
        "bitmapOr(bitmapAndnot({actors}, {moved}), bitmapBuild(arrayMap("
        "no -> dictGetOrDefault('actor_override_dict', 'person_no', toUInt64(no), no),"
        " bitmapToArray(bitmapAnd({actors}, {moved})))))",
        actors=actors,
        moved=moved,
    )
