"""Tokens -> expressions: an operator precedence parser. Selects are read by `queries.hogql.select_parser`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from queries.hogql.syntax import (
    Call,
    Expression,
    Hole,
    Lambda,
    Literal,
    Name,
    Order,
    Star,
    Stream,
    Subselect,
    Window,
)
from queries.hogql.tokens import MAX_EXPRESSION_LENGTH, Token, refuse, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queries.hogql.syntax import Query

MAX_DEPTH = 60
MAX_TOKENS = 20_000

# Binding strength of what stands between two operands; a call takes its place.
COMPARISON = 5
BINARY = {
    "OR": (2, "or"), "AND": (3, "and"), "??": (6, "ifNull"), "||": (7, "concat"),
    "=": (COMPARISON, "equals"), "==": (COMPARISON, "equals"), "!=": (COMPARISON, "notEquals"),
    "<>": (COMPARISON, "notEquals"), "<": (COMPARISON, "less"), "<=": (COMPARISON, "lessOrEquals"),
    ">": (COMPARISON, "greater"), ">=": (COMPARISON, "greaterOrEquals"),
    "+": (8, "plus"), "-": (8, "minus"), "*": (9, "multiply"), "/": (9, "divide"), "%": (9, "modulo"),
}  # fmt: skip
CHAINS = frozenset({"and", "or", "concat"})
TERNARY = 1
NOT = 4
NEGATION = 10
POSTFIX = 11
CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
# Words that end an expression or begin a clause; as columns they need quotes.
RESERVED = frozenset(
    {
        "SELECT", "FROM", "WHERE", "GROUP", "BY", "HAVING", "ORDER", "LIMIT", "OFFSET", "UNION", "ALL",
        "DISTINCT",
        "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER", "ANY", "SEMI", "ANTI", "ASOF", "ON",
        "USING",
        "AS", "AND", "OR", "NOT", "IN", "IS", "LIKE", "ILIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE",
        "END",
        "ASC", "DESC", "WITH", "SETTINGS", "FORMAT", "INTO", "PREWHERE", "SAMPLE", "ARRAY", "WINDOW",
        "QUALIFY",
        "EXCEPT", "INTERSECT", "FINAL",
    }
)  # fmt: skip
CALLABLE_WORDS = frozenset({"LEFT", "RIGHT", "ARRAY", "ANY", "LIKE", "ILIKE", "IN", "AND", "OR"})


class ExpressionParser:
    """Reads one expression after the other from a stream of tokens."""

    def __init__(self, text: str, *, comments: bool = False, limit: int = MAX_EXPRESSION_LENGTH) -> None:
        found = list(tokens(text, comments=comments, limit=limit))
        if len(found) > MAX_TOKENS:
            refuse("The SQL has too many parts", found[MAX_TOKENS].position)
        self.stream = Stream(found, text)

    def subquery(self) -> Query:
        """What stands in parentheses and begins with SELECT or WITH; only questions have them."""
        refuse("Subqueries are not allowed here", self.stream.next.position)

    # --- expressions --------------------------------------------------------------------------------

    def expression(self, strength: int = 0) -> Expression:
        with self._deeper():
            left = self._operand()
            while (continued := self._continued(left, strength)) is not None:
                left = continued
            return left

    def expressions(self, end: str) -> tuple[Expression, ...]:
        """Expressions divided by commas, up to the closing sign, which is taken too."""
        found: list[Expression] = []
        if not self.stream.next.is_sign(end):
            found.append(self.expression())
            while self.accept_sign(","):
                found.append(self.expression())
        self.expect_sign(end)
        return tuple(found)

    def _continued(self, left: Expression, strength: int) -> Expression | None:
        """`left` with the next operator and its other operand; None when none that strong follows."""
        token = self.stream.next
        key = token.text.upper() if token.kind == "name" else token.text
        if token.kind in ("sign", "name") and key in BINARY:
            power, name = BINARY[key]
            if power <= strength:
                return None
            self.stream.take()
            return _joined(name, left, self.expression(power), token.position)
        for power, starts, read in self._special:
            if power > strength and starts(token):
                return read(left)
        return None

    @property
    def _special(self) -> tuple[tuple[int, Callable[[Token], bool], Callable[[Expression], Expression]], ...]:
        return (
            (POSTFIX, lambda t: t.is_sign("."), self._member),
            (POSTFIX, lambda t: t.is_sign("["), self._element),
            (POSTFIX, lambda t: t.is_sign("::"), self._cast_sign),
            (COMPARISON, self._starts_test, self._test),
            (TERNARY, lambda t: t.is_sign("?"), self._ternary),
        )

    # --- after an operand ---------------------------------------------------------------------------

    def _member(self, left: Expression) -> Expression:
        position = self.stream.take().position
        token = self.stream.take()
        if isinstance(left, Name) and token.is_sign("*") and len(left.path) == 1:
            return Star(left.path[0], position)
        if isinstance(left, Name) and token.kind in ("name", "quoted"):
            return Name((*left.path, token.text), left.position)
        if token.kind == "number" and token.text.isdecimal():
            return Call("tupleElement", (left, Literal(int(token.text), token.position)), position)
        refuse(f"A name is expected after the dot, not {token}", token.position)

    def _element(self, left: Expression) -> Expression:
        position = self.stream.take().position
        inside = self.expression()
        self.expect_sign("]")
        if isinstance(left, Name) and isinstance(inside, Literal) and isinstance(inside.value, str):
            return Name((*left.path, inside.value), left.position)
        return Call("arrayElement", (left, inside), position)

    def _cast_sign(self, left: Expression) -> Expression:
        position = self.stream.take().position
        return Call("cast", (left, self._type_name()), position)

    def _ternary(self, condition: Expression) -> Expression:
        position = self.stream.take().position
        yes = self.expression()
        self.expect_sign(":")
        return Call("if", (condition, yes, self.expression(TERNARY - 1)), position)

    def _starts_test(self, token: Token) -> bool:
        if token.is_word("NOT"):
            return self.stream.after_next().is_word("IN", "LIKE", "ILIKE", "BETWEEN")
        return token.is_word("IS", "IN", "LIKE", "ILIKE", "BETWEEN")

    def _test(self, left: Expression) -> Expression:
        position = self.stream.next.position
        negated = self.accept_word("NOT")
        word = self.stream.take().text.upper()
        test = _TESTS[word](self, left, position)
        return Call("not", (test,), position) if negated else test

    def _is(self, left: Expression, position: int) -> Expression:
        negated = self.accept_word("NOT")
        self.expect_word("NULL")
        return Call("isNotNull" if negated else "isNull", (left,), position)

    def _in(self, left: Expression, position: int) -> Expression:
        if self.accept_word("COHORT"):
            return Call("inCohort", (left, self.expression(COMPARISON)), position)
        return Call("in", (left, self.expression(COMPARISON)), position)

    def _like(self, left: Expression, position: int) -> Expression:
        return Call("like", (left, self.expression(COMPARISON)), position)

    def _ilike(self, left: Expression, position: int) -> Expression:
        return Call("ilike", (left, self.expression(COMPARISON)), position)

    def _between(self, left: Expression, position: int) -> Expression:
        low = self.expression(COMPARISON)
        self.expect_word("AND")
        high = self.expression(COMPARISON)
        above = Call("greaterOrEquals", (left, low), position)
        return Call("and", (above, Call("lessOrEquals", (left, high), position)), position)

    # --- operands -----------------------------------------------------------------------------------

    def _operand(self) -> Expression:
        token = self.stream.take()
        if token.kind == "sign":
            read = _SIGNS.get(token.text)
            if read is None:
                refuse(f"{token} is not expected here", token.position)
            return read(self, token)
        match token.kind:
            case "number":
                return Literal(_number(token), token.position)
            case "text":
                return Literal(token.text, token.position)
            case "quoted":
                return Name((token.text,), token.position)
            case "end":
                refuse("The expression ends too early", token.position)
        return self._word(token)

    def _word(self, token: Token) -> Expression:
        word = token.text.upper()
        called = self.stream.next.is_sign("(")
        if word in CONSTANTS and not called:
            return Literal(CONSTANTS[word], token.position)
        if word == "NOT":  # also where a parenthesis follows: NOT (a) AND b
            return Call("not", (self.expression(NOT),), token.position)
        if word == "CASE":
            return self._case(token)
        if word == "INTERVAL" and not called:
            return self._interval(token)
        if called and (word not in RESERVED or word in CALLABLE_WORDS):
            return self._call(token)
        if word in RESERVED:
            refuse(f"{token} is not expected here", token.position)
        if self.stream.next.is_sign("->"):
            return self._lambda((token.text,), token.position)
        return Name((token.text,), token.position)

    def _call(self, token: Token) -> Expression:
        self.stream.take()
        word = token.text.upper()
        if word == "CAST":
            return self._cast(token)
        if word == "EXTRACT" and self._is_extract_from():
            return self._extract(token)
        is_distinct = self.accept_word("DISTINCT")
        arguments = self._arguments(token)
        parameters = None
        if self.stream.next.is_sign("("):
            self.stream.take()
            is_distinct = self.accept_word("DISTINCT") or is_distinct
            parameters, arguments = arguments, self.expressions(")")
        over = self._window() if self.accept_word("OVER") else None
        return Call(token.text, arguments, token.position, parameters, is_distinct, over)

    def _arguments(self, token: Token) -> tuple[Expression, ...]:
        if self.stream.next.is_word("SELECT", "WITH"):
            query = self.subquery()
            return (Subselect(query, token.position),)
        return self.expressions(")")

    def _window(self) -> Window:
        self.expect_sign("(")
        partition: tuple[Expression, ...] = ()
        order: tuple[Order, ...] = ()
        if self.accept_word("PARTITION"):
            self.expect_word("BY")
            partition = self.listed()
        if self.accept_word("ORDER"):
            self.expect_word("BY")
            order = self.orders()
        self.expect_sign(")")
        return Window(partition, order)

    def listed(self) -> tuple[Expression, ...]:
        """At least one expression, divided by commas."""
        found = [self.expression()]
        while self.accept_sign(","):
            found.append(self.expression())
        return tuple(found)

    def orders(self) -> tuple[Order, ...]:
        found = [self._order()]
        while self.accept_sign(","):
            found.append(self._order())
        return tuple(found)

    def _order(self) -> Order:
        expression = self.expression()
        if self.accept_word("DESC"):
            return Order(expression, is_descending=True)
        self.accept_word("ASC")
        return Order(expression)

    def _cast(self, token: Token) -> Expression:
        value = self.expression()
        if self.accept_word("AS"):
            kind: Expression = self._type_name()
        else:
            self.expect_sign(",")
            kind = self.expression()
        self.expect_sign(")")
        return Call("cast", (value, kind), token.position)

    def _type_name(self) -> Literal:
        token = self.stream.take()
        if token.kind != "name":
            refuse(f"The name of a type is expected, not {token}", token.position)
        return Literal(token.text, token.position)

    def _is_extract_from(self) -> bool:
        return self.stream.after_next().is_word("FROM")

    def _extract(self, token: Token) -> Expression:
        unit = self.stream.take()
        self.stream.take()
        value = self.expression()
        self.expect_sign(")")
        name = _EXTRACTED.get(unit.text.upper())
        if name is None:
            refuse(f"{unit} is not a part of a date", unit.position)
        return Call(name, (value,), token.position)

    def _case(self, token: Token) -> Expression:
        subject = None if self.stream.next.is_word("WHEN") else self.expression()
        arguments: list[Expression] = []
        while self.accept_word("WHEN"):
            position = self.stream.next.position
            condition = self.expression()
            arguments.append(condition if subject is None else Call("equals", (subject, condition), position))
            self.expect_word("THEN")
            arguments.append(self.expression())
        arguments.append(self.expression() if self.accept_word("ELSE") else Literal(None, token.position))
        self.expect_word("END")
        if len(arguments) == 1:
            refuse("CASE needs a WHEN", token.position)
        return Call("multiIf", tuple(arguments), token.position)

    def _interval(self, token: Token) -> Expression:
        given = self.expression(POSTFIX - 1)
        if isinstance(given, Literal) and isinstance(given.value, str) and " " in given.value.strip():
            number, _, unit = given.value.strip().partition(" ")
            if not number.removeprefix("-").isdecimal():
                refuse(f'"{given.value[:50]}" is not an interval', given.position)
            given = Literal(int(number), given.position)
        else:
            unit = self.stream.take().text
        unit = unit.strip().upper().removesuffix("S")
        if unit not in UNITS:
            refuse(f'"{unit[:50]}" is not a unit of time', token.position)
        return Call(f"toInterval{unit.capitalize()}", (given,), token.position)

    def _lambda(self, names: tuple[str, ...], position: int) -> Expression:
        self.stream.take()
        return Lambda(names, self.expression(), position)

    def _parenthesis(self, token: Token) -> Expression:
        if self.stream.next.is_word("SELECT", "WITH"):
            return Subselect(self.subquery(), token.position)
        inside = self.expressions(")")
        if self.stream.next.is_sign("->"):
            return self._lambda(tuple(self._parameter(part) for part in inside), token.position)
        if len(inside) == 1:
            return inside[0]
        return Call("tuple", inside, token.position)

    def _parameter(self, part: Expression) -> str:
        if not isinstance(part, Name) or len(part.path) != 1:
            refuse("The parameters of a lambda are names", part.position)
        return part.path[0]

    def _array(self, token: Token) -> Expression:
        return Call("array", self.expressions("]"), token.position)

    def _hole(self, token: Token) -> Expression:
        found = self.expression()
        self.expect_sign("}")
        if not isinstance(found, Name):
            refuse("Braces hold a name", token.position)
        return Hole(found.path, token.position)

    def _negation(self, token: Token) -> Expression:
        operand = self.expression(NEGATION - 1)
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            assert isinstance(operand.value, int | float)
            return Literal(-operand.value, token.position)
        return Call("negate", (operand,), token.position)

    def _positive(self, _: Token) -> Expression:
        return self.expression(NEGATION - 1)

    def _star(self, token: Token) -> Expression:
        return Star(None, token.position)

    # --- tokens -------------------------------------------------------------------------------------

    def accept_sign(self, sign: str) -> bool:
        if self.stream.next.is_sign(sign):
            self.stream.take()
            return True
        return False

    def accept_word(self, *words: str) -> bool:
        if self.stream.next.is_word(*words):
            self.stream.take()
            return True
        return False

    def expect_sign(self, sign: str) -> None:
        if not self.accept_sign(sign):
            token = self.stream.next
            refuse(f'"{sign}" is expected, not {token}', token.position)

    def expect_word(self, word: str) -> None:
        if not self.accept_word(word):
            token = self.stream.next
            refuse(f"{word} is expected, not {token}", token.position)

    def expect_end(self) -> None:
        token = self.stream.next
        if token.kind != "end":
            refuse(f"{token} is not expected here", token.position)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self.stream.depth += 1
        if self.stream.depth > MAX_DEPTH:
            refuse("The SQL is nested too deep", self.stream.next.position)
        yield
        self.stream.depth -= 1


def _joined(name: str, left: Expression, right: Expression, position: int) -> Expression:
    """A chain of the same AND, OR or || is one call: its length must not become depth."""
    if name in CHAINS and isinstance(left, Call) and left.name == name:
        return Call(name, (*left.arguments, right), left.position)
    return Call(name, (left, right), position)


def _number(token: Token) -> int | float:
    if token.text.isdecimal():
        return int(token.text) if len(token.text) < 20 else float(token.text)
    found = float(token.text)
    if found in (float("inf"), float("-inf")):
        refuse(f"{token} is too large", token.position)
    return found


_SIGNS: dict[str, Callable[[ExpressionParser, Token], Expression]] = {
    "(": ExpressionParser._parenthesis,
    "[": ExpressionParser._array,
    "{": ExpressionParser._hole,
    "-": ExpressionParser._negation,
    "+": ExpressionParser._positive,
    "*": ExpressionParser._star,
}
_TESTS: dict[str, Callable[[ExpressionParser, Expression, int], Expression]] = {
    "IS": ExpressionParser._is,
    "IN": ExpressionParser._in,
    "LIKE": ExpressionParser._like,
    "ILIKE": ExpressionParser._ilike,
    "BETWEEN": ExpressionParser._between,
}
_EXTRACTED = {
    "YEAR": "toYear", "QUARTER": "toQuarter", "MONTH": "toMonth", "DAY": "toDayOfMonth",
    "HOUR": "toHour", "MINUTE": "toMinute", "SECOND": "toSecond",
}  # fmt: skip


def read_expression(text: str) -> Expression:
    """One expression and nothing else. InvalidQuery with a position."""
    parser = ExpressionParser(text)
    found = parser.expression()
    parser.expect_end()
    return found
