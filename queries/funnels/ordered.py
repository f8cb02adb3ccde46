"""Ordered and strict funnels: each actor's attempt that gets furthest (semantics E4-E17, E21-E25, E51).

An event extends the latest attempt that stands at the step before it (semantics E6). So for step k it is
enough to know, at each unit, when the latest attempt that has reached step k was entered: `entries`, one
pass over the units per step, all actors of a block together. An attempt entered later always has more time
left, and what is forbidden to it was forbidden to the earlier one too, so nothing is lost.

    units      A@1  A@2  B@3  C@4
    step A      1    2    .    .     entered now
    step B      .    .    2    .     the latest A before B, if within the window
    step C      .    .    .    2

Rows in: (actor, value, units). Rows out: (actor, value, level, times, optional): `level` counts the required
steps of the attempt that got furthest, `times` are their instants in microseconds since `Units.origin`, and
`optional` the instants of the optional steps, 0 for those not taken. Actors in no attempt are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from queries.funnels.overlap import may_share_events
from queries.funnels.question import Question
from queries.funnels.units import NEVER, NOTHING, Units, u64
from queries.funnels.walk import Walk, bars_of
from queries.sql.fragment import Sql, any_of, bind, join, sql

KEYS = "actor, value"


def attempts(question: Question, units: Units, rows: Sql) -> Sql:
    """Rows (actor, value, level, times, optional) from rows (actor, value, units)."""
    found = levels(question, units, rows)
    if bars_of(question):
        found = sql("SELECT * FROM ({found}) WHERE level = furthest", found=found)
    return _with_times(question, units, found)


# --- what stands beside each unit -----------------------------------------------------------------------


def prepared(question: Question, units: Units, rows: Sql, keys: str = KEYS) -> Sql:
    """Rows (keys, units, ...) with units of steps only.

    For each range of exclusions `bar_<r>` is, beside each unit, the first excluded event strictly later;
    in a strict funnel `rank` numbers the instants of the actor, whatever happened at them.
    """
    if question.is_strict:
        return _ranked(units, rows, keys)
    if not question.exclusions:
        return rows
    return _barred(question, units, rows, keys)


def _ranked(units: Units, rows: Sql, keys: str) -> Sql:
    ranked = sql(
        f"SELECT {keys}, units AS all_units, arrayCumSum(arrayMap((unit, before) ->"
        " {time} != {before}, units, arrayShiftRight(units, 1))) AS ranks FROM ({rows})",
        time=units.time("unit"),
        before=units.time("before"),
        rows=rows,
    )
    return sql(
        f"SELECT {keys}, arrayFilter(unit -> {{is_step}}, all_units) AS units,"
        " arrayFilter((rank, unit) -> {is_step}, ranks, all_units) AS rank FROM ({ranked})",
        is_step=units.is_step("unit"),
        ranked=ranked,
    )


def _barred(question: Question, units: Units, rows: Sql, keys: str) -> Sql:
    """Exclusions come first at their instant, so the next one to the right is strictly later (E24)."""
    bars = [
        sql(
            f"arrayFilter((bar, unit) -> {{is_step}}, arrayReverseFill(bar -> bar != {{never}},"
            f" arrayMap(unit -> if({{code}} = {{place}}, {{end}}, {{never}}), all_units)), all_units)"
            f" AS bar_{place}",
            is_step=units.is_step("unit"),
            never=NEVER,
            code=units.code("unit"),
            place=u64(place),
            end=units.end_of("unit"),
        )
        for place in range(len(question.exclusions))
    ]
    return sql(
        f"SELECT {keys}, arrayFilter(unit -> {{is_step}}, all_units) AS units, {{bars}}"
        f" FROM (SELECT {keys}, units AS all_units FROM ({{rows}}))",
        is_step=units.is_step("unit"),
        bars=join(", ", bars),
        rows=rows,
    )


# --- the attempt that counts ------------------------------------------------------------------------------


def levels(question: Question, units: Units, rows: Sql, keys: str = KEYS) -> Sql:
    """Rows (keys, units[, rank], level, furthest, entry[, detours]): how far the best attempt came, and
    when it was entered.

    An attempt that met an exclusion is void; `furthest` is what the best attempt would have reached
    without exclusions. If `level` is less, the actor is in no attempt at all (semantics E23).
    """
    bounded = sql(
        "SELECT *, {until} AS until FROM ({prepared})",
        until=_until(question, units),
        prepared=prepared(question, units, rows, keys),
    )
    found = _way_to_find(question)(question, units, bounded, keys)
    return sql(
        "SELECT *, toUInt8(arrayLastIndex(entry -> entry != 0, firsts)) AS level,"
        " {furthest} AS furthest, firsts[level] AS entry FROM ({found}) WHERE furthest > 0",
        furthest=sql("toUInt8(arrayLastIndex(entry -> entry != 0, firsts_unbarred))")
        if bars_of(question)
        else sql("level"),
        found=found,
    )


def _way_to_find(question: Question) -> Callable[[Question, Units, Sql, str], Sql]:
    if question.is_strict:
        return _found if question.optional or may_share_events(question) else _found_in_a_row
    return _found_among_bars if question.exclusions else _found


def _until(question: Question, units: Units) -> Sql:
    """How many steps after the first an actor can take at most: those before the first that none of his
    events can take. Most actors lack an early one."""
    if question.optional:
        return sql("length(units)")
    width = 64 if units.code_of(units.steps) < 64 else 128
    seen = sql(
        "arrayReduce('groupBitOr',"
        f" arrayMap(unit -> bitShiftLeft(toUInt{width}(1), toUInt8({{code}})), units))",
        code=units.code("unit"),
    )
    return sql(
        "bitCount(bitXor(bitShiftRight({seen}, {second}) AS later, later + 1)) - 1",
        seen=seen,
        second=u64(units.code_of(1)),
    )


def _found(question: Question, units: Units, rows: Sql, keys: str) -> Sql:
    """Rows (keys, units[, rank], firsts[, detours]): for each step the entry of the first to take it."""
    walk = Walk(question, units, may_share_events(question))
    if question.is_strict:
        walked = walk.rows(rows, f"{keys}, units, rank")
        return _with_detours(walk, walked, f"{keys}, units, rank") if walk.has_detours else walked
    if walk.shares:
        return walk.rows(rows, f"{keys}, units")
    walked = walk.rows(_without_repeats(units, rows, f"{keys}, until"), f"{keys}, every_unit")
    return sql(f"SELECT {keys}, every_unit AS units, firsts FROM ({{walked}})", walked=walked)


def _without_repeats(units: Units, rows: Sql, keys: str) -> Sql:
    """Rows (keys, every_unit, units). Of units of a step side by side the first is enough to walk through, as
    the others come from the same attempt; of those of the first step the last one counts too."""
    return sql(
        f"SELECT {keys}, every_unit, arrayFilter((unit, before, after) -> {{code}} != {{code_before}}"
        " OR ({code} = {first} AND {code_after} != {first}),"
        " every_unit, arrayShiftRight(every_unit, 1), arrayShiftLeft(every_unit, 1)) AS units"
        f" FROM (SELECT {keys}, units AS every_unit FROM ({{rows}}))",
        code=units.code("unit"),
        code_before=units.code("before"),
        code_after=units.code("after"),
        first=u64(units.code_of(0)),
        rows=rows,
    )


def _with_detours(walk: Walk, walked: Sql, columns: str) -> Sql:
    return sql(
        f"SELECT {columns}, {{firsts}} AS firsts, {{taken}} AS detours"
        " FROM (SELECT *, firsts AS every_first FROM ({walked}))",
        firsts=_of_steps("every_first", walk, walk.question.required),
        taken=_of_steps("taken_detours", walk, walk.question.optional),
        walked=walked,
    )


def _found_in_a_row(question: Question, units: Units, rows: Sql, keys: str) -> Sql:
    """Rows as those of `_found`, for a strict funnel in which no event can take two steps.

    Who never has two steps at one instant is not walked through: his attempts are the runs of units whose
    steps and ranks count up together. For all others the columns of runs are of no use, for him those of
    the walk are empty, and cost nothing.
    """
    first, code = u64(units.code_of(0)), units.code("unit")
    goes_on = sql(
        "arrayMap((unit, before, at, stood) ->"
        " {code} != {first} AND {code} = {code_before} + 1 AND at - stood = 1,"
        " units, arrayShiftRight(units, 1), rank, arrayShiftRight(rank, 1))",
        code=code,
        code_before=units.code("before"),
        first=first,
    )
    entries = sql(
        "arrayFill((entry, goes_on) -> NOT goes_on,"
        " arrayMap(unit -> if({code} = {first}, unit, {nothing}), units), {goes_on})",
        code=code,
        first=first,
        nothing=NOTHING,
        goes_on=goes_on,
    )
    reached = sql(
        "arrayMap((unit, entry) -> if(entry != 0 AND unit <= entry + {reach}, {code} - {first} + 1, 0),"
        " units, {entries} AS run_entries)",
        code=code,
        first=first,
        reach=u64(units.reach),
        entries=entries,
    )
    told = sql(
        f"SELECT {keys}, units AS every_unit, rank AS every_rank, arrayUniq(rank) = length(rank) AS is_plain,"
        " {reached} AS reached, arrayMax(reached) AS most,"
        " arrayResize(emptyArrayUInt64(), most, run_entries[indexOf(reached, most)]) AS firsts_of_runs,"
        " until, if(is_plain, [], units) AS kept_units,"
        " if(is_plain, [], rank) AS kept_rank FROM ({rows})",
        reached=reached,
        rows=rows,
    )
    walked = _found(
        question,
        units,
        sql(
            f"SELECT {keys}, every_unit, every_rank, is_plain, firsts_of_runs, until,"
            " kept_units AS units, kept_rank AS rank FROM ({told})",
            told=told,
        ),
        f"{keys}, every_unit, every_rank, is_plain, firsts_of_runs",
    )
    return sql(
        f"SELECT {keys}, every_unit AS units, every_rank AS rank,"
        " [walked_firsts, firsts_of_runs][is_plain + 1] AS firsts"
        f" FROM (SELECT {keys}, every_unit, every_rank, is_plain, firsts_of_runs, firsts AS walked_firsts"
        " FROM ({walked}))",
        walked=walked,
    )


def _found_among_bars(question: Question, units: Units, rows: Sql, keys: str) -> Sql:
    """Rows (keys, units, firsts, firsts_unbarred). Who met no excluded event where it may matter is walked
    through once: the columns of the second walk are empty for him, and cost nothing.
    """
    barred = Walk(question, units, may_share_events(question), bars_of(question))
    names = [bar.bar for bar in barred.bars]
    met = sql("SELECT *, {met} AS is_barred FROM ({rows})", met=_meets_bar(barred), rows=rows)
    plainly = _found(question, units, met, ", ".join((keys, "is_barred", *names)))
    emptied = ", ".join(f"if(is_barred, {name}, []) AS kept_{name}" for name in ("units", *names))
    restored = ", ".join(f"kept_{name} AS {name}" for name in ("units", *names))
    told = f"{keys}, every_unit, is_barred, firsts_unbarred"
    walked = barred.rows(
        sql(
            f"SELECT {told}, arrayLastIndex(entry -> entry != 0, firsts_unbarred) - 1 AS until, {restored}"
            f" FROM (SELECT {keys}, is_barred, units AS every_unit, firsts AS firsts_unbarred, {emptied}"
            " FROM ({plainly}))",
            plainly=plainly,
        ),
        told,
    )
    # Not if(): the store puts off what stands in it until it knows who needs it, here the whole walk.
    return sql(
        f"SELECT {keys}, every_unit AS units, firsts_unbarred,"
        " [firsts_unbarred, firsts][is_barred + 1] AS firsts FROM ({walked})",
        walked=walked,
    )


def _meets_bar(walk: Walk) -> Sql:
    """After an event that begins a range of exclusions comes an excluded one within the window."""
    units, required = walk.units, walk.question.required
    return any_of(
        sql(
            f"arrayExists((unit, bar) -> {{code}} = {{first}} AND bar <= unit + {{reach}}, units, {bar.bar})",
            code=units.code("unit"),
            first=u64(units.code_of(required[bar.first])),
            reach=u64(units.reach),
        )
        for bar in walk.bars
    )


def _of_steps(column: str, walk: Walk, wanted: Sequence[int]) -> Sql:
    """The elements of a column with one per step of the walk."""
    flags = bind([int(step in wanted) for step in walk.steps], "Array(UInt8)")
    return sql(f"arrayFilter((one, is_wanted) -> is_wanted, {column}, {{flags}})", flags=flags)


# --- its times --------------------------------------------------------------------------------------------


def _with_times(question: Question, units: Units, best: Sql) -> Sql:
    """Each step is taken by the first unit that can: `places` are where they stand among `units`."""
    placed = _strict_places(question, units, best) if question.is_strict else _places(question, units, best)
    time = units.time("unit")
    if not question.optional:
        return sql(
            "SELECT actor, value, level, arrayMap(unit -> {time}, taken) AS times,"
            " emptyArrayUInt64() AS optional FROM ({placed})",
            time=time,
            placed=placed,
        )
    return sql(
        "SELECT actor, value, level, arrayMap(unit -> {time}, taken) AS times, [{optional}] AS optional"
        " FROM ({placed})",
        optional=join(", ", (_optional(question, units, step) for step in question.optional)),
        time=time,
        placed=placed,
    )


def _places(question: Question, units: Units, best: Sql) -> Sql:
    """Rows of `best` with `taken`, the units of the required steps (and `places`, where they stand among
    `units`, if there are optional ones)."""
    if not question.optional and not may_share_events(question):
        return _taken_in_order(question, units, best)
    codes = bind([units.code_of(step) for step in question.required[1:]], "Array(UInt64)")
    has_optional = bool(question.optional)
    # The fold holds the units still ahead, those taken, and the places found.
    return sql(
        "SELECT *, {chain} AS chain, chain.2 AS taken{columns} FROM ({best})",
        chain=sql(
            "if(level = 1, ([], [entry]{no_places}), arrayFold((found, code) ->"
            " (arraySlice(found.1, (arrayFirstIndex(unit -> {code} = code, found.1) AS place) + 1),"
            " arrayPushBack(found.2, found.1[place]){places}),"
            " arraySlice({codes}, 1, level - 1),"
            " (arraySlice(units, indexOf(units, entry) + 1), [entry]{no_places})))",
            code=units.code("unit"),
            codes=codes,
            places=sql(", arrayPushBack(found.3, found.3[-1] + place)" if has_optional else ""),
            no_places=sql(", [toUInt64(indexOf(units, entry))]" if has_optional else ""),
        ),
        columns=sql(", chain.3 AS places" if has_optional else ""),
        best=best,
    )


def _taken_in_order(question: Question, units: Units, best: Sql) -> Sql:
    """Where no two steps share events the units themselves say which comes first."""
    return sql(
        "SELECT *, arrayFold((found, code) -> arrayPushBack(found,"
        " arrayFirst(unit -> unit > found[-1] AND {code} = code, units)),"
        " arraySlice({codes}, 1, level - 1), [entry]) AS taken FROM ({best})",
        code=units.code("unit"),
        codes=bind([units.code_of(step) for step in question.required[1:]], "Array(UInt64)"),
        best=best,
    )


def _strict_places(question: Question, units: Units, best: Sql) -> Sql:
    """The same in a strict funnel, where the first unit of a step may be one that leads nowhere: B@1 in
    A@1 B@1 B@2 C@3 (semantics E15, E16).

    From the last step back: beside each unit, where the next one stands from which the rest follows.
    `ahead` are the few units that can matter, an instant per step.
    """
    required = question.required
    after = list(range(1, len(required)))
    codes = bind([units.code_of(required[step]) for step in after], "Array(UInt64)")
    # Where the steps stand one after the other there is nothing to look for.
    every = bind([units.code_of(step) for step in required], "Array(UInt64)")
    in_a_row = sql(
        "arrayMap(unit -> {code}, next_units) = arraySlice({every}, 1, level)",
        code=units.code("unit"),
        every=every,
    )
    # An optional step in between may take an instant of its own (semantics E51).
    apart = bind([required[step] - required[step - 1] for step in after], "Array(UInt8)")
    ahead = sql(
        "SELECT *, indexOf(units, entry) AS at, arraySlice(units, at, level) AS next_units,"
        " {in_a_row} AS in_a_row,"
        " if(in_a_row, 0, arrayLastIndex(one -> one < rank[at] + {steps}, rank) - at + 1) AS size,"
        " if(in_a_row, 1, level) AS sought,"
        " arraySlice(units, at, size) AS ahead, arraySlice(rank, at, size) AS ranks FROM ({best})",
        in_a_row=sql("0") if question.optional else in_a_row,
        steps=u64(len(question.steps)),
        best=best,
    )
    # State: the units, their ranks, the rank of the next unit that can go on, and its place for each step.
    following = sql(
        "arrayFold((state, code, apart, is_last) -> (state.1, state.2,"
        " arrayReverseFill(one -> one != 0, arrayMap((can, at) -> if(can, at, 0), ({can} AS able), state.2)),"
        " arrayPushFront(state.4, arrayReverseFill(place -> place != 0,"
        " arrayMap((can, place) -> if(can, place, 0), able, arrayEnumerate(able))))),"
        " arrayReverse(arraySlice({codes}, 1, sought - 1)), arrayReverse(arraySlice({apart}, 2, sought - 1)),"
        " arrayMap(step -> step = 1, range(1, sought)),"
        " (ahead, ranks, ranks, CAST([], 'Array(Array(UInt32))'))).4",
        can=sql(
            "arrayMap((unit, at, next) -> {code} = code AND (is_last OR (next != 0 AND next <= at + apart)),"
            " state.1, state.2, arrayShiftLeft(state.3, 1, 0))",
            code=units.code("unit"),
        ),
        codes=codes,
        apart=sql("arrayPushBack({apart}, 0)", apart=apart),
    )
    return sql(
        "SELECT *, {following} AS following, arrayFold((found, next) ->"
        " arrayPushBack(found, next[found[-1] + 1]), following, [toUInt32(1)]) AS steps_at,"
        " if(in_a_row, next_units, arrayMap(place -> ahead[place], steps_at)) AS taken,"
        " arrayMap(place -> place + at - 1, steps_at) AS places FROM ({ahead})",
        following=following,
        ahead=ahead,
    )


def _optional(question: Question, units: Units, step: int) -> Sql:
    """When the attempt took an optional step: its first event after the required step before it, before the
    required step after it, within the window (semantics E51); 0 for never."""
    before = sum(1 for required in question.required if required < step)
    walked = sql("1")
    if question.is_strict:
        walked = sql(f"has(detours[{question.optional.index(step) + 1}], entry)")
    between = sql(
        f"if(level > {before}, arraySlice(units, places[{before}] + 1,"
        f" places[{before + 1}] - places[{before}] - 1), arraySlice(units, places[{before}] + 1))"
    )
    hit = sql(
        "arrayFirst(unit -> {code} = {wanted} AND unit <= entry + {reach}, {between})",
        code=units.code("unit"),
        wanted=u64(units.code_of(step)),
        reach=u64(units.reach),
        between=between,
    )
    return sql(
        f"if(level < {before} OR NOT {{walked}}, {{nothing}}, bitShiftRight({{hit}}, {{bits}}))",
        walked=walked,
        nothing=NOTHING,
        hit=hit,
        bits=u64(units.bits),
    )
