"""Calls that need more than a row of a table: logic, comparison, conversion, dates, arrays, cohorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo, available_timezones

from queries.context import ProjectContext
from queries.hogql import comparisons
from queries.hogql.functions import FUNCTIONS, Want
from queries.hogql.lowering import NO_AGGREGATES, Aggregation, Lowering, Scope, applied, check_count
from queries.hogql.syntax import Call, Expression, Subselect
from queries.hogql.tokens import refuse
from queries.hogql.values import (
    Kind,
    Value,
    as_array,
    as_boolean,
    as_instant,
    as_moment,
    as_number,
    as_text,
    as_whole,
    common_kind,
    condition,
    negated,
    settled,
    unified,
)
from queries.sql.cohorts import members_of
from queries.sql.fragment import Sql, all_of, any_of, bind, instant, join, not_, number, sql

Form = Callable[[Lowering, Call], Value]

UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")


# --- logic and comparison ----------------------------------------------------------------------------


def _and(low: Lowering, call: Call) -> Value:
    check_count(call, 1, None)
    return condition(all_of(low.condition(node) for node in call.arguments), call.position)


def _or(low: Lowering, call: Call) -> Value:
    check_count(call, 1, None)
    return condition(any_of(low.condition(node) for node in call.arguments), call.position)


def _not(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return condition(not_(low.condition(call.arguments[0])), call.position)


def _two(low: Lowering, call: Call) -> tuple[Value, Value]:
    check_count(call, 2, 2)
    return low.value(call.arguments[0]), low.value(call.arguments[1])


def _equals(low: Lowering, call: Call) -> Value:
    return comparisons.equal(*_two(low, call), low.ctx, call.position)


def _not_equals(low: Lowering, call: Call) -> Value:
    return comparisons.not_equal(*_two(low, call), low.ctx, call.position)


def _ordered(name: str) -> Form:
    return lambda low, call: comparisons.ordered(name, *_two(low, call), low.ctx, call.position)


def _matches(name: str) -> Form:
    return lambda low, call: comparisons.matches(name, *_two(low, call), low.ctx, call.position)


def _negated(form: Form) -> Form:
    return lambda low, call: negated(form(low, call))


def _is_null(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return comparisons.is_null(low.value(call.arguments[0]), low.ctx, call.position)


def _in(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    left, options = call.arguments
    if isinstance(options, Subselect):
        return _in_subselect(low, left, options)
    if isinstance(options, Call) and options.name in ("tuple", "array"):
        values = tuple(low.value(option) for option in options.arguments)
    else:
        right = low.value(options)
        if right.kind in (Kind.ARRAY, Kind.ANY):
            found = low.read((options, left), (Want.ARRAY, Want.SAME))
            return applied(FUNCTIONS["has"], found, low.ctx)
        values = (right,)
    return comparisons.one_of(low.value(left), values, low.ctx, call.position)


def _in_subselect(low: Lowering, left: Expression, query: Subselect) -> Value:
    fragment, kinds = low.scope.subselect(query)
    value = low.value(left)
    if len(kinds) == 1:
        pair = comparisons.comparable(value, Value(sql("x"), kinds[0]), low.ctx, query.position)
        value = pair[0]
    found = sql("ifNull({value} IN ({query}), 0)", value=value.sql, query=fragment)
    return condition(found, query.position)


def _in_cohort(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    cohort = low.value(call.arguments[1])
    if not cohort.is_literal or not isinstance(cohort.literal, int | str):
        refuse("IN COHORT needs the id of a cohort", cohort.position)
    names = {known.name: known.id for known in low.ctx.cohorts.values()}
    members = members_of(names.get(str(cohort.literal), cohort.literal), low.ctx)
    person = low.scope.person_number(call.position)
    if members is None:
        return condition(sql("0"), call.position)
    return condition(sql("{person} IN ({members})", person=person, members=members), call.position)


# --- choices -----------------------------------------------------------------------------------------


def _if(low: Lowering, call: Call) -> Value:
    check_count(call, 3, 3)
    return _multi_if(low, call)


def _multi_if(low: Lowering, call: Call) -> Value:
    check_count(call, 3, None)
    if len(call.arguments) % 2 == 0:
        refuse(f'"{call.name}" needs pairs of condition and value, then a value', call.position)
    *pairs, default = call.arguments
    conditions = [low.condition(node) for node in pairs[::2]]
    values = unified([low.value(node) for node in (*pairs[1::2], default)], low.ctx)
    parts = []
    for test, value in zip(conditions, values, strict=False):
        parts += [test, value.sql]
    fragment = sql("multiIf({parts})", parts=join(", ", [*parts, values[-1].sql]))
    return _like(values, fragment)


def _like(values: list[Value], fragment: Sql) -> Value:
    """A value of the kind that all of them have."""
    nullable = any(value.is_nullable for value in values)
    element = next((value.element for value in values if value.element), None)
    return Value(fragment, common_kind(values), nullable, element=element)


def _coalesced(low: Lowering, call: Call) -> Value:
    check_count(call, 1, None)
    values = unified([low.value(node) for node in call.arguments], low.ctx)
    found = _like(values, sql("coalesce({all})", all=join(", ", (value.sql for value in values))))
    nullable = all(value.is_nullable for value in values)
    return Value(found.sql, found.kind, nullable, element=found.element)


# --- conversion --------------------------------------------------------------------------------------


def _to_text(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return as_text(low.settled(call.arguments[0]), low.ctx)


def _to_number(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return _number_of(low.value(call.arguments[0]), low)


def _number_of(value: Value, low: Lowering) -> Value:
    """A number of anything: text that is none gives NULL, instants unix seconds."""
    if value.kind is Kind.TEXT:
        found = sql("toFloat64OrNull({t})", t=value.sql)
        return Value(sql("if(isFinite({n}), {n}, NULL)", n=found), Kind.NUMBER, is_nullable=True)
    if value.kind in (Kind.INSTANT, Kind.DATE):
        return Value(sql("toUnixTimestamp({d})", d=value.sql), Kind.NUMBER, value.is_nullable)
    return as_number(value, low.ctx)


def _to_whole(low: Lowering, call: Call) -> Value:
    found = _to_number(low, call)
    return Value(sql("accurateCastOrNull(trunc({n}), 'Int64')", n=found.sql), Kind.NUMBER, is_nullable=True)


def _to_boolean(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    value = low.value(call.arguments[0])
    if value.kind is Kind.TEXT:
        return condition(sql("ifNull({t} IN ('true', '1'), 0)", t=value.sql), call.position)
    return as_boolean(value, low.ctx)


def _to_instant(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 2)
    value = low.value(call.arguments[0])
    if value.kind is Kind.NUMBER:
        found = sql(
            "toTimeZone(fromUnixTimestamp64Micro(toInt64({n} * 1000000), 'UTC'), {zone})",
            n=value.sql,
            zone=bind(low.ctx.timezone),
        )
        value = Value(found, Kind.INSTANT, value.is_nullable)
    return as_instant(value, low.ctx)


def _cast(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    kind = low.value(call.arguments[1]).literal
    form = _CASTS.get(str(kind).lower())
    if form is None:
        refuse(f'"{str(kind)[:50]}" is not a type to cast to', call.position)
    return form(low, Call(call.name, call.arguments[:1], call.position))


def _to_date(low: Lowering, call: Call) -> Value:
    moment = as_moment(_to_instant(low, call), low.ctx)
    return applied(FUNCTIONS["todate"], [moment], low.ctx)


# --- text and arrays ---------------------------------------------------------------------------------


def _concat(low: Lowering, call: Call) -> Value:
    """NULL counts as nothing; arrays are put one behind the other."""
    check_count(call, 1, None)
    values = [low.value(node) for node in call.arguments]
    if any(value.kind is Kind.ARRAY for value in values):
        return applied(FUNCTIONS["arrayconcat"], [as_array(value, low.ctx) for value in values], low.ctx)
    texts = [as_text(settled(value, low.ctx), low.ctx) for value in values]
    parts = [sql("ifNull({t}, '')", t=t.sql) if t.is_nullable else t.sql for t in texts]
    # A single argument, or one of unknown kind, has to become text too.
    return Value(sql("concat('', {parts})", parts=join(", ", parts)), Kind.TEXT)


def _of_text_or_array(text: str, array: str, gives: Kind) -> Form:
    def form(low: Lowering, call: Call) -> Value:
        check_count(call, 1, 1)
        value = low.settled(call.arguments[0])
        if value.kind in (Kind.ARRAY, Kind.ANY):
            return Value(sql(f"{array}({{v}})", v=value.sql), gives)
        value = as_text(value, low.ctx)
        return Value(sql(f"{text}({{v}})", v=value.sql), gives, value.is_nullable)

    return form


def _higher_order(
    store: str, gives: Kind | None, *, is_condition: bool = False, optional: bool = False
) -> Form:
    """`arrayMap(x -> ..., array)`; `gives` None: the kind of the arrays' elements (or of the body)."""

    def form(low: Lowering, call: Call) -> Value:
        if optional and len(call.arguments) == 1:
            array = as_array(low.value(call.arguments[0]), low.ctx)
            return _from_array(store, gives, sql("{a}", a=array.sql), array, None)
        check_count(call, 2, 4)
        arrays = [as_array(low.value(node), low.ctx) for node in call.arguments[1:]]
        names, body = low.lambda_over(call.arguments[0], [array.element or Kind.ANY for array in arrays])
        inner = as_boolean(body, low.ctx) if is_condition else body
        arguments = sql(
            "{names} -> {body}, {arrays}",
            names=names,
            body=inner.sql,
            arrays=join(", ", (array.sql for array in arrays)),
        )
        return _from_array(store, gives, arguments, arrays[0], inner)

    return form


def _from_array(store: str, gives: Kind | None, arguments: Sql, array: Value, body: Value | None) -> Value:
    fragment = sql(f"{store}({{arguments}})", arguments=arguments)
    if store == "arrayMap":
        return Value(fragment, Kind.ARRAY, element=body.kind if body else None)
    if gives is Kind.ARRAY:
        return Value(fragment, Kind.ARRAY, element=array.element)
    if gives is None:
        return Value(fragment, array.element or Kind.ANY)
    return Value(fragment, gives)


def _tuple(low: Lowering, call: Call) -> Value:
    values = tuple(low.settled(node) for node in call.arguments)
    fragment = sql("tuple({all})", all=join(", ", (value.sql for value in values)))
    return Value(fragment, Kind.TUPLE, items=values)


def _tuple_element(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    value, place = low.value(call.arguments[0]), low.value(call.arguments[1]).literal
    if not isinstance(place, int) or place < 1:
        refuse("The place of a tuple's element is a number from 1", call.position)
    kind = value.items[place - 1].kind if place <= len(value.items) else Kind.ANY
    return Value(sql(f"tupleElement({{t}}, {place})", t=value.sql), kind, is_nullable=True)


# --- dates -------------------------------------------------------------------------------------------


def _now(low: Lowering, call: Call) -> Value:
    check_count(call, 0, 0)
    moment = instant(low.ctx.now)
    zoned = sql("toTimeZone({now}, {zone})", now=moment, zone=bind(low.ctx.timezone))
    return Value(zoned, Kind.INSTANT, moment=moment)


def _today(low: Lowering, call: Call) -> Value:
    check_count(call, 0, 0)
    today = low.ctx.now.astimezone(ZoneInfo(low.ctx.timezone)).date()
    return Value(sql("toDate({day})", day=bind(today.isoformat())), Kind.DATE)


def _yesterday(low: Lowering, call: Call) -> Value:
    return Value(sql("({today} - 1)", today=_today(low, call).sql), Kind.DATE)


def _interval(unit: str) -> Form:
    def form(low: Lowering, call: Call) -> Value:
        check_count(call, 1, 1)
        amount = as_whole(low.value(call.arguments[0]), low.ctx)
        return Value(sql(f"toInterval{unit.capitalize()}({{n}})", n=amount.sql), Kind.INTERVAL)

    return form


def _plus(low: Lowering, call: Call) -> Value:
    left, right = _two(low, call)
    if left.kind is Kind.INTERVAL:
        left, right = right, left
    if right.kind is Kind.INTERVAL:
        return _shifted("+", left, right, low)
    return applied(FUNCTIONS["plus"], [as_number(left, low.ctx), as_number(right, low.ctx)], low.ctx)


def _minus(low: Lowering, call: Call) -> Value:
    left, right = _two(low, call)
    if right.kind is Kind.INTERVAL:
        return _shifted("-", left, right, low)
    dates = {Kind.INSTANT, Kind.DATE}
    if left.kind in dates or right.kind in dates:  # seconds between two instants
        a, b = as_instant(left, low.ctx), as_instant(right, low.ctx)
        seconds = sql(
            "(toUnixTimestamp64Micro({a}) - toUnixTimestamp64Micro({b})) / 1000000",
            a=_micros(a.sql),
            b=_micros(b.sql),
        )
        return Value(seconds, Kind.NUMBER, a.is_nullable or b.is_nullable)
    return applied(FUNCTIONS["minus"], [as_number(left, low.ctx), as_number(right, low.ctx)], low.ctx)


def _micros(moment: Sql) -> Sql:
    return sql("toDateTime64({m}, 6)", m=moment)


def _shifted(sign: str, moment: Value, interval: Value, low: Lowering) -> Value:
    value = as_moment(moment, low.ctx)
    kind = Kind.INSTANT if value.kind is Kind.INSTANT else Kind.ANY
    return Value(sql(f"({{m}} {sign} {{i}})", m=value.sql, i=interval.sql), kind, value.is_nullable)


def _unit(low: Lowering, node: Expression) -> str:
    value = low.value(node)
    unit = str(value.literal).lower().removesuffix("s")
    if not value.is_literal or unit not in UNITS:
        refuse(f"A unit of time is needed here: {', '.join(UNITS)}", value.position)
    return unit


def _date_difference(low: Lowering, call: Call) -> Value:
    check_count(call, 3, 3)
    unit = _unit(low, call.arguments[0])
    a, b = (as_instant(low.value(node), low.ctx) for node in call.arguments[1:])
    found = sql(f"dateDiff('{unit}', {{a}}, {{b}}, {{zone}})", a=a.sql, b=b.sql, zone=bind(low.ctx.timezone))
    return Value(found, Kind.NUMBER, a.is_nullable or b.is_nullable)


def _date_shift(sign: str) -> Form:
    def form(low: Lowering, call: Call) -> Value:
        check_count(call, 2, 3)
        if len(call.arguments) == 2:  # dateAdd(date, interval)
            return _shifted(sign, low.value(call.arguments[0]), low.value(call.arguments[1]), low)
        unit = _unit(low, call.arguments[0])
        amount = as_whole(low.value(call.arguments[1]), low.ctx)
        interval = Value(sql(f"toInterval{unit.capitalize()}({{n}})", n=amount.sql), Kind.INTERVAL)
        return _shifted(sign, low.value(call.arguments[2]), interval, low)

    return form


def _truncated(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    unit = _unit(low, call.arguments[0])
    if unit == "week":
        return _week_of(low.value(call.arguments[1]), low)
    function = FUNCTIONS[f"tostartof{unit}"]
    return applied(function, low.read(call.arguments[1:], function.wants), low.ctx)


def _start_of_week(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return _week_of(low.value(call.arguments[0]), low)


def _week_of(value: Value, low: Lowering) -> Value:
    """The first day of the week as the project has set it (semantics A13)."""
    moment = as_moment(value, low.ctx)
    found = sql(
        "(toDate({m}) - (toDayOfWeek({m}) + 7 - {start}) % 7)", m=moment.sql, start=number(low.ctx.week_start)
    )
    return Value(found, Kind.DATE, moment.is_nullable)


def _start_of_interval(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    moment, interval = as_instant(low.value(call.arguments[0]), low.ctx), low.value(call.arguments[1])
    if interval.kind is not Kind.INTERVAL:
        refuse("An interval is needed here", interval.position)
    found = sql(
        "toDateTime64(toStartOfInterval({m}, {i}, {zone}), 6, {zone})",
        m=moment.sql,
        i=interval.sql,
        zone=bind(low.ctx.timezone),
    )
    return Value(found, Kind.INSTANT, moment.is_nullable)


def _to_time_zone(low: Lowering, call: Call) -> Value:
    check_count(call, 2, 2)
    moment, zone = as_instant(low.value(call.arguments[0]), low.ctx), low.value(call.arguments[1])
    if not zone.is_literal or str(zone.literal) not in available_timezones():
        refuse("The name of a time zone is needed here", zone.position)
    found = sql("toTimeZone({m}, {zone})", m=moment.sql, zone=bind(str(zone.literal)))
    return Value(found, Kind.INSTANT, moment.is_nullable, moment=moment.moment)


def _same(low: Lowering, call: Call) -> Value:
    check_count(call, 1, 1)
    return low.settled(call.arguments[0])


_LESS, _LIKE, _ILIKE = _ordered("less"), _matches("like"), _matches("ilike")
_CASTS: Mapping[str, Form] = {
    "string": _to_text, "text": _to_text, "varchar": _to_text, "uuid": _to_text,
    "float": _to_number, "float64": _to_number, "double": _to_number, "decimal": _to_number,
    "number": _to_number,
    "int": _to_whole, "int64": _to_whole, "integer": _to_whole, "bigint": _to_whole,
    "bool": _to_boolean, "boolean": _to_boolean, "datetime": _to_instant, "timestamp": _to_instant,
    "date": _to_date,
}  # fmt: skip

FORMS: Mapping[str, Form] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "equals": _equals,
    "notequals": _not_equals,
    **{name.lower(): _ordered(name) for name in comparisons.ORDERS},
    "like": _LIKE,
    "ilike": _ILIKE,
    "match": _matches("match"),
    "notlike": _negated(_LIKE),
    "notilike": _negated(_ILIKE),
    "isnull": _is_null,
    "isnotnull": _negated(_is_null),
    "in": _in,
    "notin": _negated(_in),
    "incohort": _in_cohort,
    "if": _if,
    "multiif": _multi_if,
    "coalesce": _coalesced,
    "ifnull": _coalesced,
    "assumenotnull": _same,
    "tonullable": _same,
    "tostring": _to_text,
    "touuid": _to_text,
    "tofloat": _to_number,
    "tofloat64": _to_number,
    "todecimal": _to_number,
    "toint": _to_whole,
    "toint64": _to_whole,
    "tobool": _to_boolean,
    "todatetime": _to_instant,
    "todatetime64": _to_instant,
    "parsedatetimebesteffort": _to_instant,
    "parsedatetime64besteffort": _to_instant,
    "fromunixtimestamp": _to_instant,
    "todate": _to_date,
    "cast": _cast,
    "concat": _concat,
    "length": _of_text_or_array("lengthUTF8", "length", Kind.NUMBER),
    "empty": _of_text_or_array("empty", "empty", Kind.BOOLEAN),
    "notempty": _of_text_or_array("notEmpty", "notEmpty", Kind.BOOLEAN),
    "arraymap": _higher_order("arrayMap", Kind.ARRAY),
    "arrayfilter": _higher_order("arrayFilter", Kind.ARRAY, is_condition=True),
    "arraysort": _higher_order("arraySort", Kind.ARRAY, optional=True),
    "arrayreversesort": _higher_order("arrayReverseSort", Kind.ARRAY, optional=True),
    "arrayexists": _higher_order("arrayExists", Kind.BOOLEAN, is_condition=True),
    "arrayall": _higher_order("arrayAll", Kind.BOOLEAN, is_condition=True),
    "arraycount": _higher_order("arrayCount", Kind.NUMBER, is_condition=True),
    "arrayfirst": _higher_order("arrayFirst", None, is_condition=True),
    "arraysum": _higher_order("arraySum", Kind.NUMBER, optional=True),
    "arrayavg": _higher_order("arrayAvg", Kind.NUMBER, optional=True),
    "arraymin": _higher_order("arrayMin", None, optional=True),
    "arraymax": _higher_order("arrayMax", None, optional=True),
    "tuple": _tuple,
    "tupleelement": _tuple_element,
    "now": _now,
    "today": _today,
    "yesterday": _yesterday,
    "plus": _plus,
    "minus": _minus,
    **{f"tointerval{unit}": _interval(unit) for unit in UNITS},
    "datediff": _date_difference,
    "dateadd": _date_shift("+"),
    "datesub": _date_shift("-"),
    "date_add": _date_shift("+"),
    "date_sub": _date_shift("-"),
    "date_diff": _date_difference,
    "datetrunc": _truncated,
    "date_trunc": _truncated,
    "tostartofweek": _start_of_week,
    "tostartofinterval": _start_of_interval,
    "totimezone": _to_time_zone,
}


def lowering(scope: Scope, ctx: ProjectContext, aggregation: Aggregation = NO_AGGREGATES) -> Lowering:
    """A lowering that knows all forms."""
    return Lowering(scope, ctx, FORMS, aggregation)
