"""RetentionQuery -> plan: one scan, one row per actor, then offsets between activity patterns (semantics H).

scan        actor | starts: periods in which he joined | returns: periods in which he came back
patterns    actors with the same (value, starts, returns) are one row with a count
cells       each start i and return r > i give the cell (i, r - i); (i, 0) is the cohort itself
"""

from __future__ import annotations

from collections.abc import Sequence

from queries.context import ProjectContext
from queries.plan import Plan, Result, Rows, statement
from queries.retention.node import CellPropertyType, CellValue, RetentionQuery, RetentionType
from queries.retention.question import ROLLING_SECONDS, Question, understand
from queries.retention.shape import shape_retention
from queries.sql.activity import Activity
from queries.sql.breakdowns import BreakdownValue, breakdown_value
from queries.sql.buckets import bucket_index
from queries.sql.events import scan
from queries.sql.filters import event_condition, stored_event_property
from queries.sql.fragment import Sql, all_of, any_of, bind, instant, number, sql
from queries.sql.operators import number_of
from queries.sql.series import Matcher, matcher, names_of

NO_VALUE = sql("emptyArrayString()")


def compile_retention(node: RetentionQuery, ctx: ProjectContext) -> Plan:
    question = understand(node, ctx)

    def shape(found: Sequence[Rows]) -> Result:
        return shape_retention(question, found[0])

    return Plan((statement(cells(question)),), shape)


def cells(question: Question) -> Sql:
    """Rows (breakdown, row, column, actors, amount)."""
    per_actor = actor_patterns(question)
    amount = question.options.aggregation_type is not CellValue.COUNT
    if amount:
        return _cells_with_amounts(question, per_actor)
    return sql(
        "SELECT breakdown, row, column, sum(actors) AS actors, toFloat64(0) AS amount FROM"
        " (SELECT breakdown, joined, returned, count() AS actors FROM ({per_actor})"
        " GROUP BY breakdown, joined, returned)"
        " ARRAY JOIN joined AS row ARRAY JOIN {columns} AS column GROUP BY breakdown, row, column",
        per_actor=per_actor,
        columns=columns_of_row(question),
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
            "arrayDistinct(arrayMap(offset -> toInt32(arrayFirstIndex(bound -> offset <= bound, {bounds})),"
            " {offsets}))",
            bounds=bind(question.bounds, "Array(Int32)"),
            offsets=offsets,
        )
    if question.options.cumulative:  # H16
        offsets = sql("range(1, toInt32(arrayMax(arrayPushBack({offsets}, 0))) + 1)", offsets=offsets)
    return sql("arrayConcat([toInt32(0)], arrayMap(place -> toInt32(place), {offsets}))", offsets=offsets)


# --- one row per actor -------------------------------------------------------------------------------


def actor_patterns(question: Question) -> Sql:
    """Rows (actor, breakdown, joined, returned[, returned_amounts, joined_amounts]); only who joined.

    `joined` and `returned` are sorted arrays of period positions. With a breakdown of the event an actor
    has a row for each value he joined with.
    """
    if question.is_rolling:
        return _rolling_patterns(question)
    value = _value(question)
    aggregated = _aggregated(question, value)
    if value is None:
        return sql(
            "SELECT actor, {none} AS breakdown, {joined} AS joined, {returned} AS returned{amounts}"
            " FROM ({aggregated}) WHERE notEmpty(joined)",
            none=NO_VALUE,
            joined=_joined_positions(question),
            returned=_returned_positions(question),
            amounts=_amount_names(question),
            aggregated=aggregated,
        )
    return sql(
        "SELECT actor, breakdown, arraySort(arrayDistinct(arrayMap(entry -> entry.2,"
        " arrayFilter(entry -> entry.1 = breakdown, entries)))) AS joined,"
        " {returned} AS returned{amounts}"
        " FROM ({aggregated}) ARRAY JOIN arrayDistinct(arrayMap(entry -> entry.1, entries)) AS breakdown"
        " WHERE notEmpty(joined)",
        returned=_returned_positions(question),
        amounts=_amount_names(question),
        aggregated=aggregated,
    )


def _aggregated(question: Question, value: BreakdownValue | None) -> Sql:
    """The scan: one row per actor with the raw aggregates."""
    ctx, target, returning = question.ctx, _target(question), _returning(question)
    in_range = question.span.condition()
    first_only = question.is_first_time
    joins_when = target.condition if first_only else all_of([target.condition, in_range])
    returns_when = all_of([returning.condition, in_range])
    columns = [
        sql("{actor} AS actor", actor=question.actor.expression),
        sql("{joined} AS join_pattern", joined=_join_aggregate(question, target, value)),
        sql("{returned} AS return_pattern", returned=_return_aggregate(question, returning, in_range)),
        *_amount_aggregates(question, joins_when, returns_when),
    ]
    node = question.node
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    inner = scan(
        ctx,
        columns,
        span=type(question.span)(None if first_only else question.span.start, question.span.end),
        events=names_of([target, returning]),
        where=all_of([question.actor.present, filters, any_of([joins_when, returns_when])]),
        joins=value.joins if value else (),
        tail=sql("GROUP BY actor"),
    )
    if value is None:
        return inner
    return sql("SELECT *, {entries} AS entries FROM ({inner})", entries=_entries(question), inner=inner)


def _target(question: Question) -> Matcher:
    return matcher(question.options.target, question.ctx)


def _returning(question: Question) -> Matcher:
    return matcher(question.options.returning, question.ctx)


def _index(question: Question, ts: Sql | None = None) -> Sql:
    if ts is None:
        return bucket_index(question.interval, question.ctx, question.starts)
    return bucket_index(question.interval, question.ctx, question.starts, ts)


def _join_aggregate(question: Question, target: Matcher, value: BreakdownValue | None) -> Sql:
    if not question.is_first_time:  # H4
        if value is None:
            return Activity(_index(question), len(question.starts), target.condition).aggregate()
        return sql(
            "groupUniqArrayIf(({value}, {index}), {condition})",
            value=_value_of_event(value),
            index=_index(question),
            condition=all_of([target.condition, question.span.condition()]),
        )
    first = sql("minIf(ts, {condition})", condition=target.condition)
    counts = sql("countIf({condition}) > 0", condition=target.condition)
    if question.options.retention_type is RetentionType.FIRST_EVER_OCCURRENCE:  # H6
        any_kind = matcher(question.options.target.model_copy(update=_WITHOUT_FILTERS), question.ctx)
        counts = sql(
            "{counts} AND minIf(ts, {kind}) = {first}", counts=counts, kind=any_kind.condition, first=first
        )
    if value is None:
        return sql("({counts}, {first})", counts=counts, first=first)
    return sql(
        "({counts}, {first}, argMinIf({value}, ts, {condition}))",
        counts=counts,
        first=first,
        value=_value_of_event(value),
        condition=target.condition,
    )


_WITHOUT_FILTERS = {"properties": None, "fixed_properties": None}


def _joined_positions(question: Question) -> Sql:
    if not question.is_first_time:
        return Activity(sql(""), len(question.starts)).positions("join_pattern")
    return _first_position(question)


def _first_position(question: Question) -> Sql:
    """The period of the first event as an array of one; none when it lies outside the table (H5)."""
    first = sql("join_pattern.2")
    return sql(
        "if(join_pattern.1 AND {first} >= {start} AND {first} < {end}, [{index}], [])",
        first=first,
        start=instant(question.starts[0]),
        end=instant(question.end),
        index=_index(question, first),
    )


def _entries(question: Question) -> Sql:
    """Array of (breakdown, position)."""
    if not question.is_first_time:
        return sql("join_pattern")
    return sql("arrayMap(place -> (join_pattern.3, place), {places})", places=_first_position(question))


def _return_aggregate(question: Question, returning: Matcher, in_range: Sql) -> Sql:
    condition = all_of([returning.condition, in_range])
    if question.options.minimum_occurrences > 1:  # H17
        return sql(
            "sumMapIf([{index}], [toUInt64(1)], {condition})", index=_index(question), condition=condition
        )
    return Activity(_index(question), len(question.starts), condition).aggregate()


def _returned_positions(question: Question) -> Sql:
    if question.options.minimum_occurrences > 1:
        return sql(
            "arrayFilter((place, events) -> events >= {least}, return_pattern.1, return_pattern.2)",
            least=number(question.options.minimum_occurrences),
        )
    return Activity(sql(""), len(question.starts)).positions("return_pattern")


# --- breakdowns --------------------------------------------------------------------------------------


def _value(question: Question) -> BreakdownValue | None:
    return breakdown_value(question.breakdown, question.ctx, question.span) if question.breakdown else None


def _value_of_event(value: BreakdownValue) -> Sql:
    return value.value


# --- a property summed in each cell (H20) ------------------------------------------------------------


def _amount(question: Question) -> Sql:
    key = question.options.aggregation_property or ""
    if question.options.aggregation_property_type is CellPropertyType.PERSON:
        stored = sql("person_props[{key}]", key=bind(key))
    else:
        stored = stored_event_property(key, question.ctx)
    return sql("ifNull({number}, 0)", number=number_of(stored))


def _amount_aggregates(question: Question, joins_when: Sql, returns_when: Sql) -> list[Sql]:
    if question.options.aggregation_type is CellValue.COUNT:
        return []
    index, amount = _index(question), _amount(question)
    in_table = sql("{index} < {size}", index=index, size=number(len(question.starts)))
    return [
        sql(
            f"sumMapIf([{{index}}], [{{amount}}], {{condition}}) AS {name}",
            index=index,
            amount=amount,
            condition=all_of([condition, in_table]),
        )
        for name, condition in (("join_amounts", joins_when), ("return_amounts", returns_when))
    ]


def _amount_names(question: Question) -> Sql:
    if question.options.aggregation_type is CellValue.COUNT:
        return sql("")
    return sql(", join_amounts, return_amounts")


def _cells_with_amounts(question: Question, per_actor: Sql) -> Sql:
    """Column 0 adds up the joining events of the period, every other column the returning ones."""
    return sql(
        "SELECT breakdown, row, column, count() AS actors, sum(if(column = 0,"
        " arraySum(arrayMap((place, a) -> if(place = row, a, 0), join_amounts.1, join_amounts.2)),"
        " arraySum(arrayMap((place, a) -> if({in_column}, a, 0), return_amounts.1, return_amounts.2))))"
        " AS amount"
        " FROM ({per_actor}) ARRAY JOIN joined AS row ARRAY JOIN {columns} AS column"
        " GROUP BY breakdown, row, column",
        in_column=_in_column(question),
        per_actor=per_actor,
        columns=columns_of_row(question),
    )


def _in_column(question: Question) -> Sql:
    offset = sql("(toInt32(place) - toInt32(row))")
    if question.bounds:
        return sql(
            "toInt32(arrayFirstIndex(bound -> {offset} <= bound, {bounds})) = column AND {offset} > 0",
            offset=offset,
            bounds=bind(question.bounds, "Array(Int32)"),
        )
    if question.options.cumulative:
        return sql("{offset} >= column", offset=offset)
    return sql("{offset} = column", offset=offset)


# --- rolling windows (H19) ---------------------------------------------------------------------------


def _rolling_patterns(question: Question) -> Sql:
    """Rows (actor, breakdown, joined, returned): time runs from each actor's own first event.

    `returned` is shifted by the row, so that the cells come out as with calendar periods.
    """
    ctx, target, returning, value = question.ctx, _target(question), _returning(question), _value(question)
    in_range = question.span.condition()
    joins_when = target.condition if question.is_first_time else all_of([target.condition, in_range])
    returns_when = all_of([returning.condition, in_range])
    node = question.node
    filters = event_condition(ctx, node.properties, test_accounts=node.filter_test_accounts)
    per_actor = scan(
        ctx,
        [
            sql("{actor} AS actor", actor=question.actor.expression),
            sql("minIf(ts, {joins}) AS first", joins=joins_when),
            sql("countIf({joins}) AS starts", joins=joins_when),
            sql("groupArrayIf(ts, {returns}) AS later", returns=returns_when),
            sql("{value} AS breakdown", value=_rolling_value(value, joins_when)),
        ],
        span=type(question.span)(None if question.is_first_time else question.span.start, question.span.end),
        events=names_of([target, returning]),
        where=all_of([question.actor.present, filters, any_of([joins_when, returns_when])]),
        joins=value.joins if value else (),
        tail=sql("GROUP BY actor"),
    )
    return sql(
        "SELECT actor, breakdown, [place] AS joined,"
        " arrayMap(window -> toInt32(place) + window, windows) AS returned"
        " FROM (SELECT actor, breakdown,"
        " toInt32(intDiv(dateDiff('microsecond', {start}, first), {length})) AS place,"
        " {windows} AS windows FROM ({per_actor}) WHERE starts > 0 AND first >= {start})",
        start=instant(question.starts[0]),
        length=number(ROLLING_SECONDS[question.interval] * 1_000_000),
        windows=_windows(question),
        per_actor=per_actor,
    )


def _windows(question: Question) -> Sql:
    """The windows with enough returning events after the first event, sorted."""
    all_windows = sql(
        "arrayMap(moment -> toInt32(intDiv(dateDiff('microsecond', first, moment), {length})),"
        " arrayFilter(moment -> moment > first, later))",
        length=number(ROLLING_SECONDS[question.interval] * 1_000_000),
    )
    least = question.options.minimum_occurrences
    if least == 1:
        return sql("arraySort(arrayDistinct({all}))", all=all_windows)
    return sql(
        "arraySort(arrayFilter(window -> countEqual({all}, window) >= {least}, arrayDistinct({all})))",
        all=all_windows,
        least=number(least),
    )


def _rolling_value(value: BreakdownValue | None, joins_when: Sql) -> Sql:
    if value is None:
        return NO_VALUE
    return sql("argMinIf({value}, ts, {joins})", value=value.value, joins=joins_when)
