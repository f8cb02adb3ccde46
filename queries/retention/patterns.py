"""What each actor did, one row per actor (and value of the breakdown), whatever the table counts by.

Rows (actor, breakdown, joined, returned[, joined_amounts, returned_amounts]), only of actors who joined:

joined    sorted positions of the periods whose cohort he belongs to
returned  sorted positions of the periods in which he came back; with rolling windows (H19) shifted by
          his cohort, so that a window is an offset just as a calendar period is
amounts   entries (position, amount[, breakdown values]) of the property that cells add up (H20)
"""

from __future__ import annotations

from queries.context import ProjectContext
from queries.errors import QueryError, join_path
from queries.nodes import ActionsNode, EventsNode, Math, MathPropertyType
from queries.retention.node import CellPropertyType, RetentionType
from queries.retention.question import ROLLING_SECONDS, Question
from queries.sql.activity import Activity
from queries.sql.breakdowns import OTHER, BreakdownValue, breakdown_value, value_of_person
from queries.sql.buckets import TS, bucket_index
from queries.sql.events import scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, any_of, bind, instant, join, number, sql, strings
from queries.sql.math import math_joins, math_number
from queries.sql.sampling import sample
from queries.sql.series import Matcher, matcher, names_of

NO_VALUE = sql("emptyArrayString()")
SEPARATOR = "\0"  # cannot occur in a value (api X8)
_OWNERS = {
    CellPropertyType.EVENT: MathPropertyType.EVENT,
    CellPropertyType.PERSON: MathPropertyType.PERSON,
}
_WITHOUT_FILTERS = {"properties": None, "fixed_properties": None}


def actor_patterns(question: Question, *, amounts: bool = False) -> Sql:
    """The rows described above; the last two columns only with `amounts`."""
    value = None if amounts else _value_of_person(question)
    if value is None:
        events = _Events(question, amounts)
        return _rolling(events) if question.is_rolling else _calendar(events)
    return sql(
        "SELECT actor, {shown} AS breakdown, joined, returned FROM ({patterns}) AS everybody {joins}",
        shown=_shown(value.value, question),
        patterns=actor_patterns(question.without_breakdown()),
        joins=join(" ", value.joins),
    )


def has_one_value(question: Question) -> bool:
    """Whether no actor has several values of the breakdown."""
    return question.is_first_time or question.is_rolling or _value_of_person(question) is not None


def _value_of_person(question: Question) -> BreakdownValue | None:
    """A breakdown that follows from the person alone is read once a person, not once an event."""
    if question.breakdown is None or question.actor.kind != "person":
        return None
    return value_of_person(question.breakdown, question.ctx, sql("everybody.actor"))


# --- the scan ----------------------------------------------------------------------------------------


class _Events:
    """The conditions and values that both kinds of windows read from an event."""

    def __init__(self, question: Question, amounts: bool) -> None:
        options, ctx = question.options, question.ctx
        self.question = question
        self.amounts = amounts
        self.target = _entity(options.target, "targetEntity", ctx)
        self.returning = _entity(options.returning, "returningEntity", ctx)
        self.any_target = self.target
        if options.retention_type is RetentionType.FIRST_EVER_OCCURRENCE:  # H6: whatever its properties
            self.any_target = matcher(options.target.model_copy(update=_WITHOUT_FILTERS), ctx)
        chosen = question.breakdown
        self.value = breakdown_value(chosen, ctx, question.span) if chosen else None
        self.summed = EventsNode(
            math=Math.SUM,
            math_property=options.aggregation_property,
            math_property_type=_OWNERS[options.aggregation_property_type],
        )

    @property
    def joins(self) -> Sql:
        return self.target.condition

    @property
    def returns(self) -> Sql:
        """Returning events within the table; a first time may be read from long before it."""
        in_range = [self.question.span.condition()] if self.question.is_first_time else []
        return all_of([self.returning.condition, *in_range])

    @property
    def joins_in_table(self) -> Sql:
        in_range = [self.question.span.condition()] if self.question.is_first_time else []
        return all_of([self.target.condition, *in_range])

    def index(self, ts: Sql = TS) -> Sql:
        return bucket_index(self.question.interval, self.question.ctx, self.question.starts, ts)

    def per_actor(self, columns: list[Sql]) -> Sql:
        """One row per actor: `actor` and the aggregates in `columns`."""
        question, node = self.question, self.question.node
        wanted: list[Matcher] = [self.any_target, self.returning]
        filters = event_condition(
            question.ctx, node.properties, test_accounts=node.filter_test_accounts, span=question.scanned
        )
        return scan(
            question.ctx,
            [sql("{actor} AS actor", actor=question.actor.expression), *columns],
            span=question.scanned,
            events=names_of(wanted),
            where=all_of(
                [
                    question.actor.present,
                    sample(node.sampling_factor, question.actor),
                    filters,
                    any_of([self.any_target.condition, self.returns]),
                ]
            ),
            joins=[
                *(self.value.joins if self.value else ()),
                *(math_joins(self.summed, question.ctx, 0) if self.amounts else ()),
            ],
            tail=sql("GROUP BY actor"),
        )

    def first(self) -> Sql:
        """`(is one, instant, values)` of the event with which the actor joins for the first time; of several
        at that instant the one with the smallest value."""
        joins, counts = self.joins, sql("countIf({joins}) > 0", joins=self.joins)
        instant_ = sql("minIf(ts, {joins})", joins=joins)
        if self.any_target is not self.target:
            counts = sql(
                "{counts} AND minIf(ts, {any}) = {first}",
                counts=counts,
                any=self.any_target.condition,
                first=instant_,
            )
        if self.value is None:
            return sql("({counts}, {first})", counts=counts, first=instant_)
        return sql(
            "({counts}, {first}, {alternatives})",
            counts=counts,
            first=instant_,
            alternatives=self._of_first(self.value),
        )

    def _of_first(self, value: BreakdownValue) -> Sql:
        """The alternatives of the first event. What is compared is one text that sorts like (instant, value):
        eight bytes of the instant, the largest first, then the value. A pair takes thrice as long."""
        text = _single_text(value)
        in_order = sql(
            "concat(reinterpretAsFixedString(byteSwap(toUInt64(toUnixTimestamp64Micro(ts)))), {text})",
            text=text
            or sql("arrayStringConcat({value}, {separator})", value=value.value, separator=bind(SEPARATOR)),
        )
        if text is not None:
            first = sql("substring(minIf({in_order}, {joins}), 9)", in_order=in_order, joins=self.joins)
            return sql("[[{shown}]]", shown=_shown_text(first, self.question))
        return sql(
            "argMinIf({alternatives}, {in_order}, {joins})",
            alternatives=self.alternatives(value),
            in_order=in_order,
            joins=self.joins,
        )

    def alternatives(self, value: BreakdownValue) -> Sql:
        """The values an event counts for: cohorts are one each (semantics D42), others are a single one."""
        if value.several:
            return sql("arrayMap(label -> [label], {value})", value=value.value)
        return sql("[{value}]", value=_shown(value.value, self.question))

    def amount(self) -> Sql:
        """The number that an event adds to a cell, as a math over the same property reads it (B6, D15)."""
        return sql("ifNull({number}, 0)", number=math_number(self.summed, self.question.ctx, 0))


def _entity(entity: EventsNode | ActionsNode, name: str, ctx: ProjectContext) -> Matcher:
    """UnknownReference names the entity whose action the project does not have (semantics B16)."""
    try:
        return matcher(entity, ctx)
    except QueryError as error:
        path = ("retentionFilter", name)
        raise error.spelled(lambda found: join_path((*path, *found))) from error


def _shown(value: Sql, question: Question) -> Sql:
    """The value, or "other" unless it is one of those kept apart."""
    if question.apart is None:
        return value
    return sql(
        "if(has({apart}, arrayStringConcat({value}, {separator})), {value}, {other})",
        apart=strings(SEPARATOR.join(kept) for kept in question.apart),
        value=value,
        separator=bind(SEPARATOR),
        other=strings([OTHER]),
    )


def _single_text(value: BreakdownValue) -> Sql | None:
    """The value of a single property, which is cheaper to compare and collect as a text than in an array."""
    return sql("CAST({text}, 'String')", text=value.texts[0]) if len(value.texts) == 1 else None


def _shown_text(text: Sql, question: Question) -> Sql:
    """As `_shown`, of a single text."""
    if question.apart is None:
        return text
    return sql(
        "if(has({apart}, {text}), {text}, {other})",
        apart=strings(kept for (kept,) in question.apart),
        text=text,
        other=bind(OTHER),
    )


# --- calendar periods --------------------------------------------------------------------------------


def _calendar(events: _Events) -> Sql:
    question = events.question
    aggregated = events.per_actor(
        [
            sql("{joined} AS join_pattern", joined=_join_aggregate(events)),
            sql("{returned} AS return_pattern", returned=_return_aggregate(events)),
            *_calendar_amounts(events),
        ]
    )
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
        breakdown=sql("value" if _joined_text(events) is None else "[value]"),
        returned=returned,
        amounts=amounts,
        entries=_entries(events),
        aggregated=aggregated,
    )


def _join_aggregate(events: _Events) -> Sql:
    if events.question.is_first_time:
        return events.first()
    if events.value is None:  # H4
        return Activity(events.index(), len(events.question.starts), events.joins).aggregate()
    if (text := _joined_text(events)) is not None:
        return sql(
            "groupUniqArrayIf(({text}, {index}), {joins})",
            text=_shown_text(text, events.question),
            index=events.index(),
            joins=events.joins,
        )
    return sql(
        "groupUniqArrayArrayIf(arrayMap(shown -> (shown, {index}), {alternatives}), {joins})",
        index=events.index(),
        alternatives=events.alternatives(events.value),
        joins=events.joins,
    )


def _joined_text(events: _Events) -> Sql | None:
    """What the value of a cohort is collected as, if that is a text; a first event's is an array."""
    return None if events.value is None or events.question.is_first_time else _single_text(events.value)


def _joined_positions(events: _Events) -> Sql:
    if events.question.is_first_time:
        return _first_position(events)
    return Activity(sql(""), len(events.question.starts)).positions("join_pattern")


def _first_position(events: _Events) -> Sql:
    """The period of the first event as an array of one; none when it lies before the table (H5)."""
    return sql(
        "if(join_pattern.1 AND join_pattern.2 >= {start}, [{index}], [])",
        start=instant(events.question.starts[0]),
        index=events.index(sql("join_pattern.2")),
    )


def _entries(events: _Events) -> Sql:
    """Array of (value, position), each once."""
    if not events.question.is_first_time:
        return sql("join_pattern")
    return sql(
        "arrayFlatten(arrayMap(place -> arrayMap(shown -> (shown, place), join_pattern.3), {places}))",
        places=_first_position(events),
    )


def _return_aggregate(events: _Events) -> Sql:
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


def _calendar_amounts(events: _Events) -> list[Sql]:
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


def _rolling(events: _Events) -> Sql:
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


def _rolling_amounts(events: _Events) -> Sql:
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
