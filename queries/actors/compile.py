"""ActorsQuery -> plan: a stable page of actors, then who they are (api V9, W21).

The first statement pages over numbers, the second pair reads persons and distinct ids of that page only,
so a page costs the same wherever it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.actors.actor_set import ActorSet
from queries.actors.node import ActorsQuery, ActorsSource
from queries.actors.shape import Known, read_known, shape_actors
from queries.actors.sources import with_actors
from queries.context import ProjectContext
from queries.plan import Plan, Result, Rows, Statement, statement
from queries.properties import all_of as all_trees
from queries.sql.actors import person_number
from queries.sql.events import project_condition
from queries.sql.filters import person_members
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, number, sql
from queries.sql.owners import everybody


def compile_actors(node: ActorsQuery, ctx: ProjectContext) -> Plan:
    if node.source is None:
        return _page(node, ctx, ActorSet(everybody(ctx)))
    return with_actors(node.source, ctx, lambda actors: _page(node, ctx, actors))


def compile_source(node: ActorsSource, ctx: ProjectContext) -> Plan:
    """A source that is asked for itself: its first page."""
    return compile_actors(ActorsQuery(source=node), ctx)


def _page(node: ActorsQuery, ctx: ProjectContext, actors: ActorSet) -> Plan:
    """One actor more than asked for tells whether there is another page."""
    columns = join(", ", [sql("actor"), *(sql(name) for name in actors.extra)])
    paged = sql(
        "SELECT {columns} FROM ({rows}) WHERE {condition} ORDER BY {order} LIMIT {limit} OFFSET {offset}",
        columns=columns,
        rows=actors.rows,
        condition=_narrowed(node, ctx, actors),
        order=actors.order,
        limit=number(node.limit + 1),
        offset=number(node.offset),
    )

    def look_up(found: Sequence[Rows]) -> Result | Plan:
        rows = found[0].rows[: node.limit]
        has_more = len(found[0].rows) > node.limit
        keys = [row[0] for row in rows]
        if not keys:
            return shape_actors(node, ctx, actors, (), Known({}), has_more)

        def shape(known: Sequence[Rows]) -> Result:
            return shape_actors(node, ctx, actors, rows, read_known(actors, known), has_more)

        return Plan(_details(ctx, actors, keys), shape)

    return Plan((statement(paged),), look_up)


def _narrowed(node: ActorsQuery, ctx: ProjectContext, actors: ActorSet) -> Sql:
    """Search text and property filters of the list itself; they only apply to persons."""
    if actors.kind == "group":
        search = bind(f"%{_escaped(node.search)}%") if node.search else None
        return sql("actor ILIKE {search}", search=search) if search else TRUE
    tree = all_trees(node.properties, node.fixed_properties)
    conditions = [person_members(tree, ctx, sql("actor"))] if tree else []
    if node.search:
        conditions.append(_matches_search(node.search, ctx))
    return all_of(conditions)


def _matches_search(text: str, ctx: ProjectContext) -> Sql:
    """Name or e-mail, or any distinct id, contains the text in either case."""
    pattern = bind(f"%{_escaped(text)}%")
    return sql(
        "actor IN (SELECT person_no FROM person FINAL WHERE {project} AND is_deleted = 0"
        " AND (props['email'] ILIKE {pattern} OR props['name'] ILIKE {pattern}))"
        " OR actor IN (SELECT {person} FROM actor FINAL WHERE {project} AND distinct_id ILIKE {pattern})",
        project=project_condition(ctx),
        pattern=pattern,
        person=person_number(ctx),
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _details(ctx: ProjectContext, actors: ActorSet, keys: Sequence[object]) -> tuple[Statement, ...]:
    project = project_condition(ctx)
    if actors.kind == "group":
        return (
            statement(
                sql(
                    "SELECT group_key, created_at, properties FROM groups FINAL WHERE {project}"
                    " AND group_type_index = {index} AND group_key IN {keys}",
                    project=project,
                    index=number(actors.group_type_index or 0),
                    keys=bind([str(key) for key in keys], "Array(String)"),
                )
            ),
        )
    numbers = bind([int(str(key)) for key in keys], "Array(UInt32)")
    owner = sql("actor_no") if actors.kind == "distinct_id" else person_number(ctx)
    return (
        statement(
            sql(
                "SELECT person_no, toString(uuid), created_at, properties FROM person FINAL"
                " WHERE {project} AND is_deleted = 0 AND person_no IN {numbers}",
                project=project,
                numbers=numbers,
            )
        ),
        statement(
            sql(
                "SELECT {owner} AS owner, arraySort(groupArray((actor_no, distinct_id))) AS ids,"
                " any({person}) AS person FROM actor FINAL WHERE {project} AND owner IN {numbers}"
                " GROUP BY owner",
                owner=owner,
                person=person_number(ctx),
                project=project,
                numbers=numbers,
            )
        ),
    )
