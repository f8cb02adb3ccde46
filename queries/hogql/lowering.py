"""Expressions -> typed SQL, by the tables of functions, aggregates and forms; names by the scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from queries.context import ProjectContext
from queries.hogql import aggregates as known_aggregates
from queries.hogql.aggregates import WINDOW_FUNCTIONS, AggregateFunction
from queries.hogql.functions import ALIASES, FUNCTIONS, Function, Gives, Null, Want
from queries.hogql.syntax import Call, Expression, Hole, Lambda, Literal, Name, Star, Subselect, Window
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
    literal,
    settled,
    unified,
)
from queries.sql.fragment import TRUE, Sql, all_of, bind, join, sql
from queries.sql.operators import is_pattern

# Each level takes some six frames of Python's thousand.
MAX_DEPTH = 100
# Aliases of aliases can multiply what was written.
MAX_NODES = 20_000


class Scope(Protocol):
    """What names mean where an expression stands."""

    def column(self, name: Name) -> Value:
        """The value of a column. InvalidQuery when there is none of this name."""

    def whole(self, node: Expression) -> Sql | None:
        """A condition that the scope knows a better way for; None: lower it as it stands."""

    def person_number(self, position: int) -> Sql:
        """The number of the row's person, for tests of membership."""

    def hole(self, hole: Hole) -> Value:
        """What braces stand for."""

    def subselect(self, node: Subselect) -> tuple[Sql, tuple[Kind, ...]]:
        """A SELECT used as a value or as a set, and the kinds of its columns."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Whether aggregates may stand here, and the rows they are restricted to."""

    is_allowed: bool = False
    only: Sql = TRUE
    reason: str = "Aggregates are not allowed here"


NO_AGGREGATES = Aggregation()


class Lowering:
    """One expression tree after the other, in one scope."""

    def __init__(
        self, scope: Scope, ctx: ProjectContext, forms: Forms, aggregation: Aggregation = NO_AGGREGATES
    ) -> None:
        self.scope = scope
        self.ctx = ctx
        self.forms = forms
        self.aggregation = aggregation
        self.locals: dict[str, Value] = {}
        self.depth = 0
        self.nodes = 0
        self.lambdas = 0
        self.has_aggregates = False

    # --- entry points -------------------------------------------------------------------------------

    def value(self, node: Expression) -> Value:
        """The value as it comes: a property stays one until it is known what it should be."""
        self.depth += 1
        self.nodes += 1
        if self.nodes > MAX_NODES:
            refuse("The SQL is too complex", node.position)
        if self.depth > MAX_DEPTH:
            refuse("The SQL is nested too deep", node.position)
        try:
            return replace(self._value(node), position=node.position)
        finally:
            self.depth -= 1

    def settled(self, node: Expression) -> Value:
        return settled(self.value(node), self.ctx)

    def condition(self, node: Expression) -> Sql:
        found = self.scope.whole(node) if not self.locals else None
        return found or as_boolean(self.value(node), self.ctx).sql

    @contextmanager
    def within(self, aggregation: Aggregation) -> Iterator[None]:
        """Other rules for aggregates for a while."""
        before, self.aggregation = self.aggregation, aggregation
        yield
        self.aggregation = before

    # --- nodes --------------------------------------------------------------------------------------

    def _value(self, node: Expression) -> Value:
        match node:
            case Literal(value=value):
                return literal(value, node.position)
            case Name(path=path):
                found = self.locals.get(path[0]) if len(path) == 1 else None
                return found or self.scope.column(node)
            case Call():
                return self._call(node)
            case Hole():
                return self.scope.hole(node)
            case Subselect():
                fragment, kinds = self.scope.subselect(node)
                if len(kinds) != 1:
                    refuse("A subquery used as a value selects one column", node.position)
                return Value(sql("({query})", query=fragment), kinds[0], is_nullable=True)
            case Lambda():
                refuse("A lambda stands only inside functions of arrays", node.position)
            case Star():
                refuse("* is not allowed here", node.position)

    def _call(self, call: Call) -> Value:
        name = ALIASES.get(call.name.lower(), call.name.lower())
        aggregate = known_aggregates.find(name)
        if aggregate is not None:
            return self._aggregate(call, *aggregate)
        if name in WINDOW_FUNCTIONS:
            return self._window_function(call, WINDOW_FUNCTIONS[name])
        _refuse_ornaments(call)
        if name in self.forms:
            return self.forms[name](self, call)
        if name in FUNCTIONS:
            return self._function(call, FUNCTIONS[name])
        refuse(f'The function "{call.name[:50]}" is not allowed', call.position)

    # --- functions ----------------------------------------------------------------------------------

    def _function(self, call: Call, function: Function) -> Value:
        check_count(call, function.least, None if function.repeats else len(function.wants))
        values = self.read(call.arguments, function.wants)
        return applied(function, values, self.ctx)

    def read(self, arguments: Sequence[Expression], wants: Sequence[Want]) -> list[Value]:
        """The arguments as wanted; the last want repeats."""
        repeated = [wants[min(place, len(wants) - 1)] for place in range(len(arguments))] if wants else []
        values = [self._read(node, want) for node, want in zip(arguments, repeated, strict=True)]
        same = [value for value, want in zip(values, repeated, strict=True) if want is Want.SAME]
        brought = iter(unified(same, self.ctx))
        return [
            next(brought) if want is Want.SAME else value
            for value, want in zip(values, repeated, strict=True)
        ]

    def _read(self, node: Expression, want: Want) -> Value:
        value = self.value(node)
        match want:
            case Want.TEXT:
                return as_text(value, self.ctx)
            case Want.NUMBER:
                return as_number(value, self.ctx)
            case Want.WHOLE:
                return as_whole(value, self.ctx)
            case Want.BOOLEAN:
                return as_boolean(value, self.ctx)
            case Want.INSTANT:
                return as_instant(value, self.ctx)
            case Want.MOMENT:
                return as_moment(value, self.ctx)
            case Want.ARRAY:
                return as_array(value, self.ctx)
            case Want.ANY:
                return settled(value, self.ctx)
            case Want.SAME:
                return value
        return _written(value, want)

    # --- aggregates ---------------------------------------------------------------------------------

    def _aggregate(self, call: Call, function: AggregateFunction, has_condition: bool) -> Value:
        if call.over is None and not self.aggregation.is_allowed:
            refuse(f'{self.aggregation.reason}: "{call.name[:50]}"', call.position)
        arguments, only = list(call.arguments), self.aggregation.only
        inner = Aggregation(reason="Aggregates do not stand inside each other")
        with self.within(inner):
            if has_condition:
                check_count(call, function.least + 1, None)
                only = all_of([only, self.condition(arguments.pop())])
            if arguments and isinstance(arguments[0], Star):
                arguments = []
            if call.is_distinct and function.store != "count":
                refuse("DISTINCT stands only in count(DISTINCT ...)", call.position)
            if call.is_distinct:
                function = known_aggregates.AGGREGATES["uniqexact"]
            if not function.least <= len(arguments) <= (len(function.wants) if not function.repeats else 20):
                refuse(f'"{call.name}" takes other arguments', call.position)
            values = self._counted(arguments, function) or self.read(arguments, function.wants)
        if call.over is None:
            self.has_aggregates = True
        return self._aggregated(call, function, values, only)

    def _counted(self, arguments: list[Expression], function: AggregateFunction) -> list[Value]:
        """Persons are counted by their numbers: the same count without looking up what they are called."""
        if function.store != "uniqExact" or len(arguments) != 1 or not isinstance(arguments[0], Name):
            return []
        if arguments[0].path not in (("person_id",), ("person", "id")):
            return []
        return [Value(self.scope.person_number(arguments[0].position), Kind.NUMBER)]

    def _aggregated(self, call: Call, function: AggregateFunction, values: list[Value], only: Sql) -> Value:
        parameters = function.fixed or _parameters(call, function)
        arguments = [value.sql for value in values]
        suffix = "" if only == TRUE else "If"
        if suffix:
            arguments.append(only)
        fragment = sql(
            f"{function.store}{suffix}{parameters}({{arguments}})", arguments=join(", ", arguments)
        )
        if call.over is not None:
            fragment = sql("{call} OVER ({window})", call=fragment, window=self._over(call.over))
        nullable = any(value.is_nullable for value in values) and function.store not in _NEVER_NULL
        if function.gives is Gives.ARRAY_OF_SAME:
            return Value(fragment, Kind.ARRAY, element=common_kind(values))
        kind = _kind(function.gives, values)
        return Value(fragment, kind, nullable, element=function.element or _element(values))

    def _window_function(self, call: Call, function: AggregateFunction) -> Value:
        if call.over is None:
            refuse(f'"{call.name}" needs OVER (...)', call.position)
        if not self.aggregation.is_allowed:
            refuse(f'{self.aggregation.reason}: "{call.name}"', call.position)
        check_count(call, function.least, len(function.wants))
        return self._aggregated(call, function, self.read(call.arguments, function.wants), TRUE)

    def _over(self, window: Window) -> Sql:
        parts = []
        if window.partition_by:
            partition = join(", ", (self.settled(node).sql for node in window.partition_by))
            parts.append(sql("PARTITION BY {partition}", partition=partition))
        if window.order_by:
            orders = [(self.settled(order.expression).sql, order.is_descending) for order in window.order_by]
            order = join(", ", (sql(f"{{v}} {'DESC' if down else 'ASC'}", v=v) for v, down in orders))
            parts.append(sql("ORDER BY {order}", order=order))
        return join(" ", parts)

    # --- lambdas ------------------------------------------------------------------------------------

    def lambda_over(self, node: Expression, elements: Sequence[Kind]) -> tuple[Sql, Value]:
        """The lambda's parameters as printed, and its body; each parameter is an element of one array."""
        if not isinstance(node, Lambda):
            refuse("A lambda such as x -> x + 1 is needed here", node.position)
        if len(node.names) != len(elements):
            refuse(f"The lambda needs {len(elements)} parameters", node.position)
        before = dict(self.locals)
        printed = []
        for name, kind in zip(node.names, elements, strict=True):
            self.lambdas += 1
            variable = sql(f"v{self.lambdas}")
            printed.append(variable)
            self.locals[name] = Value(variable, kind, is_nullable=kind is Kind.ANY)
        body = self.settled(node.body)
        self.locals = before
        return sql("({names})", names=join(", ", printed)), body


_NEVER_NULL = frozenset({"count", "uniqExact", "groupArray", "groupUniqArray", "topK"})


def applied(function: Function, values: Sequence[Value], ctx: ProjectContext) -> Value:
    """A listed function called with values of the wanted kinds."""
    holes = {f"a{place}": value.sql for place, value in enumerate(values)}
    holes["all"] = join(", ", (value.sql for value in values))
    holes["zone"] = sql("{zone}", zone=bind(ctx.timezone))
    if values:
        path = [sql("ifNull({t}, '')", t=values[0].sql), *(value.sql for value in values[1:])]
        holes["json"] = join(", ", path)
    template = function.template or f"{function.store}({{all}})"
    nullable = function.nulls is Null.ALWAYS or (
        function.nulls is Null.AS_ARGUMENTS and any(value.is_nullable for value in values)
    )
    kind = Kind.ARRAY if function.gives is Gives.ARRAY_OF_SAME else _kind(function.gives, values)
    element = function.element or (
        common_kind(list(values)) if function.gives is Gives.ARRAY_OF_SAME else _element(values)
    )
    return Value(sql(template, **holes), kind, nullable, element=element if kind is Kind.ARRAY else None)


def _kind(gives: Kind | Gives, values: Sequence[Value]) -> Kind:
    match gives:
        case Gives.SAME:
            return values[0].kind if values else Kind.ANY
        case Gives.ELEMENT:
            return values[0].element or Kind.ANY
        case Gives.ARRAY | Gives.ARRAY_OF_SAME:
            return Kind.ARRAY
    return Kind(gives)


def _element(values: Sequence[Value]) -> Kind | None:
    return next((value.element for value in values if value.kind is Kind.ARRAY), None)


def _written(value: Value, want: Want) -> Value:
    """An argument that the store needs to know beforehand."""
    if not value.is_literal:
        refuse("This argument has to be written out, not computed", value.position)
    if want is Want.WRITTEN_NUMBER:
        if value.kind is not Kind.NUMBER:
            refuse("A number is needed here", value.position)
        return value
    if value.kind is not Kind.TEXT:
        refuse("A text is needed here", value.position)
    if want is Want.PATTERN and not is_pattern(str(value.literal)):
        refuse(f'"{str(value.literal)[:50]}" is not a regular expression', value.position)
    return value


def _parameters(call: Call, function: AggregateFunction) -> str:
    """Numbers in front of an aggregate's arguments; the store takes them as text of our own making only."""
    given = call.parameters or ()
    least, most = function.parameters
    if not given and function.default_parameter is not None:
        return f"({function.default_parameter})"
    if not least <= len(given) <= most:
        refuse(f'"{call.name}" takes {least} to {most} parameters in front of its arguments', call.position)
    numbers = [_parameter(node, function) for node in given]
    return f"({', '.join(numbers)})" if numbers else ""


def _parameter(node: Expression, function: AggregateFunction) -> str:
    if not isinstance(node, Literal) or type(node.value) not in (int, float):
        refuse("A number is needed here", node.position)
    assert isinstance(node.value, int | float)
    most = 1000 if function.whole_parameter else 1
    if not 0 <= node.value <= most or (function.whole_parameter and (node.value < 1 or node.value % 1)):
        refuse(f"The parameter lies outside 0 to {most}", node.position)
    return repr(int(node.value) if function.whole_parameter else float(node.value))


def check_count(call: Call, least: int, most: int | None) -> None:
    """InvalidQuery unless the call has so many arguments."""
    count = len(call.arguments)
    if count < least or (most is not None and count > most):
        wanted = (
            str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        )
        refuse(f'"{call.name}" takes {wanted} arguments, not {count}', call.position)


def _refuse_ornaments(call: Call) -> None:
    if call.parameters is not None or call.is_distinct or call.over is not None:
        refuse(f'"{call.name[:50]}" is not an aggregate', call.position)


Forms = Mapping[str, Callable[[Lowering, Call], Value]]
