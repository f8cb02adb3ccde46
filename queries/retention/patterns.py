"""What each actor did, one row per actor (and value of the breakdown), whatever the table counts by.

Rows (actor, breakdown, joined, returned[, joined_amounts, returned_amounts]), only of actors who joined:

joined    sorted positions of the periods whose cohort he belongs to
returned  sorted positions of the periods in which he came back; with rolling windows (H19) shifted by
          his cohort, so that a window is an offset just as a calendar period is
amounts   entries (position, amount[, breakdown values]) of the property that cells add up (H20)
"""

from __future__ import annotations

from queries.retention.question import ROLLING_SECONDS, Question
from queries.retention.scan import Events, shown, shown_text, single_text
from queries.sql.activity import Activity
from queries.sql.breakdowns import OTHER, BreakdownValue, value_of_person
from queries.sql.fragment import Sql, instant, join, number, sql, strings

NO_VALUE = sql("emptyArrayString()")
OTHERS = strings([OTHER])


def actor_patterns(question: Question, *, amounts: bool = False) -> Sql:
    """The rows described above; the last two columns only with `amounts`."""
    value = None if amounts else _value_of_person(question)
    if value is None:
        events = Events(question, amounts)
        return _rolling(events) if question.is_rolling else _calendar(events)
    return sql(
        "SELECT actor, {shown} AS breakdown, joined, returned FROM ({patterns}) AS everybody {joins}",
        shown=shown(value.value, question),
        patterns=actor_patterns(question.without_breakdown()),
        joins=join(" ", value.joins),
    )


def ranked_patterns(question: Question, last: int | None) -> Sql:
    """Rows (place, actor, breakdown, joined, returned) where an actor may have several values: values have
    their place by size, ties by value; from the place `last` on all are one, "other", and an actor one row.

    One scan: the values are ranked while whoever joined with each stands beside it, then taken apart again.
    """
    events = Events(question, amounts=False)
    periods = Activity(sql("period"), len(question.starts))
    values = sql(
        "SELECT entry.1 AS value, {size} AS size, groupArray(actor) AS actors,"
        " groupArray(entry.2) AS periods, groupArray(return_pattern) AS return_patterns"
        " FROM ({aggregated}) ARRAY JOIN join_pattern AS entry GROUP BY value",
        # All cohorts of a value together; by value they are one, in which an actor is once (semantics H15).
        size=sql("uniqExact(actor)" if question.is_by_value else "count()"),
        aggregated=_aggregated(events),
    )
    rank, value = sql("row_number() OVER (ORDER BY size DESC, value)"), _value_of_entry(events)
    if last is not None:
        rank = sql("least({rank}, {last})", rank=rank, last=number(last))
        value = sql("if(place = {last}, {other}, {value})", last=number(last), other=OTHERS, value=value)
    return sql(
        "SELECT place, actor, {value} AS breakdown, {joined} AS joined, {returned} AS returned FROM"
        " (SELECT place, actor, any(value) AS value, {join_pattern} AS join_pattern,"
        " any(return_pattern) AS return_pattern FROM (SELECT {rank} AS place, * FROM ({values}))"
        " ARRAY JOIN actors AS actor, periods AS period, return_patterns AS return_pattern"
        " GROUP BY place, actor)",
        value=value,
        joined=periods.positions("join_pattern"),
        returned=_returned_positions(question),
        join_pattern=periods.aggregate(),
        rank=rank,
        values=values,
    )


def has_one_value(question: Question) -> bool:
    """Whether no actor has several values of the breakdown."""
    return question.is_first_time or question.is_rolling or _value_of_person(question) is not None


def _value_of_person(question: Question) -> BreakdownValue | None:
    """A breakdown that follows from the person alone is read once a person, not once an event."""
    if question.breakdown is None or question.actor.kind != "person":
        return None
    return value_of_person(question.breakdown, question.ctx, sql("everybody.actor"))


# --- calendar periods --------------------------------------------------------------------------------


def _calendar(events: Events) -> Sql:
    question, aggregated = events.question, _aggregated(events)
    returned = _returned_positions(question)
    amounts = sql(", joined_amounts, returned_amounts") if events.amounts else sql("")
    if events.value is None:
        return sql(
            "SELECT actor, {none} AS breakdown, {joined} AS joined, {returned} AS returned{amounts}"
            " FROM ({aggregated}) WHERE notEmpty(joined)",
            none=NO_VALUE,
            joined=_joined_positions(events),
            returned=returned,
            amounts=amounts,
            aggregated=aggregated,
        )
    return sql(
        "SELECT actor, {breakdown} AS breakdown, arraySort(arrayMap(entry -> entry.2,"
        " arrayFilter(entry -> entry.1 = value, entries))) AS joined, {returned} AS returned{amounts}"
        " FROM (SELECT *, {entries} AS entries FROM ({aggregated}))"
        " ARRAY JOIN arrayDistinct(arrayMap(entry -> entry.1, entries)) AS value",
        breakdown=_value_of_entry(events),
        returned=returned,
        amounts=amounts,
        entries=_entries(events),
        aggregated=aggregated,
    )


def _aggregated(events: Events) -> Sql:
    """Rows (actor, join_pattern, return_pattern[, joined_amounts, returned_amounts])."""
    return events.per_actor(
        [
            sql("{joined} AS join_pattern", joined=_join_aggregate(events)),
            sql("{returned} AS return_pattern", returned=_return_aggregate(events)),
            *_calendar_amounts(events),
        ]
    )


def _join_aggregate(events: Events) -> Sql:
    if events.question.is_first_time:
        return events.first()
    if events.value is None:  # H4
        return Activity(events.index(), len(events.question.starts), events.joins).aggregate()
    if (text := _joined_text(events)) is not None:
        return sql(
            "groupUniqArrayIf(({text}, {index}), {joins})",
            text=shown_text(text, events.question),
            index=events.index(),
            joins=events.joins,
        )
    return sql(
        "groupUniqArrayArrayIf(arrayMap(shown -> (shown, {index}), {alternatives}), {joins})",
        index=events.index(),
        alternatives=events.alternatives(events.value),
        joins=events.joins,
    )


def _joined_text(events: Events) -> Sql | None:
    """What the value of a cohort is collected as, if that is a text; a first event's is an array."""
    return None if events.value is None or events.question.is_first_time else single_text(events.value)


def _value_of_entry(events: Events) -> Sql:
    """The breakdown whose collected form is `value`."""
    return sql("value" if _joined_text(events) is None else "[value]")


def _joined_positions(events: Events) -> Sql:
    if events.question.is_first_time:
        return _first_position(events)
    return Activity(sql(""), len(events.question.starts)).positions("join_pattern")


def _first_position(events: Events) -> Sql:
    """The period of the first event as an array of one; none when it lies before the table (H5)."""
    return sql(
        "if(join_pattern.1 AND join_pattern.2 >= {start}, [{index}], [])",
        start=instant(events.question.starts[0]),
        index=events.index(sql("join_pattern.2")),
    )


def _entries(events: Events) -> Sql:
    """Array of (value, position), each once."""
    if not events.question.is_first_time:
        return sql("join_pattern")
    return sql(
        "arrayFlatten(arrayMap(place -> arrayMap(shown -> (shown, place), join_pattern.3), {places}))",
        places=_first_position(events),
    )


def _return_aggregate(events: Events) -> Sql:
    if events.question.options.minimum_occurrences > 1:  # H17
        return sql(
            "sumMapIf([{index}], [toUInt64(1)], {returns})", index=events.index(), returns=events.returns
        )
    return Activity(events.index(), len(events.question.starts), events.returns).aggregate()


def _returned_positions(question: Question) -> Sql:
    if question.options.minimum_occurrences > 1:
        return sql(
            "arrayFilter((place, times) -> times >= {least}, return_pattern.1, return_pattern.2)",
            least=number(question.options.minimum_occurrences),
        )
    return Activity(sql(""), len(question.starts)).positions("return_pattern")


def _calendar_amounts(events: Events) -> list[Sql]:
    if not events.amounts:
        return []
    index, amount = events.index(), events.amount()
    summed = "arrayZip((sumMapIf([{index}], [{amount}], {condition}) AS {name}).1, {name}.2)"
    returned = _named(summed, "return_sums", index=index, amount=amount, condition=events.returns)
    if events.value is None:
        joined = _named(summed, "join_sums", index=index, amount=amount, condition=events.joins_in_table)
    else:
        joined = sql(
            "groupArrayIf(({index}, {amount}, {alternatives}), {condition})",
            index=index,
            amount=amount,
            alternatives=events.alternatives(events.value),
            condition=events.joins_in_table,
        )
    return [
        sql("{joined} AS joined_amounts", joined=joined),
        sql("{returned} AS returned_amounts", returned=returned),
    ]


def _named(template: str, name: str, **parts: Sql) -> Sql:
    return sql(template, name=sql(name), **parts)


# --- rolling windows (H19) ---------------------------------------------------------------------------


def _rolling(events: Events) -> Sql:
    """Time runs from each actor's own first event, whatever the calendar says."""
    question = events.question
    later = [sql("ts"), *([events.amount()] if events.amounts else [])]
    joining = [*later, *([events.alternatives(events.value)] if events.value else [])]
    columns = [
        sql("{first} AS join_pattern", first=events.first()),
        sql(
            "groupArrayIf(({entry}), {returns}) AS later",
            entry=_tuple(later),
            returns=events.returns,
        ),
    ]
    if events.amounts:
        columns.append(
            sql(
                "groupArrayIf(({entry}), {joins}) AS joining",
                entry=_tuple(joining),
                joins=events.joins_in_table,
            )
        )
    rows = sql(
        "SELECT *, join_pattern.2 AS first, {place} AS place FROM ({per_actor})"
        " WHERE join_pattern.1 AND first >= {start} AND place < {size}",
        place=_elapsed(sql("first"), instant(question.starts[0]), question),
        per_actor=events.per_actor(columns),
        start=instant(question.starts[0]),
        size=number(len(question.starts)),
    )
    shown = sql("[{none}]", none=NO_VALUE) if events.value is None else sql("join_pattern.3")
    return sql(
        "SELECT actor, breakdown, [place] AS joined, {returned} AS returned{amounts}"
        " FROM ({rows}) ARRAY JOIN {shown} AS breakdown",
        returned=_returned_windows(question),
        amounts=_rolling_amounts(events),
        rows=rows,
        shown=shown,
    )


def _tuple(parts: list[Sql]) -> Sql:
    return sql("tuple({parts})", parts=join(", ", parts))


def _elapsed(at: Sql, since: Sql, question: Question) -> Sql:
    """Whole windows between two instants, the later one first."""
    return sql(
        "toInt32(intDiv(dateDiff('microsecond', {since}, {at}), {length}))",
        since=since,
        at=at,
        length=number(ROLLING_SECONDS[question.interval] * 1_000_000),
    )


def _returned_windows(question: Question) -> Sql:
    """The windows with enough returning events after the first event, sorted, counted from the table."""
    every = sql(
        "arrayMap(entry -> place + {window}, arrayFilter(entry -> entry.1 > first, later))",
        window=_elapsed(sql("entry.1"), sql("first"), question),
    )
    least = question.options.minimum_occurrences
    if least == 1:
        return sql("arraySort(arrayDistinct({every}))", every=every)
    return sql(
        "arraySort(arrayFilter(window -> countEqual({every}, window) >= {least}, arrayDistinct({every})))",
        every=every,
        least=number(least),
    )


def _rolling_amounts(events: Events) -> Sql:
    """Target events of the first window for column 0, returning ones by their window for the others."""
    if not events.amounts:
        return sql("")
    window = _elapsed(sql("entry.1"), sql("first"), events.question)
    placed = "arrayMap(entry -> tuple(place + {window}, entry.2{value}), arrayFilter(entry -> {after}, {of}))"
    joined = sql(
        placed,
        window=window,
        value=sql(", entry.3") if events.value else sql(""),
        after=sql("entry.1 >= first"),
        of=sql("joining"),
    )
    returned = sql(placed, window=window, value=sql(""), after=sql("entry.1 > first"), of=sql("later"))
    return sql(
        ", {joined} AS joined_amounts, {returned} AS returned_amounts", joined=joined, returned=returned
    )
