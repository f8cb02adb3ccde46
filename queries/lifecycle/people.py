"""The people behind a bucket of a lifecycle: exactly those its status counted (semantics I21)."""

from __future__ import annotations

from queries.actors.actor_set import NOBODY, ActorSet
from queries.actors.coordinates import bucket_at
from queries.errors import InvalidQuery
from queries.lifecycle.compile import Question, actor_activity, states
from queries.lifecycle.node import LifecycleStatus
from queries.sql.fragment import bind, number, sql


def lifecycle_people(question: Question, *, day: object, status: LifecycleStatus | None) -> ActorSet:
    """InvalidQuery at `day` or `status` when one is missing: both name the point."""
    if day is None:
        raise InvalidQuery("This field is required.", code="required", attr="day")
    if status is None:
        raise InvalidQuery("This field is required.", code="required", attr="status")
    if question.series is None or not question.buckets:
        return NOBODY
    period, shown = question.period, question.buckets[1:]
    bucket = bucket_at(str(day), shown, period.interval, period.zone, period.week_start)
    index = question.node.aggregation_group_type_index
    rows = sql(
        "SELECT actor FROM ({actors}) WHERE has({states}, ({status}, toUInt16({place})))",
        actors=actor_activity(question),
        states=states(question),
        status=bind(str(status)),
        place=number(shown.index(bucket) + 1),
    )
    return ActorSet(rows, "person" if index is None else "group", index)
