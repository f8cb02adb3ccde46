"""Marks of events that might take several steps: time, what the event passes, a tag, from the highest bit.

The tag is 0, or names a range of exclusions; such a mark passes nothing. So marks of one instant are sorted
with exclusions first and equal sets of steps side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queries.funnels.marking import Marking
from queries.funnels.question import Question
from queries.funnels.units import Units, u8, u64
from queries.sql.fragment import Sql, bind, join, sql

TAG_BITS = 4  # up to 15 ranges of exclusions; there are at most 10 (api U5)
TAGS = (1 << TAG_BITS) - 1
WIDTHS = (64, 128, 256)
MOST_TABLED = 5  # conditions: what each combination of them means is looked up in a table


@dataclass(frozen=True, slots=True)
class Masks:
    """`conditions` are what an event is tested for; one that passes number c can take the steps `taken[c]`.

    Steps that ask the same of an event share a condition, so twenty steps of three events are three tests.
    """

    question: Question
    units: Units
    conditions: Sequence[Sql]
    taken: Sequence[Sequence[int]]

    @property
    def width(self) -> int:
        """Bits of the integer that a mark is."""
        time = (self.question.length + self.question.window + 2).bit_length()
        return _width_for(time + self._shift, WIDTHS)

    @property
    def steps(self) -> int:
        return sum(map(len, self.taken))

    def marking(self) -> Marking:
        moment = sql(f"bitShiftLeft(toUInt{self.width}(moment), {{shift}})", shift=u8(self._shift))
        code = _width_for(self._shift, (16, 32, *WIDTHS))
        tested = [
            sql(
                f"bitShiftLeft(toUInt{code}({{condition}}), {{place}})",
                condition=condition,
                place=u8(TAG_BITS + place),
            )
            for place, condition in enumerate(self.conditions)
        ]
        first = next(place for place, steps in enumerate(self.taken) if 0 in steps)
        return Marking(
            moment=self.units.moment(),
            code=join(" + ", tested),
            mark=sql("({moment} + code)", moment=moment),
            entry=sql("bitAnd(code, {first}) != 0", first=bind(1 << (TAG_BITS + first), f"UInt{code}")),
            step=sql("code != 0"),
            exclusions=tuple(
                sql("({moment} + {tag})", moment=moment, tag=u8(place + 1))
                for place in range(len(self.question.exclusions))
            ),
            without_step=tuple(
                sql("bitXor(found.1, {step})", step=bind(1 << (TAG_BITS + place), f"UInt{self.width}"))
                for place in range(len(self.conditions))
            ),
        )

    # --- reading a mark -----------------------------------------------------------------------------------

    @property
    def _shift(self) -> int:
        return len(self.conditions) + TAG_BITS

    def moment(self, mark: str) -> Sql:
        return sql(f"toUInt64(bitShiftRight({mark}, {{shift}}))", shift=u8(self._shift))

    def passed(self, mark: str) -> Sql:
        """The conditions that the event passes, as bits."""
        every = bind((1 << len(self.conditions)) - 1, f"UInt{self.width}")
        return sql(f"bitAnd(bitShiftRight({mark}, {TAG_BITS}), {{every}})", every=every)

    def set(self, mark: str) -> Sql:
        """The steps that the event can take, as bits."""
        if all(list(steps) == [place] for place, steps in enumerate(self.taken)):
            return self.passed(mark)
        kind = f"UInt{_width_for(self.steps, WIDTHS)}"
        if self._is_tabled:
            table = bind([_bits(steps) for steps in self._steps_by_passed()], f"Array({kind})")
            return sql("{table}[{passed} + 1]", table=table, passed=self.passed(mark))
        bits = (
            sql(
                f"if(bitAnd({mark}, {{condition}}) != 0, {{steps}}, {{none}})",
                condition=bind(1 << (TAG_BITS + place), f"UInt{self.width}"),
                steps=bind(_bits(steps), kind),
                none=bind(0, kind),
            )
            for place, steps in enumerate(self.taken)
        )
        return sql("({bits})", bits=join(" + ", bits))

    def codes(self, mark: str) -> Sql:
        """The codes of the steps that the event can take, the highest first."""
        first = self.units.code_of(0)
        if self._is_tabled:
            rows = [
                sql("{row}", row=bind([first + step for step in reversed(steps)], "Array(UInt64)"))
                for steps in self._steps_by_passed()
            ]
            return sql("[{rows}][{passed} + 1]", rows=join(", ", rows), passed=self.passed(mark))
        return sql(
            "arrayMap(place -> {first} + place, arrayReverse(bitPositionsToArray({set})))",
            first=u64(first),
            set=self.set(mark),
        )

    @property
    def _is_tabled(self) -> bool:
        return len(self.conditions) <= MOST_TABLED

    def _steps_by_passed(self) -> list[list[int]]:
        """For each combination of conditions, as a number, the steps in order."""
        return [
            sorted(step for place, steps in enumerate(self.taken) if passed >> place & 1 for step in steps)
            for passed in range(1 << len(self.conditions))
        ]

    def tag(self, mark: str) -> Sql:
        return sql(f"toUInt64(bitAnd({mark}, {TAGS}))")

    def unit(self, mark: str, code: Sql) -> Sql:
        return self.units.unit(self.moment(mark), code)

    def plain_unit(self, mark: str) -> Sql:
        """A unit that says only whether the event takes a step or is excluded, and by which range."""
        code = sql(
            "if({passed} != 0, {step}, toUInt64({tag} - 1))",
            passed=self.passed(mark),
            step=u64(self.units.code_of(0)),
            tag=self.tag(mark),
        )
        return self.unit(mark, code)

    def is_known(self, mark: str) -> Sql:
        """The event takes a step or is excluded."""
        low = bind((1 << self._shift) - 1, f"UInt{self.width}")
        return sql(f"bitAnd({mark}, {{low}}) != 0", low=low)


def _bits(places: Sequence[int]) -> int:
    return sum(1 << place for place in places)


def _width_for(bits: int, widths: Sequence[int]) -> int:
    return next(width for width in widths if bits <= width)
