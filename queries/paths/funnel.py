"""Paths around a step of a funnel: whose events, and which part of them (semantics G23, G24).

The funnel is asked first, with its own range and filters; its actors come with the time of the step, and
the events of a path are those of them that lie on the wanted side of it. An event belongs to the actor who
goes through the funnel, which need not be the one whose path is drawn: a group, say, and its persons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from queries.context import ProjectContext
from queries.errors import QueryError, join_path
from queries.funnels.moments import taken_at, taken_before
from queries.funnels.node import FunnelsActorsQuery, FunnelsQuery
from queries.funnels.people import reached_condition
from queries.funnels.question import Question, understand
from queries.funnels.runs import origin, runs
from queries.parts import Part
from queries.paths.node import FunnelPathsFilter, FunnelPathType
from queries.sql.actors import Actor
from queries.sql.fragment import FALSE, TRUE, Sql, all_of, number, sql

AT = sql("toUnixTimestamp64Micro(ts)")
MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class FunnelPart:
    """What the scan of a path joins and demands because of the funnel that is asked."""

    given: FunnelPathsFilter
    question: Question
    joins: tuple[Sql, ...]
    condition: Sql

    @property
    def gap(self) -> int:
        """Where sessions are cut, in seconds."""
        return self.question.node.funnels_filter.window_seconds

    def in_part(self, part: Part, actor: Actor) -> FunnelPart:
        """Of a part of the path's actors: the same part of the funnel's, if that counts the same ones."""
        if self.question.actor != actor:
            return self
        question = replace(self.question, part=part)
        return FunnelPart(self.given, question, *_events(self.given, question))


def funnel_part(given: FunnelPathsFilter, ctx: ProjectContext, earliest: datetime | None) -> FunnelPart:
    """`earliest` is where an all-time range begins. QueryError with the path into the paths query."""
    node = given.funnel_source.model_copy(update={"breakdown_filter": None})
    try:
        question = understand(node, ctx, earliest)
        joins, condition = _events(given, question)
    except QueryError as error:
        place = ("funnelPathsFilter", "funnelSource")
        raise error.spelled(lambda path: join_path((*place, *path))) from error
    return FunnelPart(given, question, joins, condition)


def _events(given: FunnelPathsFilter, question: Question) -> tuple[tuple[Sql, ...], Sql]:
    if not question.steps or question.period.is_empty:
        return (), FALSE
    actor = question.actor
    join = sql(
        "INNER JOIN ({actors}) AS funnel ON {actor} = funnel.funnel_actor",
        actors=_actors(given, question),
        actor=actor.expression,
    )
    return (join,), all_of([actor.present, _part(given, question.node)])


def _actors(given: FunnelPathsFilter, question: Question) -> Sql:
    """Rows (funnel_actor, target, previous), one an actor: microseconds since 1970 of the step and of the
    one before it. For those who dropped off it is the last step they reached."""
    step, dropped = abs(given.step) - 1, given.step < 0
    point = FunnelsActorsQuery(source=question.node, funnel_step=given.step)
    return sql(
        "SELECT actor AS funnel_actor, {origin} + toInt64({target}) AS target,"
        " {origin} + toInt64({previous}) AS previous"
        " FROM (SELECT actor, times, optional, {before} AS before FROM ({runs}) WHERE {reached})",
        origin=number(origin(question)),
        # Who dropped off after an only step has no step before that one.
        target=sql("before[-1]") if dropped else taken_at(question, step),
        previous=sql("before[if(length(before) > 1, -2, -1)]") if dropped else sql("before[-1]"),
        before=taken_before(question, step),
        runs=runs(question),
        reached=reached_condition(point, question),
    )


def _part(given: FunnelPathsFilter, node: FunnelsQuery) -> Sql:
    """The events of an actor that lie on the wanted side of the step; the step's own is among them."""
    match given.funnel_path_type:
        case FunnelPathType.AFTER_STEP:
            return sql("{at} >= target", at=AT)
        case FunnelPathType.BEFORE_STEP if given.step < 0:
            window = number(node.funnels_filter.window_seconds * MICROSECONDS)
            return sql("{at} <= target + {window}", at=AT, window=window)
        case FunnelPathType.BEFORE_STEP:
            return sql("{at} <= target", at=AT)
        case FunnelPathType.BETWEEN_STEPS:
            return sql("{at} BETWEEN previous AND target", at=AT)
        case _:
            return TRUE
