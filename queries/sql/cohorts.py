"""Membership of a cohort as a condition on events (semantics B25, C29)."""

from __future__ import annotations

from queries.context import Cohort, ProjectContext
from queries.properties import as_whole
from queries.sql.actors import person_number
from queries.sql.events import project_condition
from queries.sql.fragment import FALSE, Sql, bind, not_, sql

_MEMBER_NO = sql("person_no")


def cohort_condition(cohort_id: object, ctx: ProjectContext, *, member: bool) -> Sql:
    """The event's person is (or is not) a member; nobody is a member of a cohort that does not exist."""
    members = members_of(cohort_id, ctx)
    inside = (
        FALSE
        if members is None
        else sql("{person} IN ({members})", person=person_number(ctx), members=members)
    )
    return inside if member else not_(inside)


def members_of(cohort_id: object, ctx: ProjectContext) -> Sql | None:
    """`SELECT` of the members' person numbers; None when there is no such cohort, or it has no members yet.

    A cohort that was calculated has them stored; a dynamic one that never was is evaluated on the spot.
    """
    number = as_whole(cohort_id)
    cohort = ctx.cohorts.get(number) if number is not None else None
    if cohort is None:
        return None
    if cohort.version is not None:
        return stored_members(cohort.id, cohort.version, ctx)
    return None if cohort.is_static else _inline(cohort, ctx)


def stored_members(cohort_id: int, version: int, ctx: ProjectContext) -> Sql:
    """The members of one calculation; somebody merged away since then follows the surviving person."""
    return sql(
        "SELECT {person} AS person FROM cohort_member"
        " WHERE {project} AND cohort_id = {cohort} AND version = {version}",
        person=person_number(ctx, _MEMBER_NO),
        project=project_condition(ctx),
        cohort=bind(cohort_id, "UInt32"),
        version=bind(version, "UInt32"),
    )


def _inline(cohort: Cohort, ctx: ProjectContext) -> Sql:
    # Definitions nest by nature: a cohort holds filters, which hold cohorts.
    from queries.sql.cohort_tree import cohort_members

    return cohort_members(cohort.filters, ctx)
