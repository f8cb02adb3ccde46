"""The people of a cell: converted or not, who have the thing (semantics F14).

They come out of the same runs and the same texts as the number, so over all pages they are as many as it
says.
"""

from __future__ import annotations

from dataclasses import replace

from queries.actors.actor_set import NOBODY, ActorSet
from queries.context import ProjectContext
from queries.correlation.node import ALL_NAMES, FunnelCorrelationActorsQuery
from queries.correlation.population import MOMENT, Compared, joined, population, within_run
from queries.correlation.things import AUTOCAPTURE, ELEMENTS_CHAIN, EVENT_TYPE, owner_of
from queries.errors import QueryError, join_path
from queries.funnels.people import persons_of_values
from queries.nodes import ActionsNode, EventsNode
from queries.properties import PropertyFilter, PropertyGroup
from queries.sql.events import scan
from queries.sql.filters import group_members, person_members
from queries.sql.fragment import TRUE, Sql, all_of, sql
from queries.sql.series import matcher
from queries.vocabulary import GroupOperator, Operator


def correlation_people(asked: FunnelCorrelationActorsQuery, compared: Compared) -> ActorSet:
    """Who did the event inside the run, or has the property values; with neither, all who did or did not
    convert."""
    if compared.is_empty:
        return NOBODY
    rows = sql(
        "SELECT actor, began, ended FROM ({runs}) AS run WHERE {has}",
        runs=_runs(asked, compared),
        has=_has_properties(asked, compared),
    )
    if asked.funnel_correlation_person_entity is not None:
        rows = _did(asked.funnel_correlation_person_entity, compared, rows)
    else:
        rows = sql("SELECT actor FROM ({rows})", rows=rows)
    question = compared.question
    if question.options.funnel_aggregate_by_hogql:
        return ActorSet(persons_of_values(question, rows))
    return ActorSet(rows, question.actor.kind, question.node.aggregation_group_type_index)


def _runs(asked: FunnelCorrelationActorsQuery, compared: Compared) -> Sql:
    converted = asked.funnel_correlation_person_converted
    rows = population(compared)
    if converted is None:
        return rows
    return sql(f"SELECT * FROM ({{rows}}) WHERE {'' if converted else 'NOT '}converted", rows=rows)


def _did(entity: EventsNode | ActionsNode, compared: Compared, rows: Sql) -> Sql:
    """Those of `rows` with such an event inside the run, once each."""
    ctx = compared.ctx
    if isinstance(entity, EventsNode):
        is_click = entity.event == AUTOCAPTURE
        tree = texts_of(entity.filters, CLICK if is_click else frozenset())
        entity = entity.model_copy(update={"properties": tree, "fixed_properties": None})
        ctx = as_texts(ctx)
    try:
        found = matcher(entity, ctx)
    except QueryError as error:
        raise error.spelled(lambda path: join_path(("funnelCorrelationPersonEntity", *path))) from error
    return scan(
        ctx,
        [sql("run.actor AS actor")],
        span=compared.question.span,
        events=found.names,
        where=all_of([found.condition, within_run(MOMENT)]),
        joins=[joined(compared, rows)],
        tail=sql("GROUP BY actor"),
    )


def _has_properties(asked: FunnelCorrelationActorsQuery, compared: Compared) -> Sql:
    """The person or the group has these values now."""
    explicit = frozenset(compared.node.funnel_correlation_names or ()) - {ALL_NAMES}
    tree = texts_of(asked.funnel_correlation_property_values, explicit)
    if tree is None:
        return TRUE
    index, ctx = compared.question.node.aggregation_group_type_index, as_texts(compared.ctx)
    if index is None:
        return person_members(tree, ctx, owner_of(compared))
    return group_members(tree, index, ctx, owner_of(compared))


# --- the same texts as the number --------------------------------------------------------------------------

CLICK = frozenset({EVENT_TYPE, ELEMENTS_CHAIN})


def as_texts(ctx: ProjectContext) -> ProjectContext:
    """Without declared types: rows tell 5 from 5.0."""
    return replace(ctx, property_types={})


def texts_of(tree: PropertyGroup | None, optional: frozenset[str]) -> PropertyGroup | None:
    """The tree, in which an empty text also means a property that is not set, for keys whose row '' holds
    both (F10)."""
    if tree is None or not optional:
        return tree
    return PropertyGroup(type=tree.type, values=tuple(_text_of(part, optional) for part in tree.values))


def _text_of(
    part: PropertyGroup | PropertyFilter, optional: frozenset[str]
) -> PropertyGroup | PropertyFilter | None:
    if isinstance(part, PropertyGroup):
        return texts_of(part, optional)
    if part.key not in optional or part.operator is not Operator.EXACT or part.value not in ("", ("",)):
        return part
    missing = part.model_copy(update={"operator": Operator.IS_NOT_SET, "value": None})
    return PropertyGroup(type=GroupOperator.OR, values=(part, missing))
