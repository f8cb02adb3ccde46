"""Typed SQL: what kind of value a fragment gives, and how one kind is read as another.

A property is text in its stored form until something says what it should be: compared with a number it
is a number, with a date an instant, by itself it is text, or what its definition declares (semantics C3,
C4, C21, C23). Missing and null are NULL; conditions are never NULL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from queries.context import DeclaredType, ProjectContext
from queries.dates import read_instant
from queries.hogql.syntax import Scalar
from queries.hogql.tokens import refuse
from queries.sql.fragment import Bound, Sql, bind, instant, not_, sql
from queries.sql.operators import date_of, number_of


class Kind(StrEnum):
    """The kinds of values; their words appear in errors."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "date and time"
    DATE = "date"
    INTERVAL = "interval"
    ARRAY = "array"
    TUPLE = "tuple"
    PROPERTY = "property"
    NULL = "null"
    ANY = "value"  # of a kind only the store knows


@dataclass(frozen=True, slots=True)
class Value:
    """`element` is the kind of an array's elements, `items` the values of a tuple that was written out.

    `literal` is what was written, if `is_literal`. `moment` is an instant without its zone: the plain
    column, which the store can look up by its key. `declared` is a property's own type (C4).
    """

    sql: Sql
    kind: Kind
    is_nullable: bool = False
    element: Kind | None = None
    items: tuple[Value, ...] = ()
    literal: Scalar = None
    is_literal: bool = False
    moment: Sql | None = None
    declared: DeclaredType | None = None
    position: int = 0


def literal(value: Scalar, position: int = 0) -> Value:
    found = _literal(value)
    return replace(found, literal=value, is_literal=True, position=position)


def _literal(value: Scalar) -> Value:
    if value is None:
        return Value(sql("NULL"), Kind.NULL, is_nullable=True)
    if isinstance(value, bool):
        return Value(sql("1" if value else "0"), Kind.BOOLEAN)
    if isinstance(value, str):
        return Value(_bound(bind(value)), Kind.TEXT)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return Value(_bound(bind(value, "Int64")), Kind.NUMBER)
    return Value(_bound(bind(float(value), "Float64")), Kind.NUMBER)


def _bound(bound: Bound) -> Sql:
    return sql("{value}", value=bound)


def settled(value: Value, ctx: ProjectContext) -> Value:
    """A property as its declared type, else as text; anything else as it is."""
    if value.kind is not Kind.PROPERTY:
        return value
    match value.declared:
        case "Numeric":
            return as_number(value, ctx)
        case "Boolean":
            found = sql("transform({p}, ['true', 'false'], [1, 0], NULL)", p=value.sql)
            return Value(found, Kind.BOOLEAN, is_nullable=True, position=value.position)
        case "DateTime":
            return as_instant(value, ctx)
    return as_text(value, ctx)


def as_text(value: Value, ctx: ProjectContext) -> Value:
    """Its text: numbers as JSON writes them, booleans as true and false, instants in the project's zone."""
    match value.kind:
        case Kind.TEXT | Kind.ANY:
            return value
        case Kind.PROPERTY:
            text = sql("if({p} = '\\0', '', nullIf({p}, ''))", p=value.sql)
            return Value(text, Kind.TEXT, is_nullable=True, position=value.position)
        case Kind.BOOLEAN:
            text = sql("transform(toInt8({b}), [1, 0], ['true', 'false'], NULL)", b=value.sql)
            return Value(text, Kind.TEXT, value.is_nullable, position=value.position)
        case Kind.NULL:
            return Value(sql("CAST(NULL AS Nullable(String))"), Kind.TEXT, True, position=value.position)
    return Value(sql("toString({v})", v=value.sql), Kind.TEXT, value.is_nullable, position=value.position)


def as_number(value: Value, ctx: ProjectContext) -> Value:
    """Its number; text has to be turned into one by toFloat, unless it was written out."""
    match value.kind:
        case Kind.NUMBER | Kind.ANY:
            return value
        case Kind.BOOLEAN:
            return Value(
                sql("toInt8({b})", b=value.sql), Kind.NUMBER, value.is_nullable, position=value.position
            )
        case Kind.PROPERTY:
            return Value(number_of(value.sql), Kind.NUMBER, is_nullable=True, position=value.position)
        case Kind.NULL:
            return Value(sql("CAST(NULL AS Nullable(Float64))"), Kind.NUMBER, True, position=value.position)
        case Kind.TEXT if value.is_literal and (number := _number(value.literal)) is not None:
            return literal(number, value.position)
    refuse(f"A number is needed here, not a {value.kind}; toFloat turns text into one", value.position)


def as_whole(value: Value, ctx: ProjectContext) -> Value:
    """Its number cut to a whole one, 0 for none: where the store takes nothing else."""
    number = as_number(value, ctx)
    if value.is_literal and type(value.literal) is int:
        return number
    whole = sql("ifNull(accurateCastOrNull(trunc({n}), 'Int64'), 0)", n=number.sql)
    return Value(whole, Kind.NUMBER, position=value.position)


def as_instant(value: Value, ctx: ProjectContext) -> Value:
    """Its instant, in the project's zone; text is understood as dates in filters are (C23)."""
    zone = bind(ctx.timezone)
    match value.kind:
        case Kind.INSTANT | Kind.ANY:
            return value
        case Kind.DATE:
            found = sql("toDateTime64({d}, 6, {zone})", d=value.sql, zone=zone)
            return Value(found, Kind.INSTANT, value.is_nullable, position=value.position)
        case Kind.PROPERTY:
            found = date_of(value.sql, ctx)
            return Value(found, Kind.INSTANT, is_nullable=True, position=value.position)
        case Kind.NULL:
            found = sql("CAST(NULL AS Nullable(DateTime64(6)))")
            return Value(found, Kind.INSTANT, is_nullable=True, position=value.position)
        case Kind.TEXT if value.is_literal:
            return _written_instant(value, ctx)
        case Kind.TEXT:
            found = sql("parseDateTime64BestEffortOrNull({t}, 6, {zone})", t=value.sql, zone=zone)
            return Value(found, Kind.INSTANT, is_nullable=True, position=value.position)
    refuse(f"A date is needed here, not a {value.kind}; toDateTime turns one into it", value.position)


def _written_instant(value: Value, ctx: ProjectContext) -> Value:
    found = read_instant(value.literal, ctx)
    if found is None:
        refuse(f'"{str(value.literal)[:50]}" is not a date', value.position)
    plain = instant(found.at)
    zoned = sql("toTimeZone({at}, {zone})", at=plain, zone=bind(ctx.timezone))
    return Value(zoned, Kind.INSTANT, moment=plain, position=value.position)


def as_moment(value: Value, ctx: ProjectContext) -> Value:
    """A date or an instant, whichever it is: what functions of dates take."""
    return value if value.kind in (Kind.DATE, Kind.ANY) else as_instant(value, ctx)


def as_boolean(value: Value, ctx: ProjectContext) -> Value:
    """Its truth, never NULL: only JSON true and the text "true" are true of a property (C27)."""
    match value.kind:
        case Kind.BOOLEAN if not value.is_nullable:
            return value
        case Kind.BOOLEAN | Kind.ANY:
            condition = sql("ifNull({b}, 0)", b=value.sql)
        case Kind.PROPERTY:
            condition = sql("{p} = 'true'", p=value.sql)
        case Kind.NUMBER:
            condition = sql("ifNull({n} != 0, 0)", n=value.sql)
        case Kind.NULL:
            condition = sql("0")
        case _:
            refuse(f"A condition is needed here, not a {value.kind}", value.position)
    return Value(condition, Kind.BOOLEAN, position=value.position)


def as_array(value: Value, ctx: ProjectContext) -> Value:
    """An array; a property that is a JSON array becomes one of texts."""
    if value.kind in (Kind.ARRAY, Kind.ANY):
        return value
    if value.kind is Kind.PROPERTY:
        texts = sql(
            "arrayMap(raw -> if(startsWith(raw, '\"'), JSONExtractString(raw), raw),"
            " JSONExtractArrayRaw({p}))",
            p=value.sql,
        )
        return Value(texts, Kind.ARRAY, element=Kind.TEXT, position=value.position)
    refuse(f"An array is needed here, not a {value.kind}", value.position)


def unified(values: list[Value], ctx: ProjectContext) -> list[Value]:
    """The values as one kind: numbers if they are numbers, instants if dates, else text."""
    values = [value if value.declared is None else settled(value, ctx) for value in values]
    kind = common_kind(values)
    if kind is Kind.NUMBER and len(values) > 1:
        # The store finds no type that holds both 64-bit whole numbers and fractions.
        return [_as_fraction(as_number(value, ctx)) for value in values]
    read = READERS.get(kind, settled)
    return [read(value, ctx) for value in values]


def _as_fraction(value: Value) -> Value:
    return replace(value, sql=sql("toFloat64({n})", n=value.sql))


def common_kind(values: list[Value]) -> Kind:
    kinds = {value.kind for value in values} - {Kind.NULL}
    declared = kinds - {Kind.PROPERTY}
    if Kind.ANY in kinds:
        return Kind.ANY
    if len(declared) == 1:
        return next(iter(declared))
    if declared and declared <= {Kind.NUMBER, Kind.BOOLEAN}:
        return Kind.NUMBER
    if declared and declared <= {Kind.DATE, Kind.INSTANT}:
        return Kind.INSTANT
    if declared & {Kind.ARRAY, Kind.TUPLE, Kind.INTERVAL}:
        return Kind.ANY
    return Kind.TEXT


READERS = {
    Kind.TEXT: as_text,
    Kind.NUMBER: as_number,
    Kind.BOOLEAN: as_boolean,
    Kind.INSTANT: as_instant,
}


def _number(value: Scalar) -> float | int | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def condition(fragment: Sql, position: int) -> Value:
    """A boolean that is never NULL."""
    return Value(fragment, Kind.BOOLEAN, position=position)


def negated(value: Value) -> Value:
    return condition(not_(value.sql), value.position)
