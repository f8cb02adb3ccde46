"""The cells of a retention table: one scan, one row per actor, then offsets between periods.

patterns    actors with the same (value, joined, returned) are one row with a count
cells       each joined period i and return r > i give the cell (i, r - i); (i, 0) is the cohort itself
"""

from __future__ import annotations

from queries.retention.patterns import actor_patterns
from queries.retention.question import Question
from queries.sql.fragment import Sql, bind, number, sql


def cells(question: Question) -> Sql:
    """Rows (breakdown, row, column, actors, amount); rows are breakdown values when asked by value (H15)."""
    if question.has_amounts:
        return _cells_with_amounts(question)
    return counted_cells(question, actor_patterns(question), sql("breakdown"))


def counted_cells(question: Question, patterns: Sql, keys: Sql) -> Sql:
    """Rows (keys, row, column, actors, amount) of rows (keys, joined, returned), one per actor."""
    return sql(
        "SELECT {keys}, row, column, sum(actors) AS actors, toFloat64(0) AS amount FROM"
        " (SELECT {keys}, joined, returned, count() AS actors FROM ({patterns})"
        " GROUP BY {keys}, joined, returned)"
        " {row} ARRAY JOIN {columns} AS column GROUP BY {keys}, row, column",
        keys=keys,
        patterns=patterns,
        row=_row(question),
        columns=_columns(question),
    )


def _row(question: Question) -> Sql:
    """Every joined period is a row; by value all of them are the only one."""
    return sql("ARRAY JOIN {rows} AS row", rows=sql("[toUInt16(0)]" if question.is_by_value else "joined"))


def _columns(question: Question) -> Sql:
    if not question.is_by_value:
        return columns_of_row(question)
    return sql(
        "arrayDistinct(arrayFlatten(arrayMap(row -> {columns}, joined)))", columns=columns_of_row(question)
    )


def columns_of_row(question: Question) -> Sql:
    """The columns in which an actor of `row` counts, from `returned`, sorted and without repeats.

    Coming back within the cohort's own period counts for no column (semantics H8).
    """
    offsets = sql(
        "arrayFilter(offset -> offset > 0 AND offset <= {last}, arrayMap(place ->"
        " toInt32(place) - toInt32(row), returned))",
        last=number(question.lookahead),
    )
    if question.bounds:  # H18
        offsets = sql(
            "arrayDistinct(arrayMap(offset -> {bracket}, {offsets}))",
            bracket=_bracket(question),
            offsets=offsets,
        )
    if question.options.cumulative:  # H16
        offsets = sql("range(1, toInt32(arrayMax(arrayPushBack({offsets}, 0))) + 1)", offsets=offsets)
    return sql("arrayConcat([toInt32(0)], arrayMap(place -> toInt32(place), {offsets}))", offsets=offsets)


def _bracket(question: Question) -> Sql:
    """The column of `offset` among custom brackets; 0 beyond the last."""
    return sql(
        "toInt32(arrayFirstIndex(bound -> offset <= bound, {bounds}))",
        bounds=bind(question.bounds, "Array(Int32)"),
    )


# --- a property added up in each cell (H20) ------------------------------------------------------------


def _cells_with_amounts(question: Question) -> Sql:
    """Column 0 adds up the target events of the row's period (with a breakdown those of its value), the
    others the returning events of the periods in which the actor counts as returned."""
    return sql(
        "SELECT breakdown, row, column, count() AS actors, sum(if(column = 0,"
        " arraySum(arrayMap(entry -> entry.2, arrayFilter(entry -> {of_row}{of_value}, joined_amounts))),"
        " arraySum(arrayMap(entry -> entry.2, arrayFilter(entry -> has(returned, entry.1) AND {in_column},"
        " returned_amounts))))) AS amount"
        " FROM ({per_actor}) {row} ARRAY JOIN {columns} AS column GROUP BY breakdown, row, column",
        of_row=sql("has(joined, entry.1)") if question.is_by_value else sql("entry.1 = row"),
        of_value=sql(" AND has(entry.3, breakdown)") if question.breakdown else sql(""),
        in_column=_in_column(question),
        per_actor=actor_patterns(question, amounts=True),
        row=_row(question),
        columns=_columns(question),
    )


def _in_column(question: Question) -> Sql:
    """Whether the period of `entry` is part of `column` of the row, or by value of any of them."""
    column = sql("offset")
    if question.bounds:
        column = _bracket(question)
    test = sql(
        "arrayExists(offset -> offset > 0 AND offset <= {last} AND {column} {is_} column,"
        " [toInt32(entry.1) - toInt32(row)])",
        last=number(question.lookahead),
        column=column,
        is_=sql(">=" if question.options.cumulative else "="),
    )
    return sql("arrayExists(row -> {test}, joined)", test=test) if question.is_by_value else test
