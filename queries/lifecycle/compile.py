"""LifecycleQuery -> plan: who is new, returning, resurrecting, dormant in each bucket (semantics I10-I21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from queries.context import ProjectContext
from queries.date_labels import days, labels
from queries.date_text import shift_instant
from queries.dates import ResolvedRange, bucket_start, resolve_range
from queries.earliest import with_earliest
from queries.legacy import filter_echo
from queries.lifecycle.node import LifecycleQuery, LifecycleStatus
from queries.nodes import SeriesNode
from queries.plan import Plan, Result, Rows, statement
from queries.sql.activity import Activity, actors_of_bits
from queries.sql.actors import actor_of
from queries.sql.buckets import bucket_index
from queries.sql.events import Span, project_condition, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Bound, Sql, all_of, number, sql
from queries.sql.series import matcher
from queries.trends.question import known_series
from queries.trends.shape import entity, series_name

UNKNOWN_CREATION = 65_535  # an actor whose creation is not known, or not in the range, is never new


@dataclass(frozen=True, slots=True)
class Question:
    """`buckets[0]` is the extra bucket before the range: it tells returning from resurrecting (I14)."""

    node: LifecycleQuery
    ctx: ProjectContext
    period: ResolvedRange
    buckets: tuple[datetime, ...]
    series: SeriesNode | None


def compile_lifecycle(node: LifecycleQuery, ctx: ProjectContext) -> Plan:
    return with_earliest(node, ctx, lambda earliest: plan_of(understand(node, ctx, earliest)))


def understand(node: LifecycleQuery, ctx: ProjectContext, earliest: datetime | None = None) -> Question:
    return question_over(node, ctx, resolve_range(node.date_range, node.interval, ctx, earliest=earliest))


def question_over(node: LifecycleQuery, ctx: ProjectContext, period: ResolvedRange) -> Question:
    """The question about this range."""
    shown = period.buckets()
    before = [_bucket_before(shown[0], period)] if shown else []
    known = known_series(node.series, ctx)
    return Question(node, ctx, period, (*before, *shown), known[0][1] if known else None)


def _bucket_before(first: datetime, period: ResolvedRange) -> datetime:
    """The bucket that ends where `first` begins."""
    last_moment = shift_instant(first, -timedelta(microseconds=1))
    return bucket_start(last_moment, period.interval, period.week_start)


def plan_of(question: Question) -> Plan:
    """The plan of a question that is understood."""
    if question.series is None:
        return Plan((), lambda _: Result(results=[]))
    if not question.buckets:
        return Plan((), lambda _: shape_lifecycle(question, {}))

    def shape(found: Sequence[Rows]) -> Result:
        return shape_lifecycle(question, {(status, place): actors for status, place, actors in found[0].rows})

    return Plan((statement(counts(question)),), shape)


def counts(question: Question) -> Sql:
    """Rows (status, place, actors); what they say of the extra bucket, place 0, means nothing."""
    if _activity(question).is_mask:
        rows = sql(
            "SELECT activity, {created} AS created_in FROM ({actors})",
            created=sql("if(created < {size}, bitShiftLeft(toUInt64(1), created), 0)", size=_size(question)),
            actors=actor_activity(question),
        )
        return actors_of_bits(_STATUS_MASKS, rows, len(question.buckets))
    return sql(
        "SELECT state.1 AS status, state.2 AS place, sum(actors) AS actors FROM"
        # one row: one pattern of activity and creation, and how many actors share it
        " (SELECT activity, created, count() AS actors FROM ({actors}) GROUP BY activity, created)"
        " ARRAY JOIN {states} AS state GROUP BY status, place",
        actors=actor_activity(question),
        states=states(question),
    )


# The rules of `states` on an activity of up to 64 buckets, one bit each.
_BEFORE = sql("bitShiftLeft(activity, 1)")
_NEW = sql("bitAnd(created_in, bitAnd(activity, bitNot(activity) + 1))")  # his lowest bit
_STATUS_MASKS: Mapping[str, Sql] = {
    LifecycleStatus.NEW: _NEW,
    LifecycleStatus.RETURNING: sql("bitAnd(activity, {before})", before=_BEFORE),
    LifecycleStatus.RESURRECTING: sql(
        "bitAnd(activity, bitNot(bitOr({before}, {new})))", before=_BEFORE, new=_NEW
    ),
    LifecycleStatus.DORMANT: sql("bitAnd({before}, bitNot(activity))", before=_BEFORE),
}


def actor_activity(question: Question) -> Sql:
    """One row per actor: `actor`, its `activity` over all buckets, and `created`, the bucket he came in."""
    node, ctx = question.node, question.ctx
    assert question.series is not None
    actor = actor_of(ctx, node.aggregation_group_type_index)
    wanted = matcher(question.series, ctx)
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    per_actor = scan(
        ctx,
        [sql("{a} AS actor", a=actor.expression), sql("{a} AS activity", a=_activity(question).aggregate())],
        span=Span(question.buckets[0], question.period.events_before),
        where=all_of([wanted.condition, actor.present, filters, sql("has_profile = 1")]),  # I19
        tail=sql("GROUP BY actor"),
    )
    return sql(
        "SELECT actor, activity, if(known.owner = actor, known.place, {unknown}) AS created"
        " FROM ({per_actor}) AS active ANY LEFT JOIN ({creations}) AS known ON known.owner = active.actor",
        unknown=sql(f"toUInt16({UNKNOWN_CREATION})"),
        per_actor=per_actor,
        creations=_creations(question),
    )


def _activity(question: Question) -> Activity:
    index = bucket_index(question.period.interval, question.ctx, question.buckets)
    return Activity(index, len(question.buckets))


def _creations(question: Question) -> Sql:
    """Rows (owner, place): the bucket a person or group was created in (semantics I11, I17)."""
    index = bucket_index(question.period.interval, question.ctx, question.buckets, sql("created_at"))
    within = sql(
        "created_at >= fromUnixTimestamp64Micro({first}, 'UTC')",
        first=number(int(question.buckets[0].timestamp()) * 1_000_000),
    )
    group = question.node.aggregation_group_type_index
    project = project_condition(question.ctx)
    if group is None:
        return sql(
            "SELECT person_no AS owner, {index} AS place FROM person FINAL"
            " WHERE {project} AND is_deleted = 0 AND {within}",
            index=index,
            project=project,
            within=within,
        )
    return sql(
        "SELECT group_key AS owner, {index} AS place FROM groups FINAL"
        " WHERE {project} AND group_type_index = {group} AND {within}",
        index=index,
        project=project,
        group=number(group),
        within=within,
    )


def states(question: Question) -> Sql:
    """All (status, place) of one actor, from the columns `activity` and `created`.

    A bucket of activity is new when the actor was made in it and was never active before in scope;
    returning when the bucket before was active too; else resurrecting (I11). A bucket without activity
    after one with it is dormant, if it is shown (I12, I16).
    """
    return sql(
        "arrayConcat("
        "arrayFilter(state -> state.2 > 0, arrayMap((place, before, nth) -> (multiIf("
        "nth = 1 AND place = created, 'new', nth > 1 AND before + 1 = place, 'returning', 'resurrecting'),"
        " place),"
        " {places}, arrayShiftRight({places}, 1), arrayEnumerate({places}))),"
        "arrayMap(place -> ('dormant', toUInt16(place + 1)), arrayFilter((place, after, nth) ->"
        " place + 1 < {size} AND (nth = length({places}) OR after != place + 1),"
        " {places}, arrayShiftLeft({places}, 1), arrayEnumerate({places}))))",
        places=_activity(question).positions("activity"),
        size=_size(question),
    )


def _size(question: Question) -> Bound:
    return number(len(question.buckets))


def shape_lifecycle(question: Question, numbers: Mapping[tuple[str, int], int]) -> Result:
    """Four series in the order of the statuses, zero-filled; dormant is negative (I12, I18)."""
    assert question.series is not None
    shown = question.buckets[1:]
    interval = question.period.interval
    action = entity(question.ctx, question.series, 0) | {"days": [bucket.isoformat() for bucket in shown]}
    name = series_name(question.ctx, question.series)
    results = [
        _series(status, name, _data(status, len(shown), numbers))
        | {
            "action": action,
            "labels": labels(shown, question.period, "current"),
            "days": days(shown, interval),
            "filter": filter_echo(question.node),
        }
        for status in LifecycleStatus
    ]
    period = question.period
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    return Result(results=results, resolved_date_range=dates)


def _series(status: LifecycleStatus, name: str, data: list[int]) -> dict[str, Any]:
    return {"label": f"{name} - {status}", "status": str(status), "data": data, "count": sum(data)}


def _data(status: LifecycleStatus, size: int, numbers: Mapping[tuple[str, int], int]) -> list[int]:
    sign = -1 if status is LifecycleStatus.DORMANT else 1
    return [sign * numbers.get((str(status), place), 0) for place in range(1, size + 1)]
