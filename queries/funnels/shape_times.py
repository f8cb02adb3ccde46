"""Times to convert -> bins and their mean (api S15; semantics E44-E47)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from queries.dates import ResolvedRange
from queries.plan import Result

MOST_BINS = 60


@dataclass(frozen=True, slots=True)
class TimeBins:
    """`count` bins of `width` seconds from `low`, and one more for the maximum; `mean` of all samples."""

    low: int
    width: int
    count: int
    mean: float


def bins_of(asked: int | None, extent: tuple[Any, ...]) -> TimeBins | None:
    """E45, E46 from (samples, least, largest, mean); None without samples."""
    samples, least, largest, mean = extent
    if not samples:
        return None
    count = asked or min(MOST_BINS, max(1, _cube_root_up(int(samples))))
    low, high = math.floor(least), math.ceil(largest)
    return TimeBins(low, math.ceil((high - low) / count) or 60, count, float(mean))


def _cube_root_up(number: int) -> int:
    """The least whole number whose cube is not below `number`."""
    root = 1
    while root**3 < number and root < MOST_BINS:
        root += 1
    return root


def shape_times(period: ResolvedRange, bins: TimeBins | None, rows: Sequence[tuple[Any, ...]]) -> Result:
    dates = {"date_from": period.date_from.isoformat(), "date_to": period.date_to.isoformat()}
    if bins is None:
        return Result(results={"bins": [], "average_conversion_time": None}, resolved_date_range=dates)
    counts = {int(place): int(number) for place, number in rows}
    filled = [[bins.low + place * bins.width, counts.get(place, 0)] for place in range(bins.count + 1)]
    return Result(results={"bins": filled, "average_conversion_time": bins.mean}, resolved_date_range=dates)
