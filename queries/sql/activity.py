"""In which buckets an actor was active: the common ground of stickiness, lifecycle and retention.

Up to 64 buckets an actor's activity is one integer (a bit per bucket), beyond that a sorted array; the
reader sees sorted arrays of bucket positions either way. Grouping by the integers first keeps everything
after the scan small: actors with the same pattern are one row.
"""

from __future__ import annotations

from dataclasses import dataclass

from queries.sql.fragment import TRUE, Sql, all_of, number, sql

MASK_BITS = 64


@dataclass(frozen=True, slots=True)
class Activity:
    """Positions of the buckets in which an actor had an event meeting `condition`.

    `index` is the bucket's position, `size` how many buckets there are; positions outside are ignored.
    """

    index: Sql
    size: int
    condition: Sql = TRUE

    @property
    def _is_mask(self) -> bool:
        return self.size <= MASK_BITS

    def aggregate(self) -> Sql:
        """The aggregate over one actor's events."""
        inside = sql("{index} < {size}", index=self.index, size=number(self.size))
        condition = all_of([inside, self.condition])
        if self._is_mask:
            bit = sql("bitShiftLeft(toUInt64(1), toUInt8({index}))", index=self.index)
            return sql("groupBitOrIf({bit}, {condition})", bit=bit, condition=condition)
        return sql("arraySort(groupUniqArrayIf({index}, {condition}))", index=self.index, condition=condition)

    def positions(self, column: str) -> Sql:
        """The aggregated column as a sorted Array of positions."""
        if self._is_mask:
            return sql(f"arrayMap(place -> toUInt16(place), bitPositionsToArray({column}))")
        return sql(column)

    def is_active(self, column: str) -> Sql:
        return sql(f"{column} != 0" if self._is_mask else f"notEmpty({column})")
