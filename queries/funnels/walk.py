"""One pass over the units per step: which attempts reach it (the walk behind `ordered`).

The first few steps, which most actors do not get beyond, are selects inside one another; a fold goes on from
there. A step of the fold costs each actor several times as much, but the statement's text stays the same for
10 steps and for 100, and those who stopped cost nothing. The state of either is a few columns with one
element per unit, and what has been found so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from queries.funnels.question import ExcludedRange, Question
from queries.funnels.units import NOTHING, Units, u64
from queries.sql.fragment import FALSE, TRUE, Bound, Sql, all_of, any_of, bind, join, not_, sql

WRITTEN_OUT = 3  # steps after the first


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


@dataclass(frozen=True, slots=True)
class Stand:
    """Between two steps: the columns of the state, and what is known of the step to come: its code, and for
    each bar whether it begins there, holds there, and guards those who go no further."""

    columns: Mapping[str, Sql]
    code: Sql | Bound
    flags: Mapping[str, Sql]


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk through the steps of one question.

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
        """The steps that are walked through, 0-based."""
        return tuple(range(len(self.question.steps))) if self.has_detours else self.question.required

    @property
    def written_out(self) -> int:
        return 0 if self.has_detours or self.shares else min(WRITTEN_OUT, len(self.steps) - 1)

    def rows(self, rows: Sql, keys: str) -> Sql:
        """Rows (keys, firsts[, taken_detours]) from rows (keys, units, until[, rank][, bars]).

        `firsts` are for each step the entry of the first attempt to reach it, 0 for none; `taken_detours`
        for each step the entries of the attempts that took it, if it is optional.
        """
        for step in range(self.written_out + 1):
            rows = sql("SELECT *, {columns} FROM ({rows})", columns=self._written(step), rows=rows)
        firsts = ", ".join(f"first_{step}" for step in range(self.written_out + 1))
        if len(self.steps) == self.written_out + 1:
            return sql(f"SELECT {keys}, [{firsts}] AS firsts FROM ({{rows}})", rows=rows)
        place = len(self._columns) + 1
        found = f"walked.{place} AS firsts"
        if self.has_detours:
            found += f", walked.{place + 1} AS taken_detours"
        return sql(
            f"SELECT {keys}, {found} FROM (SELECT {keys}, {{fold}} AS walked FROM ({{rows}}))",
            fold=self._fold(sql(f"[{firsts}]")),
            rows=rows,
        )

    # --- steps that are written out -----------------------------------------------------------------------

    def _written(self, step: int) -> Sql:
        """The columns of the state after a step, `<name>_<step>`, and `first_<step>`."""
        values = self._entered() if step == 0 else self._following(self._stand_before(step))
        guards = [(sql(f"{bar.since}_{step}"), TRUE) for bar in self.bars if bar.first <= step < bar.last]
        first = self._first(sql(f"entries_{step}"), sql("units"), guards)
        columns = [sql(f"{{value}} AS {name}_{step}", value=value) for name, value in values.items()]
        return join(", ", [*columns, sql(f"{{first}} AS first_{step}", first=first)])

    def _entered(self) -> dict[str, Sql]:
        """The state at the first step."""
        entries = sql(
            "arrayMap(unit -> if({code} = {first}, unit, {nothing}), units)",
            code=self.units.code("unit"),
            first=u64(self.units.code_of(self.steps[0])),
            nothing=NOTHING,
        )
        values = {"entries": entries}
        if self.has_detours:
            values["detours"] = sql("arrayMap(unit -> {nothing}, units)", nothing=NOTHING)
        return values | {bar.since: sql(bar.bar) for bar in self.bars}

    def _stand_before(self, step: int) -> Stand:
        state = ("entries", *(bar.since for bar in self.bars))
        flags = {}
        for bar in self.bars:
            flags[f"begins_{bar.place}"] = TRUE if step == bar.first else FALSE
            flags[f"holds_{bar.place}"] = TRUE if bar.first < step <= bar.last else FALSE
        return Stand(
            {name: sql(f"{name}_{step - 1}" if name in state else name) for name in self._columns},
            u64(self.units.code_of(self.steps[step])),
            flags,
        )

    # --- the fold over the others ---------------------------------------------------------------------------

    @property
    def _columns(self) -> tuple[str, ...]:
        """The columns of the state, in order; those that no step changes too."""
        ranks = ("rank",) if self.question.is_strict else ()
        detours = ("detours",) if self.has_detours else ()
        bars = (name for bar in self.bars for name in (bar.bar, bar.since))
        return ("units", "entries", *ranks, *detours, *bars)

    def _fold(self, firsts: Sql) -> Sql:
        """A tuple: the state, `firsts`, and the entries that took each detour."""
        last = self.written_out
        changed = ("entries", "detours", *(bar.since for bar in self.bars))
        initial = [sql(f"{name}_{last}" if name in changed else name) for name in self._columns]
        detours = [sql("CAST([[]], 'Array(Array(UInt64))')")] if self.has_detours else []
        return sql(
            "arrayFold(({arguments}) -> ({following}), {arrays}, ({initial}))",
            arguments=sql(", ".join(("state", *self._arguments()))),
            following=join(", ", self._folded()),
            arrays=join(", ", (sql(self._until, values=values) for values in self._arrays())),
            initial=join(", ", [*initial, firsts, *detours]),
        )

    @property
    def _until(self) -> str:
        """The column `until` says how many steps an actor can take after the first; who has stopped already
        takes no more."""
        if self.has_detours:
            return "{values}"
        last = self.written_out
        goes_on = f"arrayExists(entry -> entry != 0, entries_{last})" if self.bars else f"first_{last} != 0"
        return f"arraySlice({{values}}, 1, if({goes_on} AND until > {last}, until - {last}, 0))"

    def _arguments(self) -> tuple[str, ...]:
        detours = ("is_detour",) if self.has_detours else ()
        bars = (f"{word}_{bar.place}" for bar in self.bars for word in ("begins", "holds", "guards"))
        return ("code", *detours, *bars)

    def _arrays(self) -> list[Bound]:
        """What the fold is told about each step."""
        places = range(self.written_out + 1, len(self.steps))
        steps = [self.steps[place] for place in places]
        arrays = [bind([self.units.code_of(step) for step in steps], "Array(UInt64)")]
        if self.has_detours:
            arrays.append(_flags(step in self.question.optional for step in steps))
        for bar in self.bars:
            arrays.append(_flags(place == bar.first for place in places))
            arrays.append(_flags(bar.first < place <= bar.last for place in places))
            arrays.append(_flags(bar.first <= place < bar.last for place in places))
        return arrays

    def _folded(self) -> list[Sql]:
        """The state after one more step.

        Once nobody is on the way any more the columns are emptied: most actors stop early, and empty
        columns cost nothing.
        """
        stand = Stand(
            {name: sql(f"state.{place}") for place, name in enumerate(self._columns, start=1)},
            sql("code"),
            {name: sql(name) for name in self._arguments()[1:]},
        )
        following = self._following(stand)
        values = dict(stand.columns) | following | {"entries": sql("taken")}
        if self.has_detours:
            values["entries"] = sql("if(is_detour, {entries}, taken)", entries=stand.columns["entries"])
            values["detours"] = sql(
                "if(is_detour, arrayMap((old, new) -> greatest(old, new), {detours}, taken),"
                " arrayMap(new -> {nothing}, taken))",
                detours=stand.columns["detours"],
                nothing=NOTHING,
            )
        guards = [(values[bar.since], stand.flags[f"guards_{bar.place}"]) for bar in self.bars]
        taken = sql("{taken} AS taken", taken=following["entries"])
        first = sql("{first} AS first", first=self._first(taken, stand.columns["units"], guards))
        columns = [
            sql("if({alive}, {value}, [])", alive=self._alive(), value=values[name]) for name in self._columns
        ]
        place = len(self._columns) + 1
        found = [sql(f"arrayPushBack(state.{place}, {{first}})", first=first)]
        if self.has_detours:
            found.append(
                sql(
                    f"arrayPushBack(state.{place + 1},"
                    " if(is_detour, arrayFilter(entry -> entry != 0, taken), []))"
                )
            )
        return [*columns, *found]

    def _alive(self) -> Sql:
        if self.bars:
            return sql("arrayExists(entry -> entry != 0, taken)")
        return sql("(is_detour OR first != 0)") if self.has_detours else sql("first != 0")

    # --- one step -------------------------------------------------------------------------------------------

    def _following(self, stand: Stand) -> dict[str, Sql]:
        """The columns that a step changes."""
        values = {"entries": self._taken(stand)}
        for bar in self.bars:
            begins = stand.flags[f"begins_{bar.place}"]
            values[bar.since] = sql(
                "arrayMap((bar, old) -> if({begins}, bar, old), {bar}, {deadline})",
                begins=begins,
                bar=stand.columns[bar.bar],
                deadline=_latest(stand, bar.since),
            )
        return values

    def _first(self, entries: Sql, units: Sql, guards: list[tuple[Sql, Sql]]) -> Sql:
        """The first entry of an attempt that meets no exclusion any more if it goes no further (E23).
        Of those at the same instant it is the latest (semantics E6).

        `guards` are (column of bars, whether they matter at this step).
        """
        excluded = [f"excluded_{place}" for place in range(len(guards))]
        tests = [
            any_of([not_(guard), sql(f"{name} > entry + {{reach}}", reach=u64(self.units.reach))])
            for name, (_, guard) in zip(excluded, guards, strict=True)
        ]
        test, columns = all_of([sql("entry != 0"), *tests]), [column for column, _ in guards]
        if not self.shares:
            return sql(
                "arrayFirst(({names}) -> {test}, {columns})",
                names=sql(", ".join(("entry", *excluded))),
                test=test,
                columns=join(", ", [entries, *columns]),
            )
        parts = {
            "names": sql(", ".join(("unit", "entry", *excluded))),
            "test": test,
            "columns": join(", ", [units, entries, *columns]),
        }
        return sql(
            "arrayMax(({names}) -> if({test} AND unit <= bitOr({first}, {mask}), entry, {nothing}),"
            " {columns})",
            first=sql("arrayFirst(({names}) -> {test}, {columns})", **parts),
            mask=u64(self.units.mask),
            nothing=NOTHING,
            **parts,
        )

    def _taken(self, stand: Stand) -> Sql:
        """Beside each unit, when the attempt was entered that takes this step there; 0 for none.

        It is the latest attempt at the step before, if it is within its window, in a strict funnel if
        it stood there at this instant or the one before (semantics E15, E16), and if no exclusion came
        between (E24).
        """
        arguments: dict[str, Sql] = {"unit": stand.columns["units"], "entry": _latest(stand, "entries")}
        tests = [sql("unit <= entry + {reach}", reach=u64(self.units.reach))]
        if self.question.is_strict:
            arguments |= {"at": stand.columns["rank"], "stood": _latest(stand, "rank")}
            tests.append(sql("at - stood <= 1"))
        for bar in self.bars:
            holds = stand.flags[f"holds_{bar.place}"]
            if holds == FALSE:
                continue
            arguments[f"until_{bar.place}"] = _latest(stand, bar.since)
            tests.append(any_of([not_(holds), sql(f"unit <= until_{bar.place}")]))
        taken = sql("if({on_time}, entry, {otherwise})", on_time=all_of(tests), otherwise=self._by_detour())
        if self.has_detours:
            arguments |= {
                "aside": _latest(stand, "detours", "detours"),
                "aside_stood": _latest(stand, "rank", "detours"),
            }
        every = sql(
            "arrayMap(({names}) -> if({unit_code} = {code}, {taken}, {nothing}), {columns})",
            names=sql(", ".join(arguments)),
            unit_code=self.units.code("unit"),
            code=stand.code,
            taken=taken,
            nothing=NOTHING,
            columns=join(", ", arguments.values()),
        )
        return _once(every) if self.bars else every

    def _by_detour(self) -> Sql:
        if not self.has_detours:
            return NOTHING
        return sql(
            "if(unit <= aside + {reach} AND at - aside_stood <= 1, aside, {nothing})",
            reach=u64(self.units.reach),
            nothing=NOTHING,
        )


def _latest(stand: Stand, column: str, beside: str = "entries") -> Sql:
    """Beside each unit, the column's value where the last attempt before it stood."""
    if column == beside:
        return sql("arrayFill(entry -> entry != 0, {column})", column=stand.columns[column])
    return sql(
        "arrayFill((value, entry) -> entry != 0, {column}, {beside})",
        column=stand.columns[column],
        beside=stand.columns[beside],
    )


def _once(every: Sql) -> Sql:
    """An attempt takes a step once, at the first event: what comes after that is no new beginning of a
    range of exclusions. Attempts are in order, so those that repeat stand side by side."""
    return sql(
        "arrayMap((entry, before) -> if(entry = before, {nothing}, entry), ({every} AS repeated),"
        " arrayFill(entry -> entry != 0, arrayShiftRight(repeated, 1)))",
        nothing=NOTHING,
        every=every,
    )


def _flags(values: Iterable[bool]) -> Bound:
    return bind([int(value) for value in values], "Array(UInt8)")
