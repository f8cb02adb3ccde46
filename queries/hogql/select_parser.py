"""Tokens -> SELECT statements. Any other clause (SETTINGS, FORMAT, INTO, ARRAY JOIN...) is refused."""

from __future__ import annotations

from queries.hogql.parser import RESERVED, ExpressionParser
from queries.hogql.syntax import (
    Derived,
    Expression,
    Item,
    Join,
    Literal,
    Order,
    Query,
    Select,
    Source,
    Table,
)
from queries.hogql.tokens import MAX_QUERY_LENGTH, refuse

MAX_SELECTS = 100
# Words in front of JOIN -> ours. A join without a word is an inner one.
JOINS = {"INNER": "INNER JOIN", "LEFT": "LEFT JOIN", "RIGHT": "RIGHT JOIN", "FULL": "FULL JOIN"}


class SelectParser(ExpressionParser):
    """Expressions that may hold SELECTs in parentheses, and the statements around them."""

    def __init__(self, text: str) -> None:
        super().__init__(text, comments=True, limit=MAX_QUERY_LENGTH)
        self.selects = 0

    def subquery(self) -> Query:
        with self._deeper():
            query = self.query()
        self.expect_sign(")")
        return query

    def query(self) -> Query:
        """`[WITH name AS (...)] SELECT ... [UNION ALL SELECT ...]`"""
        position = self.stream.next.position
        named = self._named() if self.accept_word("WITH") else ()
        selects = list(self._part())
        is_distinct = False
        while self.accept_word("UNION"):
            is_distinct = self._union_kind() or is_distinct
            selects += self._part()
        return Query(tuple(selects), position, is_distinct, named)

    def _union_kind(self) -> bool:
        if self.accept_word("DISTINCT"):
            return True
        self.expect_word("ALL")
        return False

    def _named(self) -> tuple[tuple[str, Query], ...]:
        found = []
        while True:
            name = self._identifier("The name of a query")
            self.expect_word("AS")
            self.expect_sign("(")
            found.append((name, self.subquery()))
            if not self.accept_sign(","):
                return tuple(found)

    def _part(self) -> tuple[Select, ...]:
        if self.accept_sign("("):
            inner = self.subquery()
            if len(inner.selects) != 1 or inner.named:
                refuse("A part of a UNION is one SELECT", inner.position)
            return inner.selects
        return (self._select(),)

    def _select(self) -> Select:
        position = self.stream.next.position
        self.expect_word("SELECT")
        self.selects += 1
        if self.selects > MAX_SELECTS:
            refuse(f"There are more than {MAX_SELECTS} SELECTs", position)
        is_distinct = self.accept_word("DISTINCT")
        items = [self._item()]
        while self.accept_sign(","):
            items.append(self._item())
        source = self._source() if self.accept_word("FROM") else None
        where = self.expression() if self.accept_word("WHERE") else None
        group_by = self._group_by()
        having = self.expression() if self.accept_word("HAVING") else None
        order_by = self._order_by()
        limit, offset, limit_by = self._limits()
        return Select(
            items=tuple(items),
            position=position,
            source=source,
            is_distinct=is_distinct,
            where=where,
            group_by=group_by,
            having=having,
            order_by=order_by,
            limit=limit,
            offset=offset,
            limit_by=limit_by,
        )

    def _item(self) -> Item:
        start = self.stream.next.position
        expression = self.expression()
        end = self.stream.next.position
        text = self.stream.text[start - 1 : end - 1].strip()
        return Item(expression, self._alias(), text)

    def _alias(self) -> str | None:
        if self.accept_word("AS"):
            return self._identifier("A name")
        token = self.stream.next
        if token.kind == "quoted" or (token.kind == "name" and token.text.upper() not in RESERVED):
            return self.stream.take().text
        return None

    def _identifier(self, what: str) -> str:
        token = self.stream.take()
        if token.kind not in ("name", "quoted"):
            refuse(f"{what} is expected, not {token}", token.position)
        return token.text

    def _group_by(self) -> tuple[Expression, ...]:
        if not self.accept_word("GROUP"):
            return ()
        self.expect_word("BY")
        return self.listed()

    def _order_by(self) -> tuple[Order, ...]:
        if not self.accept_word("ORDER"):
            return ()
        self.expect_word("BY")
        return self.orders()

    def _limits(
        self,
    ) -> tuple[Expression | None, Expression | None, tuple[int, tuple[Expression, ...]] | None]:
        limit = offset = limit_by = None
        if self.accept_word("LIMIT"):
            limit = self.expression()
            if self.accept_word("BY"):
                limit_by = (self._whole(limit), self.listed())
                limit = self.expression() if self.accept_word("LIMIT") else None
            if limit is not None and self.accept_sign(","):  # LIMIT offset, limit
                offset, limit = limit, self.expression()
        if self.accept_word("OFFSET"):
            offset = self.expression()
        return limit, offset, limit_by

    def _whole(self, node: Expression) -> int:
        if not isinstance(node, Literal) or type(node.value) is not int:
            refuse("A whole number is needed here", node.position)
        assert isinstance(node.value, int)
        return node.value

    # --- FROM ---------------------------------------------------------------------------------------

    def _source(self) -> Source:
        left: Source = self._table()
        while True:
            position = self.stream.next.position
            if self.accept_sign(","):
                left = Join("CROSS JOIN", left, self._table(), None, (), position)
            elif self.accept_word("CROSS"):
                self.expect_word("JOIN")
                left = Join("CROSS JOIN", left, self._table(), None, (), position)
            elif (kind := self._join_kind()) is not None:
                left = self._joined(kind, left, position)
            else:
                return left

    def _join_kind(self) -> str | None:
        word = self.stream.next.text.upper()
        if self.accept_word(*JOINS):
            self.accept_word("OUTER")
            self.expect_word("JOIN")
            return JOINS[word]
        return "INNER JOIN" if self.accept_word("JOIN") else None

    def _joined(self, kind: str, left: Source, position: int) -> Join:
        right = self._table()
        if self.accept_word("USING"):
            is_listed = self.accept_sign("(")
            names = [self._identifier("The name of a column")]
            while is_listed and self.accept_sign(","):
                names.append(self._identifier("The name of a column"))
            if is_listed:
                self.expect_sign(")")
            return Join(kind, left, right, None, tuple(names), position)
        self.expect_word("ON")
        return Join(kind, left, right, self.expression(), (), position)

    def _table(self) -> Table | Derived:
        token = self.stream.next
        if self.accept_sign("("):
            query = self.subquery()
            return Derived(query, self._alias() or "", token.position)
        name = self._identifier("The name of a table")
        if self.stream.next.is_sign("("):
            refuse(f'Table functions such as "{name[:50]}" are not allowed', token.position)
        if self.stream.next.is_sign("."):
            refuse("Other databases are not allowed", token.position)
        return Table(name, self._alias() or name, token.position)


def read_query(text: str) -> Query:
    """One statement and nothing else. InvalidQuery with a position."""
    parser = SelectParser(text)
    found = parser.query()
    parser.expect_end()
    return found


def read_column(text: str) -> tuple[Expression, str]:
    """An expression in a list of columns, and the label a comment behind it gives: `event -- Name`."""
    parser = SelectParser(text)
    found = parser.expression()
    parser.expect_end()
    written, _, label = text.partition("--")
    return found, label.strip() or written.strip()


def read_order(text: str) -> tuple[Order, ...]:
    """`timestamp DESC`, or several with commas."""
    parser = SelectParser(text)
    found = parser.orders()
    parser.expect_end()
    return found
