"""In which buckets an actor was active: the common ground of stickiness, lifecycle and retention.

Up to 64 buckets an actor's activity is one integer (a bit per bucket), beyond that a sorted array; the
reader sees sorted arrays of bucket positions either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from queries.sql.fragment import TRUE, Sql, all_of, join, number, sql, strings

MASK_BITS = 64
_BYTE_VALUES = 256


@dataclass(frozen=True, slots=True)
class Activity:
    """Positions of the buckets in which an actor had an event meeting `condition`.

    `index` is the bucket's position, `size` how many buckets there are; positions outside are ignored.
    """

    index: Sql
    size: int
    condition: Sql = TRUE

    @property
    def is_mask(self) -> bool:
        return self.size <= MASK_BITS

    def aggregate(self) -> Sql:
        """The aggregate over one actor's events."""
        inside = sql("{index} < {size}", index=self.index, size=number(self.size))
        condition = all_of([inside, self.condition])
        if self.is_mask:
            bit = sql("bitShiftLeft(toUInt64(1), toUInt8({index}))", index=self.index)
            return sql("groupBitOrIf({bit}, {condition})", bit=bit, condition=condition)
        return sql("arraySort(groupUniqArrayIf({index}, {condition}))", index=self.index, condition=condition)

    def positions(self, column: str) -> Sql:
        """The aggregated column as a sorted Array of positions."""
        if self.is_mask:
            return sql(f"arrayMap(place -> toUInt16(place), bitPositionsToArray({column}))")
        return sql(column)

    def count(self, column: str) -> Sql:
        """In how many buckets."""
        return sql(f"bitCount({column})" if self.is_mask else f"length({column})")

    def is_active(self, column: str) -> Sql:
        return sql(f"{column} != 0" if self.is_mask else f"notEmpty({column})")


def actors_of_bits(masks: Mapping[str, Sql], rows: Sql, size: int) -> Sql:
    """Rows (mask, place, actors): for each of the named masks, how many rows have the bit of that place set.

    Each byte of a mask is counted by its value, one increment a row, and the 256 counts are taken apart
    into bits at the end; a sum per bit would take eight additions a row for the same.
    """
    byte_counts = join(
        ", ",
        (
            sql("arrayConcat({bytes})", bytes=join(", ", _counts_of_bytes(mask, size)))
            for mask in masks.values()
        ),
    )
    return sql(
        "SELECT mask, toUInt16(8 * intDiv(nth - 1, {values}) + bit) AS place, sum(counted) AS actors FROM"
        " (SELECT mask, counted, nth FROM"
        " (SELECT mask, of_mask FROM (SELECT [{byte_counts}] AS counts FROM ({rows}))"
        " ARRAY JOIN {names} AS mask, counts AS of_mask)"
        " ARRAY JOIN of_mask AS counted, arrayEnumerate(of_mask) AS nth WHERE counted > 0)"
        " ARRAY JOIN bitPositionsToArray(toUInt8((nth - 1) % {values})) AS bit GROUP BY mask, place",
        values=number(_BYTE_VALUES),
        byte_counts=byte_counts,
        rows=rows,
        names=strings(masks),
    )


def _counts_of_bytes(mask: Sql, size: int) -> list[Sql]:
    template = "countResample(0, 256, 1)(bitAnd(bitShiftRight({mask}, {by}), 255))"
    return [sql(template, mask=mask, by=number(8 * byte)) for byte in range(-(-size // 8))]
