"""Marks of events that might take several steps: the time, the set of steps, a tag, from the highest bit.

The tag is 0, or names a range of exclusions; such a mark has no steps. So marks of one instant are sorted
with exclusions first and equal sets side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queries.funnels.marking import Marking
from queries.funnels.question import Question
from queries.funnels.units import Units, u8, u64
from queries.sql.fragment import Bound, Sql, bind, join, sql

TAG_BITS = 4  # up to 15 ranges of exclusions; there are at most 10 (api U5)
TAGS = (1 << TAG_BITS) - 1
WIDTHS = (64, 128, 256)


@dataclass(frozen=True, slots=True)
class Masks:
    """`steps` are the conditions an event is tested for: those of all steps, or of all different ones."""

    question: Question
    units: Units
    steps: Sequence[Sql]

    @property
    def width(self) -> int:
        """Bits of the integer that a mark is."""
        time = (self.question.length + self.question.window + 2).bit_length()
        needed = time + len(self.steps) + TAG_BITS
        return next(width for width in WIDTHS if needed <= width)

    def marking(self) -> Marking:
        moment = sql(f"bitShiftLeft(toUInt{self.width}(moment), {{shift}})", shift=self._shift)
        tested = [
            sql(
                f"bitShiftLeft(toUInt{self.width}({{condition}}), {{place}})",
                condition=condition,
                place=u8(TAG_BITS + place),
            )
            for place, condition in enumerate(self.steps)
        ]
        return Marking(
            moment=self.units.moment(),
            code=join(" + ", tested),
            mark=sql("({moment} + code)", moment=moment),
            entry=sql("bitAnd(code, {first}) != 0", first=u64(1 << TAG_BITS)),
            step=sql("code != 0"),
            exclusions=tuple(
                sql("({moment} + {tag})", moment=moment, tag=u8(place + 1))
                for place in range(len(self.question.exclusions))
            ),
            without_step=tuple(
                sql("bitXor(found.1, {step})", step=bind(1 << (TAG_BITS + place), f"UInt{self.width}"))
                for place in range(len(self.steps))
            ),
        )

    # --- reading a mark -----------------------------------------------------------------------------------

    @property
    def _shift(self) -> Bound:
        return u8(len(self.steps) + TAG_BITS)

    def moment(self, mark: str) -> Sql:
        return sql(f"toUInt64(bitShiftRight({mark}, {{shift}}))", shift=self._shift)

    def set(self, mark: str) -> Sql:
        """The steps that the event can take, as bits."""
        every = bind((1 << len(self.steps)) - 1, f"UInt{self.width}")
        return sql(f"bitAnd(bitShiftRight({mark}, {TAG_BITS}), {{every}})", every=every)

    def tag(self, mark: str) -> Sql:
        return sql(f"toUInt64(bitAnd({mark}, {TAGS}))")

    def unit(self, mark: str, code: Sql) -> Sql:
        return self.units.unit(self.moment(mark), code)

    def plain_unit(self, mark: str) -> Sql:
        """A unit that says only whether the event takes a step or is excluded, and by which range."""
        code = sql(
            "if({set} != 0, {step}, toUInt64({tag} - 1))",
            set=self.set(mark),
            step=u64(self.units.code_of(0)),
            tag=self.tag(mark),
        )
        return self.unit(mark, code)

    def is_known(self, mark: str) -> Sql:
        """The event takes a step or is excluded."""
        low = bind((1 << (len(self.steps) + TAG_BITS)) - 1, f"UInt{self.width}")
        return sql(f"bitAnd({mark}, {{low}}) != 0", low=low)
