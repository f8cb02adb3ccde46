"""Comparisons of two values; the result is never NULL.

Nothing equals NULL but NULL, everything else differs from it, and no order holds with it. Which kind two
values are compared as follows from both: a property takes the other's kind.
"""

from __future__ import annotations

from queries.context import ProjectContext
from queries.hogql.tokens import refuse
from queries.hogql.values import (
    Kind,
    Value,
    as_instant,
    as_number,
    as_text,
    condition,
    negated,
    settled,
)
from queries.sql.fragment import Sql, any_of, bind, join, sql, strings
from queries.sql.operators import EMPTY, is_pattern

ORDERS = {"less": "<", "lessOrEquals": "<=", "greater": ">", "greaterOrEquals": ">="}


def equal(left: Value, right: Value, ctx: ProjectContext, position: int) -> Value:
    if Kind.NULL in (left.kind, right.kind):
        other = right if left.kind is Kind.NULL else left
        return is_null(other, ctx, position)
    stored = _stored_equality(left, right)
    if stored is not None:
        return condition(stored, position)
    a, b = comparable(left, right, ctx, position)
    same = sql("{a} = {b}", a=_plain(a), b=_plain(b))
    if a.is_nullable and b.is_nullable:
        same = sql("ifNull({same}, isNull({a}) AND isNull({b}))", same=same, a=a.sql, b=b.sql)
    elif a.is_nullable or b.is_nullable:
        same = sql("ifNull({same}, 0)", same=same)
    return condition(same, position)


def not_equal(left: Value, right: Value, ctx: ProjectContext, position: int) -> Value:
    return negated(equal(left, right, ctx, position))


def ordered(name: str, left: Value, right: Value, ctx: ProjectContext, position: int) -> Value:
    if left.kind is Kind.PROPERTY and right.kind is Kind.PROPERTY:  # C21: undeclared ones as numbers
        left = as_number(left, ctx) if left.declared is None else settled(left, ctx)
        right = as_number(right, ctx) if right.declared is None else settled(right, ctx)
    a, b = comparable(left, right, ctx, position)
    holds = sql(f"{{a}} {ORDERS[name]} {{b}}", a=_plain(a), b=_plain(b))
    if a.is_nullable or b.is_nullable:
        holds = sql("ifNull({holds}, 0)", holds=holds)
    return condition(holds, position)


def is_null(value: Value, ctx: ProjectContext, position: int) -> Value:
    if value.kind is Kind.PROPERTY and value.declared is None:
        return condition(sql("{p} = ''", p=value.sql), position)
    return condition(sql("isNull({v})", v=settled(value, ctx).sql), position)


def one_of(left: Value, options: tuple[Value, ...], ctx: ProjectContext, position: int) -> Value:
    """`left IN (a, b, c)`; texts and numbers written out become one set."""
    if not options:
        return condition(sql("0"), position)
    kinds = {option.kind for option in options}
    if all(option.is_literal for option in options) and len(kinds) == 1:
        found = _in_set(left, options, kinds.pop(), ctx)
        if found is not None:
            return condition(found, position)
    return condition(any_of(equal(left, option, ctx, position).sql for option in options), position)


def _in_set(left: Value, options: tuple[Value, ...], kind: Kind, ctx: ProjectContext) -> Sql | None:
    if kind is Kind.TEXT and left.kind is Kind.PROPERTY and left.declared is None:
        texts = strings(str(option.literal) or EMPTY for option in options)
        return sql("{p} IN {texts}", p=left.sql, texts=texts)
    if kind is Kind.TEXT and left.kind is Kind.TEXT:
        texts = strings(str(option.literal) for option in options)
        return _never_null(sql("{v} IN {texts}", v=left.sql, texts=texts), left)
    if kind is Kind.NUMBER and left.kind in (Kind.NUMBER, Kind.PROPERTY):
        value = as_number(left, ctx)
        numbers = join(", ", (option.sql for option in options))
        return _never_null(sql("{v} IN ({numbers})", v=value.sql, numbers=numbers), value)
    return None


def matches(name: str, text: Value, pattern: Value, ctx: ProjectContext, position: int) -> Value:
    """like, ilike and match; a regular expression that RE2 refuses is an error where it was written out."""
    value, wanted = as_text(text, ctx), as_text(pattern, ctx)
    if name == "match" and pattern.is_literal and not is_pattern(str(pattern.literal)):
        refuse(f'"{str(pattern.literal)[:50]}" is not a regular expression', pattern.position)
    found = sql(f"{name}({{value}}, {{wanted}})", value=value.sql, wanted=wanted.sql)
    if value.is_nullable or wanted.is_nullable:
        found = sql("ifNull({found}, 0)", found=found)
    return condition(found, position)


# --- which kind ------------------------------------------------------------------------------------


def comparable(left: Value, right: Value, ctx: ProjectContext, position: int) -> tuple[Value, Value]:
    """Both as one kind. InvalidQuery when they have nothing in common."""
    a = left if left.kind is Kind.PROPERTY and left.declared is None else settled(left, ctx)
    b = right if right.kind is Kind.PROPERTY and right.declared is None else settled(right, ctx)
    if a.kind is b.kind and a.kind is not Kind.PROPERTY:
        return a, b
    for kinds, read in _TOGETHER:
        if {a.kind, b.kind} <= kinds and {a.kind, b.kind} & (kinds - {Kind.PROPERTY}):
            return read(a, ctx), read(b, ctx)
    if a.kind is Kind.PROPERTY and b.kind is Kind.PROPERTY:
        return as_text(a, ctx), as_text(b, ctx)
    for written, other, is_swapped in ((a, b, False), (b, a, True)):
        if written.is_literal and written.kind is Kind.TEXT:
            pair = _read_as(written, other, ctx)
            return (pair[1], pair[0]) if is_swapped else pair
    if Kind.ANY in (a.kind, b.kind):
        return settled(a, ctx), settled(b, ctx)
    refuse(f"A {a.kind} cannot be compared with a {b.kind}", position)


_TOGETHER = (
    (frozenset({Kind.NUMBER, Kind.PROPERTY}), as_number),
    (frozenset({Kind.NUMBER, Kind.BOOLEAN}), as_number),
    (frozenset({Kind.TEXT, Kind.PROPERTY}), as_text),
    (frozenset({Kind.BOOLEAN, Kind.PROPERTY}), as_text),
    (frozenset({Kind.INSTANT, Kind.DATE, Kind.PROPERTY}), as_instant),
)


def _read_as(written: Value, other: Value, ctx: ProjectContext) -> tuple[Value, Value]:
    """A text that was written out, read as what it is compared with."""
    match other.kind:
        case Kind.NUMBER:
            return as_number(written, ctx), other
        case Kind.INSTANT | Kind.DATE:
            return as_instant(written, ctx), as_instant(other, ctx)
        case Kind.BOOLEAN:
            return written, as_text(other, ctx)
    refuse(f"A {other.kind} cannot be compared with a text", written.position)


def _stored_equality(left: Value, right: Value) -> Sql | None:
    """A property against a text, boolean or whole number written out: on its stored form."""
    for stored, written in ((left, right), (right, left)):
        if stored.kind is Kind.PROPERTY and stored.declared is None and written.is_literal:
            if isinstance(written.literal, bool):
                return sql("{p} = {text}", p=stored.sql, text=bind("true" if written.literal else "false"))
            if isinstance(written.literal, str):
                return sql("{p} = {text}", p=stored.sql, text=bind(written.literal or EMPTY))
    return None


def _plain(value: Value) -> Sql:
    """Instants compare by themselves, without their zone: so the store can use its key."""
    return value.sql if value.moment is None else value.moment


def _never_null(fragment: Sql, value: Value) -> Sql:
    return sql("ifNull({f}, 0)", f=fragment) if value.is_nullable else fragment
