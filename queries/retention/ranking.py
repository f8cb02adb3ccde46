"""The values of a breakdown that are shown, and the rest as one (semantics H15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from queries.plan import Plan, Rows, statement
from queries.retention.cells import cells, counted_cells
from queries.retention.patterns import has_one_value, ranked_patterns
from queries.retention.question import Question, Value
from queries.retention.rollup import fits_rollup, rollup_cells
from queries.sql.breakdowns import OTHER
from queries.sql.fragment import Sql, number, sql


def ranked_cells(question: Question) -> Sql:
    """Rows (place, breakdown, row, column, actors, amount): of the largest values, and of one place beyond
    the limit: all the rest, or with amounts, which do not add up, to tell that there are more. Values rank
    by the actors of all their cohorts, ties by value."""
    if question.breakdown is None:
        found = rollup_cells(question) if fits_rollup(question) else cells(question)
        return sql("SELECT toUInt64(1) AS place, * FROM ({found})", found=found)
    limit = limit_of(question)
    last = None if limit is None else limit + 1
    if not question.has_amounts and not has_one_value(question):
        return counted_cells(question, ranked_patterns(question, last), sql("place, breakdown"))
    ranked = sql(
        "SELECT *, dense_rank() OVER (ORDER BY size DESC, breakdown) AS place FROM"
        " (SELECT *, sum(if(column = 0, actors, 0)) OVER (PARTITION BY breakdown) AS size FROM ({found}))",
        found=cells(question),
    )
    if last is not None and not question.has_amounts:
        return _with_rest(ranked, last)
    return sql(
        "SELECT place, breakdown, row, column, actors, amount FROM ({ranked}) {limited}",
        ranked=ranked,
        limited=sql("") if last is None else sql("WHERE place <= {last}", last=number(last)),
    )


def _with_rest(ranked: Sql, last: int) -> Sql:
    """With one value an actor cells add up."""
    return sql(
        "SELECT least(rank, {last}) AS place, if(place = {last}, [{other}], any(value)) AS breakdown,"
        " row, column, sum(cell) AS actors, toFloat64(0) AS amount"
        " FROM (SELECT place AS rank, breakdown AS value, row, column, actors AS cell FROM ({ranked}))"
        " GROUP BY place, row, column",
        last=number(last),
        other=sql(f"'{OTHER}'"),
        ranked=ranked,
    )


def limit_of(question: Question) -> int | None:
    """How many values are shown; None for cohorts, which always are (semantics D42)."""
    chosen = question.breakdown
    return None if chosen is None or chosen.cohorts else chosen.limit()


def values_of(question: Question, found: Rows) -> tuple[list[Value], bool]:
    """The values within the limit, in order, and whether there are others."""
    places = {int(row[0]): tuple(map(str, row[1])) for row in found.rows}
    limit = limit_of(question)
    shown = [places[place] for place in sorted(places)]
    return (shown, False) if limit is None else (shown[:limit], len(shown) > limit)


def other_cells(question: Question, shown: Sequence[Value]) -> Sql:
    """The cells of everything but these values: an actor with several of the rest counts once a cell."""
    rest = replace(question, apart=tuple(shown))
    return sql(
        "SELECT toUInt64(0) AS place, * FROM ({found}) WHERE breakdown = [{other}]",
        found=cells(rest),
        other=sql(f"'{OTHER}'"),
    )


def with_values_of_other(question: Question, value: Value | None, use: Callable[[Question], Plan]) -> Plan:
    """`use` of the question; when `value` is "other", after looking up which values are not part of it."""
    if value != (OTHER,) or question.breakdown is None or question.is_empty:
        return use(question)

    def known(found: Sequence[Rows]) -> Plan:
        shown, _ = values_of(question, found[0])
        return use(replace(question, apart=tuple(shown)))

    return Plan((statement(ranked_cells(question)),), known)
