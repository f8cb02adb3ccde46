"""What an unordered attempt collects that begins at each unit (the fold behind `unordered`).

Steps that are the same are one *kind* that is wanted several times. Kinds that no event shares are simple:
the m-th event of a kind that is wanted m times is one more step. Where kinds share events, an event counts
once (semantics E19), and how many steps a set of events can take is Hall's theorem: the i-th step of a
group of n is taken as soon as every set C of its kinds, wanted n(C) times, has seen i - n + n(C) events.

So a step is a list of *chains*: "the m-th event, from here on, of a kind in this set"; the step is taken
when the last of its chains is there. The fold goes through the chains, one link at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from queries.errors import NotSupported
from queries.funnels.attribution import attributed
from queries.funnels.overlap import may_overlap
from queries.funnels.question import Question
from queries.funnels.units import NEVER, NOTHING, Units, u64, units_of
from queries.sql.fragment import Bound, Sql, bind, join, sql

MOST_SHARING = 5  # kinds: the sets of them are tried out
_ZEROS = sql("arrayMap(unit -> {nothing}, units)", nothing=NOTHING)


@dataclass(frozen=True, slots=True)
class Link:
    """One more event of a kind in `kinds`, after those of the link before unless it `begins` a chain.

    It `ends` its chain, or `ends_step` its step.
    """

    kinds: frozenset[int]
    begins: bool
    ends: bool
    ends_step: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """The fold for one question. `kinds[k]` is the place of the first step like step k among the kinds.

    With `shares` the sets of kinds that events may be of stand beside the units, in `sets`.
    """

    question: Question
    units: Units
    kinds: tuple[int, ...]
    links: tuple[Link, ...]
    shares: bool

    @property
    def has_bar(self) -> bool:
        return bool(self.question.exclusions)

    @property
    def is_plain(self) -> bool:
        """Counting is enough (`windows`), nothing needs a fold."""
        return not (self.shares or self.has_bar)

    @property
    def is_anchored(self) -> bool:
        """Attempts begin at some events only; the times of those stand in `anchors`."""
        return attributed(self.question).is_anchored

    @property
    def conditions(self) -> list[Sql]:
        """One per kind."""
        steps = self.question.steps
        return [steps[self.kinds.index(kind)].condition for kind in range(len(set(self.kinds)))]

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("units", "sets") if self.shares else ("units",)

    def end_of_window(self, unit: str) -> Sql:
        """The largest unit within the window of an attempt that begins at `unit`."""
        span = u64(self.units.window << self.units.bits)
        return sql("({end} + {span})", end=self.units.end_of(unit), span=span)

    # Places in the tuple that `fold` gives: steps collected, when the last of them was, beside each unit.
    counts, complete = 1, 2

    def fold(self) -> Sql:
        return self._fold_of_sharing() if self.shares else self._fold_of_kinds()

    def _fold_of_kinds(self) -> Sql:
        """No event is of two kinds, so each link is one step: the next event of its kind."""
        repeats = len(set(self.kinds)) < len(self.kinds)
        is_kind = sql("{code} = kind", code=self.units.code("unit"))
        hits = sql(
            "arrayMap((unit, coming) -> if({is_kind}, if(nth = 1, unit, coming), {never}),"
            " state.3, arrayShiftLeft(state.4, 1, {never}))"
            if repeats
            else "arrayMap(unit -> if({is_kind}, unit, {never}), state.3)",
            is_kind=is_kind,
            never=NEVER,
        )
        kinds = [self.units.code_of(next(iter(link.kinds))) for link in self.links]
        arrays = {
            "kinds": bind(kinds, "Array(UInt64)"),
            "nths": bind([kinds[:place].count(kind) + 1 for place, kind in enumerate(kinds)], "Array(UInt8)"),
        }
        return sql(
            "arrayFold((state, kind{nth}) -> (arrayMap((count, unit, coming) -> count + (coming <= {end}),"
            " state.1, state.3, (arrayReverseFill(coming -> coming != {never}, {hits}) AS next)),"
            " arrayMap((old, new) -> greatest(old, new), state.2, next), state.3{kept}), {links},"
            " ({zeros}, {zeros}, units{start}))",
            nth=sql(", nth" if repeats else ""),
            end=self.end_of_window("unit"),
            never=NEVER,
            hits=hits,
            kept=sql(", next" if repeats else ""),
            # Somebody with few events cannot have done anything more often than that.
            links=sql(
                "arrayFilter((kind, nth) -> nth <= length(units), {kinds}, {nths}),"
                " arrayFilter(nth -> nth <= length(units), {nths})"
                if repeats
                else "{kinds}",
                **arrays,
            ),
            zeros=_ZEROS,
            start=sql(", units" if repeats else ""),
        )

    def _fold_of_sharing(self) -> Sql:
        step = "if(ends_step, {new}, {old})"
        return self._fold(
            counts=(
                _ZEROS,
                sql(
                    "arrayMap((count, unit, latest) -> count + (ends_step AND latest <= {end}),"
                    " state.1, {units}, latest_now)",
                    end=self.end_of_window("unit"),
                    units=sql("state.3"),
                ),
            ),
            complete=(
                _ZEROS,
                sql(
                    step,
                    new=sql("arrayMap((old, new) -> greatest(old, new), state.2, latest_now)"),
                    old=sql("state.2"),
                ),
            ),
        )

    def collected(self) -> Sql:
        """When each step was taken by an attempt that begins at the first unit; NEVER for not at all."""
        following = sql("if(ends_step, arrayPushBack(state.1, latest_now[1]), state.1)")
        return sql("{fold}.1", fold=self._fold(collected=(sql("emptyArrayUInt64()"), following)))

    def _fold(self, **results: tuple[Sql, Sql]) -> Sql:
        """`results` are the first columns of the state: what they are before the first link, and how they
        follow from `latest_now`: beside each unit, when the last chain of the step so far was there."""
        columns = (*results, *self.inputs, "coming", "latest")
        at = {name: sql(f"state.{place}") for place, name in enumerate(columns, start=1)}
        coming = sql("{coming} AS coming_now", coming=self._coming(at))
        initial = [start for start, _ in results.values()]
        initial += [*(sql(name) for name in self.inputs), _ZEROS, _ZEROS]
        following = [
            *(follows for _, follows in results.values()),
            *(at[name] for name in self.inputs),
            coming,
            sql(
                "if(ends_step, {zeros}, arrayMap((coming, latest) ->"
                " if(ends, greatest(coming, latest), latest), coming_now, {latest}) AS latest_now)",
                zeros=sql("arrayMap(unit -> {nothing}, {units})", nothing=NOTHING, units=at["units"]),
                latest=at["latest"],
            ),
        ]
        return sql(
            "arrayFold((state, kinds, begins, ends, ends_step) -> ({following}), {arrays}, ({initial}))",
            following=join(", ", following),
            arrays=join(", ", (sql("{values}", values=values) for values in self._arrays())),
            initial=join(", ", initial),
        )

    def _coming(self, at: Mapping[str, Sql]) -> Sql:
        """Beside each unit: the m-th event of the chain from there on, NEVER if there is none."""
        return sql(
            "arrayReverseFill((value, set) -> bitAnd(set, kinds) != 0, arrayMap((value, set, unit) ->"
            " if(bitAnd(set, kinds) != 0, if(begins, unit, value), {never}),"
            " arrayShiftLeft({coming}, 1, {never}), {sets}, {units}), {sets})",
            never=NEVER,
            coming=at["coming"],
            sets=at["sets"],
            units=at["units"],
        )

    def _arrays(self) -> list[Bound]:
        wanted = [self._wanted(link.kinds) for link in self.links]
        width = 64 if not self.shares else set_width(len(set(self.kinds)))
        return [
            bind(wanted, f"Array(UInt{width})"),
            _flags(link.begins for link in self.links),
            _flags(link.ends for link in self.links),
            _flags(link.ends_step for link in self.links),
        ]

    def _wanted(self, kinds: frozenset[int]) -> int:
        """One kind's code, or the set of kinds."""
        if self.shares:
            return sum(1 << kind for kind in kinds)
        return self.units.code_of(next(iter(kinds)))


def sweep_of(question: Question) -> Sweep:
    """NotSupported when more kinds than `MOST_SHARING` might share events."""
    firsts = _first_alike(question)
    different = sorted(set(firsts))
    groups = _groups(question, different)
    kinds = tuple(different.index(first) for first in firsts)
    wanted = [kinds.count(kind) for kind in range(len(different))]
    links = tuple(link for group in groups for link in _links([different.index(k) for k in group], wanted))
    return Sweep(
        question, units_of(question, len(different)), kinds, links, any(len(group) > 1 for group in groups)
    )


def _first_alike(question: Question) -> list[int]:
    """For each step the first step with the same condition."""
    conditions = [step.condition for step in question.steps]
    return [conditions.index(condition) for condition in conditions]


def _groups(question: Question, different: Sequence[int]) -> list[list[int]]:
    """Steps that share events, directly or through others."""
    groups: list[list[int]] = []
    for step in different:
        near = [group for group in groups if any(may_overlap(question, other, step) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append(sorted([step, *(other for group in near for other in group)]))
        if len(groups[-1]) > MOST_SHARING:
            raise NotSupported(
                f"One event might take more than {MOST_SHARING} different steps of this unordered funnel."
                " Use different events, or filters for exact values.",
                attr="series",
            )
    return groups


def _links(group: Sequence[int], wanted: Sequence[int]) -> Iterator[Link]:
    """The chains of one group, step by step."""
    size = sum(wanted[kind] for kind in group)
    sets = [frozenset(found) for n in range(1, len(group) + 1) for found in combinations(group, n)]
    for step in range(1, size + 1):
        chains = [(kinds, step - size + sum(wanted[kind] for kind in kinds)) for kinds in sets]
        due = [(kinds, length) for kinds, length in chains if length > 0]
        for place, (kinds, length) in enumerate(due):
            # The only chain of a lone kind goes on where it was for the step before.
            first = length if len(sets) == 1 else 1
            for link in range(first, length + 1):
                ends = link == length
                yield Link(kinds, link == 1, ends, ends and place == len(due) - 1)


def set_width(kinds: int) -> int:
    return next(width for width in (64, 128) if kinds <= width)


def _flags(values: Iterable[bool]) -> Bound:
    return bind([int(value) for value in values], "Array(UInt8)")
