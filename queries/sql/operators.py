"""The operator table: what a comparison means for a property that is set, and for one that is not.

Semantics C1-C27. A property is its *comparison text* (C3): a text column in which '' means "not set" and
the one-character text NUL is the empty string (NUL cannot occur in an event, api X8). Conditions built
here are never NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import re2

from queries.context import DeclaredType, ProjectContext
from queries.dates import read_instant
from queries.properties import PATTERNS, PropertyFilter, PropertyValue, Scalar
from queries.sql.fragment import (
    FALSE,
    TRUE,
    Bound,
    Sql,
    all_of,
    any_of,
    bind,
    instant,
    join,
    not_,
    sql,
    strings,
)
from queries.vocabulary import Operator

EMPTY = "\0"  # the stored form of the empty string


@dataclass(frozen=True, slots=True)
class Comparison:
    """One filter about to be compiled: the stored text it reads, what it wants, and the declared type."""

    stored: Sql
    filter: PropertyFilter
    declared: DeclaredType | None
    ctx: ProjectContext

    @property
    def is_set(self) -> Sql:
        return sql("{stored} != ''", stored=self.stored)

    @property
    def text(self) -> Sql:
        """The comparison text; '' also when not set, so combine with `is_set`."""
        return text_of(self.stored)

    @property
    def wanted(self) -> tuple[str, ...]:
        return tuple(comparison_text(value) for value in values_of(self.filter.value))


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """`present` is the truth for a property that is set; `when_missing` for one missing or null.

    `vacuous_when_empty`: an empty list of wanted values makes the filter true (C5).
    """

    present: Callable[[Comparison], Sql]
    when_missing: bool
    vacuous_when_empty: bool = True


def text_of(stored: Sql) -> Sql:
    return sql("if({stored} = '\\0', '', {stored})", stored=stored)


def number_of(stored: Sql) -> Sql:
    """The property as Nullable(Float64): numbers and numeric text, finite (C21, D15); else NULL."""
    parsed = sql("toFloat64OrNull(trim(BOTH ' \"\\'' FROM {stored}))", stored=stored)
    return sql("if(isFinite({parsed}), {parsed}, NULL)", parsed=parsed)


_WHOLE_NUMBER = r"^\s*[+-]?\d+(?:\.\d*)?\s*$"
_WRITTEN_DAY = r"^\s*\d{4}-\d{1,2}-\d{1,2}(?:[T ]|$)"
LAST_SECOND = 10_000_000_000  # in the year 2286; later ones are milliseconds or nonsense


def date_of(stored: Sql, ctx: ProjectContext) -> Sql:
    """The property as Nullable(DateTime64(6)) (C23): ISO, date, unix seconds; anything else is NULL.

    The store's own best effort would read a short number as the day or the hour of today.
    """
    return sql(
        "multiIf(match({stored}, {number}),"
        " if(abs({seconds}) < {last}, fromUnixTimestamp64Micro(toInt64({seconds} * 1000000), {zone}), NULL),"
        " match({stored}, {day}), parseDateTime64BestEffortOrNull({stored}, 6, {zone}), NULL)",
        stored=stored,
        number=bind(_WHOLE_NUMBER),
        seconds=sql("toFloat64OrNull(trim({stored}))", stored=stored),
        last=bind(LAST_SECOND, "Int64"),
        day=bind(_WRITTEN_DAY),
        zone=bind(ctx.timezone),
    )


def values_of(value: PropertyValue) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def comparison_text(value: Scalar) -> str:
    """A filter value as the text properties are compared by (C3)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return repr(value)
    return str(value)


def compare(comparison: Comparison) -> Sql:
    """The whole condition, missing properties included."""
    row = OPERATORS[comparison.filter.operator]
    if row.vacuous_when_empty and comparison.filter.value == ():
        return TRUE
    if comparison.filter.operator in PATTERNS and not all(map(is_pattern, comparison.wanted)):
        return FALSE  # C22: an invalid pattern makes either form false, for a missing property too
    present = row.present(comparison)
    if row.when_missing:
        return any_of([not_(comparison.is_set), present])
    return all_of([comparison.is_set, present])


def _stored_texts(texts: Sequence[str]) -> Bound:
    return strings(EMPTY if text == "" else text for text in texts)


def _equals_any(c: Comparison) -> Sql:
    if c.declared in _TYPED_EQUALITY:
        return _TYPED_EQUALITY[c.declared](c)
    return sql("{stored} IN {wanted}", stored=c.stored, wanted=_stored_texts(c.wanted))


def _numeric_equality(c: Comparison) -> Sql:
    wanted = [number for number in map(_as_number, values_of(c.filter.value)) if number is not None]
    value = number_of(c.stored)
    return sql("ifNull({value} IN {wanted}, 0)", value=value, wanted=bind(wanted, "Array(Float64)"))


def _boolean_equality(c: Comparison) -> Sql:
    wanted = [text for text in c.wanted if text in ("true", "false")]
    return sql("{stored} IN {wanted}", stored=c.stored, wanted=strings(wanted))


def _date_equality(c: Comparison) -> Sql:
    instants = [read_instant(v, c.ctx) for v in values_of(c.filter.value)]
    value = date_of(c.stored, c.ctx)
    return any_of(
        sql("ifNull({value} = {at}, 0)", value=value, at=instant(found.at))
        for found in instants
        if found is not None
    )


_TYPED_EQUALITY: dict[DeclaredType | None, Callable[[Comparison], Sql]] = {  # C4
    "Numeric": _numeric_equality,
    "Boolean": _boolean_equality,
    "DateTime": _date_equality,
}


def _contains_any(c: Comparison) -> Sql:
    wanted = c.wanted
    if len(wanted) == 1:  # C10: a single value is a LIKE pattern
        pattern = bind(f"%{like_pattern(wanted[0])}%")
        return sql("{text} ILIKE {pattern}", text=c.text, pattern=pattern)
    return any_of(
        sql("positionCaseInsensitiveUTF8({text}, {part}) > 0", text=c.text, part=bind(part))
        for part in wanted
    )


def like_pattern(text: str) -> str:
    # A lone backslash is an error to LIKE; users mean the character.
    return text.replace("\\", "\\\\")


def _matches_any(c: Comparison) -> Sql:
    return any_of(sql("match({text}, {p})", text=c.text, p=bind(p)) for p in c.wanted)


def is_pattern(pattern: str) -> bool:
    """Whether the store's regular expressions (RE2) accept it."""
    try:
        re2.compile(pattern, _QUIET)
    except re2.error:
        return False
    return True


_QUIET = re2.Options()
_QUIET.log_errors = False


def _order(symbol: str) -> Callable[[Comparison], Sql]:
    template = f"ifNull({{value}} {symbol} {{bound}}, 0)"

    def condition(c: Comparison) -> Sql:
        bounds = [number for number in map(_as_number, values_of(c.filter.value)) if number is not None]
        value = number_of(c.stored)
        return any_of(sql(template, value=value, bound=bind(b, "Float64")) for b in bounds)

    return condition


def _between(c: Comparison) -> Sql:
    bounds = [_as_number(value) for value in values_of(c.filter.value)]
    if len(bounds) != 2 or bounds[0] is None or bounds[1] is None:
        return FALSE
    return sql(
        "ifNull({value} BETWEEN {low} AND {high}, 0)",
        value=number_of(c.stored),
        low=bind(bounds[0], "Float64"),
        high=bind(bounds[1], "Float64"),
    )


def _not_between(c: Comparison) -> Sql:
    # C15: below or above; text that is no number is neither.
    return all_of([sql("isNotNull({value})", value=number_of(c.stored)), not_(_between(c))])


def _as_number(value: Scalar) -> float | None:
    """The wanted side of a numeric comparison (C21): booleans are not numbers."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value.strip(" \"'") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if number - number == 0 else None


def _date_order(symbol: str) -> Callable[[Comparison], Sql]:
    template = f"ifNull({{value}} {symbol} {{at}}, 0)"

    def condition(c: Comparison) -> Sql:
        value = date_of(c.stored, c.ctx)
        found = [read_instant(wanted, c.ctx) for wanted in values_of(c.filter.value)]
        return any_of(sql(template, value=value, at=instant(f.at)) for f in found if f is not None)

    return condition


def _date_exact(c: Comparison) -> Sql:
    """C25: a date without a time means any time on that day; otherwise the same instant."""
    value = date_of(c.stored, c.ctx)
    conditions = []
    for wanted in values_of(c.filter.value):
        found = read_instant(wanted, c.ctx)
        if found is None:
            continue
        if found.end_of_day is None:
            conditions.append(sql("ifNull({value} = {at}, 0)", value=value, at=instant(found.at)))
        else:
            within = sql(
                "{value} >= {a} AND {value} < {b}",
                value=value,
                a=instant(found.at),
                b=instant(found.end_of_day),
            )
            conditions.append(sql("ifNull({within}, 0)", within=within))
    return any_of(conditions)


def _cleaned(c: Comparison) -> Sql:
    """Equality after the project's path cleaning on both sides (api T6)."""
    wanted = join(", ", (clean_path(sql("{v}", v=bind(v)), c.ctx.path_cleaning) for v in c.wanted))
    return sql("has([{wanted}], {value})", wanted=wanted, value=clean_path(c.text, c.ctx.path_cleaning))


class Cleaning(Protocol):
    """Every match of `regex` is replaced by `alias`, which may use \\1."""

    @property
    def regex(self) -> str: ...
    @property
    def alias(self) -> str: ...


def clean_path(text: Sql, rules: Iterable[Cleaning]) -> Sql:
    """The text after all rules, each on the output of the one before (semantics G6)."""
    for rule in rules:
        if is_pattern(rule.regex):
            text = sql(
                "replaceRegexpAll({text}, {regex}, {alias})",
                text=text,
                regex=bind(rule.regex),
                alias=bind(rule.alias),
            )
    return text


def _none(condition: Callable[[Comparison], Sql]) -> Callable[[Comparison], Sql]:
    return lambda c: not_(condition(c))


def _always(_: Comparison) -> Sql:
    return TRUE


def _never(_: Comparison) -> Sql:
    return FALSE


OPERATORS: dict[Operator, OperatorRow] = {
    Operator.EXACT: OperatorRow(_equals_any, when_missing=False),  # C8
    Operator.IS_NOT: OperatorRow(_none(_equals_any), when_missing=True),  # C9
    Operator.ICONTAINS: OperatorRow(_contains_any, when_missing=False),  # C10
    Operator.NOT_ICONTAINS: OperatorRow(_none(_contains_any), when_missing=True),  # C11
    Operator.REGEX: OperatorRow(_matches_any, when_missing=False),  # C12
    Operator.NOT_REGEX: OperatorRow(_none(_matches_any), when_missing=True),  # C13
    Operator.GT: OperatorRow(_order(">"), when_missing=False),  # C14
    Operator.GTE: OperatorRow(_order(">="), when_missing=False),
    Operator.LT: OperatorRow(_order("<"), when_missing=False),
    Operator.LTE: OperatorRow(_order("<="), when_missing=False),
    Operator.BETWEEN: OperatorRow(_between, when_missing=False),  # C15
    Operator.NOT_BETWEEN: OperatorRow(_not_between, when_missing=False),
    Operator.IS_SET: OperatorRow(_always, when_missing=False, vacuous_when_empty=False),  # C16
    Operator.IS_NOT_SET: OperatorRow(_never, when_missing=True, vacuous_when_empty=False),  # C17
    Operator.IS_DATE_BEFORE: OperatorRow(_date_order("<"), when_missing=False),  # C18, C25
    Operator.IS_DATE_AFTER: OperatorRow(_date_order(">"), when_missing=False),
    Operator.IS_DATE_EXACT: OperatorRow(_date_exact, when_missing=False),
    Operator.IN: OperatorRow(_equals_any, when_missing=False),  # C19
    Operator.NOT_IN: OperatorRow(_none(_equals_any), when_missing=True),
    Operator.IS_CLEANED_PATH_EXACT: OperatorRow(_cleaned, when_missing=False),  # api T6
}
