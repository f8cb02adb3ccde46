"""Who an event counts for: its person, its distinct id, or its group (semantics B1-B5, B9, E2, H14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from queries.context import ProjectContext
from queries.sql.fragment import TRUE, Sql, sql

GROUP_COLUMNS = tuple(sql(f"group_{index}") for index in range(5))


@dataclass(frozen=True, slots=True)
class Actor:
    """`expression` identifies the actor of an event; only events meeting `present` have one.

    `kind` is `person` (a UInt32 person number), `distinct_id` (UInt32 actor number) or `group` (text).
    """

    expression: Sql
    present: Sql
    kind: Literal["person", "distinct_id", "group"]


ACTOR_NO = sql("actor_no")


def person_number(ctx: ProjectContext, actor_no: Sql = ACTOR_NO) -> Sql:
    """The person an actor number belongs to now: merges are retroactive (semantics B2)."""
    if not ctx.has_overrides:
        return actor_no
    return sql(
        "dictGetOrDefault('actor_override_dict', 'person_no', toUInt64({no}), {no})",
        no=actor_no,
    )


def actor_of(
    ctx: ProjectContext, group_type_index: int | None = None, *, by_distinct_id: bool = False
) -> Actor:
    """The actor of an event under the project's settings and the query's aggregation.

    `by_distinct_id` asks for B4 where the project has it switched on; insights that always count
    persons leave it False.
    """
    if group_type_index is not None:
        column = GROUP_COLUMNS[group_type_index]
        return Actor(column, sql("{column} != ''", column=column), "group")  # semantics B9
    if by_distinct_id and ctx.aggregate_by_distinct_id:
        return Actor(sql("actor_no"), TRUE, "distinct_id")
    return Actor(person_number(ctx), TRUE, "person")
