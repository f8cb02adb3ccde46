"""Formulas over series: a published grammar, parsed by hand and evaluated bucket by bucket (D48-D55).

    expression = term (("+" | "-") term)*
    term       = factor (("*" | "/" | "%") factor)*
    factor     = ("-" | "+") factor | power
    power      = atom ("**" factor)?
    atom       = number | letter | "(" expression ")"

Letters A, B, C ... are the series in order, in either case. Division by zero, and whatever is not a
finite number, is 0 (semantics D49).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from queries.errors import InvalidQuery
from queries.sql.breakdowns import OTHER
from queries.trends.lines import Line, Value
from queries.trends.question import Question

MAX_LENGTH = 500
MAX_DEPTH = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*|\.\d+)|(?P<letter>[A-Za-z])(?![A-Za-z0-9_])|(?P<sign>\*\*|[-+*/%()]))"
)

Letters = Mapping[str, float]
Evaluate = Callable[[Letters], float]


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula: the letters it uses and its value for one bucket."""

    letters: frozenset[str]
    evaluate: Evaluate

    def value(self, letters: Letters) -> float:
        number = self.evaluate(letters)
        return number if math.isfinite(number) else 0.0


@lru_cache(maxsize=512)
def parse_formula(text: str) -> Formula:
    """InvalidQuery at `trendsFilter__formula` for anything outside the grammar."""
    parser = _Parser(_tokens(text))
    evaluate = parser.expression(0)
    if parser.peek() is not None:
        raise _invalid(f'Unexpected "{parser.peek()}" in the formula.')
    return Formula(frozenset(parser.letters), evaluate)


def _tokens(text: str) -> list[str]:
    if len(text) > MAX_LENGTH:
        raise _invalid(f"A formula has at most {MAX_LENGTH} characters.")
    tokens, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise _invalid(f'"{stripped[position:].strip()[:20]}" is not allowed in a formula.')
        tokens.append(match[match.lastgroup or 0].upper())
        position = match.end()
    return tokens


def _invalid(detail: str) -> InvalidQuery:
    return InvalidQuery(
        f"{detail} Use the letters of the series, numbers, + - * / % ** and ( ).",
        attr="trendsFilter__formula",
    )


class _Parser:
    """Recursive descent over the tokens; each method returns the function that computes its part."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.position = 0
        self.letters: set[str] = set()

    def peek(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self) -> str | None:
        token = self.peek()
        self.position += 1
        return token

    def expression(self, depth: int) -> Evaluate:
        if depth > MAX_DEPTH:
            raise _invalid("The formula is nested too deeply.")
        return self._chain(lambda: self._term(depth), ("+", "-"))

    def _term(self, depth: int) -> Evaluate:
        return self._chain(lambda: self._factor(depth), ("*", "/", "%"))

    def _chain(self, operand: Callable[[], Evaluate], signs: tuple[str, ...]) -> Evaluate:
        left = operand()
        while (sign := self.peek()) in signs and sign is not None:
            self.take()
            left = _applied(_OPERATIONS[sign], left, operand())
        return left

    def _factor(self, depth: int) -> Evaluate:
        if depth > MAX_DEPTH:
            raise _invalid("The formula is nested too deeply.")
        if self.peek() in ("-", "+"):
            negative = self.take() == "-"
            inner = self._factor(depth + 1)
            return (lambda letters: -inner(letters)) if negative else inner
        base = self._atom(depth)
        if self.peek() == "**":
            self.take()
            return _applied(_power, base, self._factor(depth + 1))
        return base

    def _atom(self, depth: int) -> Evaluate:
        token = self.take()
        if token is None:
            raise _invalid("The formula ends too early.")
        if token == "(":
            inner = self.expression(depth + 1)
            if self.take() != ")":
                raise _invalid("A closing parenthesis is missing.")
            return inner
        if token.isalpha():
            self.letters.add(token)
            return lambda letters: letters[token]
        if token[0].isdigit() or token[0] == ".":
            number = float(token)
            return lambda letters: number
        raise _invalid(f'Unexpected "{token}" in the formula.')


def _applied(operation: Callable[[float, float], float], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda letters: operation(left(letters), right(letters))


def _divided(a: float, b: float) -> float:
    return a / b if b else 0.0


def _remainder(a: float, b: float) -> float:
    return math.fmod(a, b) if b else 0.0


def _power(a: float, b: float) -> float:
    try:
        result = a**b
    except (OverflowError, ZeroDivisionError):
        return 0.0
    return result if isinstance(result, int | float) else 0.0  # a root of a negative number is complex


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
    "%": _remainder,
}


# --- over lines ----------------------------------------------------------------------------------------


def formula_lines(question: Question, lines: Sequence[Line]) -> tuple[Line, ...]:
    """One line per formula, period and breakdown value; the input series are not returned (D50)."""
    formulas = [parse_formula(node.formula) for node in question.node.trends_filter.all_formulas]
    for formula in formulas:
        _check_letters(question, formula)
    result = []
    for period in range(len(question.periods)):
        of_period = [line for line in lines if line.period == period]
        for order, formula in enumerate(formulas):
            result.extend(_computed(question, formula, order, period, of_period))
    return tuple(result)


def _check_letters(question: Question, formula: Formula) -> None:
    known = {letter(index) for index, _ in question.series}
    missing = sorted(formula.letters - known)
    if missing:
        raise _invalid(f'There is no series "{missing[0]}".')  # semantics D48, api S10


def letter(index: int) -> str:
    return chr(ord("A") + index)


def _computed(
    question: Question, formula: Formula, order: int, period: int, lines: Sequence[Line]
) -> list[Line]:
    by_value: dict[Value, dict[str, Line]] = {}
    for line in lines:
        assert line.series is not None
        by_value.setdefault(line.value, {})[letter(line.series)] = line
    size = len(lines[0].numbers) if lines else 0
    computed = []
    for value, found in by_value.items():
        rows = {name: found[name].numbers if name in found else (0.0,) * size for name in formula.letters}
        numbers = tuple(formula.value({n: row[i] for n, row in rows.items()}) for i in range(size))
        computed.append(Line(None, period, value, order, numbers))
    return sorted(computed, key=_order)


def _order(line: Line) -> tuple[bool, bool, float, Value]:
    """Total descending, none after ordinary values, other last (semantics D52)."""
    is_none = bool(line.value) and not any(line.value)
    return (line.value == (OTHER,), is_none, -sum(line.numbers), line.value)
