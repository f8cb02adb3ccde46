"""What braces stand for in SQL: `{filters}`, `{variables.name}` and `{name}` (api U4, P28, P30)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from queries.context import ProjectContext
from queries.dates import ResolvedRange, resolve_range
from queries.hogql.syntax import Hole
from queries.hogql.tokens import refuse
from queries.hogql.values import Kind, Value, literal
from queries.hogql_node import HogQLFilters
from queries.sql.events import Span
from queries.sql.filters import event_condition
from queries.sql.fragment import TRUE, Sql, all_of, bind, instant, sql
from queries.vocabulary import Interval

MAX_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Holes:
    """`given` are the node's filters, `values` bound by name, `variables` by their code names.

    `condition` is part of `{filters}` too.
    """

    given: HogQLFilters | None = None
    condition: Sql = TRUE
    values: Mapping[str, Any] = field(default_factory=dict)  # any JSON
    variables: Mapping[str, Any] = field(default_factory=dict)

    def span(self, ctx: ProjectContext) -> Span:
        """The range of the filters; unbounded without one."""
        found = self._range(ctx)
        if found is None:
            return Span()
        return Span(None if found.is_all else found.date_from, found.events_before)

    def filters(self, ctx: ProjectContext) -> Sql:
        """The condition on events that `{filters}` means; true without filters."""
        if self.given is None:
            return self.condition
        span = self.span(ctx)
        tests = self.given.filter_test_accounts
        return all_of(
            [
                self.condition,
                span.condition(),
                event_condition(ctx, self.given.properties, test_accounts=tests, span=span),
            ]
        )

    def value(self, hole: Hole, ctx: ProjectContext) -> Value:
        match hole.path:
            case ("filters", "dateRange", "from" | "to" as end):
                return self._end(end, hole, ctx)
            case ("variables", name) if name in self.variables:
                return _bound(self.variables[name], hole)
            case (name,) if name in self.values:
                return _bound(self.values[name], hole)
        refuse(f"There is no value for {{{'.'.join(hole.path)[:80]}}}", hole.position)

    def _range(self, ctx: ProjectContext) -> ResolvedRange | None:
        if self.given is None or self.given.date_range is None:
            return None
        return resolve_range(self.given.date_range, Interval.DAY, ctx)

    def _end(self, end: str, hole: Hole, ctx: ProjectContext) -> Value:
        found = self._range(ctx)
        if found is None:
            refuse("The query has no date range", hole.position)
        at = found.date_from if end == "from" else found.date_to
        moment = instant(at)
        zoned = sql("toTimeZone({at}, {zone})", at=moment, zone=bind(ctx.timezone))
        return Value(zoned, Kind.INSTANT, moment=moment, position=hole.position)


def holes_of(
    filters: HogQLFilters | None, values: Mapping[str, Any] | None, variables: Mapping[str, Any] | None
) -> Holes:
    """From the fields of a node: variables come by id, each with its `code_name` and `value`."""
    named = {
        str(variable.get("code_name") or key): variable.get("value")
        for key, variable in (variables or {}).items()
    }
    return Holes(filters, values=values or {}, variables=named)


def _bound(value: Any, hole: Hole) -> Value:
    if value is None or isinstance(value, str | bool | int | float):
        if isinstance(value, str) and "\0" in value:
            refuse("A text cannot hold the character NUL", hole.position)
        return literal(value, hole.position)
    if isinstance(value, Sequence):
        return _list(value, hole)
    refuse("A value is a text, a number, a boolean, null or a list of them", hole.position)


def _list(values: Sequence[Any], hole: Hole) -> Value:
    if len(values) > MAX_VALUES:
        refuse(f"The list has more than {MAX_VALUES} values", hole.position)
    if values and all(type(value) in (int, float) for value in values):
        numbers = bind([float(value) for value in values], "Array(Float64)")
        return Value(sql("{n}", n=numbers), Kind.ARRAY, element=Kind.NUMBER, position=hole.position)
    if not all(isinstance(value, str) for value in values):
        refuse("A list holds either texts or numbers", hole.position)
    texts = bind(list(values), "Array(String)")
    return Value(sql("{t}", t=texts), Kind.ARRAY, element=Kind.TEXT, position=hole.position)
