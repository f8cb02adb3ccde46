"""The scan of a retention table: what is read of an event, and which events make an actor join or return."""

from __future__ import annotations

from queries.context import ProjectContext
from queries.errors import QueryError, join_path
from queries.nodes import ActionsNode, EventsNode, Math, MathPropertyType
from queries.parts import within
from queries.retention.node import CellPropertyType, RetentionType
from queries.retention.question import Question
from queries.sql.breakdowns import OTHER, BreakdownValue, breakdown_value
from queries.sql.buckets import TS, bucket_index
from queries.sql.events import scan
from queries.sql.filters import event_condition
from queries.sql.fragment import Sql, all_of, any_of, bind, sql, strings
from queries.sql.math import math_joins, math_number
from queries.sql.sampling import sample
from queries.sql.series import Matcher, matcher, names_of

SEPARATOR = "\0"  # cannot occur in a value (api X8)
_OWNERS = {
    CellPropertyType.EVENT: MathPropertyType.EVENT,
    CellPropertyType.PERSON: MathPropertyType.PERSON,
}
_WITHOUT_FILTERS = {"properties": None, "fixed_properties": None}


class Events:
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
                    within(question.part, question.actor),
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
        text = single_text(value)
        in_order = sql(
            "concat(reinterpretAsFixedString(byteSwap(toUInt64(toUnixTimestamp64Micro(ts)))), {text})",
            text=text
            or sql("arrayStringConcat({value}, {separator})", value=value.value, separator=bind(SEPARATOR)),
        )
        if text is not None:
            first = sql("substring(minIf({in_order}, {joins}), 9)", in_order=in_order, joins=self.joins)
            return sql("[[{shown}]]", shown=shown_text(first, self.question))
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
        return sql("[{value}]", value=shown(value.value, self.question))

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


def shown(value: Sql, question: Question) -> Sql:
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


def single_text(value: BreakdownValue) -> Sql | None:
    """The value of a single property, which is cheaper to compare and collect as a text than in an array."""
    return sql("CAST({text}, 'String')", text=value.texts[0]) if len(value.texts) == 1 else None


def shown_text(text: Sql, question: Question) -> Sql:
    """As `shown`, of a single text."""
    if question.apart is None:
        return text
    return sql(
        "if(has({apart}, {text}), {text}, {other})",
        apart=strings(kept for (kept,) in question.apart),
        text=text,
        other=bind(OTHER),
    )
