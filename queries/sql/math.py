"""The math table: what each math counts in one cell, and how the rest is merged into "other".

Semantics D5-D19, D37. A cell is one bucket, or one bucket of one breakdown value. An aggregate is kept as
a function and its arguments, so that the same row serves a series with a scan of its own (`sum(x)`) and
one that shares a scan with others (`sumIf(x, condition)`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from queries.context import ProjectContext
from queries.errors import InvalidQuery
from queries.nodes import SeriesNode
from queries.sql.actors import GROUP_COLUMNS, Actor, person_number
from queries.sql.filters import stored_event_property
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, sql
from queries.sql.operators import number_of
from queries.sql.owners import group_values, owner_join, person_values
from queries.vocabulary import Math, MathPropertyType


class Merge(StrEnum):
    """How the cells of the values beyond the limit become one (semantics D37)."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`function(parameters)(arguments)` over the rows meeting `only`."""

    function: str
    arguments: tuple[Sql, ...] = ()
    parameters: str = ""
    only: Sql = TRUE

    def where(self, condition: Sql) -> Sql:
        """The aggregate over the rows that also meet `condition`."""
        combined = all_of([condition, self.only])
        if combined == TRUE:
            template = f"{self.function}{self.parameters}({{arguments}})"
            return sql(template, arguments=join(", ", self.arguments))
        template = f"{self.function}If{self.parameters}({{arguments}})"
        return sql(template, arguments=join(", ", (*self.arguments, combined)))


@dataclass(frozen=True, slots=True)
class MathRow:
    """One math: its aggregate for a series, how cells merge, and whether counting people makes it."""

    aggregate: Callable[[SeriesNode, Actor, ProjectContext, int], Aggregate]
    other: Merge = Merge.SUM
    counts_actors: bool = False
    scaled_by_sampling: bool = True


def _count(*_: object) -> Aggregate:
    return Aggregate("count")


def _actors(_: SeriesNode, actor: Actor, *__: object) -> Aggregate:
    return Aggregate("uniqExact", (actor.expression,), only=actor.present)


def _sessions(*_: object) -> Aggregate:
    return Aggregate("uniqExact", (sql("session_id"),), only=sql("session_id != ''"))  # D9, B11


def _groups(series: SeriesNode, *_: object) -> Aggregate:
    if series.math_group_type_index is None:
        raise InvalidQuery(
            "The math unique_group needs math_group_type_index.",
            code="required",
            attr="math_group_type_index",
        )
    column = GROUP_COLUMNS[series.math_group_type_index]
    return Aggregate("uniqExact", (column,), only=sql("{column} != ''", column=column))  # D8, B9


def _over_property(
    function: str, parameters: str = ""
) -> Callable[[SeriesNode, Actor, ProjectContext, int], Aggregate]:
    def aggregate(series: SeriesNode, _: Actor, ctx: ProjectContext, place: int) -> Aggregate:
        return Aggregate(function, (math_number(series, ctx, place),), parameters)

    return aggregate


def math_number(series: SeriesNode, ctx: ProjectContext, place: int) -> Sql:
    """The numeric value of an event for a property math, NULL where it has none (semantics D15, D17).

    `place` tells apart the joins of several series in one scan (`math_joins`).
    """
    key = series.math_property
    if key is None:
        raise InvalidQuery("This math needs a math_property.", code="required", attr="math_property")
    if math_joins(series, ctx, place):
        return number_of(sql(f"number_{place}.stored"))
    if series.math_property_type is MathPropertyType.PERSON:
        return number_of(sql("person_props[{key}]", key=bind(key)))
    if key == "$time":
        return sql("toFloat64(ts)")
    return number_of(stored_event_property(key, ctx))


def math_joins(series: SeriesNode, ctx: ProjectContext, place: int) -> tuple[Sql, ...]:
    """What a scan must join to read the number of a person or of a group (semantics B6, D17)."""
    read = _SIDES.get(series.math_property_type) if series.math_property_type else None
    if read is None or series.math_property is None or series.effective_math not in PROPERTY_MATHS:
        return ()
    return read(series, ctx, f"number_{place}")


def _person_side(series: SeriesNode, ctx: ProjectContext, alias: str) -> tuple[Sql, ...]:
    if ctx.person_properties_mode == "on_events":
        return ()
    return (owner_join(person_values(series.math_property or "", ctx), person_number(ctx), alias),)


def _group_side(series: SeriesNode, ctx: ProjectContext, alias: str) -> tuple[Sql, ...]:
    index = series.math_group_type_index or 0
    key = sql("toString({column})", column=GROUP_COLUMNS[index])
    return (owner_join(group_values(series.math_property or "", index, ctx), key, alias),)


_SIDES: dict[MathPropertyType, Callable[[SeriesNode, ProjectContext, str], tuple[Sql, ...]]] = {
    MathPropertyType.PERSON: _person_side,
    MathPropertyType.GROUP: _group_side,
}


# Property statistics read values that may be NULL (skipped) and give 0 when there is none (D15).
# Percentiles interpolate between closest ranks and are exact, so that an answer never varies (D16).
MATHS: dict[Math, MathRow] = {
    Math.TOTAL: MathRow(_count),  # D5
    Math.DAU: MathRow(_actors, counts_actors=True),  # D6
    Math.UNIQUE_SESSION: MathRow(_sessions),  # D9
    Math.UNIQUE_GROUP: MathRow(_groups, counts_actors=True),  # D8
    Math.SUM: MathRow(_over_property("sumKahan")),  # D10; compensated, so the order of rows changes nothing
    Math.AVG: MathRow(_over_property("avg"), scaled_by_sampling=False),
    Math.MIN: MathRow(_over_property("min"), other=Merge.MIN, scaled_by_sampling=False),
    Math.MAX: MathRow(_over_property("max"), other=Merge.MAX, scaled_by_sampling=False),
    Math.MEDIAN: MathRow(_over_property("quantileExactInclusive", "(0.5)"), scaled_by_sampling=False),
    Math.P75: MathRow(_over_property("quantileExactInclusive", "(0.75)"), scaled_by_sampling=False),
    Math.P90: MathRow(_over_property("quantileExactInclusive", "(0.9)"), scaled_by_sampling=False),
    Math.P95: MathRow(_over_property("quantileExactInclusive", "(0.95)"), scaled_by_sampling=False),
    Math.P99: MathRow(_over_property("quantileExactInclusive", "(0.99)"), scaled_by_sampling=False),
}

PROPERTY_MATHS = frozenset(MATHS) - {Math.TOTAL, Math.DAU, Math.UNIQUE_SESSION, Math.UNIQUE_GROUP}


def as_number(value: Sql) -> Sql:
    """An aggregate as a finite Float64: nothing to aggregate is 0 (semantics D15, J6)."""
    return sql("ifNotFinite(ifNull(toFloat64({value}), 0), 0)", value=value)
