"""How one event of an actor becomes an integer, and what the scan must know about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queries.funnels.question import Question
from queries.funnels.units import Units, u64
from queries.sql.fragment import Bound, Sql, join, sql


@dataclass(frozen=True, slots=True)
class Marking:
    """A *mark* is an event as one integer: the unit itself where no event can take two steps, else it
    carries the set of steps the event might take.

    `moment` and `code` are computed from the event; `mark`, `entry` and `step` from columns of these
    names: the mark, whether it can begin an attempt, whether it takes any step. `exclusions` are the marks
    of an event as exclusion, one per range. `without_step[k]` is what becomes of the mark `found.1` when it
    shall not take step k.
    """

    moment: Sql
    code: Sql
    mark: Sql
    entry: Sql
    step: Sql
    exclusions: tuple[Sql, ...]
    without_step: tuple[Sql, ...]


def coded(question: Question, units: Units, conditions: Sequence[Sql], places: Sequence[int]) -> Marking:
    """Marks that are units. `conditions` exclude each other; `places[k]` is the one that step k has."""
    mark, code = sql("moment"), sql("code")
    return Marking(
        moment=units.moment(),
        code=first_match(
            conditions, [u64(units.code_of(k)) for k in range(len(conditions))], u64(units.foreign)
        ),
        mark=units.unit(mark, code),
        entry=sql("code = {first}", first=u64(units.code_of(0))),
        step=sql("code > {foreign}", foreign=u64(units.foreign)),
        exclusions=tuple(
            units.unit(mark, sql("{code}", code=u64(place))) for place in range(len(question.exclusions))
        ),
        without_step=tuple(
            sql("toUInt64(found.1 - {code})", code=u64(units.code_of(place) - units.foreign))
            for place in places
        ),
    )


def first_match(conditions: Sequence[Sql], codes: Sequence[Bound], otherwise: Bound) -> Sql:
    """The code of the first condition that holds."""
    pairs = [
        sql("{condition}, {code}", condition=condition, code=code)
        for condition, code in zip(conditions, codes, strict=True)
    ]
    return sql("multiIf({pairs}, {otherwise})", pairs=join(", ", pairs), otherwise=otherwise)
