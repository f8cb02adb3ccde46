"""Who is in a dynamic cohort now: its filter tree as one statement over persons (semantics B26-B34).

Every leaf is a set of person numbers, the tree combines them. Everybody who has a profile or has done
anything is a candidate, so "at most once" and negations include those who did nothing (B27, B28).
Windows end at `ctx.now`, which is not part of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

from queries.cohort_definition import (
    Ago,
    BehaviourLeaf,
    CohortLeaf,
    Group,
    Leaf,
    Matched,
    PersonLeaf,
    read_cohort,
)
from queries.context import ProjectContext
from queries.date_text import read_date
from queries.errors import InvalidQuery
from queries.sql.actions import action_condition, action_events
from queries.sql.actors import person_number
from queries.sql.cohorts import stored_members
from queries.sql.events import Span, event_names, project_condition, scan
from queries.sql.filters import filter_condition, person_members
from queries.sql.fragment import FALSE, TRUE, Sql, all_of, any_of, bind, instant, join, not_, number, sql
from queries.vocabulary import GroupOperator

_PERSON = sql("person_no")


def cohort_members(filters: object, ctx: ProjectContext) -> Sql:
    """`SELECT person_no` of everybody the tree holds for; an empty tree holds for nobody.

    InvalidQuery for a tree that breaks a rule, UnknownReference for an action the project does not have.
    """
    condition = _condition(read_cohort(filters), ctx, ())
    if condition == FALSE:
        return sql("SELECT person_no FROM person WHERE 0")
    return sql(
        "SELECT person_no FROM ({candidates}) WHERE {condition}",
        candidates=_candidates(ctx),
        condition=condition,
    )


def _candidates(ctx: ProjectContext) -> Sql:
    profiles = sql(
        "SELECT person_no FROM person FINAL WHERE {project} AND is_deleted = 0",
        project=project_condition(ctx),
    )
    active = scan(ctx, [sql("DISTINCT {person} AS person_no", person=person_number(ctx))])
    return sql("{profiles} UNION DISTINCT {active}", profiles=profiles, active=active)


Circle = tuple[int, ...]  # the cohorts being evaluated, outermost first


def _condition(node: Group | Leaf, ctx: ProjectContext, circle: Circle) -> Sql:
    """The node as a condition on the column `person_no`."""
    if isinstance(node, Group):
        if not node.values:
            return FALSE  # B26
        combine = all_of if node.type is GroupOperator.AND else any_of
        return combine(_condition(value, ctx, circle) for value in node.values)
    condition = _leaf_condition(node, ctx, circle)
    return not_(condition) if node.negated else condition


def _leaf_condition(leaf: Leaf, ctx: ProjectContext, circle: Circle) -> Sql:
    match leaf:
        case PersonLeaf(filter=wanted):
            return person_members(wanted, ctx, _PERSON)
        case CohortLeaf(cohort_id=cohort_id):
            return _other_cohort(cohort_id, ctx, circle)
        case BehaviourLeaf():
            return _BEHAVIOURS[leaf.kind](leaf, ctx)


def _other_cohort(cohort_id: int, ctx: ProjectContext, circle: Circle) -> Sql:
    """A static cohort by its stored members, a dynamic one by its own definition, as of now (B26)."""
    cohort = ctx.cohorts.get(cohort_id)
    if cohort is None:
        return FALSE  # C29
    if cohort_id in circle:
        raise InvalidQuery(f"Cohort {cohort_id} contains itself.", attr="properties")
    if not cohort.is_static and cohort.filters is not None:
        return _condition(read_cohort(cohort.filters), ctx, (*circle, cohort_id))
    if cohort.version is None:
        return FALSE
    return sql("person_no IN ({members})", members=stored_members(cohort.id, cohort.version, ctx))


# --- behaviours: conditions on `person_no` ----------------------------------------------------------


def _who(events: Matched, ctx: ProjectContext, span: Span, having: Sql = TRUE) -> Sql:
    """Persons with such events in the span, whose events together meet `having`."""
    tail = sql("GROUP BY person") if having == TRUE else sql("GROUP BY person HAVING {h}", h=having)
    person = sql("{person} AS person", person=person_number(ctx))
    rows = scan(ctx, [person], span=span, events=_names(events, ctx), where=_matches(events, ctx), tail=tail)
    return sql("person_no IN (SELECT person FROM ({rows}))", rows=rows)


def _names(events: Matched, ctx: ProjectContext) -> tuple[str, ...] | None:
    return (events.event,) if events.event is not None else action_events(_action(events), ctx)


def _matches(events: Matched, ctx: ProjectContext) -> Sql:
    if events.event is not None:
        named = event_names([events.event])
    else:
        named = action_condition(_action(events), ctx)
    return all_of([named, filter_condition(events.filters, ctx)])


def _action(events: Matched) -> int:
    assert events.action_id is not None  # one of the two is given
    return events.action_id


def _since(leaf: BehaviourLeaf, ctx: ProjectContext) -> datetime:
    if leaf.since is not None:
        return read_date(leaf.since, ctx, attr="explicit_datetime").at
    assert leaf.window is not None
    return _before_now(leaf.window, ctx)


def _before_now(span: Ago, ctx: ProjectContext) -> datetime:
    return read_date(span.text, ctx).at


def _between(after: datetime, before: datetime) -> Sql:
    """after < t < before"""
    return sql("ts > {after} AND ts < {before}", after=instant(after), before=instant(before))


def _performed(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B28: now - N < t < now."""
    return _performed_multiple(leaf, ctx)


def _performed_multiple(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B28. Where zero events qualify, the set holds those whose number does not, and is negated."""
    inside = _between(_since(leaf, ctx), ctx.now)
    holds = sql(f"countIf({{inside}}) {leaf.operator} {{count}}", inside=inside, count=number(leaf.count))
    span = Span(_since(leaf, ctx), ctx.now)
    if _holds_for_zero(leaf):
        return not_(_who(leaf.events, ctx, span, not_(holds)))
    return _who(leaf.events, ctx, span, holds)


_ZERO: dict[str, Callable[[int], bool]] = {
    ">=": lambda count: count <= 0,
    "<=": lambda count: count >= 0,
    ">": lambda count: count < 0,
    "<": lambda count: count > 0,
    "=": lambda count: count == 0,
}


def _holds_for_zero(leaf: BehaviourLeaf) -> bool:
    return _ZERO[leaf.operator](leaf.count)


def _first_time(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B29: the first such event of all time lies in now - N <= first < now."""
    having = sql(
        "min(ts) >= {since} AND min(ts) < {now}", since=instant(_since(leaf, ctx)), now=instant(ctx.now)
    )
    return _who(leaf.events, ctx, Span(), having)


def _edges(leaf: BehaviourLeaf, ctx: ProjectContext) -> tuple[Sql, Sql, Sql]:
    assert leaf.window is not None and leaf.within is not None
    start, turn = _before_now(leaf.window, ctx), _before_now(leaf.within, ctx)
    return instant(start), instant(turn), instant(ctx.now)


def _stopped(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B30: some in (now - N, now - seqN], none in (now - seqN, now]."""
    start, turn, now = _edges(leaf, ctx)
    having = sql(
        "countIf(ts > {start} AND ts <= {turn}) > 0 AND countIf(ts > {turn} AND ts <= {now}) = 0",
        start=start, turn=turn, now=now,
    )  # fmt: skip
    return _who(leaf.events, ctx, Span(), having)


def _restarted(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B31: some at or before now - N, none in (now - N, now - seqN], some in (now - seqN, now]."""
    start, turn, now = _edges(leaf, ctx)
    having = sql(
        "countIf(ts <= {start}) > 0 AND countIf(ts > {start} AND ts <= {turn}) = 0"
        " AND countIf(ts > {turn} AND ts <= {now}) > 0",
        start=start, turn=turn, now=now,
    )  # fmt: skip
    return _who(leaf.events, ctx, Span(), having)


def _regularly(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B32: in at least k of n periods ending at now the number of events satisfies the operator."""
    assert leaf.window is not None
    edges = [_before_now(leaf.window.times(place), ctx) for place in range(leaf.periods, 0, -1)]
    edges.append(ctx.now)
    holds = join(
        " + ",
        (
            sql(
                f"(countIf({{inside}}) {leaf.operator} {{count}})",
                inside=_from_until(after, before),
                count=number(leaf.count),
            )
            for after, before in pairwise(edges)
        ),
    )
    having = sql("({holds}) >= {least}", holds=holds, least=number(leaf.least_periods))
    span = Span(edges[0], ctx.now)
    if _holds_for_zero(leaf):  # persons without events have n periods that hold, and n >= k
        return not_(_who(leaf.events, ctx, span, not_(having)))
    return _who(leaf.events, ctx, span, having)


def _from_until(first: datetime, before: datetime) -> Sql:
    return sql("ts >= {first} AND ts < {before}", first=instant(first), before=instant(before))


def _sequence(leaf: BehaviourLeaf, ctx: ProjectContext) -> Sql:
    """B33: some X in the window with a Y strictly later, no later than X + seqN."""
    assert leaf.then is not None and leaf.within is not None
    first = all_of([_matches(leaf.events, ctx), _between(_since(leaf, ctx), ctx.now)])
    names = _names_of_both(leaf.events, leaf.then, ctx)
    inner = scan(
        ctx,
        [
            sql("{person} AS person", person=person_number(ctx)),
            sql("groupArrayIf(ts, {first}) AS firsts", first=first),
            sql("arraySort(groupArrayIf(ts, {then})) AS followers", then=_matches(leaf.then, ctx)),
        ],
        span=Span(_since(leaf, ctx), ctx.now),
        events=names,
        tail=sql("GROUP BY person"),
    )
    return sql(
        "person_no IN (SELECT person FROM ({inner}) WHERE arrayExists("
        "x -> arrayExists(y -> y > x AND y <= x + {within}, followers), firsts))",
        inner=inner,
        within=sql(f"toInterval{leaf.within.unit.capitalize()}({{n}})", n=bind(leaf.within.number, "UInt32")),
    )


def _names_of_both(one: Matched, other: Matched, ctx: ProjectContext) -> tuple[str, ...] | None:
    first, second = _names(one, ctx), _names(other, ctx)
    return None if first is None or second is None else (*first, *second)


_BEHAVIOURS: dict[str, Callable[[BehaviourLeaf, ProjectContext], Sql]] = {
    "performed_event": _performed,  # B28
    "performed_event_multiple": _performed_multiple,  # B28
    "performed_event_first_time": _first_time,  # B29
    "stopped_performing_event": _stopped,  # B30
    "restarted_performing_event": _restarted,  # B31
    "performed_event_regularly": _regularly,  # B32
    "performed_event_sequence": _sequence,  # B33
}
