"""One pass over the units per step: which attempts reach it (the fold behind `ordered`).

The fold goes through the steps. Its state is a tuple of columns with one element per unit, and of what has
been found so far. The text of the statement is the same for 2 steps and for 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from queries.funnels.question import ExcludedRange, Question
from queries.funnels.units import NOTHING, Units, u64
from queries.sql.fragment import Bound, Sql, all_of, bind, join, sql


@dataclass(frozen=True, slots=True)
class Bar:
    """A range of exclusions in terms of required steps, 0-based: from when `first` has been taken until
    `last` is. A `last` beyond the steps is never taken. `place` is the range's number."""

    place: int
    first: int
    last: int

    @property
    def bar(self) -> str:
        """Column: beside each unit, the first excluded event strictly later."""
        return f"bar_{self.place}"

    @property
    def since(self) -> str:
        """Column: the bar of the attempt, as it was when it took `first`."""
        return f"since_{self.place}"


def bars_of(question: Question) -> tuple[Bar, ...]:
    return tuple(_bar(question, place, found) for place, found in enumerate(question.exclusions))


def _bar(question: Question, place: int, found: ExcludedRange) -> Bar:
    required = question.required
    first = max(k for k, step in enumerate(required) if step <= found.first)
    last = next((k for k, step in enumerate(required) if step >= found.last), len(required))
    return Bar(place, first, last)


_NONE = sql("bitNot(toUInt128(0))")


@dataclass(frozen=True, slots=True)
class Walk:
    """The fold over the steps of one question.

    `shares`: several attempts may reach a step at one instant, the latest of them not first (`ladders`).
    With `bars` an attempt that met an exclusion goes no further and reaches nothing. Optional steps are
    walked through only where they matter to the others: in a strict funnel, where they are no interruption
    (`detours`).
    """

    question: Question
    units: Units
    shares: bool
    bars: tuple[Bar, ...] = ()

    @property
    def has_detours(self) -> bool:
        return self.question.is_strict and bool(self.question.optional)

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that the fold goes through, 0-based."""
        return tuple(range(len(self.question.steps))) if self.has_detours else self.question.required

    def sql(self) -> Sql:
        """A tuple; `firsts` and `taken_detours` say where in it is what."""
        return sql(
            "arrayFold(({arguments}) -> ({following}), {arrays}, ({initial}))",
            arguments=sql(", ".join(("state", *self._arguments()))),
            following=join(", ", self._following()),
            arrays=join(", ", (sql(self._until, values=values) for values in self._arrays())),
            initial=join(", ", self._initial()),
        )

    @property
    def _until(self) -> str:
        """The column `until` says how many steps an actor can take after the first."""
        return "{values}" if self.has_detours else "arraySlice({values}, 1, until)"

    @property
    def firsts(self) -> int:
        """Place in the tuple: for each step the entry of the first attempt to reach it, 0 for none."""
        return len(self._columns) + 1

    @property
    def taken_detours(self) -> int:
        """Place in the tuple: for each step the entries of the attempts that took it, if it is optional."""
        return len(self._columns) + 2

    # --- what the fold is told about each step ----------------------------------------------------------

    def _arguments(self) -> tuple[str, ...]:
        detours = ("is_detour",) if self.has_detours else ()
        bars = (f"{word}_{bar.place}" for bar in self.bars for word in ("begins", "holds", "guards"))
        return ("code", *detours, *bars)

    def _arrays(self) -> list[Bound]:
        after = self.steps[1:]
        arrays = [bind([self.units.code_of(step) for step in after], "Array(UInt64)")]
        if self.has_detours:
            arrays.append(_flags(step in self.question.optional for step in after))
        places = range(1, len(self.steps))
        for bar in self.bars:
            arrays.append(_flags(place == bar.first for place in places))
            arrays.append(_flags(bar.first < place <= bar.last for place in places))
            arrays.append(_flags(bar.first <= place < bar.last for place in places))
        return arrays

    # --- the state --------------------------------------------------------------------------------------

    @property
    def _columns(self) -> tuple[str, ...]:
        """The columns of the state, in order."""
        ranks = ("rank",) if self.question.is_strict else ()
        detours = ("detours",) if self.has_detours else ()
        bars = (name for bar in self.bars for name in (bar.bar, bar.since))
        return ("units", "entries", *ranks, *detours, *bars)

    def _state(self, column: str) -> Sql:
        return sql(f"state.{self._columns.index(column) + 1}")

    def _initial(self) -> list[Sql]:
        entries = sql(
            "arrayMap(unit -> if({code} = {first}, unit, {nothing}), units)",
            code=self.units.code("unit"),
            first=u64(self.units.code_of(self.steps[0])),
            nothing=NOTHING,
        )
        values = {
            "units": sql("units"),
            "entries": entries,
            "rank": sql("rank"),
            "detours": sql("arrayMap(unit -> {nothing}, units)", nothing=NOTHING),
        }
        for bar in self.bars:
            values[bar.bar] = values[bar.since] = sql(bar.bar)
        guards = [(bar, sql("1")) for bar in self.bars if bar.first == 0]
        first = self._first(entries, sql("units"), [(values[bar.since], guard) for bar, guard in guards])
        detours = [sql("CAST([[]], 'Array(Array(UInt64))')")] if self.has_detours else []
        return [*(values[name] for name in self._columns), sql("[{first}]", first=first), *detours]

    def _first(self, entries: Sql, units: Sql, guards: list[tuple[Sql, Sql]]) -> Sql:
        """The first entry of an attempt that meets no exclusion any more if it goes no further (E23).
        Of those at the same instant it is the latest (semantics E6).

        `guards` are (column of bars, whether they matter at this step).
        """
        names = [f"bar_{place}" for place in range(len(guards))]
        tests = [
            sql(f"(NOT {{guard}} OR {name} > entry + {{reach}})", guard=guard, reach=u64(self.units.reach))
            for name, (_, guard) in zip(names, guards, strict=True)
        ]
        test, columns = all_of([sql("entry != 0"), *tests]), [column for column, _ in guards]
        if not self.shares:
            return sql(
                "arrayFirst(({names}) -> {test}, {columns})",
                names=sql(", ".join(("entry", *names))),
                test=test,
                columns=join(", ", [entries, *columns]),
            )
        # One number per attempt, smaller the better: the time, then the complement of the entry.
        return sql(
            "bitNot(toUInt64(arrayMin(arrayPushBack(arrayMap(({names}) -> if({test},"
            " bitShiftLeft(toUInt128({time}), 64) + bitNot(entry), {none}), {columns}), {none}))))",
            names=sql(", ".join(("entry", "unit", *names))),
            test=test,
            time=self.units.time("unit"),
            none=_NONE,
            columns=join(", ", [entries, units, *columns]),
        )

    def _following(self) -> list[Sql]:
        """The state after one more step.

        Once nobody is on the way any more the columns are emptied: most actors stop early, and empty
        columns cost nothing.
        """
        values = {"units": self._state("units"), "entries": sql("taken")}
        if self.question.is_strict:
            values["rank"] = self._state("rank")
        if self.has_detours:
            values["entries"] = sql("if(is_detour, {entries}, taken)", entries=self._state("entries"))
            values["detours"] = sql(
                "if(is_detour, arrayMap((old, new) -> greatest(old, new), {detours}, taken),"
                " arrayMap(new -> {nothing}, taken))",
                detours=self._state("detours"),
                nothing=NOTHING,
            )
        for bar in self.bars:
            values[bar.bar] = self._state(bar.bar)
            values[bar.since] = sql(
                f"arrayMap((bar, old) -> if(begins_{bar.place}, bar, old), {{bar}}, {{deadline}})",
                bar=self._state(bar.bar),
                deadline=self._deadline(bar),
            )
        guards = [(values[bar.since], sql(f"guards_{bar.place}")) for bar in self.bars]
        taken = sql("{taken} AS taken", taken=self._taken())
        first = sql("{first} AS first", first=self._first(taken, self._state("units"), guards))
        columns = [
            sql("if({alive}, {value}, [])", alive=self._alive(), value=values[name]) for name in self._columns
        ]
        detours = [self._all_detours()] if self.has_detours else []
        found = sql(f"arrayPushBack(state.{self.firsts}, {{first}})", first=first)
        return [*columns, found, *detours]

    def _alive(self) -> Sql:
        if self.bars:
            return sql("arrayExists(entry -> entry != 0, taken)")
        return sql("(is_detour OR first != 0)") if self.has_detours else sql("first != 0")

    def _all_detours(self) -> Sql:
        return sql(
            f"arrayPushBack(state.{self.taken_detours},"
            " if(is_detour, arrayFilter(entry -> entry != 0, taken), []))"
        )

    def _latest(self, column: str, beside: str = "entries") -> Sql:
        """Beside each unit, the column's value where the last attempt before it stood."""
        if column == beside:
            return sql("arrayFill(entry -> entry != 0, {column})", column=self._state(column))
        return sql(
            "arrayFill((value, entry) -> entry != 0, {column}, {beside})",
            column=self._state(column),
            beside=self._state(beside),
        )

    def _deadline(self, bar: Bar) -> Sql:
        return self._latest(bar.since)

    def _taken(self) -> Sql:
        """Beside each unit, when the attempt was entered that takes this step there; 0 for none.

        It is the latest attempt at the step before, if it is within its window, in a strict funnel if
        it stood there at this instant or the one before (semantics E15, E16), and if no exclusion came
        between (E24).
        """
        arguments: dict[str, Sql] = {"unit": self._state("units"), "entry": self._latest("entries")}
        tests = [sql("unit <= entry + {reach}", reach=u64(self.units.reach))]
        if self.question.is_strict:
            arguments |= {"at": self._state("rank"), "stood": self._latest("rank")}
            tests.append(sql("at - stood <= 1"))
        for bar in self.bars:
            arguments[f"until_{bar.place}"] = self._deadline(bar)
            tests.append(sql(f"(NOT holds_{bar.place} OR unit <= until_{bar.place})"))
        taken = sql("if({on_time}, entry, {otherwise})", on_time=all_of(tests), otherwise=self._by_detour())
        if self.has_detours:
            arguments |= {
                "aside": self._latest("detours", "detours"),
                "aside_stood": self._latest("rank", "detours"),
            }
        every = sql(
            "arrayMap(({names}) -> if({code} = code, {taken}, {nothing}), {columns})",
            names=sql(", ".join(arguments)),
            code=self.units.code("unit"),
            taken=taken,
            nothing=NOTHING,
            columns=join(", ", arguments.values()),
        )
        return self._once(every) if self.bars else every

    def _once(self, every: Sql) -> Sql:
        """An attempt takes a step once, at the first event: what comes after that is no new beginning of a
        range of exclusions. Attempts are in order, so those that repeat stand side by side."""
        return sql(
            "arrayMap((entry, before) -> if(entry = before, {nothing}, entry), ({every} AS repeated),"
            " arrayFill(entry -> entry != 0, arrayShiftRight(repeated, 1)))",
            nothing=NOTHING,
            every=every,
        )

    def _by_detour(self) -> Sql:
        if not self.has_detours:
            return NOTHING
        return sql(
            "if(unit <= aside + {reach} AND at - aside_stood <= 1, aside, {nothing})",
            reach=u64(self.units.reach),
            nothing=NOTHING,
        )


def _flags(values: Iterable[bool]) -> Bound:
    return bind([int(value) for value in values], "Array(UInt8)")
