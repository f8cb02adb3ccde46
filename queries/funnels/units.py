"""The integers that a funnel is computed on.

A *unit* says that an event of an actor, at this instant, can take this step. It is one UInt64:
microseconds since shortly before the range, shifted left, plus a code. Codes are, in order: one for each
range of exclusions, one for events that take no step, then the steps. So sorting units sorts them by
time, at the same instant exclusions come first and lower steps before higher ones (semantics E9, E24), and
"within the window" is one comparison of integers. 0 is never a unit: it stands for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from queries.funnels.question import Question
from queries.sql.fragment import Bound, Sql, bind, sql

NOTHING = sql("toUInt64(0)")
NEVER = sql("18446744073709551615")  # later than any unit


@dataclass(frozen=True, slots=True)
class Units:
    """How units of one question are written and read.

    `steps` is how many codes for steps there are: one a step, or in an unordered funnel one for each
    different step.
    """

    origin: int  # microseconds since 1970 of time 0
    window: int
    exclusions: int
    steps: int

    @property
    def foreign(self) -> int:
        """The code of an event that takes no step."""
        return self.exclusions

    def code_of(self, step: int) -> int:
        """The code of a step, 0-based."""
        return self.exclusions + 1 + step

    @property
    def bits(self) -> int:
        return (self.exclusions + self.steps).bit_length()

    @property
    def mask(self) -> int:
        return (1 << self.bits) - 1

    @property
    def reach(self) -> int:
        """A unit lies within the window of an attempt entered at `entry` iff unit <= entry + reach."""
        return (self.window << self.bits) + self.mask - self.code_of(0)

    # --- as SQL -----------------------------------------------------------------------------------------

    def moment(self) -> Sql:
        """The time of an event, in microseconds since `origin`."""
        return sql("toUInt64(toUnixTimestamp64Micro(ts) - {origin})", origin=bind(self.origin, "Int64"))

    def unit(self, moment: Sql, code: Sql) -> Sql:
        return sql("({moment} * {factor} + {code})", moment=moment, factor=u64(1 << self.bits), code=code)

    def time(self, unit: str) -> Sql:
        """Microseconds since `origin`."""
        return sql(f"bitShiftRight({unit}, {{bits}})", bits=u8(self.bits))

    def code(self, unit: str) -> Sql:
        return sql(f"bitAnd({unit}, {{mask}})", mask=u64(self.mask))

    def end_of(self, unit: str) -> Sql:
        """The largest value a unit of the same instant can have."""
        return sql(f"bitOr({unit}, {{mask}})", mask=u64(self.mask))

    def is_step(self, unit: str) -> Sql:
        return sql("{code} > {foreign}", code=self.code(unit), foreign=u64(self.foreign))


def units_of(question: Question, steps: int | None = None) -> Units:
    """`steps`: how many codes for steps, if not one each.

    Time starts one window and one microsecond before the range: so adding the window to "nothing" never
    reaches a unit.
    """
    window = question.window
    return Units(
        origin=question.start - window - 1,
        window=window,
        exclusions=len(question.exclusions),
        steps=len(question.steps) if steps is None else steps,
    )


def u64(value: int) -> Bound:
    return bind(value, "UInt64")


def u8(value: int) -> Bound:
    return bind(value, "UInt8")
