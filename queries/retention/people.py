"""The people behind a row or a cell of a retention table (semantics H22)."""

from __future__ import annotations

from queries.actors.actor_set import ActorSet
from queries.errors import InvalidQuery
from queries.retention.cells import columns_of_row
from queries.retention.patterns import actor_patterns
from queries.retention.question import Question
from queries.sql.fragment import TRUE, Sql, number, sql, strings


def retention_people(
    question: Question, *, row: int | None, column: int | None, breakdown: tuple[str, ...] | None
) -> ActorSet:
    """The actors of cohort interval `row`, with `appearances` (0 or 1 for each of its columns, the first
    always 1), most faithful first; with `column` only those counted in that cell. A breakdown value
    without a row means its cohorts of all periods together (H15).
    """
    place = row or 0
    if not 0 <= place < len(question.starts):
        raise InvalidQuery(f"There is no interval {place}.", attr="interval")
    all_rows = row is None and breakdown is not None
    shown = question.columns if question.bounds else min(question.columns, len(question.starts) - place)
    if column is not None and not 0 <= column < question.columns:
        raise InvalidQuery(f"There is no column {column}.", attr="returning_interval")
    members = sql(
        "SELECT actor, row, {columns} AS columns FROM ({patterns}) ARRAY JOIN joined AS row"
        " WHERE {in_row} AND {value}",
        columns=columns_of_row(question),
        patterns=actor_patterns(question),
        in_row=TRUE if all_rows else sql("row = {row}", row=number(place)),
        value=_value(breakdown),
    )
    rows = sql(
        "SELECT actor, arrayMap(place -> toUInt8(has(any_columns, toInt32(place))), range({shown}))"
        " AS appearances"
        " FROM (SELECT actor, groupUniqArrayArray(columns) AS any_columns FROM ({members}) GROUP BY actor)"
        " WHERE {in_cell}",
        shown=number(shown),
        members=members,
        in_cell=TRUE if column is None else sql("has(any_columns, toInt32({column}))", column=number(column)),
    )
    index = question.node.aggregation_group_type_index
    return ActorSet(
        rows,
        question.actor.kind,
        index,
        order=sql("arraySum(appearances) DESC, actor DESC"),
        extra=("appearances",),
    )


def _value(breakdown: tuple[str, ...] | None) -> Sql:
    return TRUE if breakdown is None else sql("breakdown = {value}", value=strings(breakdown))
