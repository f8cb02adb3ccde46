"""One pass over the events: each actor's marks, and whose breakdown value they count for.

Rows out: (actor, value, marks); without a breakdown `value` is the empty array. `marks` are in no order
and hold those of exclusions too.
"""

from __future__ import annotations

from queries.funnels.attribution import UNDIVIDED, Attributed, attributed
from queries.funnels.marking import Marking
from queries.funnels.question import Question
from queries.parts import within
from queries.sql.events import event_names, scan
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, any_of, join, sql
from queries.sql.sampling import sample
from queries.sql.series import Matcher


def marks(question: Question, marking: Marking) -> Sql:
    """Rows (actor, value, marks) of every actor who can matter."""
    how = attributed(question)
    return how.spread(_in_large_blocks(_grouped(question, marking, how)), marking.without_step)


def _in_large_blocks(rows: Sql) -> Sql:
    """The same rows. The store groups many actors in 256 parts and hands on each as a block of its own; all
    that follows costs a block so much, however few actors are in it. A join hands on blocks of half a
    megabyte. This one finds nothing; its column keeps conditions of later on from being tried before it."""
    return sql(
        "SELECT grouped.* EXCEPT step_marks, arrayConcat(grouped.step_marks, nothing.marks) AS step_marks"
        " FROM ({rows}) AS grouped ANY LEFT JOIN (SELECT toUInt64(0) AS size, emptyArrayUInt8() AS marks)"
        " AS nothing ON length(grouped.step_marks) = nothing.size",
        rows=rows,
    )


def _grouped(question: Question, marking: Marking, how: Attributed) -> Sql:
    """One row: one actor (and one value, if the funnel is run per value)."""
    columns = [
        sql("actor"),
        *how.aggregates(marking),
        *(
            sql(f"groupArrayIf({{mark}}, excluded_{place}) AS excluded_marks_{place}", mark=mark)
            for place, mark in enumerate(marking.exclusions)
        ),
    ]
    excluded = [sql(f"excluded_marks_{place}") for place in range(len(marking.exclusions))]
    grouped = sql(
        "SELECT {columns} FROM ({events}) GROUP BY {keys} HAVING {matters}",
        columns=join(", ", columns),
        events=events(question, marking, how),
        keys=join(", ", [sql("actor"), *how.keys]),
        matters=_matters(question, marking),
    )
    if not excluded:
        return grouped
    kept = [sql("actor"), *how.kept]
    return sql(
        "SELECT {kept}, arrayConcat(step_marks, {excluded}) AS step_marks FROM ({grouped})",
        kept=join(", ", kept),
        excluded=join(", ", excluded),
        grouped=grouped,
    )


def _matters(question: Question, marking: Marking) -> Sql:
    """Who never took the first step is in no ordered funnel."""
    return sql("countIf({test}) > 0", test=marking.step if question.is_unordered else marking.entry)


def events(question: Question, marking: Marking, how: Attributed = UNDIVIDED) -> Sql:
    """One row: one event that matters, with its actor, moment and code."""
    node, ctx, actor = question.node, question.ctx, question.actor
    columns = [
        sql("{actor} AS actor", actor=actor.expression),
        sql("{moment} AS moment", moment=marking.moment),
        sql("{code} AS code", code=marking.code),
        *how.columns,
        *(
            sql(f"({{condition}}) AS excluded_{place}", condition=excluded.events.condition)
            for place, excluded in enumerate(question.exclusions)
        ),
    ]
    return scan(
        ctx,
        columns,
        span=question.span,
        events=question.scanned_names(),
        where=all_of(
            [
                _relevant(question),
                event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts),
                actor.present,
                sample(node.sampling_factor, actor),
                within(question.part, actor),
            ]
        ),
        joins=how.joins,
    )


def _relevant(question: Question) -> Sql:
    """Events that take a step or are excluded; where names alone say so, nothing more is tested."""
    if question.is_strict:
        return TRUE
    matchers = [*question.steps, *(excluded.events for excluded in question.exclusions)]
    if all(_is_only_named(found) for found in matchers):
        return TRUE
    return any_of(found.condition for found in matchers)


def _is_only_named(found: Matcher) -> bool:
    return found.names is not None and found.condition == event_names(list(found.names))
