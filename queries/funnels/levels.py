"""How far each actor gets, where nobody asks when: correlation with what actors are."""

from __future__ import annotations

from queries.funnels.marking import coded
from queries.funnels.marks import events
from queries.funnels.overlap import may_share_events
from queries.funnels.question import Question
from queries.funnels.runs import runs
from queries.funnels.units import u64, units_of
from queries.sql.fragment import Sql, join, sql

MOST_STEPS = 32  # of the store's windowFunnel


def levels(question: Question) -> Sql:
    """Rows (actor, level[, ...]), as those of `runs`."""
    return _in_the_store(question) if _is_plain(question) else runs(question)


def _is_plain(question: Question) -> bool:
    """The store's own funnel extends the latest attempt too, the end of the window included (semantics E4,
    E6), but it lets an event take several steps and knows none that can be left out."""
    return not (
        question.is_unordered
        or question.is_strict
        or question.exclusions
        or question.optional
        or question.breakdown
        or len(question.steps) > MOST_STEPS
        or may_share_events(question)
    )


def _in_the_store(question: Question) -> Sql:
    """At one instant it takes lower steps first, like units do."""
    units = units_of(question)
    conditions = [step.condition for step in question.steps]
    codes = (sql("code = {code}", code=u64(units.code_of(step))) for step in range(len(conditions)))
    return sql(
        f"SELECT actor, windowFunnel({question.window})(moment, {{codes}}) AS level"
        " FROM ({events}) GROUP BY actor HAVING level > 0",
        codes=join(", ", codes),
        events=events(question, coded(question, units, conditions, range(len(conditions)))),
    )
