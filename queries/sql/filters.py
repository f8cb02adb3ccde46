"""Property filter trees as conditions on events.

A leaf on an event property reads the event. A subtree made of person (or group, or session) leaves only
becomes one look-up in the set of those persons, so it costs one pass over persons and a hash probe an
event, never a join (semantics B6, B10, B13). Somebody without a profile has every property missing: when
the subtree is true for nothing but missing properties, the set holds the exceptions and the look-up is
negated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from queries.context import ProjectContext, PropertyScope
from queries.errors import InvalidQuery
from queries.properties import PropertyFilter, PropertyGroup
from queries.sql.actors import GROUP_COLUMNS, person_number
from queries.sql.cohorts import cohort_condition
from queries.sql.elements import element_condition
from queries.sql.events import Span, project_condition
from queries.sql.fragment import FALSE, TRUE, Sql, all_of, any_of, bind, not_, number, sql
from queries.sql.hogql import boolean_expression
from queries.sql.lookup import person_id, personless_id
from queries.sql.operators import OPERATORS, Comparison, compare
from queries.sql.sessions import session_property, session_set
from queries.sql.stored import stored_event_property as stored_event_property
from queries.sql.stored import stored_property as stored_property
from queries.vocabulary import GroupOperator, Operator, PropertyType


def filter_condition(
    tree: PropertyGroup | PropertyFilter | None, ctx: ProjectContext, span: Span = Span()
) -> Sql:
    """The tree as a condition on one row of events. None and empty groups are true (semantics C32).

    `span` is the query's range, which bounds where sessions are looked for (B12); unbounded is right too,
    but reads every event of the project.
    """
    if tree is None:
        return TRUE
    owner = _single_owner(tree, ctx)
    if owner is not None:
        return _lookup(tree, _SOURCES[owner.type](owner, ctx, span), ctx)
    if isinstance(tree, PropertyFilter):
        return _LEAVES[tree.type](tree, ctx, span)
    if not tree.values:
        return TRUE
    combine = all_of if tree.type is GroupOperator.AND else any_of
    return combine(filter_condition(part, ctx, span) for part in _by_owner(tree, ctx))


def event_condition(
    ctx: ProjectContext,
    *trees: PropertyGroup | None,
    test_accounts: bool = False,
    span: Span = Span(),
) -> Sql:
    """The filters of all levels together (semantics C33, C34)."""
    every = [*trees, ctx.test_account_filters if test_accounts else None]
    return all_of(filter_condition(tree, ctx, span) for tree in every)


def person_members(
    tree: PropertyGroup | PropertyFilter, ctx: ProjectContext, key: Sql = sql("person_no")
) -> Sql:
    """A tree of person properties as a condition on a column of person numbers, by current values."""
    source = _persons(Owner(PropertyType.PERSON), ctx, Span())
    return _lookup(tree, replace(source, key=key), ctx)


def group_members(
    tree: PropertyGroup | PropertyFilter, group_type_index: int, ctx: ProjectContext, key: Sql
) -> Sql:
    """A tree of properties of one type of groups as a condition on a column of their keys."""
    source = _groups(Owner(PropertyType.GROUP, group_type_index), ctx, Span())
    return _lookup(tree, replace(source, key=key), ctx)


# --- whose property -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose properties a subtree reads through a set: persons, one group type, or sessions."""

    type: PropertyType
    group_type_index: int | None = None


_SET_TYPES = frozenset({PropertyType.PERSON, PropertyType.GROUP, PropertyType.SESSION})


def _single_owner(tree: PropertyGroup | PropertyFilter, ctx: ProjectContext) -> Owner | None:
    """The owner that every leaf shares; None when they differ or are read from the event itself."""
    if isinstance(tree, PropertyFilter):
        if tree.type not in _SET_TYPES or (tree.type is PropertyType.PERSON and _read_from_event(tree, ctx)):
            return None
        return Owner(tree.type, tree.group_type_index)
    owners = {_single_owner(value, ctx) for value in tree.values}
    return owners.pop() if len(owners) == 1 else None


def _by_owner(tree: PropertyGroup, ctx: ProjectContext) -> Iterable[PropertyGroup | PropertyFilter]:
    """The group's values, those of one owner gathered into one subgroup: one set instead of several."""
    gathered: dict[Owner, list[PropertyGroup | PropertyFilter]] = {}
    rest: list[PropertyGroup | PropertyFilter] = []
    for value in tree.values:
        owner = _single_owner(value, ctx)
        if owner is None:
            rest.append(value)
        else:
            gathered.setdefault(owner, []).append(value)
    return [*rest, *(PropertyGroup(type=tree.type, values=tuple(values)) for values in gathered.values())]


def _read_from_event(leaf: PropertyFilter, ctx: ProjectContext) -> bool:
    return ctx.person_properties_mode == "on_events" and leaf.key != DISTINCT_ID_KEY


DISTINCT_ID_KEY = "distinct_id"  # semantics B7: any of the person's distinct ids


def _lookup(tree: PropertyGroup | PropertyFilter, source: SetSource, ctx: ProjectContext) -> Sql:
    condition = _owner_condition(tree, source, ctx)
    if condition in (TRUE, FALSE):
        return condition
    negated = _true_when_missing(tree)
    members = source.members(not_(condition) if negated else condition)
    template = "{key} NOT IN ({members})" if negated else "{key} IN ({members})"
    return sql(template, key=source.key, members=members)


@dataclass(frozen=True, slots=True)
class SetSource:
    """`key` is the event's column; `members(condition)` selects the keys whose owner meets it."""

    key: Sql
    stored: Callable[[PropertyFilter], Sql]
    members: Callable[[Sql], Sql]
    scope: PropertyScope | None


def _owner_condition(tree: PropertyGroup | PropertyFilter, source: SetSource, ctx: ProjectContext) -> Sql:
    if isinstance(tree, PropertyGroup):
        combine = all_of if tree.type is GroupOperator.AND else any_of
        return combine(_owner_condition(v, source, ctx) for v in tree.values) if tree.values else TRUE
    if tree.type is PropertyType.PERSON and tree.key == DISTINCT_ID_KEY:
        return _distinct_id_condition(tree, ctx)
    declared = ctx.property_types.get((source.scope, tree.key)) if source.scope else None
    return compare(Comparison(source.stored(tree), tree, declared, ctx))


def _true_when_missing(tree: PropertyGroup | PropertyFilter) -> bool:
    if isinstance(tree, PropertyFilter):
        row = OPERATORS[tree.operator]
        return row.when_missing or (row.vacuous_when_empty and tree.value == ())
    truths = [_true_when_missing(value) for value in tree.values]
    return all(truths) if tree.type is GroupOperator.AND else any(truths)


def _persons(_: Owner, ctx: ProjectContext, __: Span) -> SetSource:
    def members(condition: Sql) -> Sql:
        return sql(
            "SELECT person_no FROM person FINAL WHERE {project} AND is_deleted = 0 AND ({condition})",
            project=project_condition(ctx),
            condition=condition,
        )

    return SetSource(person_number(ctx), lambda leaf: stored_property(leaf.key), members, "person")


def _distinct_id_condition(leaf: PropertyFilter, ctx: ProjectContext) -> Sql:
    """Any of the person's distinct ids meets it; negative operators: all of them do (semantics B7)."""
    row = OPERATORS[leaf.operator]
    comparison = compare(Comparison(sql("distinct_id"), leaf, None, ctx))
    some = not_(comparison) if row.when_missing else comparison
    owners = sql(
        "person_no IN (SELECT {person} FROM actor FINAL WHERE {project} AND ({some}))",
        person=person_number(ctx),
        project=project_condition(ctx),
        some=some,
    )
    return not_(owners) if row.when_missing else owners


def _groups(owner: Owner, ctx: ProjectContext, _: Span) -> SetSource:
    if owner.group_type_index is None:
        raise InvalidQuery(
            "A group filter needs group_type_index 0..4.", code="required", attr="group_type_index"
        )
    index = owner.group_type_index

    def members(condition: Sql) -> Sql:
        return sql(
            "SELECT group_key FROM groups FINAL"
            " WHERE {project} AND group_type_index = {index} AND ({condition})",
            project=project_condition(ctx),
            index=number(index),
            condition=condition,
        )

    return SetSource(GROUP_COLUMNS[index], lambda leaf: stored_property(leaf.key), members, "group")


def _sessions(_: Owner, ctx: ProjectContext, span: Span) -> SetSource:
    return SetSource(
        sql("session_id"),
        lambda leaf: session_property(leaf.key),
        lambda condition: session_set(condition, ctx, span),
        None,
    )


_SOURCES: dict[PropertyType, Callable[[Owner, ProjectContext, Span], SetSource]] = {
    PropertyType.PERSON: _persons,
    PropertyType.GROUP: _groups,
    PropertyType.SESSION: _sessions,
}


# --- leaves read from the event --------------------------------------------------------------------


def _event_leaf(leaf: PropertyFilter, ctx: ProjectContext, _: Span) -> Sql:
    declared = ctx.property_types.get(("event", leaf.key))
    return compare(Comparison(stored_event_property(leaf.key, ctx), leaf, declared, ctx))


def _person_leaf(leaf: PropertyFilter, ctx: ProjectContext, _: Span) -> Sql:
    """Mode on_events: the value copied onto the event when it came in (semantics B6)."""
    declared = ctx.property_types.get(("person", leaf.key))
    return compare(Comparison(sql("person_props[{key}]", key=bind(leaf.key)), leaf, declared, ctx))


def _metadata_leaf(leaf: PropertyFilter, ctx: ProjectContext, _: Span) -> Sql:
    if leaf.key not in METADATA:
        raise InvalidQuery(f'"{leaf.key}" is not a metadata field of events.', attr="key")
    if leaf.key == "person_id":
        return _person_id_leaf(leaf, ctx)
    return compare(Comparison(METADATA[leaf.key](ctx), leaf, None, ctx))


def _person_id_leaf(leaf: PropertyFilter, ctx: ProjectContext) -> Sql:
    """Persons by the id of their profile, those without one by the id made from their distinct id (B3)."""
    known = sql("SELECT person_no FROM person FINAL WHERE {p} AND is_deleted = 0", p=project_condition(ctx))
    return sql(
        "{person} IN ({known} AND ({profile_id}) UNION ALL SELECT actor_no FROM actor FINAL"
        " WHERE {project} AND {actor_person} NOT IN ({known}) AND ({own_id}))",
        person=person_number(ctx),
        known=known,
        profile_id=compare(Comparison(sql("toString(uuid)"), leaf, None, ctx)),
        project=project_condition(ctx),
        actor_person=person_number(ctx),
        own_id=compare(Comparison(personless_id(ctx), leaf, None, ctx)),
    )


METADATA: dict[str, Callable[[ProjectContext], Sql]] = {  # api T5
    "distinct_id": lambda ctx: sql("distinct_id"),
    "event": lambda ctx: sql("toString(event)"),
    "timestamp": lambda ctx: sql("toString(ts)"),
    "uuid": lambda ctx: sql("toString(uuid)"),
    "person_id": person_id,
    "elements_chain": lambda ctx: sql("elements_chain"),  # ours: the clicks of a correlation (F12)
}


def _cohort_leaf(leaf: PropertyFilter, ctx: ProjectContext, _: Span) -> Sql:
    member = leaf.operator is not Operator.NOT_IN
    return cohort_condition(leaf.value, ctx, member=member != leaf.negation)


def _hogql_leaf(leaf: PropertyFilter, ctx: ProjectContext, span: Span) -> Sql:
    return boolean_expression(leaf.key, ctx, span)


_LEAVES: dict[PropertyType, Callable[[PropertyFilter, ProjectContext, Span], Sql]] = {
    PropertyType.EVENT: _event_leaf,
    PropertyType.PERSON: _person_leaf,
    PropertyType.EVENT_METADATA: _metadata_leaf,
    PropertyType.COHORT: _cohort_leaf,
    PropertyType.ELEMENT: lambda leaf, ctx, _: element_condition(leaf, ctx),
    PropertyType.HOGQL: _hogql_leaf,
}
